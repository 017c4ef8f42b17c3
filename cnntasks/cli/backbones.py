"""`cnntasks backbones`: the networks that tasks build on, and the arithmetic of their layers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks.cli.options import format_option
from cnntasks.cli.tables import ListByDefault, echo_csv, echo_markdown, print_rows
from cnntasks.errors import CnntasksError, InputError, UsageError

if TYPE_CHECKING:
    from cnntasks.backbones.arithmetic import LayerRow, Totals

_LAYER_COLUMNS = (
    "layer", "kind", "kernel", "stride", "padding", "output", "parameters", "multiply-adds",
    "memory", "field", "jump",
)  # fmt: skip
_LAYER_NUMBERS = ("parameters", "multiply-adds", "memory")


@click.group(cls=ListByDefault)
def backbones() -> None:
    """List the networks, show the layers of one.

    Without a subcommand it lists: `cnntasks backbones --format csv` is
    `cnntasks backbones list --format csv`.
    """


@backbones.command("show")
@click.argument("name")
@click.option(
    "--input",
    "shape",
    metavar="CxHxW",
    help="Size of the input, channels first; by default what the network was made for.",
)
@click.option("--classes", metavar="N", type=click.IntRange(min=1), help="Number of classes.")
@click.option("--features-only", is_flag=True, help="Without the classifier on top.")
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Draw the network as well (.png, .svg or .pdf).",
)
@format_option("table", "json", "csv", "markdown")
def show_backbone(
    name: str,
    shape: str | None,
    classes: int | None,
    features_only: bool,
    plot: Path | None,
    style: str,
) -> None:
    """Show each layer of the network NAME: sizes, parameters, multiply-adds, receptive field."""
    if features_only and classes is not None:
        raise UsageError("--features-only has no classes; leave one of the two options out")
    if plot is not None:
        from cnntasks.backbones.drawing import check_suffix

        check_suffix(plot)
    sizes = _parse_shape(shape) if shape is not None else _usual_input(name)
    rows = _described(name, sizes, classes, features_only)
    if plot is not None:
        from cnntasks.backbones.drawing import draw_network

        draw_network(rows, sizes, plot, title=name)
        click.echo(f"drawn into {plot}", err=True)
    _print_layers(name, sizes, rows, style)


def _parse_shape(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d+([x×]\d+){0,2}", text, re.ASCII | re.IGNORECASE):
        raise UsageError(
            f"--input {text!r} is no size; give channels x height x width, such as 3x224x224"
        )
    sizes = tuple(int(number) for number in re.split("[x×]", text, flags=re.IGNORECASE))
    if min(sizes) < 1:
        raise UsageError(f"--input {text!r}: every size must be at least 1, as in 3x224x224")
    return sizes
