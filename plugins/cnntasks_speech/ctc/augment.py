"""How utterances are changed in training, so that a few speakers stand for many. NumPy only.

- Resampling by a random factor moves pitch and formants together, as a shorter or longer vocal
  tract does, and changes the tempo; then the hop of the features is drawn anew, which stretches
  time and nothing else. So tempo and voice vary independently.
- Noise of a room, or of recordings where there are some; another level; a smooth random filter,
  as another microphone and room have, which adds a curve to log-mel features.
- SpecAugment (Park et al. 2019): runs of mel channels and of frames are hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cnntasks_speech.ctc.compose import Samples, room_noise, root_mean_square
from cnntasks_speech.features import Features, LogMel

#: Points of the random filter's curve.
_CURVE = 6


@dataclass(frozen=True, slots=True)
class Strength:
    """How much utterances are changed.

    Attributes:
        voice: largest change of pitch and formants, the natural logarithm of a factor.
        tempo: of the tempo, likewise.
        level: softest and loudest root mean square in dB below full scale.
        noise: how often there is noise.
        snr: of speech and noise in dB, lowest and highest.
        curve: standard deviation of the filter's curve, in natural logarithms of power.
        mel_mask, time_mask: longest run of channels, and of frames, that is hidden.
        frames_per_mask: of the latter there is one in so many frames.
    """

    voice: float = 0.15
    tempo: float = 0.2
    level: tuple[float, float] = (-46.0, -14.0)
    noise: float = 0.6
    snr: tuple[float, float] = (8.0, 40.0)
    curve: float = 0.7
    mel_mask: int = 8
    time_mask: int = 12
    frames_per_mask: int = 150

    def scaled(self, factor: float) -> Strength:
        """Everything that is a strength of its own by a factor; 0 for none but the level."""
        return replace(
            self,
            voice=self.voice * factor,
            tempo=self.tempo * factor,
            noise=min(self.noise * factor, 1.0),
            curve=self.curve * factor,
            mel_mask=round(self.mel_mask * factor),
            time_mask=round(self.time_mask * factor),
        )


class Augment:
    """Features of changed utterances.

    Args:
        features: of the model.
        strength: see there.
        noise: recordings of noise at the features' rate.
    """

    def __init__(self, features: LogMel, strength: Strength, noise: Sequence[Samples] = ()) -> None:
        self.features = features
        self.strength = strength
        self.noise = [it for it in noise if len(it)]

    def __call__(self, samples: Samples, random: np.random.Generator) -> Features:
        """The features of an utterance as another speaker might have said it elsewhere, M×T."""
        return self.timed(samples, random)[0]

    def timed(self, samples: Samples, random: np.random.Generator) -> tuple[Features, float]:
        """The same, and how many frames a second of the utterance has become."""
        strength = self.strength
        factor = float(np.exp(random.uniform(-strength.voice, strength.voice)))
        wave = resampled(samples, factor)
        wanted = 10 ** (random.uniform(*strength.level) / 20)
        wave = wave * np.float32(wanted / max(root_mean_square(wave), 1e-5))
        if random.random() < strength.noise:
            level = wanted * 10 ** (-random.uniform(*strength.snr) / 20)
            wave = wave + self._noise(len(wave), level, random)
        slower = float(np.exp(random.uniform(-strength.tempo, strength.tempo)))
        hop = min(self.features.hop_ms * slower, self.features.window_ms)
        stretched = replace(self.features, hop_ms=hop)
        found = stretched.log_mel(wave.clip(-1, 1))
        rate = self.features.rate / factor / stretched.hop
        return self._masked(self._filtered(found, random), random), rate

    def _noise(self, count: int, level: float, random: np.random.Generator) -> Samples:
        if not self.noise or random.random() < 0.5:
            return room_noise(count, level, random)
        recording = self.noise[int(random.integers(len(self.noise)))]
        start = int(random.integers(len(recording)))
        cut = np.resize(recording[start:] if len(recording) - start >= count else recording, count)
        return cut * np.float32(level / max(root_mean_square(cut), 1e-5))

    def _filtered(self, features: Features, random: np.random.Generator) -> Features:
        n_mels = len(features)
        points = random.normal(0.0, self.strength.curve, _CURVE)
        curve = np.interp(np.linspace(0, _CURVE - 1, n_mels), np.arange(_CURVE), points)
        floor = np.float32(np.log(self.features.floor))
        filtered: Features = np.maximum(features + curve[:, None].astype(np.float32), floor)
        return filtered

    def _masked(self, features: Features, random: np.random.Generator) -> Features:
        """Hidden is what becomes the mean of all."""
        n_mels, frames = features.shape
        if not frames:
            return features
        mean = features.mean()
        for _ in range(2):
            start, stop = _run(n_mels, self.strength.mel_mask, random)
            features[start:stop] = mean
        for _ in range(max(frames // self.strength.frames_per_mask, 1)):
            start, stop = _run(frames, min(self.strength.time_mask, frames // 4), random)
            features[:, start:stop] = mean
        return features


def _run(size: int, longest: int, random: np.random.Generator) -> tuple[int, int]:
    length = int(random.integers(min(longest, size) + 1))
    start = int(random.integers(size - length + 1))
    return start, start + length


def resampled(samples: Samples, factor: float) -> NDArray[np.float32]:
    """Played `factor` times as fast, so higher by that factor, by linear interpolation.

    Its error lies far below the noise that is added.
    """
    count = max(int(len(samples) / factor), 1)
    places = np.arange(count) * factor
    played: NDArray[np.float32] = np.interp(places, np.arange(len(samples)), samples).astype("f4")
    return played
