"""How a transcribing model is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CtcSettings:
    """Settings of CTC training; recorded in the card's recipe.

    Attributes:
        units: `"characters"` or `"words"`.
        compose: fewest and most words of a composed utterance; None to learn from the recordings
            as they are.
        batch_seconds: sound in a step, with padding, about.
        batches: of an epoch, where utterances are composed.
        growing: epochs until the longest composed utterances come.
        framewise: epochs over which a framewise loss, which tells where in a composed utterance
            each word lies, fades out: CTC alone takes long to find out that there are words.
        augment: strength of all augmentation; 1 is usual, 0 none.
        extra: how often a composed utterance is of the words of further data.
        dropout: 0..1.
        workers: processes that make batches; 0 makes them in the training process.
        seed: of order, composing and augmentation.
    """

    units: str = "characters"
    compose: tuple[int, int] | None = None
    batch_seconds: float = 60.0
    batches: int = 60
    growing: int = 2
    framewise: int = 3
    augment: float = 1.0
    extra: float = 0.3
    dropout: float = 0.1
    workers: int = 0
    seed: int = 0
