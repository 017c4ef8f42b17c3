"""`cnntasks evaluate segment`: how good a model is on pictures with masks."""

from __future__ import annotations

from pathlib import Path

import click

from cnntasks import MeasureOptions, UsageError, evaluate_options


@click.command("evaluate")
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@evaluate_options()
def evaluate(data: Path, measure: MeasureOptions) -> None:
    """Measure a segmentation model on DATA: images/, masks/ and classes.txt.

    DATA's test split is used where it has one, else val; FOLDER:SPLIT names another. Prints the
    intersection over union of each class and their mean, at the pictures' own size.
    """
    from cnntasks import find_model, load, progress_bar, report_score
    from cnntasks_segment.data import FORMATS
    from cnntasks_segment.measure import measure as measure_pictures

    folder = find_model("segment", measure.model).resolve()
    pipeline = load("segment", folder, device=measure.device, engine=measure.engine, many=True)
    [part] = FORMATS.read(data, FORMATS.split_to_measure(data))
    if part.classes != pipeline.card.classes:
        raise UsageError(
            f"{data}: its classes ({', '.join(part.classes)}) are not the model's "
            f"({', '.join(pipeline.card.classes)}), in this order"
        )
    with progress_bar(len(part.examples), "pictures", measure.quiet) as advance:
        score = measure_pictures(pipeline, part.examples, advance)
    report_score(score, {}, folder, measure, f"{len(part.examples)} pictures")
