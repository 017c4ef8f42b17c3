"""Tables that commands print: whole in a pipe, fitted to a terminal, as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click


class ListByDefault(click.Group):
    """A group that lists when no subcommand is named, with the options of `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def plain(value: Any) -> str:
    """A value as one line of text; a stranger's card must not send codes to the terminal."""
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return "".join(char if char.isprintable() else " " for char in text)


def print_rows(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], numbers: Iterable[str] = ()
) -> None:
    """Print a table with a header; the columns `numbers` stand to the right."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    right = set(numbers)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(row[column])) for column in columns))
    print_fitted(table)


def print_fitted(table: Any) -> None:
    """Fit a rich table to a terminal; in a file or a pipe keep every line whole."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=10_000)
    console.print(table)


def echo_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a header and a line for each row."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    click.echo(buffer.getvalue(), nl=False)


def echo_markdown(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], numbers: Iterable[str] = ()
) -> None:
    """Print a table for a Markdown page; the columns `numbers` stand to the right."""
    right = set(numbers)
    lines = [columns, ["---:" if column in right else "---" for column in columns]]
    lines += [[plain(row[column]).replace("|", "\\|") for column in columns] for row in rows]
    for cells in lines:
        click.echo(f"| {' | '.join(cells)} |")
