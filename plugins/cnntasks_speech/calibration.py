"""Probabilities at a temperature, and the threshold that is best on validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Thresholds that are tried.
_THRESHOLDS = np.round(np.arange(0.05, 0.99, 0.01), 2)


def probabilities_of(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """N×K logits to probabilities at a temperature."""
    scaled = logits / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = scaled / scaled.sum(axis=1, keepdims=True)
    return found


def find_threshold(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], rejects: Sequence[int]
) -> tuple[float, float]:
    """The threshold with the best F1 of spotting words in clips, and that F1.

    A word is spotted where it is the likeliest class and no less probable than the threshold. It is
    right where the clip is of that word; clips of words that are not spotted rightly are missed.

    Args:
        probabilities: N×K.
        labels: N, the true classes.
        rejects: the classes that are no words.
    """
    best = probabilities.argmax(axis=1)
    score = probabilities.max(axis=1)
    is_word = ~np.isin(labels, rejects)
    found_word = ~np.isin(best, rejects)
    scores = []
    for threshold in _THRESHOLDS:
        spotted = found_word & (score >= threshold)
        right = int((spotted & (best == labels)).sum())
        scores.append(2 * right / max(int(spotted.sum()) + int(is_word.sum()), 1))
    place = int(np.argmax(scores))
    return float(_THRESHOLDS[place]), float(scores[place])
