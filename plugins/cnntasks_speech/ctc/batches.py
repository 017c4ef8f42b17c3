"""From utterances, recorded or composed, to training batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from cnntasks import EpochSampler
from cnntasks_speech.ctc.augment import Augment
from cnntasks_speech.ctc.compose import Composer, Samples, Utterance
from cnntasks_speech.ctc.units import Speller
from cnntasks_speech.features import Features, LogMel

#: Utterances of a manifest that are sorted by length together.
_SORTED_TOGETHER = 20
#: What a composed word takes on average with the pause behind it, and what lies around all words.
_WORD_SECONDS, _AROUND_SECONDS = 0.55, 0.4

#: What no framewise target is given for.
IGNORED = -1
#: Of a word's duration, so much at its beginning and end is no framewise target.
_EDGE = 0.25

#: Features M×T, units, and for each output frame its unit (0 is the blank), if that is known.
Example = tuple[Features, NDArray[np.int64], NDArray[np.int64] | None]


@dataclass(frozen=True, slots=True)
class CtcBatch:
    """One batch.

    Attributes:
        features: B×M×T, anything behind an utterance.
        lengths: B, frames of each.
        targets: the units of all utterances, one behind the other.
        target_lengths: B.
        frames: B×T' the unit of each output frame, `IGNORED` where there is none to learn; None
            where nobody knows.
    """

    features: Tensor
    lengths: Tensor
    targets: Tensor
    target_lengths: Tensor
    frames: Tensor | None = None

    def to(self, device: torch.device, **_: Any) -> CtcBatch:
        """The same on another device."""
        return CtcBatch(
            self.features.to(device),
            self.lengths.to(device),
            self.targets.to(device),
            self.target_lengths.to(device),
            None if self.frames is None else self.frames.to(device),
        )


def collate(examples: Sequence[Example]) -> CtcBatch:
    """Put examples together, the shorter ones padded with zeros."""
    lengths = torch.tensor([features.shape[1] for features, _, _ in examples])
    shape = (len(examples), examples[0][0].shape[0], int(lengths.max()))
    features = np.zeros(shape, np.float32)
    for row, (found, _, _) in zip(features, examples, strict=True):
        row[:, : found.shape[1]] = found
    targets = torch.from_numpy(np.concatenate([units for _, units, _ in examples]))
    target_lengths = torch.tensor([len(units) for _, units, _ in examples])
    known = [frames for _, _, frames in examples if frames is not None]
    frames = None
    if len(known) == len(examples):
        frames = torch.full((len(known), max(len(it) for it in known)), IGNORED)
        for place, it in enumerate(known):
            frames[place, : len(it)] = torch.from_numpy(it)
    return CtcBatch(torch.from_numpy(features), lengths, targets, target_lengths, frames)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recorded utterance in memory.

    Attributes:
        samples: int16, at the model's rate.
        units: of its transcript.
        text: the transcript, normalised.
        name: of the recording.
    """

    samples: NDArray[np.int16]
    units: NDArray[np.int64]
    text: str
    name: str = ""

    def wave(self) -> Samples:
        """Float samples in -1..1."""
        return self.samples.astype(np.float32) * np.float32(1 / 32768)


class SpokenSet(Dataset[Example]):
    """Recorded utterances; an item is asked for by (index, seed).

    Args:
        utterances: see `Spoken`.
        features: of samples; gets a generator made of the seed.
    """

    def __init__(
        self,
        utterances: Sequence[Spoken],
        features: Callable[[Samples, np.random.Generator], Features],
    ) -> None:
        self.utterances = list(utterances)
        self.features = features

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, key: tuple[int, int]) -> Example:
        index, seed = key
        utterance = self.utterances[index]
        features = self.features(utterance.wave(), np.random.default_rng(seed))
        return features, utterance.units, None


