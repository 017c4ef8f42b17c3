"""Probabilities that mean what they say, and the best threshold, both found on validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Between these a temperature is looked for; beyond them the validation part is a bad one.
_LOWEST, _HIGHEST = 0.25, 8.0
_GOLDEN = (5**0.5 - 1) / 2
#: Thresholds that are tried.
_THRESHOLDS = np.round(np.arange(0.05, 0.99, 0.01), 2)


def find_temperature(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The temperature by which logits have to be divided for the least cross-entropy.

    Guo et al. 2017, section 4.2, by golden-section search on its logarithm: the loss has one
    minimum there.

    Args:
        logits: N×K.
        labels: N.

    Returns:
        Between 0.25 and 8.
    """
    low, high = float(np.log(_LOWEST)), float(np.log(_HIGHEST))
    while high - low > 1e-4:
        first = high - _GOLDEN * (high - low)
        second = low + _GOLDEN * (high - low)
        if _loss(logits, labels, np.exp(first)) < _loss(logits, labels, np.exp(second)):
            high = second
        else:
            low = first
    return float(np.exp((low + high) / 2))


def _loss(logits: NDArray[np.float64], labels: NDArray[np.int64], temperature: float) -> float:
    log_probabilities = np.log(probabilities_of(logits, temperature) + 1e-30)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


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
