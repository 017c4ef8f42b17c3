"""`cnntasks explore`: the verb's options, and where its page goes."""

from __future__ import annotations

import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks import InputError, UsageError

if TYPE_CHECKING:
    from cnntasks import Source

_SUFFIXES = (".html", ".htm")


@click.command("explore")
@click.argument("picture", required=False, metavar="[IMAGE]")
@click.option("--model", metavar="NAME|FOLDER", help="Of classify.  [default: mnist-lenet5]")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Page to write (.html), to keep or to share.  [default: a temporary file]",
)
@click.option(
    "--open/--no-open",
    "shown",
    default=None,
    help="Show the page in a browser.  [default: unless --output is given]",
)
@click.option("--offline", is_flag=True, help="Never download anything.")
@click.option("--quiet", "-q", is_flag=True, help="No remarks.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def explore(
    picture: str | None,
    model: str | None,
    output: Path | None,
    shown: bool | None,
    offline: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Walk through a network in the browser, number by number.

    Without arguments: draw a digit, and see LeNet-5 recognise it while you draw, layer by layer.
    Point at any unit to see what it looks at, how it adds up its number and where that goes.

    With --model and IMAGE the page shows what any classifier made of that picture: the feature
    maps of every layer. (A LeNet-5 for grey pictures of 32×32 computes in the page as well, and
    IMAGE is where it begins.)

    The page is one file that needs no network and no server.
    """
    if output is not None and output.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"--output {output}: names the page; let it end in .html")
    payload, title = _payload(picture, model, offline)
    from cnntasks_visualize.explore.page import assemble

    path = output or _temporary()
    _write(path, assemble(payload, title))
    click.echo(str(path))
    if not (output is None if shown is None else shown):
        return
    if not webbrowser.open(path.resolve().as_uri()) and not quiet:
        click.echo("no browser was found; open that file yourself", err=True)


def _payload(picture: str | None, model: str | None, offline: bool) -> tuple[dict[str, Any], str]:
    """What the page is made of, and its title; torch is needed for a recorded one only."""
    from cnntasks import find_model, load, open_network, read_card
    from cnntasks_visualize.explore.lenet import is_live, live_payload

    folder = find_model("explore", model, offline=offline)
    card = read_card(folder)
    if is_live(card):
        title = f"Inside LeNet-5: {card.name}"
        if picture is None:
            return live_payload(card, folder), title
        predictor = load(card.task, folder, offline=offline).predictor
        source = _source(picture, predictor.suffixes, offline)
        pixels = predictor.preprocess(predictor.decode(source))["pixels"]
        return live_payload(card, folder, pixels, Path(source.name).name), title
    if picture is None:
        raise UsageError(
            f"{card.name}: its page shows one picture; name it: "
            f"cnntasks explore --model {model} IMAGE (only a LeNet-5 can be drawn for)"
        )
    opened = open_network(folder, top=10)
    source = _source(picture, opened.predictor.suffixes, offline)
    from cnntasks_visualize.explore.recording import recorded_payload

    payload = recorded_payload(opened, opened.decode(source), Path(source.name).name)
    return payload, f"{card.name}: {Path(source.name).name}"


def _source(picture: str, suffixes: tuple[str, ...], offline: bool) -> Source:
    """The one picture that the argument means.

    Raises:
        UsageError: it means several.
    """
    from itertools import islice

    from cnntasks import expand_sources

    found = list(islice(expand_sources([picture], suffixes=suffixes, offline=offline), 2))
    if len(found) > 1:
        raise UsageError(f"{picture}: explore shows one picture; name one file of it")
    return found[0]


def _temporary() -> Path:
    """A file that stays: the browser reads it after this process has ended."""
    return Path(tempfile.mkdtemp(prefix="cnntasks-")) / "explore.html"


def _write(path: Path, page: str) -> None:
    from cnntasks import replacing

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another --output"
        ) from error
