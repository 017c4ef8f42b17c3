"""Measuring a text classifier as it is used: through the prediction pipeline, on labelled texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import torch

from cnntasks import Mistake, Score, Source, mistakes_table, worst_mistakes
from cnntasks_text.data import Columns, TextData, TextExample, read_text_data, text_formats
from cnntasks_text.metrics import TextMetric

if TYPE_CHECKING:
    from cnntasks import Pipeline

_RELATIVE = PurePosixPath("text")


def read_for_evaluation(location: str, columns: Columns) -> TextData:
    """The split to measure on: the one that `folder:split` names, or test, or val, or all.

    Raises:
        InputError: not a data set.
    """
    path = Path(location)
    return read_text_data(path, text_formats(columns).split_to_measure(path), columns)


def measure(
    pipeline: Pipeline,
    examples: Sequence[TextExample],
    progress: Callable[[], None] | None = None,
    figures: bool = False,
) -> tuple[Score, list[Mistake]]:
    """How good a classifier is on labelled texts.

    Args:
        pipeline: made with `top=None`, so that it tells all probabilities.
        examples: labelled by the classes of its model.
        progress: called after each text.
        figures: prepare the pictures and the table of a report.

    Returns:
        The score, and every mistake, the most confident first.

    Raises:
        InputError: a text cannot be classified; the message names it.
    """
    classes = pipeline.card.classes
    scores = np.zeros((len(examples), len(classes)), np.float32)
    sources = (Source(it.name, _RELATIVE, it.text.encode, value=it.text) for it in examples)
    for row, outcome in zip(scores, pipeline.run(sources), strict=True):
        if outcome.error is not None:
            raise outcome.error
        assert outcome.result is not None
        row[outcome.result.labels] = outcome.result.probabilities
        if progress is not None:
            progress()
    labels = np.array([example.label for example in examples], np.int64)
    metric = TextMetric(classes, figures)
    metric.add(torch.from_numpy(scores), torch.from_numpy(labels))
    score = metric.compute()
    mistakes = worst_mistakes([it.name for it in examples], labels, scores, classes)
    if figures:
        score.figures["mistakes.csv"] = mistakes_table(mistakes, "text")
    return score, mistakes
