"""Log-mel features in NumPy: one function for training and prediction, for clips and for streams.

Frame t is made of the samples t*hop .. t*hop+window and of no others (nothing is padded), so that
the frames of a stream are those of the whole recording. Settings as in torchaudio's
`MelSpectrogram(center=False, mel_scale="htk", norm=None)`: a periodic Hann window, its power
spectrum, triangular filters of equal width on HTK's mel scale; then the natural logarithm of what
is above a floor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnntasks import ModelCard, ModelError

Samples = NDArray[np.float32]
Features = NDArray[np.float32]

#: Frames that are transformed together: few enough that they stay in a core's cache.
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class LogMel:
    """How samples become features.

    Attributes:
        rate: of the samples, in Hz.
        window_ms: length of a frame in milliseconds; also the length of its Fourier transform.
        hop_ms: from the start of one frame to the next.
        n_mels: M, number of filters.
        low, high: outer edges of the first and last filter in Hz; `high` is half the rate when 0.
        floor: power below which a filter's output is taken for silence.
    """

    rate: int
    window_ms: float = 30.0
    hop_ms: float = 10.0
    n_mels: int = 40
    low: float = 20.0
    high: float = 0.0
    floor: float = 1e-6

    @classmethod
    def from_card(cls, card: ModelCard) -> LogMel:
        """The features that a model was trained on.

        Raises:
            ModelError: its card does not say, or what it says cannot be.
        """
        return cls.from_preprocessing(card.preprocessing, card.name)

    @classmethod
    def from_preprocessing(cls, preprocessing: Mapping[str, Any], name: str) -> LogMel:
        """The same, of the `preprocessing` of the card called `name`."""
        try:
            made = cls(**{key: preprocessing[key] for key in cls.__slots__})
        except KeyError as error:
            raise ModelError(
                f"{name}: its card does not say {error.args[0]!r} of the features; it is not a "
                "model for speech, or of another version"
            ) from error
        if not made._possible():
            raise ModelError(f"{name}: the features that its card describes cannot be computed")
        return made

    def to_dict(self) -> dict[str, Any]:
        """What belongs into a card's `preprocessing`."""
        return {**asdict(self), "high": self.upper}

    def _possible(self) -> bool:
        values = [getattr(self, name) for name in self.__slots__]
        return (
            all(isinstance(value, int | float) for value in values)
            and self.rate > 0
            and self.window > 1
            and 0 < self.hop <= self.window
            and self.n_mels > 0
            and 0 <= self.low < self.upper <= self.rate / 2
            and self.floor > 0
        )

    @property
    def window(self) -> int:
        """Samples of a frame."""
        return round(self.rate * self.window_ms / 1000)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return round(self.rate * self.hop_ms / 1000)

    @property
    def upper(self) -> float:
        """`high`, or half the rate."""
        return self.high or self.rate / 2

    def frames(self, samples: int) -> int:
        """How many frames so many samples give."""
        return 0 if samples < self.window else (samples - self.window) // self.hop + 1

    def samples(self, frames: int) -> int:
        """How many samples so many frames are made of."""
        return 0 if frames < 1 else (frames - 1) * self.hop + self.window

    def log_mel(self, samples: ArrayLike) -> Features:
        """N samples (mono, float, in -1..1) to M×T; T is 0 for less than a frame."""
        wave = np.ascontiguousarray(samples, dtype=np.float32)
        count = self.frames(len(wave))
        found = np.empty((self.n_mels, count), np.float32)
        if not count:
            return found
        frames = np.lib.stride_tricks.sliding_window_view(wave, self.window)[:: self.hop]
        for start in range(0, count, _AT_ONCE):
            block = frames[start : start + _AT_ONCE]
            found[:, start : start + len(block)] = self._transform(block).T
        return found

    def _transform(self, frames: Samples) -> Features:
        """T×window samples to T×M."""
        window, filters = _tables(self.rate, self.window, self.n_mels, self.low, self.upper)
        spectrum = np.fft.rfft(frames * window, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        return np.log(np.maximum(power @ filters, self.floor)).astype(np.float32)


class LogMelStream:
    """The same features of samples that come piece by piece, at flat memory.

    Args:
        features: see `LogMel`.
    """

    def __init__(self, features: LogMel) -> None:
        self.features = features
        self._rest = np.zeros(0, np.float32)

    def push(self, block: ArrayLike) -> Features:
        """Further samples; returns the frames that are complete now, M×t, t from 0 on."""
        wave = np.concatenate([self._rest, np.asarray(block, dtype=np.float32)])
        found = self.features.log_mel(wave)
        self._rest = wave[found.shape[1] * self.features.hop :]
        return found


def frames_of(features: LogMel, blocks: Iterator[Samples]) -> Iterator[Features]:
    """The features of a stream of sample blocks; blocks that complete no frame give nothing."""
    stream = LogMelStream(features)
    for block in blocks:
        found = stream.push(block)
        if found.shape[1]:
            yield found


def hertz_to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """HTK's scale: 2595 log10(1 + f / 700)."""
    return 2595.0 * np.log10(1.0 + hertz / 700.0)


def mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of `hertz_to_mel`."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def mel_filters(
    rate: int, transform: int, n_mels: int, low: float, high: float
) -> NDArray[np.float64]:
    """Triangular filters, (transform/2+1)×n_mels: each rises from the centre of the filter before
    to 1 at its own, and falls to the centre of the next one."""
    bins = np.linspace(0.0, rate / 2, transform // 2 + 1)
    ends = hertz_to_mel(np.array([low, high], np.float64))
    edges = mel_to_hertz(np.linspace(ends[0], ends[1], n_mels + 2))
    widths = np.diff(edges)
    rising = (bins[:, None] - edges[None, :-2]) / widths[:-1]
    falling = (edges[None, 2:] - bins[:, None]) / widths[1:]
    return np.maximum(0.0, np.minimum(rising, falling))


@lru_cache(maxsize=8)
def _tables(
    rate: int, window: int, n_mels: int, low: float, high: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The Hann window and the filters, computed once for all clips."""
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(window) / window)
    return hann, mel_filters(rate, window, n_mels, low, high)
