"""`cnntasks evaluate text`: how good a text classifier is on labelled texts."""

from __future__ import annotations

import click

from cnntasks import MeasureOptions, evaluate_options
from cnntasks_text.data.columns import column_options

#: Characters of a mistaken text that are printed.
_SHOWN = 100


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
@column_options()
@evaluate_options()
def evaluate(
    data: tuple[str, ...],
    measure: MeasureOptions,
    shown: int,
    text_column: str | None,
    label_column: str | None,
) -> None:
    """Measure accuracy of a text classifier on DATA: a table, or a folder per class.

    A data set's test split is used where it has one, else val; FOLDER:SPLIT names another.
    Classes are matched by name. With --output: report.json, the confusion matrix, a reliability
    diagram, and a CSV file of all mistakes.
    """
    from cnntasks import find_model, load, match_classes, progress_bar, report_score
    from cnntasks_text.data import Columns
    from cnntasks_text.measure import measure as measure_classes
    from cnntasks_text.measure import read_for_evaluation

    folder = find_model("text", measure.model).resolve()
    pipeline = load(
        "text", folder, device=measure.device, engine=measure.engine, many=True, top=None
    )
    columns = Columns(text_column, label_column)
    sets = [
        match_classes(read_for_evaluation(location, columns), pipeline.card.classes)
        for location in data
    ]
    examples = [example for part in sets for example in part.examples]
    figures = measure.output is not None
    with progress_bar(len(examples), "texts", measure.quiet) as advance:
        score, mistakes = measure_classes(pipeline, examples, advance, figures)
    parts = {}
    if len(sets) > 1:
        for location, part in zip(data, sets, strict=True):
            parts[location] = measure_classes(pipeline, part.examples)[0]
    report_score(score, parts, folder, measure, f"{len(examples)} texts")
    if measure.style == "table":
        for it in mistakes[:shown]:
            text = " ".join(examples[it.number].text[: 4 * _SHOWN].split())[:_SHOWN]
            plain = "".join(char if char.isprintable() else " " for char in text)
            click.echo(
                f"mistake: {it.name}: {it.truth}, taken for {it.found} ({it.score:.2f}): {plain}"
            )
