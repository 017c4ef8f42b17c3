"""Probabilities that mean what they say: temperature scaling (Guo et al. 2017, section 4.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Between these a temperature is looked for; beyond them the validation part is a bad one.
_LOWEST, _HIGHEST = 0.25, 8.0
_GOLDEN = (5**0.5 - 1) / 2


def find_temperature(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The temperature by which logits have to be divided for the least cross-entropy.

    Args:
        logits: N×K.
        labels: N.

    Returns:
        Between 0.25 and 8, found by golden-section search on its logarithm: the loss has one
        minimum there (it is convex in the inverse temperature).
    """
    low, high = np.log(_LOWEST), np.log(_HIGHEST)
    while high - low > 1e-4:
        first = high - _GOLDEN * (high - low)
        second = low + _GOLDEN * (high - low)
        if _loss(logits, labels, np.exp(first)) < _loss(logits, labels, np.exp(second)):
            high = second
        else:
            low = first
    return float(np.exp((low + high) / 2))


def _loss(logits: NDArray[np.float64], labels: NDArray[np.int64], temperature: float) -> float:
    scaled = logits / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    normaliser = np.log(np.exp(scaled).sum(axis=1))
    return float((normaliser - scaled[np.arange(len(labels)), labels]).mean())
