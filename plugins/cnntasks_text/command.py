"""`cnntasks text`: the verb's options, and where explanations go."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import replace
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
    from cnntasks import Outcome, Pipeline, Source

#: Records that this verb writes itself.
_WORDS = "words"
_PAGE_SUFFIXES = (".html", ".htm")


class _CutRemarks:
    """Says on standard error which texts were read in part only."""

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def write(self, outcome: Outcome[Any]) -> None:
        """Look at one result."""
        if outcome.result is not None and outcome.result.cut:
            click.echo(
                f"{outcome.source.name}: only the first {self._longest} tokens are read", err=True
            )

    def close(self) -> None:
        """Nothing is left."""


@click.command("text")
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "--top",
    type=click.IntRange(1),
    help="Labels per text at most, likeliest first.  [default: 1; in JSON all]",
)
@click.option("--explain", is_flag=True, help="Show which words and phrases decided.")
@click.option(
    "--ngrams",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Phrases of an explanation at most.",
)
@click.option("--column", metavar="NAME", help="The column of a table that holds the texts.")
@click.option("--whole", is_flag=True, help="A file is one text, and not one a line.")
@click.option(
    "--encoding", metavar="NAME", help="Of files: cp1252, for example.  [default: UTF-8 or UTF-16]"
)
@task_options()
def text(
    inputs: tuple[str, ...],
    common: CommonOptions,
    top: int | None,
    explain: bool,
    ngrams: int,
    column: str | None,
    whole: bool,
    encoding: str | None,
) -> None:
    """Say what texts express.

    INPUT is a text in quotes; or a .txt file with one text a line, a table (.csv, .tsv, .jsonl; all
    may be .gz), a folder of .txt files that are one text each, a glob, @list.txt or - (standard
    input, line by line).

    Labels go to standard output as a table, JSON Lines (--format json) or CSV, in the order in
    which the texts came, each with its probability. With --explain, words that speak for the label
    are green and words against it red; --output page.html writes that as a page.
    """
    from cnntasks_text.inputs import several

    # Texts are taken apart in threads of ours; the library's own would get in their way.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    suffix = "" if common.output is None else common.output.suffix.lower()
    page = suffix in _PAGE_SUFFIXES
    if common.output is not None and not page and record_format(common.output) is None:
        raise UsageError(
            f"--output {common.output}: names the file for the records, one of "
            f"{', '.join(record_suffixes())}, or a page, .html"
        )
    if "-" in inputs and common.batch_size is None and sys.stdin.isatty():
        common = replace(common, batch_size=1)  # whoever types wants each answer at once
    in_words = explain and common.format == "table" and (common.output is None or page)
    if top is None and common.format != "json":
        top = 1
    options: dict[str, Any] = {
        "top": top,
        "explain": explain or page,
        "ngrams": ngrams,
        "column": column,
        "whole": whole,
        "encoding": encoding,
    }

    def sources(pipeline: Pipeline) -> Iterable[Source]:
        found: Iterable[Source] = pipeline.predictor.sources_from_arguments(inputs)
        return found

    def sinks(pipeline: Pipeline) -> list[Any]:
        writers: list[Any] = [] if common.quiet else [_CutRemarks(pipeline.predictor.longest)]
        if in_words:
            from cnntasks_text.shown import WordsWriter

            writers.append(WordsWriter())
        if page and common.output is not None:
            from cnntasks_text.page import PageWriter

            writers.append(PageWriter(common.output, pipeline.card.name))
        return writers

    run_task(
        "text",
        inputs,
        replace(common, format=_WORDS) if in_words else common,
        options,
        sinks=sinks,
        noun="texts",
        sources=sources,
        many=several(inputs),
    )
