"""`cnntasks evaluate classify`: how good a classifier is on labelled pictures."""

from __future__ import annotations

import click

from cnntasks import MeasureOptions, evaluate_options


@click.command("evaluate")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--mistakes",
    "shown",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Print so many of the most confident mistakes.",
)
@evaluate_options()
def evaluate(data: tuple[str, ...], measure: MeasureOptions, shown: int) -> None:
    """Measure accuracy of a classifier on DATA: a folder per class, CSV, IDX or CIFAR files.

    A data set's test split is used where it has one, else val; FOLDER:SPLIT names another.
    Classes are matched by name. With --output: report.json, the confusion matrix, a sheet of the
    most confident mistakes, and a CSV file of all of them.
    """
    from cnntasks import find_model, load, progress_bar, report_score
    from cnntasks_classify.data import match_classes
    from cnntasks_classify.measure import measure as measure_classes
    from cnntasks_classify.measure import read_for_evaluation

    folder = find_model("classify", measure.model).resolve()
    pipeline = load(
        "classify",
        folder,
        device=measure.device,
        engine=measure.engine,
        many=True,
        top=None,
        threshold=0.0,
    )
    classes = pipeline.card.classes
    sets = [match_classes(read_for_evaluation(location), classes) for location in data]
    examples = [example for part in sets for example in part.examples]
    with progress_bar(len(examples), "pictures", measure.quiet) as advance:
        score, mistakes = measure_classes(
            pipeline, examples, advance, figures=measure.output is not None
        )
    report_score(score, {}, folder, measure, f"{len(examples)} pictures")
    if measure.style == "table":
        for it in mistakes[:shown]:
            click.echo(f"mistake: {it.name}: {it.truth}, taken for {it.found} ({it.score:.2f})")
