"""Probabilities that mean what they say: temperature scaling (Guo et al. 2017, section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnntasks import ModelCard, load, update_card
from cnntasks_text.data import TextExample
from cnntasks_text.measure import measure

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


def calibrated(folder: Path, card: ModelCard, validation: Sequence[TextExample]) -> ModelCard:
    """Calibrate the model of a folder on its validation part, and measure it there.

    Args:
        folder: of the model; its card is replaced.
        card: as it is.
        validation: labelled by the card's classes.

    Returns:
        The card with the temperature and the metrics.

    Raises:
        ModelError: the folder holds no such model.
    """
    update_card(folder, card)
    pipeline = load("text", folder.resolve(), top=None)
    texts = [example.text for example in validation]
    logits = np.zeros((len(texts), len(card.classes)))
    for row, result in zip(logits, pipeline(texts), strict=True):
        # Logits but for a constant, which a temperature leaves without effect.
        row[result.labels] = np.log(np.maximum(result.probabilities, 1e-12))
    labels = np.array([example.label for example in validation])
    temperature = round(find_temperature(logits, labels), 3)
    card = replace(card, defaults={**card.defaults, "temperature": temperature})
    update_card(folder, card)
    score, _ = measure(load("text", folder.resolve(), top=None), validation)
    metrics = {f"validation_{name}": round(value, 4) for name, value in score.metrics.items()}
    return replace(card, metrics=metrics)
