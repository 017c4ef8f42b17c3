"""`cnntasks segment`: the verb's options, and the pictures that it writes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from cnntasks import CommonOptions, InputError, replacing, run_task, task_options

if TYPE_CHECKING:
    from cnntasks import Outcome, Pipeline
    from cnntasks_segment.predictor import Segmentation


@click.command("segment")
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "--smallest",
    type=click.FloatRange(0, 1),
    default=0.001,
    show_default=True,
    help="Part of a picture below which a class is left out of the records.",
)
@click.option(
    "--picture/--no-picture",
    default=True,
    show_default=True,
    help="Write NAME.segment.jpg, the picture tinted in the colours of its classes.",
)
@click.option(
    "--masks",
    is_flag=True,
    help="Write NAME.segment.png as well, whose pixels are the numbers of the classes.",
)
@task_options()
def segment(
    inputs: tuple[str, ...], common: CommonOptions, smallest: float, picture: bool, masks: bool
) -> None:
    """Say what every pixel of pictures belongs to.

    INPUT is a picture, a folder, a glob, an http(s) address, @list.txt or - (standard input).

    For each class that is there, its part of the picture and its mean probability go to standard
    output as a table, JSON Lines (--format json) or CSV. Pictures go to the folder --output (here,
    without it).
    """

    def sinks(pipeline: Pipeline) -> list[Any]:
        made: list[Any] = []
        if picture:
            made.append(OverlaySink(common.folder))
        if masks:
            made.append(MaskSink(common.folder))
        return made

    run_task("segment", inputs, common, {"smallest": smallest}, sinks=sinks)


def _inside(folder: Path, relative: PurePosixPath, suffix: str) -> Path:
    """Where the file for an input goes; never out of `folder`."""
    parts = [part for part in relative.parts if part not in ("..", relative.anchor)]
    return folder / PurePosixPath(*parts).with_suffix(suffix)


class OverlaySink:
    """Writes each picture with its classes drawn: `holiday/a.jpg` becomes `holiday/a.segment.jpg`.

    Sources have distinct names, so that no two pictures of a run are written to one file, but for
    those that differ in their suffix alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, outcome: Outcome[Segmentation]) -> None:
        """Draw and write one picture."""
        from cnntasks import write_image

        assert outcome.result is not None
        path = _inside(self._folder, outcome.source.relative, ".segment.jpg")
        write_image(path, outcome.result.draw(outcome.item))

    def close(self) -> None:
        """Nothing is left."""


class MaskSink:
    """Writes each picture's class numbers as a PNG with a palette, as training reads them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, outcome: Outcome[Segmentation]) -> None:
        """Write one mask."""
        from PIL import Image

        assert outcome.result is not None
        path = _inside(self._folder, outcome.source.relative, ".segment.png")
        image = Image.fromarray(outcome.result.labels).convert("P")
        image.putpalette(outcome.result.palette())
        try:
            with replacing(path) as temporary, temporary.open("xb") as file:
                image.save(file, "PNG")
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{path}: cannot be written ({reason}); choose another place") from (
                error
            )

    def close(self) -> None:
        """Nothing is left."""
