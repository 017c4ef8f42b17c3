"""`cnntasks backbones`: the networks that tasks build on, and the arithmetic of their layers."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks.cli.layers import layer_json, print_layers
from cnntasks.cli.options import format_option
from cnntasks.cli.tables import ListByDefault, echo_csv, echo_markdown, print_rows
from cnntasks.errors import InputError, UsageError

if TYPE_CHECKING:
    from cnntasks.backbones.arithmetic import LayerRow
    from cnntasks.backbones.catalog import NetworkInfo

_COLUMNS = ("name", "year", "input", "parameters", "multiply-adds", "top-1", "top-5", "paper")
_NUMBERS = ("year", "parameters", "multiply-adds", "top-1", "top-5")
_USUAL = (3, 224, 224)
_LARGEST_SIDE = 4096


@click.group(cls=ListByDefault)
def backbones() -> None:
    """List the networks, show the layers of one.

    Without a subcommand it lists: `cnntasks backbones --format csv` is
    `cnntasks backbones list --format csv`.
    """


@backbones.command("list")
@format_option("table", "json", "csv", "markdown")
def list_networks(style: str) -> None:
    """List the networks, those of plugins included, with papers and published accuracies.

    Figures are for the input that stands there; accuracies are percents on ImageNet-1k.
    """
    from cnntasks.backbones.catalog import list_network_info
    from cnntasks.plugins import registry

    rows = [_exact(info) for info in list_network_info()]
    known = {row["name"] for row in rows}
    rows += [
        dict.fromkeys(_COLUMNS)
        | {"name": f"{name}NAME" if name.endswith(":") else name, "paper": "of a plugin"}
        for name in sorted(registry().backbones)
        if name not in known
    ]
    if style == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif style == "csv":
        echo_csv(_COLUMNS, rows)
    elif style == "markdown":
        echo_markdown(_COLUMNS, [_readable(row) for row in rows], _NUMBERS)
    else:
        print_rows(_COLUMNS, [_readable(row) for row in rows], _NUMBERS)


def _exact(info: NetworkInfo) -> dict[str, Any]:
    cells = (
        info.name,
        info.year,
        "x".join(map(str, info.input)),
        info.parameters,
        info.multiply_adds,
        info.top1,
        info.top5,
        f"{info.authors.split(',')[0]} {info.year}, {info.title}",
    )
    return dict(zip(_COLUMNS, cells, strict=True))


def _readable(row: dict[str, Any]) -> dict[str, str]:
    cells = {key: "" if value is None else str(value) for key, value in row.items()}
    if row["parameters"] is not None:
        cells["parameters"] = f"{row['parameters']:,}"
    if row["multiply-adds"] is not None:
        cells["multiply-adds"] = f"{row['multiply-adds'] / 1e6:,.1f} M"
    return cells


@backbones.command("show")
@click.argument("name")
@click.option(
    "--input",
    "shape",
    metavar="CxHxW",
    help="Size of the input, channels first; by default that of the published network.",
)
@click.option("--classes", metavar="N", type=click.IntRange(min=1), help="Number of classes.")
@click.option("--features-only", is_flag=True, help="Without the classifier on top.")
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Draw the network into FILE as well (.png, .svg or .pdf).",
)
@format_option("table", "json", "csv", "markdown")
def show_network(
    name: str,
    shape: str | None,
    classes: int | None,
    features_only: bool,
    plot: Path | None,
    style: str,
) -> None:
    """Show each layer of the network NAME: sizes, parameters, multiply-adds, receptive field."""
    if features_only and classes is not None:
        raise UsageError("--features-only has no classes; leave out one of the two options")
    usual = _usual_input(name)
    sizes = usual if shape is None else _parse_shape(shape)
    if len(sizes) != len(usual):
        raise UsageError(
            f"--input {shape!r}: {name} takes {len(usual)} sizes, channels first, such as "
            f"{'x'.join(map(str, usual))}"
        )
    if plot is not None:
        from cnntasks.backbones.drawing import check_suffix

        check_suffix(plot)
    rows = _described(name, sizes, 0 if features_only else classes or _usual_classes(name))
    if plot is not None:
        from cnntasks.backbones.drawing import draw_network

        draw_network(rows, sizes, plot, title=name)
        click.echo(f"drawn into {plot}", err=True)
    if style == "json":
        click.echo(json.dumps(layer_json(name, sizes, rows), indent=2))
    else:
        print_layers(rows, style)


def _parse_shape(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,6}([x×]\d{1,6}){1,2}", text, re.ASCII | re.IGNORECASE):
        raise UsageError(
            f"--input {text!r} is no size; give channels x height x width, such as 3x224x224"
        )
    sizes = tuple(int(number) for number in re.split("[x×]", text.lower()))
    if min(sizes) < 1:
        raise UsageError(f"--input {text!r}: every size must be at least 1, as in 3x224x224")
    return sizes


def _info(name: str) -> NetworkInfo | None:
    from cnntasks.backbones.catalog import list_network_info

    return next((info for info in list_network_info() if info.name == name), None)


def _usual_input(name: str) -> tuple[int, ...]:
    info = _info(name)
    return info.input if info else _USUAL


def _usual_classes(name: str) -> int:
    info = _info(name)
    return info.classes if info else 1000


def _described(name: str, sizes: tuple[int, ...], classes: int) -> list[LayerRow]:
    """The layers of the classifier, or of the backbone alone where `classes` is 0.

    Raises:
        UsageError: there is no network of that name.
        InputError: it cannot take this input; the message names a size that it can take.
    """
    from cnntasks.backbones.arithmetic import build_shapes, describe_network
    from cnntasks.backbones.classifier import create_classifier
    from cnntasks.backbones.registry import create_backbone

    network = build_shapes(
        lambda: (
            create_classifier(name, classes, in_channels=sizes[0])
            if classes
            else create_backbone(name, in_channels=sizes[0])
        )
    )
    try:
        return describe_network(network, sizes)
    except InputError as error:
        first = str(error)
    side, larger = max(sizes[1:]), _usual_input(name)
    while (side := 2 * side) <= _LARGEST_SIDE:
        tried = sizes[:1] + tuple(max(side, size) for size in sizes[1:])
        with contextlib.suppress(InputError):
            describe_network(network, tried)
            larger = tried
            break
    raise InputError(f"{name}: {first}; try --input {'x'.join(map(str, larger))}")
