"""`cnntasks models`: what can be named by `--model`, and bringing it here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cnntasks.cli.options import format_option
from cnntasks.cli.tables import ListByDefault, echo_csv, plain, print_fitted, print_rows
from cnntasks.errors import ModelError
from cnntasks.output.downloads import PullDisplay

if TYPE_CHECKING:
    from cnntasks.catalog import CatalogEntry
    from cnntasks.models.store import Listing

F = TypeVar("F", bound=Callable[..., Any])

_COLUMNS = ("name", "task", "classes", "size", "licence", "metric", "state")


@click.group(cls=ListByDefault)
def models() -> None:
    """List models, show, download, verify and import them.

    Without a subcommand it lists: `cnntasks models --task detect` is
    `cnntasks models list --task detect`.
    """


@models.command("list")
@click.option("--task", metavar="TASK", help="Only models of this task.")
@format_option("table", "json", "csv")
def list_models(task: str | None, style: str) -> None:
    """List the models that --model knows, here or to be downloaded."""
    from cnntasks.models.store import inventory

    listings = inventory(_catalog())
    if task is not None:
        listings = [it for it in listings if it.card and it.card.task == task]
    if style == "json":
        click.echo(json.dumps([_as_json(it) for it in listings], indent=2))
    elif style == "csv":
        echo_csv(_COLUMNS, [_row(it) | {"size": it.size} for it in listings])
    else:
        print_rows(_COLUMNS, [_row(it) for it in listings])


@models.command("show")
@click.argument("name")
@format_option("table", "json")
def show_model(name: str, style: str) -> None:
    """Show everything that is known of the model NAME, which may be a folder's path."""
    listing = _named(name)
    card = listing.card
    if card is None:
        raise ModelError(f"{listing.folder}: its card cannot be read; `cnntasks models verify`")
    described = json.loads(card.to_json())
    if style == "json":
        click.echo(json.dumps({**_as_json(listing), "card": described}, indent=2))
        return
    rows = {"name": listing.entry.name, **_row(listing), "folder": listing.folder or "-"}
    rows |= {"url": listing.entry.url} if listing.entry.url else {}
    hidden = {*_COLUMNS, "card_version", "tables"} - {"classes"}
    rows |= {key.replace("_", " "): described[key] for key in described if key not in hidden}
    _print_pairs(rows)
    for title, lines in card.tables.items():
        click.echo(f"\n{plain(title)}")
        columns = list(dict.fromkeys(key for line in lines for key in line))
        print_rows(columns, [{key: line.get(key, "") for key in columns} for line in lines])


@models.command("pull")
@click.argument("name")
@click.option(
    "--from",
    "source_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Take the published file from here instead of downloading it.",
)
def pull_model(name: str, source_file: Path | None) -> None:
    """Download the model NAME, verify and convert it; prints its folder."""
    from cnntasks.models.pull import pull
    from cnntasks.models.store import find

    entry = find(name, _catalog())
    with PullDisplay() as display:
        folder = pull(entry, source_file=source_file, progress=display.progress, log=display.log)
    click.echo(str(folder))


@models.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@format_option("table", "json")
@click.pass_context
def verify_models(ctx: click.Context, names: tuple[str, ...], style: str) -> None:
    """Check the files of the named models (names or folders), or of all that are here.

    The exit status is 1 if anything is wrong.
    """
    from cnntasks.models.store import inventory

    if names:
        chosen = [_named(name) for name in names]
    else:
        chosen = [it for it in inventory(_catalog()) if it.folder is not None]
    reports = [_verified(listing) for listing in chosen]
    if style == "json":
        click.echo(json.dumps(reports, indent=2))
    else:
        for report in reports:
            for line in report["problems"] or ["whole"]:
                click.echo(f"{report['name']}: {plain(line)}")
    ctx.exit(1 if any(report["problems"] for report in reports) else 0)


@models.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="What to call it; by default what its card says.")
def import_folder(path: Path, name: str | None) -> None:
    """Copy the model folder PATH into the cache, so that --model knows it by name."""
    from cnntasks.models.store import import_model

    folder = import_model(path, _catalog(), name=name)
    click.echo(f"imported {folder.name}: use it with --model {folder.name}", err=True)
    click.echo(str(folder))


def _catalog() -> Mapping[str, CatalogEntry]:
    from cnntasks import plugins

    return plugins.model_entries()


def _named(name: str) -> Listing:
    """The listing of a registered or imported model, or of a folder given by its path."""
    from cnntasks.models.store import find, folder_listing, inventory, is_path

    if is_path(name):
        return folder_listing(Path(name))
    catalog = _catalog()
    entry = find(name, catalog)
    return next(it for it in inventory(catalog) if it.entry.name == entry.name)


def _verified(listing: Listing) -> dict[str, Any]:
    from cnntasks.models.folder import verify_folder

    name = listing.entry.name
    if listing.folder is None:
        raise ModelError(f"{name}: is not here yet; `cnntasks models pull {name}` fetches it")
    return {
        "name": name,
        "folder": str(listing.folder),
        "problems": verify_folder(listing.folder),
    }


def _row(listing: Listing) -> dict[str, Any]:
    from cnntasks.models.disk import format_size

    card = listing.card
    metric = next(iter(card.metrics.items()), None) if card else None
    return {
        "name": listing.entry.name,
        "task": plain(card.task) if card else "",
        "classes": len(card.classes) if card else "",
        "size": format_size(listing.size) if listing.size else "",
        "licence": plain(card.licence) if card else "",
        "metric": plain(f"{metric[0]} {_number(metric[1])}") if metric else "",
        "state": listing.state,
    }


def _as_json(listing: Listing) -> dict[str, Any]:
    card = listing.card
    return {
        **_row(listing),
        "classes": list(card.classes) if card else [],
        "size": listing.size,
        "metric": dict(list(card.metrics.items())[:1]) if card else {},
        "folder": str(listing.folder) if listing.folder else None,
    }


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _print_pairs(rows: Mapping[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in rows.items():
        lines = [plain(it) for it in value] if key == "notes" else [plain(value)]
        if any(lines) and value not in ({}, []):
            table.add_row(Text(key, style="bold"), Text("\n".join(lines)))
    print_fitted(table)
