"""From recordings with their words to training batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from cnntasks import EpochSampler
from cnntasks_speech.audio import read_audio
from cnntasks_speech.augment import Augment, Noise
from cnntasks_speech.data import Clip
from cnntasks_speech.features import LogMel
from cnntasks_speech.settings import SpotSettings

#: Decoded windows are kept up to this many bytes; a training sees each of them many times.
_KEPT = 2**30
#: Instead of the number of a recording: a window of silence, to be cut out of noise.
SILENT = -1
#: A word that is cut is shifted by so many seconds: about a half of it stays, or less.
_CUT = (0.45, 0.75)

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch.

    Attributes:
        features: B×M×T float32.
        labels: B int64, index of the class.
        outputs: B int64, index of the network's output; equal to `labels` in validation.
    """

    features: Tensor
    labels: Tensor
    outputs: Tensor

    def to(self, device: torch.device, **_: Any) -> Batch:
        """The same on another device."""
        return Batch(*(getattr(self, name).to(device) for name in self.__slots__))


@dataclass
class Windows:
    """The windows of recordings, decoded once.

    Attributes:
        clips: the recordings.
        rate: of the samples.
        samples: N of a window.
    """

    clips: Sequence[Clip]
    rate: int
    samples: int
    _kept: dict[int, NDArray[np.int16]] = field(default_factory=dict)

    def __getitem__(self, index: int) -> NDArray[np.int16]:
        """One window, N int16; shorter recordings lie in its middle.

        Of a longer recording it is the loudest window.

        Raises:
            InputError: the recording cannot be read.
        """
        kept = self._kept.get(index)
        if kept is None:
            kept = self._read(self.clips[index])
            if len(self._kept) * 2 * self.samples < _KEPT:
                self._kept[index] = kept
        return kept

    def _read(self, clip: Clip) -> NDArray[np.int16]:
        wave = read_audio(clip.path, self.rate).samples
        if clip.start is not None:
            wave = wave[round(clip.start * self.rate) :][: self.samples]
        if len(wave) > self.samples:
            energy = np.concatenate([[0.0], np.cumsum(wave.astype(np.float64) ** 2)])
            within = energy[self.samples :] - energy[: -self.samples]
            start = int(within.argmax())
            wave = wave[start : start + self.samples]
        spare = self.samples - len(wave)
        wave = np.pad(wave, (spare // 2, spare - spare // 2))
        return np.clip(np.round(wave * 32767), -32768, 32767).astype(np.int16)


def read_noise(paths: Sequence[Path], rate: int) -> Noise:
    """Recordings of background noise.

    Raises:
        InputError: one of them cannot be read.
    """
    recordings = [np.round(read_audio(path, rate).samples * 32767) for path in paths]
    return Noise(tuple(np.clip(it, -32768, 32767).astype(np.int16) for it in recordings))


class Keys(Dataset[Key]):
    """An item is asked for by (index, seed), and is just that: recordings change batch by batch."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, key: Key) -> Key:
        return key


class SpotOrder(EpochSampler):
    """Batches of words, unknown words, silence and further data; of each as many as told.

    A function of (seed, epoch) alone. Groups that are larger than their share give other
    recordings in each epoch.

    Args:
        groups: indices of the recordings of words, of unknown words and silence, and of further
            data.
        settings: give the shares.
        noise: whether silence can be cut out of noise.
        seed: of the order.
    """

    def __init__(
        self, groups: Sequence[Sequence[int]], settings: SpotSettings, noise: bool, seed: int
    ) -> None:
        super().__init__(seed)
        words, unknown, silent, extra = (np.array(group, np.int64) for group in groups)
        share = len(words) or len(unknown)
        self.whole = np.concatenate([words, silent])
        self.parts = (
            (unknown, min(len(unknown), round(settings.unknown * share))),
            (extra, min(len(extra), round(settings.extra * share))),
        )
        self.silence = round(settings.silence * share) if noise else 0
        count = len(self.whole) + sum(number for _, number in self.parts) + self.silence
        self.batch = min(settings.batch, count)
        self.batches = count // self.batch

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[Key]]:
        random = self.random()
        chosen = [random.choice(group, number, replace=False) for group, number in self.parts]
        order = np.concatenate([self.whole, *chosen, np.full(self.silence, SILENT)])
        order = random.permutation(order)
        seeds = random.integers(0, 2**62, len(order))
        for start in range(0, self.batches * self.batch, self.batch):
            part = slice(start, start + self.batch)
            yield list(zip(order[part].tolist(), seeds[part].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Collator:
    """Makes batches of features, changed at random if told so.

    Attributes:
        windows: the recordings.
        labels: class of each.
        outputs: output of each.
        features: how features are computed.
        augment: how recordings are changed; None for as they are.
        cut: see `SpotSettings`.
        unknown, silence: the classes; those of what is cut, and of noise.
    """

    windows: Windows
    labels: Sequence[int]
    outputs: Sequence[int]
    features: LogMel
    augment: Augment | None = None
    cut: float = 0.0
    unknown: int | None = None
    silence: int | None = None

    def __call__(self, keys: Sequence[Key]) -> Batch:
        """A batch."""
        random = torch.Generator().manual_seed(keys[0][1])
        size = self.windows.samples
        waves = np.zeros((len(keys), size), np.float32)
        labels = torch.zeros(len(keys), dtype=torch.int64)
        outputs = torch.zeros(len(keys), dtype=torch.int64)
        for row, (index, _) in enumerate(keys):
            if index == SILENT:
                assert self.augment is not None
                assert self.silence is not None
                volume = torch.rand((), generator=random)
                waves[row] = (self.augment.noise.cut(size, random) * volume).numpy()
                labels[row] = outputs[row] = self.silence
                continue
            waves[row] = self.windows[index].astype(np.float32) / 32768
            labels[row], outputs[row] = self.labels[index], self.outputs[index]
            if self.unknown is not None and labels[row] != self.silence:
                chosen = torch.rand((), generator=random) < self.cut
                if chosen:
                    waves[row] = self._cut(waves[row], random)
                    labels[row] = outputs[row] = self.unknown
        if self.augment is None:
            return Batch(self._features(waves), labels, outputs)
        changed = self.augment(torch.from_numpy(waves), random)
        features = self.augment.mask(self._features(changed.numpy()), random)
        return Batch(features, labels, outputs)

    def _features(self, waves: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(np.stack([self.features.log_mel(wave) for wave in waves]))

    def _cut(self, wave: NDArray[np.float32], random: torch.Generator) -> NDArray[np.float32]:
        """A window from which most of its word has gone, at one side or the other."""
        low, high = _CUT
        part, side = torch.rand(2, generator=random).tolist()
        shift = round((low + (high - low) * part) * self.windows.rate)
        shift = min(shift, len(wave))
        left = np.zeros_like(wave)
        if side < 0.5:
            left[shift:] = wave[: len(wave) - shift]
        else:
            left[: len(wave) - shift] = wave[shift:]
        return left
