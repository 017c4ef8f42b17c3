"""The last step of detection, in NumPy: which of the overlapping boxes remain."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def box_overlaps(boxes: Floats, others: Floats) -> Floats:
    """Intersection over union of N×4 and M×4 xyxy boxes: N×M in 0..1."""
    shared = _shared(boxes, others)
    union = _areas(boxes)[:, None] + _areas(others)[None] - shared
    overlaps: Floats = shared / np.maximum(union, 1e-9)
    return overlaps


def parts_inside(boxes: Floats, regions: Floats) -> Floats:
    """Which part of each of N×4 xyxy boxes lies in each of M×4 regions: N×M in 0..1."""
    parts: Floats = _shared(boxes, regions) / np.maximum(_areas(boxes)[:, None], 1e-9)
    return parts


def _shared(boxes: Floats, others: Floats) -> Floats:
    top_left = np.maximum(boxes[:, None, :2], others[None, :, :2])
    bottom_right = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    area: Floats = np.clip(bottom_right - top_left, 0, None).prod(axis=2)
    return area


def _areas(boxes: Floats) -> Floats:
    areas: Floats = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)
    return areas


def suppress_overlaps(
    boxes: Floats,
    scores: Floats,
    labels: NDArray[np.integer[Any]],
    overlap: float,
    most: int,
) -> NDArray[np.intp]:
    """Greedy non-maximum suppression within each class (Girshick et al. 2014, section 2.3).

    Args:
        boxes: N×4 xyxy.
        scores: N.
        labels: N; boxes of different classes never suppress each other.
        overlap: intersection over union above which the lower-scoring box is dropped, 0..1.
        most: at most this many boxes are kept.

    Returns:
        Indices of the kept boxes, highest score first.
    """
    order = np.argsort(-scores, kind="stable")
    if not len(order):
        return order
    same = labels[order][:, None] == labels[order][None]
    clash = (box_overlaps(boxes[order], boxes[order]) > overlap) & same
    alive = np.ones(len(order), bool)
    for place in range(len(order)):
        if alive[place]:
            alive[place + 1 :] &= ~clash[place, place + 1 :]
    return order[alive][:most]


def soften_overlaps(
    boxes: Floats,
    scores: Floats,
    labels: NDArray[np.integer[Any]],
    sigma: float,
    most: int,
    least: float,
) -> tuple[NDArray[np.intp], Floats]:
    """Soft non-maximum suppression within each class (Bodla et al. 2017, equation 3).

    A box is not dropped for lying on a better one: its score is multiplied by exp(-overlap²/σ),
    so that of two objects behind each other both are found.

    Args:
        boxes: N×4 xyxy.
        scores: N.
        labels: N; boxes of different classes do not change each other.
        sigma: how far the scores of overlapping boxes fall; the smaller, the further.
        most: at most this many boxes are kept.
        least: lowest score, after that, of a box that is kept.

    Returns:
        Indices of the kept boxes, highest score first, and their scores.
    """
    left = scores.astype(np.float64)
    order: list[int] = []
    found: list[float] = []
    while len(left) and len(order) < most:
        best = int(left.argmax())
        score = float(left[best])
        if score < least or score <= 0:
            break
        order.append(best)
        found.append(score)
        overlaps = box_overlaps(boxes[best : best + 1], boxes)[0]
        overlaps[labels != labels[best]] = 0.0
        left = left * np.exp(-(overlaps**2) / sigma)
        left[best] = 0.0
    return np.array(order, np.intp), np.array(found, scores.dtype)
