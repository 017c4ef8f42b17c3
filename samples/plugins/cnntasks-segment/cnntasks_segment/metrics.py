"""What segmentation is measured by: intersection over union of each class, and their mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnntasks import Score
from cnntasks_segment.geometry import IGNORED


class Confusion:
    """Counts pixels by true and found class; those that belong to none do not count.

    Args:
        classes: names of the classes.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.matrix = np.zeros((len(self.classes), len(self.classes)), np.int64)

    def add(self, truth: NDArray[np.uint8], found: NDArray[np.uint8]) -> None:
        """Count the pixels of two equal arrays of class numbers."""
        kept = truth != IGNORED
        size = len(self.classes)
        pairs = truth[kept].astype(np.int64) * size + found[kept]
        self.matrix += np.bincount(pairs, minlength=size * size).reshape(size, size)

    def score(self) -> Score:
        """The mean over classes (`mIoU`), the part of right pixels, and a row for each class.

        IoU is the pixels that both say, divided by those that either says (Everingham et al. 2010,
        section 4.4). A class that neither has is left out of the mean.
        """
        both = np.diag(self.matrix).astype(np.float64)
        truth, found = self.matrix.sum(axis=1), self.matrix.sum(axis=0)
        either = truth + found - both
        there = either > 0
        rows: list[dict[str, Any]] = [
            {
                "class": self.classes[number],
                "pixels": int(truth[number]),
                "IoU": float(both[number] / either[number]),
                "recall": float(both[number] / truth[number]) if truth[number] else 0.0,
            }
            for number in np.flatnonzero(there)
        ]
        total = self.matrix.sum()
        metrics = {
            "mIoU": float((both[there] / either[there]).mean()) if there.any() else 0.0,
            "pixel_accuracy": float(both.sum() / total) if total else 0.0,
        }
        return Score(metrics, rows)
