"""Detections judged one by one: right or wrong, and which objects were missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics.classification import BinaryCalibrationError

from cnntasks_detect.suppression import box_overlaps, parts_inside


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture's detections beside its objects; all boxes are xyxy in pixels of the picture.

    Attributes:
        number: of the picture in the evaluation.
        boxes: N×4, detections of labelled classes, best first.
        scores: N, 0..1.
        labels: N, class index.
        right: N bool, an object of the class was found that no better detection had found.
        counted: N bool, false for what lies mostly in a region to ignore.
        objects: M×4, what is there.
        kinds: M, class index.
        found: M, the detection that found the object, or -1.
    """

    number: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    right: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    objects: NDArray[np.float32]
    kinds: NDArray[np.int64]
    found: NDArray[np.int64]

    def counts(self, threshold: float) -> tuple[int, int, int]:
        """How many detections of at least that score are right and wrong, and objects missed."""
        shown = self.scores >= threshold
        right = int((shown & self.right).sum())
        wrong = int((shown & ~self.right & self.counted).sum())
        return right, wrong, len(self.objects) - right

    def f1(self, threshold: float) -> float:
        """Harmonic mean of precision and recall; 1 where there is nothing and nothing is found."""
        right, wrong, missed = self.counts(threshold)
        return 2 * right / (2 * right + wrong + missed) if right + wrong + missed else 1.0


def judge(
    number: int,
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    labels: NDArray[np.int64],
    objects: NDArray[np.float32],
    kinds: NDArray[np.int64],
    ignore: NDArray[np.float32],
    overlap: float = 0.5,
) -> Judged:
    """Pair detections and objects as average precision does: the best detection chooses first.

    Args:
        number: of the picture.
        boxes, scores, labels: N detections, in any order.
        objects, kinds: M objects.
        ignore: K×4; what lies mostly in one of them is neither right nor wrong.
        overlap: intersection over union of a detection and the object that it finds.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, scores, labels = boxes[order], scores[order], labels[order]
    objects = objects.astype(np.float32).reshape(-1, 4)
    found = np.full(len(objects), -1, np.int64)
    right = np.zeros(len(boxes), bool)
    overlaps = box_overlaps(boxes, objects)
    for place, label in enumerate(labels):
        fitting = np.where((kinds == label) & (found < 0), overlaps[place], 0.0)
        best = int(fitting.argmax()) if len(fitting) else -1
        if best >= 0 and fitting[best] >= overlap:
            right[place], found[best] = True, place
    hidden = (parts_inside(boxes, ignore.reshape(-1, 4)) > 0.5).any(axis=1)
    kinds = kinds.astype(np.int64)
    return Judged(number, boxes, scores, labels, right, right | ~hidden, objects, kinds, found)


def calibration(
    judged: Sequence[Judged], least: float = 0.05
) -> tuple[NDArray[np.float32], NDArray[np.bool_], float]:
    """Scores of at least `least`, whether each was right, and the expected calibration error.

    The error is that of Guo et al. 2017, equation 3, over ten equal intervals of the score.
    """
    pairs = [
        (it.scores[keep], it.right[keep])
        for it in judged
        for keep in [it.counted & (it.scores >= least)]
    ]
    scores = np.concatenate([np.zeros(0, np.float32), *(part for part, _ in pairs)])
    right = np.concatenate([np.zeros(0, bool), *(part for _, part in pairs)])
    if not len(scores):
        return scores, right, 0.0
    error = BinaryCalibrationError(n_bins=10, norm="l1")
    return scores, right, float(error(torch.from_numpy(scores), torch.from_numpy(right).int()))
