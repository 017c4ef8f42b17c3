"""Measuring a classifier as it is used: through the prediction pipeline, on labelled data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import torch

from cnntasks import Mistake, Score, Source, mistakes_table, worst_mistakes
from cnntasks_classify.data import ClassificationData, Example, read_classification_data
from cnntasks_classify.data.recognise import FORMATS
from cnntasks_classify.figures import mistakes_sheet
from cnntasks_classify.metrics import ClassificationMetric

if TYPE_CHECKING:
    from cnntasks import Pipeline

#: Mistakes on the sheet.
_SHOWN = 25


def read_for_evaluation(location: str) -> ClassificationData:
    """The split to measure on: the one that `folder:split` names, or test, or val, or all.

    Raises:
        InputError: not a data set.
    """
    path = Path(location)
    return read_classification_data(path, FORMATS.split_to_measure(path))


def measure(
    pipeline: Pipeline,
    examples: Sequence[Example],
    progress: Callable[[], None] | None = None,
    figures: bool = False,
) -> tuple[Score, list[Mistake]]:
    """How good a classifier is on labelled pictures.

    Args:
        pipeline: made with `top=None, threshold=0.0`, so that it tells all scores.
        examples: labelled by the classes of its model.
        progress: called after each picture.
        figures: prepare the pictures of a report.

    Returns:
        The score, and every mistake, the most confident first.

    Raises:
        InputError: a picture cannot be read; the message names it.
    """
    classes = pipeline.card.classes
    scores = np.zeros((len(examples), len(classes)), np.float32)
    sources = (_source(example) for example in examples)
    for row, outcome in zip(scores, pipeline.run(sources), strict=True):
        if outcome.error is not None:
            raise outcome.error
        assert outcome.result is not None
        row[outcome.result.labels] = outcome.result.scores
        if progress is not None:
            progress()
    labels = np.array([example.label for example in examples], np.int64)
    metric = ClassificationMetric(classes, figures)
    metric.add(torch.from_numpy(scores), torch.from_numpy(labels))
    score = metric.compute()
    mistakes = worst_mistakes([it.name for it in examples], labels, scores, classes)
    if figures and mistakes:
        score.figures["mistakes.jpg"] = mistakes_sheet(mistakes[:_SHOWN], examples)
        score.figures["mistakes.csv"] = mistakes_table(mistakes, "picture")
    return score, mistakes


def _source(example: Example) -> Source:
    relative = PurePosixPath("picture")
    if example.path is None:
        return Source(example.name, relative, bytes, value=example.pixels)
    return Source(str(example.path), relative, example.path.read_bytes, example.path)
