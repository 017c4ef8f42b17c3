"""`cnntasks style`: the verb's options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from cnntasks import UsageError
from cnntasks_style.settings import Init, Optimizer, PreserveColor, StyleSettings

if TYPE_CHECKING:
    from cnntasks_style.record import Record


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Words with commas between them."""
    return value if value is None else tuple(part.strip() for part in value.split(","))


def _numbers(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Numbers with commas between them."""
    if value is None:
        return None
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is no list of numbers with commas between them", ctx, param
        ) from error


_FILE = click.Path(path_type=Path)
#: Options that are no settings of the transfer.
_OTHERS = (
    *("output", "model", "device", "offline", "quiet", "compare"),
    *("content_masks", "style_masks"),
)


@click.command("style")
@click.argument("pictures", nargs=-1, metavar="CONTENT STYLE...", type=_FILE)
@click.option(
    "--output",
    "-o",
    type=_FILE,
    help="Picture to write (.png, .jpg, .webp, .tif).  [default: CONTENT.style.png]",
)
@click.option("--model", metavar="NAME|FOLDER", help="Model name or model folder.")
@click.option("--size", type=int, help="Longer side of the result in pixels.  [default: 512]")
@click.option("--iterations", type=int, help="Steps of the optimiser.  [default: the model's]")
@click.option("--style-weight", type=float, help="Of the style loss.  [default: the model's]")
@click.option("--content-weight", type=float, help="Of the content loss.  [default: the model's]")
@click.option(
    "--tv-weight", type=float, help="Of the total variation: smoothness.  [default: the model's]"
)
@click.option(
    "--style-layers",
    metavar="A,B,...",
    callback=_names,
    help="For the style.  [default: the model's]",
)
@click.option(
    "--content-layers",
    metavar="A,B,...",
    callback=_names,
    help="For the content.  [default: the model's]",
)
@click.option(
    "--layer-weights",
    metavar="X,Y,...",
    callback=_numbers,
    help="One for each style layer.  [default: the model's, or equal]",
)
@click.option(
    "--style-blend",
    metavar="X,Y,...",
    callback=_numbers,
    help="Part of each style picture.  [default: equal]",
)
@click.option(
    "--style-scale", type=float, help="Size of the style in relation to the result.  [default: 1]"
)
@click.option(
    "--init", type=click.Choice(get_args(Init)), help="What it starts from.  [default: the model's]"
)
@click.option("--optimizer", type=click.Choice(get_args(Optimizer)), help="[default: the model's]")
@click.option(
    "--preserve-color",
    type=click.Choice(get_args(PreserveColor)),
    help="Keep the content's colours.  [default: none]",
)
@click.option(
    "--content-mask",
    "content_masks",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="Where in the result the style goes, white; once for each region.",
)
@click.option(
    "--style-mask",
    "style_masks",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="Which part of the style goes there; once for each --content-mask.",
)
@click.option("--seed", type=int, help="Of the noise.  [default: 0]")
@click.option(
    "--preview-every", type=int, metavar="N", help="Write the picture so far every N iterations."
)
@click.option("--compare", is_flag=True, help="Also write content, style and result in one row.")
@click.option(
    "--settings",
    "record",
    type=_FILE,
    metavar="OUT.json",
    help="Do again what OUT.json records; further options change it.",
)
@click.option("--device", help="auto (the cpu), cpu, cuda, cuda:N or mps.  [default: auto]")
@click.option("--offline", is_flag=True, help="Never download anything.")
@click.option("--quiet", "-q", is_flag=True, help="No progress and no remarks.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def style(pictures: tuple[Path, ...], record: Path | None, **options: Any) -> None:
    """Paint the picture CONTENT in the style of another.

    With several STYLE pictures their styles are mixed, or each gets its place by masks. Every
    setting, the losses and the versions go into OUT.json beside the picture; --settings OUT.json
    makes the same picture again. Ctrl-C saves the picture so far.
    """
    from cnntasks_style.record import read_record
    from cnntasks_style.run import Job, run_job

    before = read_record(record) if record is not None else None
    others = {name: options.pop(name) for name in _OTHERS}
    changes = {name: value for name, value in options.items() if value is not None}
    settings = (before.settings if before else StyleSettings()).changed(**changes)
    content, styles = _inputs(pictures, before)
    run_job(
        Job(
            content=content,
            styles=styles,
            output=others["output"] or Path(f"{content.stem}.style.png"),
            settings=settings,
            content_masks=others["content_masks"] or _recorded(before, "content_masks"),
            style_masks=others["style_masks"] or _recorded(before, "style_masks"),
            model=others["model"] or (before.model if before else None),
            device=others["device"] or (before.device if before else "auto"),
            offline=others["offline"],
            compare=others["compare"],
            quiet=others["quiet"],
            before=before,
        )
    )


def _inputs(pictures: tuple[Path, ...], before: Record | None) -> tuple[Path, tuple[Path, ...]]:
    """The content and the styles: as given, or as recorded."""
    if before is None:
        if not pictures:
            raise UsageError("no pictures given; name a content and a style picture, or see --help")
        if len(pictures) == 1:
            raise UsageError(f"{pictures[0]}: is the content; name a style picture after it")
    content = pictures[:1] or _recorded(before, "content")
    styles = pictures[1:] or _recorded(before, "styles")
    if not content or not styles:
        raise UsageError("the record names no pictures; name a content and a style picture")
    return content[0], styles


def _recorded(before: Record | None, role: str) -> tuple[Path, ...]:
    return tuple(Path(it.name) for it in before.inputs.get(role, ())) if before else ()
