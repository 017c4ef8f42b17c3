"""Measuring a detector as it is used: through the prediction pipeline, on labelled data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnntasks import Score, reliability_picture
from cnntasks_detect.batches import Entry, picture_source
from cnntasks_detect.data import DetectionData, read_detection_data
from cnntasks_detect.data.recognise import FORMATS
from cnntasks_detect.judging import Judged, calibration, judge
from cnntasks_detect.metrics import DetectionMetric
from cnntasks_detect.sheets import sheets

if TYPE_CHECKING:
    from cnntasks import ModelCard, Pipeline


def read_for_evaluation(location: str) -> DetectionData:
    """The split to measure on: the one that `folder:split` names, or test, or val, or all.

    Raises:
        InputError: not a data set.
    """
    path = Path(location)
    return read_detection_data(path, FORMATS.split_to_measure(path))


def measure(
    pipeline: Pipeline,
    entries: Sequence[Entry],
    progress: Callable[[], None] | None = None,
) -> dict[str, Score]:
    """Average precision of a detector on joined data sets.

    Args:
        pipeline: made with a low threshold (`LOWEST_SCORE`), or recall is cut off.
        entries: what is to be found.
        progress: called after each picture.

    Returns:
        One score for everything as `""` and, of several data sets, one for each by its name. That
        of everything comes with a reliability diagram and contact sheets of the best, typical and
        worst pictures at the model's own threshold.

    Raises:
        InputError: a picture cannot be read; the message names it.
    """
    metrics: dict[str, DetectionMetric] = {}
    several = len({entry.origin for entry in entries}) > 1
    sources = (picture_source(entry) for entry in entries)
    judged: list[Judged] = []
    for entry, outcome in zip(entries, pipeline.run(sources), strict=True):
        if outcome.error is not None:
            raise outcome.error
        found = outcome.result
        assert found is not None
        known = entry.known[found.labels]
        objects = entry.labels >= 0
        scale = np.array(
            [found.width / entry.picture.width, found.height / entry.picture.height] * 2
        )
        boxes = entry.picture.boxes * scale
        pair = (
            *(found.boxes[known], found.scores[known], found.labels[known]),
            *(boxes[objects], entry.labels[objects], boxes[entry.picture.ignore]),
        )
        for name in ("", entry.origin) if several else ("",):
            metric = metrics.setdefault(name, DetectionMetric(pipeline.card.classes, 1.0))
            metric.add(*pair, entry.known)
        judged.append(judge(len(judged), *pair))
        if progress is not None:
            progress()
    scores = {name: metric.compute() for name, metric in metrics.items()}
    if judged:
        scores[""] = _with_pictures(scores[""], judged, entries, pipeline.card)
    return scores


def _with_pictures(
    score: Score, judged: Sequence[Judged], entries: Sequence[Entry], card: ModelCard
) -> Score:
    found, right, error = calibration(judged)
    drawn = sheets(judged, entries, card.classes, card.defaults.get("threshold", 0.5))
    figures = {**score.figures, "reliability.png": reliability_picture(found, right, error)}
    metrics = {**score.metrics, "calibration_error": error}
    return replace(score, metrics=metrics, figures={**figures, **drawn})
