"""Measuring a detector as it is used: through the prediction pipeline, on labelled data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from cnntasks import Score, Source
from cnntasks_detect.batches import Entry
from cnntasks_detect.data import DetectionData, read_detection_data
from cnntasks_detect.data.recognise import FORMATS
from cnntasks_detect.metrics import DetectionMetric

if TYPE_CHECKING:
    from cnntasks import Pipeline


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
        One score for everything as `""` and, of several data sets, one for each by its name.

    Raises:
        InputError: a picture cannot be read; the message names it.
    """
    metrics: dict[str, DetectionMetric] = {}
    several = len({entry.origin for entry in entries}) > 1
    sources = (_source(entry) for entry in entries)
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
        for name in ("", entry.origin) if several else ("",):
            metric = metrics.setdefault(name, DetectionMetric(pipeline.card.classes, 1.0))
            metric.add(
                found.boxes[known],
                found.scores[known],
                found.labels[known],
                boxes[objects],
                entry.labels[objects],
                boxes[entry.picture.ignore],
                entry.known,
            )
        if progress is not None:
            progress()
    return {name: metric.compute() for name, metric in metrics.items()}


def _source(entry: Entry) -> Source:
    path = entry.picture.path
    return Source(str(path), PurePosixPath(path.name), path.read_bytes, path)
