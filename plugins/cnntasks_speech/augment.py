"""Augmentation of recordings for training, with torchaudio: speed, time shift, noise, gain, masks.

Everything but the masks happens to the samples, before the features are computed by the same code
as for prediction. Randomness comes from the generator that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchaudio import functional, transforms

#: Speeds are multiples of this, so that few resampling filters are needed.
_STEP = 0.05


@dataclass(frozen=True, slots=True)
class Strength:
    """How strongly recordings are changed.

    Attributes:
        speed: largest change of tempo and pitch together (resampling), as a fraction.
        shift_ms: largest shift in time.
        noise: how often background noise is mixed in.
        snr: lowest and highest signal-to-noise ratio in dB.
        gain: softest and loudest in dB.
        time_mask, mel_mask: longest run of frames, and of mel channels, that is hidden
            (SpecAugment, Park et al. 2019).
        masks: how many of each.
    """

    speed: float = 0.15
    shift_ms: float = 100.0
    noise: float = 0.8
    snr: tuple[float, float] = (0.0, 30.0)
    gain: tuple[float, float] = (-15.0, 5.0)
    time_mask: int = 20
    mel_mask: int = 8
    masks: int = 2


@dataclass(frozen=True, slots=True)
class Noise:
    """Long recordings of background noise, to mix in and to cut silence from.

    Attributes:
        recordings: int16 samples each.
    """

    recordings: Sequence[NDArray[np.int16]] = field(default_factory=tuple)

    def __bool__(self) -> bool:
        return bool(self.recordings)

    def cut(self, samples: int, random: torch.Generator) -> Tensor:
        """A random stretch of a random recording: float32, repeated where it is too short."""
        recording = self.recordings[_integer(len(self.recordings), random)]
        if len(recording) < samples:
            recording = np.tile(recording, -(-samples // len(recording)))
        start = _integer(len(recording) - samples + 1, random)
        return torch.from_numpy(recording[start : start + samples].astype(np.float32) / 32768)


@dataclass(frozen=True, slots=True)
class Augment:
    """Changes recordings at random.

    Attributes:
        rate: of the samples in Hz.
        strength: see there.
        noise: background noise; without any, none is mixed in.
    """

    rate: int
    strength: Strength = field(default_factory=Strength)
    noise: Noise = field(default_factory=Noise)

    def __call__(self, waves: Tensor, random: torch.Generator) -> Tensor:
        """B×N to B×N, in -1..1."""
        waves = self._place(self._speeds(waves, random), waves.shape[1], random)
        waves = self._with_noise(waves, random)
        low, high = self.strength.gain
        gain = low + (high - low) * torch.rand(len(waves), 1, generator=random)
        return (waves * 10 ** (gain / 20)).clamp(-1, 1)

    def _speeds(self, waves: Tensor, random: torch.Generator) -> list[Tensor]:
        """Each faster or slower, so shorter or longer; pitch and formants move as well."""
        most = round(self.strength.speed / _STEP)
        steps = torch.randint(-most, most + 1, (len(waves),), generator=random)
        found = list(waves)
        for step in sorted(set(steps.tolist())):
            if step:
                rows = (steps == step).nonzero()[:, 0]
                changed = _resampler(round(100 * (1 + step * _STEP)))(waves[rows])
                for row, wave in zip(rows.tolist(), changed, strict=True):
                    found[row] = wave
        return found

    def _place(self, waves: Sequence[Tensor], samples: int, random: torch.Generator) -> Tensor:
        """The middle of each, shifted in time; zeros where nothing is."""
        most = round(self.strength.shift_ms / 1000 * self.rate)
        placed = torch.zeros(len(waves), samples)
        for row, wave in enumerate(waves):
            start = (samples - len(wave)) // 2 + _integer(2 * most + 1, random) - most
            first, last = max(0, start), min(samples, start + len(wave))
            if first < last:
                placed[row, first:last] = wave[first - start : last - start]
        return placed

    def _with_noise(self, waves: Tensor, random: torch.Generator) -> Tensor:
        """Noise at a random ratio; what is silent stays silent."""
        if not self.noise or not self.strength.noise:
            return waves
        noise = torch.stack([self.noise.cut(waves.shape[1], random) for _ in waves])
        low, high = self.strength.snr
        snr = low + (high - low) * torch.rand(len(waves), generator=random)
        noisy = functional.add_noise(waves, noise + 1e-9, snr)
        chosen = torch.rand(len(waves), 1, generator=random) < self.strength.noise
        return torch.where(chosen & noisy.isfinite().all(dim=1, keepdim=True), noisy, waves)

    def mask(self, features: Tensor, random: torch.Generator) -> Tensor:
        """SpecAugment on B×M×T: runs of frames and of channels get the mean of their recording."""
        hidden = torch.zeros(features.shape, dtype=torch.bool)
        for axis, longest in ((1, self.strength.mel_mask), (2, self.strength.time_mask)):
            for _ in range(self.strength.masks if longest else 0):
                hidden |= _run(features, axis, longest, random)
        return torch.where(hidden, features.mean(dim=(1, 2), keepdim=True), features)


def _run(features: Tensor, axis: int, longest: int, random: torch.Generator) -> Tensor:
    """One run along an axis, of another length and place in each recording: B×M×1 or B×1×T."""
    size = features.shape[axis]
    length = torch.rand(len(features), 1, generator=random) * min(longest, size)
    start = torch.rand(len(features), 1, generator=random) * (size - length)
    places = torch.arange(size)
    hidden = (places >= start.floor()) & (places < start.floor() + length.floor())
    return hidden.unsqueeze(3 - axis)


def _integer(below: int, random: torch.Generator) -> int:
    return int(torch.randint(below, (), generator=random))


@lru_cache(maxsize=64)
def _resampler(percent: int) -> Callable[[Tensor], Tensor]:
    """Plays at `percent` of the speed."""
    made: Callable[[Tensor], Tensor] = transforms.Resample(percent, 100, lowpass_filter_width=6)
    return made
