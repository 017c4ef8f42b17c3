"""`cnntasks evaluate detect`: how good a detector is on labelled pictures."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks import UsageError

if TYPE_CHECKING:
    from cnntasks import Score


@click.command("evaluate")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option("--model", metavar="NAME|FOLDER", help="Model name or model folder.")
@click.option("--classes", metavar="A,B,...", help="Average over these classes only.")
@click.option(
    "--size",
    type=click.IntRange(32, 4096),
    help="Longer side at which the network looks.  [default: the model's]",
)
@click.option("--iou", type=click.FloatRange(0, 1), help="Overlap for suppression.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "onnx", "torch"]),
    default="auto",
    show_default=True,
    help="What runs the network.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for report.json and the precision-recall picture.",
)
@click.option(
    "--record", metavar="NAME", help="Write the metrics into the model's card, as NAME_*."
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What is printed.",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")  # fmt: skip
def evaluate(
    data: tuple[str, ...],
    model: str | None,
    classes: str | None,
    size: int | None,
    iou: float | None,
    device: str,
    engine: str,
    output: Path | None,
    record: str | None,
    style: str,
    quiet: bool,
    debug: bool,
) -> None:
    """Measure mAP of a detector on DATA: COCO, Pascal VOC or YOLO data sets.

    A data set's test split is used where it has one, else val; FOLDER:SPLIT names another.
    Each class counts on the data sets that label it; crowd and difficult boxes are neither found
    nor missed.
    """
    from cnntasks import find_model, load
    from cnntasks_detect.batches import join_data
    from cnntasks_detect.measure import measure, read_for_evaluation
    from cnntasks_detect.metrics import LOWEST_SCORE, restrict

    folder = find_model("detect", model).resolve()
    pipeline = load(
        "detect", folder, device=device, engine=engine, many=True,
        threshold=LOWEST_SCORE, size=size, iou=iou,
    )  # fmt: skip
    entries = join_data([read_for_evaluation(location) for location in data], pipeline.card.classes)
    with _progress(len(entries), quiet) as advance:
        scores = measure(pipeline, entries, advance)
    if classes:
        wanted = [name.strip() for name in classes.split(",")]
        unknown = [name for name in wanted if name not in pipeline.card.classes]
        if unknown:
            raise UsageError(f"{pipeline.card.name} does not know {', '.join(unknown)}")
        scores = {name: restrict(score, wanted) for name, score in scores.items()}
    whole = scores.pop("")
    sets = scores
    if output is not None:
        _write_report(output, whole, sets)
    if record:
        _record(folder, record, whole)
    if style == "json":
        click.echo(json.dumps(_report(whole, sets)))
    else:
        _print(whole, sets, len(entries))


def _report(whole: Score, sets: dict[str, Score]) -> dict[str, Any]:
    return {
        "metrics": whole.metrics,
        "classes": whole.table,
        "sets": {name: score.metrics for name, score in sets.items()},
    }


def _write_report(folder: Path, whole: Score, sets: dict[str, Score]) -> None:
    from cnntasks_detect.exports import replace_text

    with replace_text(folder / "report.json") as stream:
        stream.write(json.dumps(_report(whole, sets), indent=2) + "\n")
    for name, draw in whole.figures.items():
        draw(folder / name)


def _record(folder: Path, name: str, score: Score) -> None:
    from dataclasses import replace

    from cnntasks import read_card, update_card

    card = read_card(folder)
    metrics = {f"{name}_{key}": round(value, 4) for key, value in score.metrics.items()}
    update_card(folder, replace(card, metrics={**card.metrics, **metrics}))


def _print(whole: Score, sets: dict[str, Score], pictures: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("class", "AP50", "AP", title=f"{pictures} pictures")
    for row in whole.table:
        table.add_row(row["class"], f"{row['AP50']:.3f}", f"{row['AP']:.3f}")
    console.print(table)
    if sets:
        parts = Table("data set", "mAP50", "mAP")
        for name, score in sets.items():
            parts.add_row(name, f"{score.metrics['mAP50']:.3f}", f"{score.metrics['mAP']:.3f}")
        console.print(parts)
    for name, value in whole.metrics.items():
        console.print(f"{name} {value:.3f}", highlight=False)


@contextlib.contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[], None] | None]:
    """A bar on a terminal; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pictures", total=total)
        yield lambda: bar.advance(task)
