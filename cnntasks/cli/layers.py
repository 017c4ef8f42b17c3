"""How `cnntasks backbones show` prints the layers of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from cnntasks.cli.tables import echo_csv, echo_markdown, print_rows

if TYPE_CHECKING:
    from cnntasks.backbones.arithmetic import LayerRow

_COLUMNS = (
    *("layer", "kind", "kernel", "stride", "padding", "output", "parameters", "fixed"),
    *("multiply-adds", "memory", "field", "jump"),
)
_NUMBERS = ("parameters", "fixed", "multiply-adds", "memory")


def layer_json(name: str, sizes: Sequence[int], rows: Sequence[LayerRow]) -> dict[str, Any]:
    """Everything as plain JSON types: `network`, `input`, `layers` and `totals`."""
    from cnntasks.backbones.arithmetic import Totals

    totals = Totals.of(rows)
    return {
        "network": name,
        "input": list(sizes),
        "layers": [asdict(row) for row in rows],
        "totals": {**asdict(totals), "parameters": totals.parameters},
    }


def print_layers(rows: Sequence[LayerRow], style: str) -> None:
    """Print a table, CSV or Markdown; the totals stand below, not in a CSV."""
    if style == "csv":
        columns, records = _csv_records(rows)
        echo_csv(columns, records)
        return
    cells = [_cells(row) for row in rows]
    columns = [c for c in _COLUMNS if c != "fixed" or any(row.fixed for row in rows)]
    if style == "markdown":
        echo_markdown(columns, cells, _NUMBERS)
    else:
        print_rows(columns, cells, _NUMBERS)
    click.echo()
    for line in _total_lines(rows):
        click.echo(line)


def _cells(row: LayerRow) -> dict[str, str]:
    name = row.name.removeprefix("backbone.").removeprefix("parts.")
    return {
        "layer": name if row.call == 1 else f"{name} ({row.call})",
        "kind": "unused" if row.category == "unused" else row.kind + _grouped(row),
        "kernel": _sides(row.kernel),
        "stride": _same(row.stride),
        "padding": _padding(row.padding),
        "output": _sides(row.output),
        "parameters": _count(row.parameters),
        "fixed": _count(row.fixed),
        "multiply-adds": _count(row.multiply_adds),
        "memory": _bytes(row.activation_bytes) if row.activation_bytes else "",
        "field": _same(row.receptive_field),
        "jump": _same(row.jump),
    }


def _grouped(row: LayerRow) -> str:
    return f", {row.groups} groups" if row.groups > 1 else ""


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _sides(sizes: Sequence[int] | None) -> str:
    return "×".join(map(str, sizes or ()))


def _same(sizes: Sequence[int] | None) -> str:
    """One number where all axes are alike."""
    return str(sizes[0]) if sizes and len(set(sizes)) == 1 else _sides(sizes)


def _padding(sides: Sequence[tuple[int, int]] | None) -> str:
    """Of each side: `1`; before and after, where they differ: `0+1`; of each axis: `1×0`."""
    texts = [str(a) if a == b else f"{a}+{b}" for a, b in sides or ()]
    if set(texts) <= {"0"}:
        return ""
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def _bytes(number: int) -> str:
    if number < 1000:
        return f"{number} B"
    return f"{number / 1e6:,.2f} MB" if number >= 1e5 else f"{number / 1e3:,.1f} kB"


def _total_lines(rows: Sequence[LayerRow]) -> list[str]:
    from cnntasks.backbones.arithmetic import Totals

    totals = Totals.of(rows)
    parts = [f"{totals.trainable:,} trainable"]
    if totals.fixed:
        parts.append(f"{totals.fixed:,} fixed")
    lines = [f"parameters: {totals.parameters:,} ({', '.join(parts)})"]
    if totals.unused:
        lines.append(f"unused parameters, not counted above: {totals.unused:,}")
    return [
        *lines,
        f"multiply-adds: {totals.multiply_adds:,}",
        f"connections: {totals.connections:,}",
        f"memory of the outputs: {_bytes(totals.activation_bytes)}",
    ]


def _csv_records(rows: Sequence[LayerRow]) -> tuple[list[str], list[dict[str, Any]]]:
    """The fields of `LayerRow`, with x between the axes."""
    records = []
    for row in rows:
        record = asdict(row)
        for name in ("kernel", "stride", "output", "receptive_field", "jump", "start"):
            record[name] = "x".join(map(str, record[name] or ()))
        record["padding"] = "x".join(f"{a}+{b}" for a, b in row.padding or ())
        records.append(record)
    return list(records[0]) if records else [], records