class ComposedSet(Dataset[Example]):
    """Composed utterances; an item is asked for by (number of words, seed), and made then.

    Args:
        composer: makes them.
        speller: of the model.
        augment: changes them.
        stride: input frames per output frame.
    """

    def __init__(self, composer: Composer, speller: Speller, augment: Augment, stride: int) -> None:
        self.composer = composer
        self.speller = speller
        self.augment = augment
        self.stride = stride

    def __getitem__(self, key: tuple[int, int]) -> Example:
        count, seed = key
        random = np.random.default_rng(seed)
        utterance = self.composer.compose(random, count)
        units = self.speller.spell(" ".join(utterance.words))
        assert units is not None, "units are found in the words that are composed"
        features, rate = self.augment.timed(utterance.samples, random)
        frames = None
        if self.speller.kind == "words":
            count = -(-features.shape[1] // self.stride)
            frames = framewise(utterance, units, count, rate / self.stride)
        return features, np.array(units, np.int64), frames


def framewise(
    utterance: Utterance, units: Sequence[int], count: int, rate: float
) -> NDArray[np.int64]:
    """The unit of each output frame where it is beyond doubt: in the middle of a word its unit,
    outside of all words the blank; nothing near the edges of words.

    Args:
        utterance: with its words' times.
        units: of its words.
        count: of output frames.
        rate: output frames per second of the utterance.
    """
    found = np.zeros(count, np.int64)
    edges = []
    for (start, end), unit in zip(utterance.times, units, strict=True):
        edge = _EDGE * (end - start)
        outer = round(start * rate), round(end * rate) + 1
        inner = round((start + edge) * rate), round((end - edge) * rate) + 1
        found[outer[0] : outer[1]] = IGNORED
        edges.append((inner, unit))
    for (first, last), unit in edges:
        found[first:last] = unit
    return found


class SpokenOrder(EpochSampler):
    """Batches of recorded utterances of about one length, a function of (seed, epoch) alone.

    Args:
        seconds: of each utterance.
        batch_seconds: of a batch, with its padding, at most (an utterance may be longer).
        seed: of the order.
    """

    def __init__(self, seconds: Sequence[float], batch_seconds: float, seed: int) -> None:
        super().__init__(seed)
        self.seconds = np.array(seconds)
        self.batch_seconds = batch_seconds
        self.per_batch = max(int(batch_seconds / max(float(self.seconds.mean()), 1e-3)), 1)

    def __len__(self) -> int:
        return len(self._batches(np.random.default_rng((self.seed, self.epoch))))

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        random = self.random()
        batches = self._batches(random)
        for number in random.permutation(len(batches)).tolist():
            chosen = batches[number]
            seeds = random.integers(0, 2**62, len(chosen)).tolist()
            yield list(zip(chosen, seeds, strict=True))

    def _batches(self, random: np.random.Generator) -> list[list[int]]:
        order = random.permutation(len(self.seconds))
        together = self.per_batch * _SORTED_TOGETHER
        batches: list[list[int]] = []
        for start in range(0, len(order), together):
            part = order[start : start + together]
            batch: list[int] = []
            for index in part[np.argsort(self.seconds[part], kind="stable")].tolist():
                # The newest is the longest so far.
                if batch and (len(batch) + 1) * self.seconds[index] > self.batch_seconds:
                    batches.append(batch)
                    batch = []
                batch.append(index)
            batches.append(batch)
        return batches


class ComposedOrder(EpochSampler):
    """Batches of numbers of words, a function of (seed, epoch) alone.

    The utterances of a batch have about as many words, so that little of it is padding. At first
    all have few: a network that knows nothing learns from short ones what a word is.

    Args:
        shortest, longest: words of an utterance.
        batches: of an epoch.
        batch_seconds: of a batch, about.
        growing: epochs until the longest ones come.
        seed: of the order.
    """

    def __init__(
        self,
        shortest: int,
        longest: int,
        batches: int,
        batch_seconds: float,
        growing: int,
        seed: int,
    ) -> None:
        super().__init__(seed)
        self.shortest = shortest
        self.longest = longest
        self.batches = batches
        self.batch_seconds = batch_seconds
        self.growing = growing

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        random = self.random()
        longest = self.longest
        if self.epoch < self.growing:
            grown = (self.longest - self.shortest) * (self.epoch + 1) // (self.growing + 1)
            longest = self.shortest + max(grown, min(1, longest - self.shortest))
        for _ in range(self.batches):
            count = int(random.integers(self.shortest, longest + 1))
            seconds = count * _WORD_SECONDS + _AROUND_SECONDS
            size = max(int(self.batch_seconds / seconds), 2)
            counts = np.minimum(count + random.integers(0, 2, size), longest)
            seeds = random.integers(0, 2**62, size)
            yield list(zip(counts.tolist(), seeds.tolist(), strict=True))


def plain_features(features: LogMel) -> Callable[[Samples, np.random.Generator], Features]:
    """The features of samples as they are, for validation."""

    def compute(samples: Samples, random: np.random.Generator) -> Features:
        return features.log_mel(at_least(samples, features.window))

    return compute


def at_least(samples: Samples, count: int) -> Samples:
    """Samples with silence behind them where they are fewer."""
    missing = count - len(samples)
    return samples if missing <= 0 else np.pad(samples, (0, missing))


def spoken(utterance: Utterance, speller: Speller, name: str = "") -> Spoken | None:
    """A composed utterance as a recorded one; None where the model lacks one of its units."""
    text = " ".join(utterance.words)
    units = speller.spell(text)
    if units is None:
        return None
    samples = np.round(utterance.samples * 32767).astype(np.int16)
    return Spoken(samples, np.array(units, np.int64), text, name)
