"""Probabilities that mean what they say: temperature scaling (Guo et al. 2017, section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cnntasks import ModelCard, find_temperature, load, update_card
from cnntasks_text.data import TextExample
from cnntasks_text.measure import measure


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
