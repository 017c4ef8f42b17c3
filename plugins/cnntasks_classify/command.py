"""`cnntasks classify`: the verb's options and what it writes beside the records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks import (
    CommonOptions,
    UsageError,
    record_format,
    record_suffixes,
    run_task,
    task_options,
)

if TYPE_CHECKING:
    from cnntasks import Pipeline


@click.command("classify")
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "--top",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Classes per picture at most, likeliest first.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Lowest score of a class.  [default: the model's]",
)
@click.option(
    "--save-embeddings",
    "embeddings",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write every picture's feature vector to a .npz or .parquet file.",
)
@task_options()
def classify(
    inputs: tuple[str, ...],
    common: CommonOptions,
    top: int,
    threshold: float | None,
    embeddings: Path | None,
) -> None:
    """Say what pictures show.

    INPUT is a picture, a folder, a glob, an http(s) address, @list.txt or - (standard input).

    The likeliest classes go to standard output as a table, JSON Lines (--format json) or CSV,
    each with its probability among the model's classes: a picture of something else gets a class
    all the same.
    """
    from cnntasks_classify.embeddings import embedding_format

    kind = embedding_format(embeddings) if embeddings is not None else None
    if common.output is not None and record_format(common.output) is None:
        raise UsageError(
            f"--output {common.output}: names the file for the records, one of "
            f"{', '.join(record_suffixes())}"
        )

    def sinks(pipeline: Pipeline) -> list[Any]:
        if embeddings is None or kind is None:
            return []
        return [kind(embeddings)]

    run_task("classify", inputs, common, {"top": top, "threshold": threshold}, sinks=sinks)
