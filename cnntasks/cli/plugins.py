"""`cnntasks plugins`: what was found, what became of it, and writing a new one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnntasks.cli.options import format_option
from cnntasks.plugins import registry
from cnntasks.scaffold.kinds import KINDS

if TYPE_CHECKING:
    from cnntasks.plugins import PluginInfo


@click.group(invoke_without_command=True)
@format_option("table", "json")
@click.pass_context
def plugins(ctx: click.Context, style: str) -> None:
    """List plugins: what they register, and why one does not work."""
    if ctx.invoked_subcommand is not None:
        return
    loaded = registry()
    loaded.model_entries()  # a failure in this hook shows only when it runs
    if style == "json":
        click.echo(json.dumps([asdict(info) for info in loaded.plugins], indent=2))
    elif loaded.plugins:
        _print_table(loaded.plugins)
    else:
        click.echo("no plugin is installed", err=True)


@plugins.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="image",
    show_default=True,
    help="; ".join(f"{name}: {kind.summary}" for name, kind in KINDS.items()) + ".",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the project.  [default: cnntasks-NAME]",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def new(name: str, kind: str, output: Path | None) -> None:
    """Write the project of a new plugin: NAME is its verb, backbone or format.

    It is complete: after `pip install -e` of its folder it works, its tests pass, and a verb has an
    untrained model and trains.
    """
    from cnntasks.scaffold.make import make_project

    folder = make_project(name, kind, output)
    click.echo(folder)
    click.echo(f"next: pip install -e {folder}, and read {folder / 'README.md'}", err=True)


def _print_table(found: list[PluginInfo]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("name", "version", "distribution", "verbs", "hooks", "status"):
        table.add_column(column, overflow="fold")
    for info in found:
        cells = (
            info.name,
            info.version,
            info.distribution,
            " ".join(info.verbs),
            " ".join(info.hooks),
        )
        colour = "green" if info.status == "ok" else "red" if info.status == "failed" else "yellow"
        # Text: what a plugin says of itself is no rich markup.
        table.add_row(*map(Text, cells), Text(info.status, style=colour))
    console = Console(highlight=False)
    console.print(table)
    # Errors are sentences: below the table they have the whole width.
    for info in found:
        if info.error:
            console.print(Text(f"{info.name}: {info.error}"))
