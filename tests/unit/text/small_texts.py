"""Labelled sentences that a network of a few numbers learns in a second."""

from __future__ import annotations

import random
from typing import Any

from cnntasks_text.crossing import Training
from cnntasks_text.data import TextExample
from cnntasks_text.settings import TextSettings
from cnntasks_text.starting import Start
from cnntasks_text.tokenization import Vocabulary

import cnntasks

CLASSES = ("negative", "positive")
_WORDS = {0: ("awful", "boring", "dull"), 1: ("gripping", "funny", "lovely")}
_AROUND = ("the", "film", "is", "a", "story", "of", "people", "and", "music")


def sentences(count: int, seed: int = 0) -> list[TextExample]:
    """One word decides; the others say nothing."""
    chosen = random.Random(seed)
    examples = []
    for number in range(count):
        words = [chosen.choice(_AROUND) for _ in range(chosen.randint(0, 7))]
        words.insert(chosen.randint(0, len(words)), chosen.choice(_WORDS[number % 2]))
        examples.append(TextExample(" ".join(words), number % 2, f"{seed}:{number}"))
    return examples


def small_training(**changes: Any) -> Training:
    """A training of a few steps; `changes` are fields of its start."""
    start = {"dimensions": 8, "vocabulary": Vocabulary(pieces=100), **changes}
    settings = TextSettings(batch=16, per_epoch=160, embedding_dropout=0.1)
    fit = cnntasks.FitSettings(epochs=3, rate=1e-2, ema=0.5)
    return Training(Start("small", **start), settings, fit, CLASSES, "cpu")
