"""Small labelled pictures, and cards and networks that are trained on them in a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from cnntasks_classify.data import Example
from cnntasks_classify.learner import ClassificationLearner, ClassificationSettings
from cnntasks_classify.network import PictureClassifier, build
from numpy.typing import NDArray

import cnntasks

KINDS = ("top", "left", "disk")
#: Nothing is distorted, so that a training takes as little time as possible.
PLAIN = {"batch": 12, "area": 1.0, "flip": 0.0, "color": 0.0, "backbone_rate": 1.0}


def pattern(kind: int, seed: int) -> NDArray[np.uint8]:
    """28×28, light on dark: the upper half, the left half or a disk, each a little different."""
    random = np.random.default_rng((kind, seed))
    y, x = np.mgrid[:28, :28] - 13.5 + random.uniform(-1, 1, (2, 1, 1))
    inside = np.hypot(x, y) < 10
    shapes = (y < 0, x < 0, np.hypot(x, y) < 5)
    ink = (shapes[kind] & inside) * random.uniform(200, 255)
    return ink.astype(np.uint8)


def patterns(count: int, first: int = 0) -> list[Example]:
    """As many of each class, by turns."""
    return [
        Example(f"pattern[{number}]", number % 3, None, pattern(number % 3, number))
        for number in range(first, first + count)
    ]


def pattern_card(classes: tuple[str, ...] = KINDS, **preprocessing: Any) -> cnntasks.ModelCard:
    """LeNet-5 for patterns."""
    return cnntasks.ModelCard(
        name="tiny",
        task="classify",
        network={"name": "classifier", "backbone": "lenet5"},
        classes=classes,
        preprocessing={
            "color": "L",
            "resize": 28,
            "crop": 32,
            "fit": "longer",
            "interpolation": "bilinear",
            "fill": 0,
            "light_on_dark": True,
            "mean": [20.0],
            "std": [200.0],
            **preprocessing,
        },
    )


def small_network(card: cnntasks.ModelCard, seed: int = 0) -> PictureClassifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(card)


def pattern_learner(**settings: Any) -> ClassificationLearner:
    """24 patterns to learn from and 9 that validate."""
    return ClassificationLearner(
        pattern_card(),
        ClassificationSettings(**{**PLAIN, **settings}),
        patterns(24),
        patterns(9, first=300),
    )


def write_model(folder: Path) -> cnntasks.ModelCard:
    """Train for 24 steps and write the model folder."""
    card = pattern_card()
    return cnntasks.train_model(
        small_network(card),
        pattern_learner(batch=8),
        card,
        folder,
        cnntasks.FitSettings(epochs=8, rate=3e-3, ema=0.5),
        device="cpu",
        progress=False,
    )
