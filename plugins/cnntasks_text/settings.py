"""How a text classifier is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextSettings:
    """Settings of text training; recorded in the card's recipe.

    Attributes:
        batch: texts per step.
        per_epoch: texts per epoch; all of them when None.
        dropout: of the maxima over time.
        embedding_dropout: of the embeddings.
        word_dropout: how often a token is shown as the unknown one.
        split_words: how often a known word is shown as its pieces, as an unknown one would be.
        crop: tokens of a longer text that are shown, a random stretch; 0 for all.
        label_smoothing: 0..1.
        workers: processes that load texts; 0 loads in the training process.
        seed: of order and noise.
    """

    batch: int = 100
    per_epoch: int | None = None
    dropout: float = 0.5
    embedding_dropout: float = 0.3
    word_dropout: float = 0.1
    split_words: float = 0.1
    crop: int = 0
    label_smoothing: float = 0.0
    workers: int = 0
    seed: int = 0
