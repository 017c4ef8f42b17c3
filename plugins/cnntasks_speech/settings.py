"""How a word spotter is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpotSettings:
    """Settings of the training of a spotter; recorded in the card's recipe.

    Attributes:
        batch: recordings per step.
        unknown: recordings of unknown words per epoch, as a fraction of those of words; the paper
            (Warden 2018) has 0.1.
        silence: windows cut out of background noise per epoch, likewise.
        extra: recordings of further data per epoch, likewise.
        cut: how often only the beginning or end of a word is left in its window, which then is
            unknown: so a window that slides over a word learns to wait for it.
        speed, shift, noise, masks: see `augment.Strength`; masks of both kinds.
        label_smoothing: 0..1.
        dropout: of the mean over a window.
        workers: processes that load and change recordings; 0 does it in the training process.
        seed: of order and augmentation.
    """

    batch: int = 64
    unknown: float = 0.4
    silence: float = 0.1
    extra: float = 0.25
    cut: float = 0.05
    speed: float = 0.15
    shift: float = 100.0
    noise: float = 0.8
    masks: int = 1
    label_smoothing: float = 0.1
    dropout: float = 0.2
    workers: int = 0
    seed: int = 0
