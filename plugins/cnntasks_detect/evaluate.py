"""`cnntasks evaluate detect`: how good a detector is on labelled pictures."""

from __future__ import annotations

import click

from cnntasks import MeasureOptions, UsageError, evaluate_options


@click.command("evaluate")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option("--classes", metavar="A,B,...", help="Average over these classes only.")
@click.option(
    "--size",
    type=click.IntRange(32, 4096),
    help="Longer side at which the network looks.  [default: the model's]",
)
@click.option("--iou", type=click.FloatRange(0, 1), help="Overlap for suppression.")
@evaluate_options()
def evaluate(
    data: tuple[str, ...],
    measure: MeasureOptions,
    classes: str | None,
    size: int | None,
    iou: float | None,
) -> None:
    """Measure mAP of a detector on DATA: COCO, Pascal VOC or YOLO data sets.

    A data set's test split is used where it has one, else val; FOLDER:SPLIT names another.
    Each class counts on the data sets that label it; crowd and difficult boxes are neither found
    nor missed.
    """
    from cnntasks import find_model, load, progress_bar, report_score
    from cnntasks_detect.batches import join_data
    from cnntasks_detect.measure import measure as measure_detections
    from cnntasks_detect.measure import read_for_evaluation
    from cnntasks_detect.metrics import LOWEST_SCORE, restrict

    folder = find_model("detect", measure.model).resolve()
    pipeline = load(
        "detect", folder, device=measure.device, engine=measure.engine, many=True,
        threshold=LOWEST_SCORE, size=size, iou=iou,
    )  # fmt: skip
    entries = join_data([read_for_evaluation(location) for location in data], pipeline.card.classes)
    with progress_bar(len(entries), "pictures", measure.quiet) as advance:
        scores = measure_detections(pipeline, entries, advance)
    if classes:
        wanted = [name.strip() for name in classes.split(",")]
        unknown = [name for name in wanted if name not in pipeline.card.classes]
        if unknown:
            raise UsageError(f"{pipeline.card.name} does not know {', '.join(unknown)}")
        scores = {name: restrict(score, wanted) for name, score in scores.items()}
    whole = scores.pop("")
    report_score(whole, scores, folder, measure, f"{len(entries)} pictures")
