"""`cnntasks detect`: the verb's options and what it writes beside the records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks import CommonOptions, UsageError, run_task, task_options
from cnntasks_detect.naming import Names

if TYPE_CHECKING:
    from cnntasks import Outcome, Pipeline

_PICTURES = (".jpg", ".jpeg", ".png", ".webp")


@click.command("detect")
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Lowest score of a box.  [default: the model's]",
)
@click.option(
    "--iou",
    type=click.FloatRange(0, 1),
    help="Overlap above which the weaker box of a class goes.  [default: the model's]",
)
@click.option(
    "--soft-nms",
    type=click.FloatRange(0, 10),
    metavar="SIGMA",
    help="Overlapping boxes of a class lose score instead of going, the less the larger SIGMA; "
    "0: they go.  [default: the model's, 0 with --iou]",
)
@click.option("--classes", metavar="A,B,...", help="Only these classes.")
@click.option(
    "--max-detections",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Boxes per picture at most.",
)
@click.option(
    "--size",
    type=click.IntRange(32, 4096),
    help="Longer side, in pixels, at which the network looks.  [default: the model's]",
)
@click.option(
    "--picture/--no-picture",
    default=True,
    show_default=True,
    help="Write NAME.detect.jpg with the boxes drawn.",
)
@click.option(
    "--save-crops", is_flag=True, help="Write each box as a picture: crops/CLASS/NAME-N.jpg."
)
@task_options(formats=("coco", "yolo"))  # fmt: skip
def detect(
    inputs: tuple[str, ...],
    common: CommonOptions,
    threshold: float | None,
    iou: float | None,
    soft_nms: float | None,
    classes: str | None,
    max_detections: int,
    size: int | None,
    picture: bool,
    save_crops: bool,
) -> None:
    """Find objects in pictures.

    INPUT is a picture, a folder, a glob, an http(s) address, @list.txt or - (standard input).

    Boxes go to standard output as a table, JSON Lines (--format json) or CSV, in pixels of the
    upright picture; --format coco prints COCO's results array, --format yolo writes label files.
    Pictures with the boxes drawn go to the folder --output (here, without it), or, for a single
    input, to the file that --output names.
    """
    one_file = common.output is not None and common.output.suffix.lower() in _PICTURES
    if one_file and len(inputs) != 1:
        raise UsageError(f"--output {common.output} is one picture; for several name a folder")

    def sinks(pipeline: Pipeline) -> list[Any]:
        made: list[Any] = []
        if common.format in ("coco", "yolo"):
            made.append(ExportSink(common, pipeline.card.classes))
        if picture:
            target = common.output if one_file else None
            made.append(PictureSink(_folder(common), target, quiet=common.quiet))
        if save_crops:
            made.append(CropSink(_folder(common)))
        return made

    run_task(
        "detect",
        inputs,
        common,
        {
            "threshold": threshold,
            "iou": iou,
            "soft_nms": soft_nms,
            "classes": [name.strip() for name in classes.split(",")] if classes else None,
            "max_detections": max_detections,
            "size": size,
        },
        sinks=sinks,
    )


def _folder(common: CommonOptions) -> Path:
    """Where files go: `--output`, or the folder of the file that it names."""
    folder = common.folder
    return folder.parent if folder.suffix.lower() in _PICTURES else folder


class PictureSink:
    """Writes each picture with its boxes drawn.

    Args:
        folder: where; `holiday/a.jpg` becomes `holiday/a.detect.jpg`.
        target: the one file to write instead.
        quiet: do not say what was written.
    """

    def __init__(self, folder: Path, target: Path | None, quiet: bool) -> None:
        self._folder = folder
        self._target = target
        self._quiet = quiet
        self._names = Names()
        self._written: list[Path] = []

    def write(self, outcome: Outcome[Any]) -> None:
        """Draw and write one picture."""
        from cnntasks import write_image

        name = self._names.stem(outcome.source.relative)
        path = self._target or self._folder / f"{name}.detect.jpg"
        if self._target is not None and self._written:
            raise UsageError(f"--output {path} is one picture, but there are several inputs")
        assert outcome.result is not None
        write_image(path, outcome.result.draw(outcome.item.pixels))
        self._written.append(path)

    def close(self) -> None:
        """Say where the pictures are."""
        if self._quiet or not self._written:
            return
        if len(self._written) == 1:
            click.echo(f"picture: {self._written[0]}", err=True)
        else:
            click.echo(f"{len(self._written)} pictures with boxes in {self._folder}/", err=True)


class CropSink:
    """Writes what is in each box: `crops/CLASS/NAME-N.jpg`, N counting from 1."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "crops"
        self._names = Names()

    def write(self, outcome: Outcome[Any]) -> None:
        """Write the crops of one picture."""
        from cnntasks import write_image

        assert outcome.result is not None
        stem = self._names.stem(outcome.source.relative)
        crops = outcome.result.crops(outcome.item.pixels)
        for number, (name, crop) in enumerate(zip(outcome.result.names, crops, strict=True), 1):
            write_image(self._folder / name.replace("/", "-") / f"{stem}-{number}.jpg", crop)

    def close(self) -> None:
        """Nothing is left."""


class ExportSink:
    """COCO's results array, on standard output or in the .json file --output; or YOLO's files."""

    def __init__(self, common: CommonOptions, classes: Sequence[str]) -> None:
        import sys

        from cnntasks_detect.exports import CocoResultsWriter, YoloWriter

        output = common.output
        self._writer: Any
        if common.format == "yolo":
            self._writer = YoloWriter(_folder(common), classes)
        elif output is not None and output.suffix.lower() == ".json":
            self._writer = CocoResultsWriter(output, classes)
        else:
            self._writer = CocoResultsWriter(sys.stdout, classes)

    def write(self, outcome: Outcome[Any]) -> None:
        """Add one picture."""
        found = outcome.result
        assert found is not None
        self._writer.write(
            outcome.source.relative,
            found.width,
            found.height,
            found.boxes,
            found.scores,
            found.labels,
        )

    def close(self) -> None:
        """End the array."""
        self._writer.close()
