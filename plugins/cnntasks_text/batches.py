"""From labelled texts to training batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from cnntasks import EpochSampler
from cnntasks_text.tokenization import PADDING, UNKNOWN

#: Batches whose texts are sorted by length together: enough that a batch is hardly ever padded,
#: few enough that it is a random one.
_SORTED_TOGETHER = 50

Tokens = NDArray[np.int64]
Sample = tuple[Tokens, int, int]


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch.

    Attributes:
        tokens: B×L int64, 0 behind each text.
        labels: B, index of the class.
    """

    tokens: Tensor
    labels: Tensor

    def to(self, device: torch.device, **_: Any) -> Batch:
        """The same on another device."""
        return Batch(self.tokens.to(device), self.labels.to(device))


class TokenSet(Dataset[Sample]):
    """Tokens of texts with their label and seed; an item is asked for by (index, seed)."""

    def __init__(self, tokens: Sequence[Tokens], labels: Sequence[int]) -> None:
        self.tokens = list(tokens)
        self.labels = list(labels)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        index, seed = key
        return self.tokens[index], self.labels[index], seed


class Order(EpochSampler):
    """Batches of texts of about one length, a function of (seed, epoch) alone.

    Args:
        lengths: of the texts, in tokens.
        batch: texts per batch; the last one may be smaller.
        per_epoch: texts per epoch; all of them when None. Epochs go on in the order where the one
            before has stopped, so that all texts are seen equally often.
        seed: of the order.
    """

    def __init__(
        self, lengths: Sequence[int], batch: int, per_epoch: int | None, seed: int
    ) -> None:
        super().__init__(seed)
        self.lengths = np.array(lengths)
        self.batch = batch
        self.per_epoch = per_epoch or len(lengths)

    def __len__(self) -> int:
        return -(-self.per_epoch // self.batch)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        random = self.random()
        chosen = self._chosen()
        together = self.batch * _SORTED_TOGETHER
        batches = []
        for start in range(0, len(chosen), together):
            part = chosen[start : start + together]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            batches += [
                part[place : place + self.batch] for place in range(0, len(part), self.batch)
            ]
        for number in random.permutation(len(batches)).tolist():
            seeds = random.integers(0, 2**62, len(batches[number])).tolist()
            yield list(zip(batches[number].tolist(), seeds, strict=True))

    def _chosen(self) -> NDArray[np.int64]:
        """The texts of this epoch, out of an endless sequence of shuffled rounds over all."""
        count = len(self.lengths)
        first, last = self.epoch * self.per_epoch, (self.epoch + 1) * self.per_epoch
        rounds = range(first // count, -(-last // count))
        orders = [np.random.default_rng((self.seed, 1, n)).permutation(count) for n in rounds]
        start = first - rounds.start * count
        chosen: NDArray[np.int64] = np.concatenate(orders)[start : start + self.per_epoch]
        return chosen


@dataclass(frozen=True, slots=True)
class Collator:
    """Puts texts together, and adds noise if told so.

    Attributes:
        pieces: V×P, the pieces of known words, 0 where there is none.
        word_dropout, split_words, crop: see `TextSettings`.
    """

    pieces: NDArray[np.int32] | None = None
    word_dropout: float = 0.0
    split_words: float = 0.0
    crop: int = 0

    def __call__(self, samples: Sequence[Sample]) -> Batch:
        """A batch of texts, the shorter ones padded."""
        random = np.random.default_rng(samples[0][2])
        texts = [self._cropped(tokens, random) for tokens, _, _ in samples]
        flat, lengths = np.concatenate(texts), np.array([len(text) for text in texts])
        if self.split_words and self.pieces is not None and self.pieces.shape[1]:
            flat, lengths = self._split(flat, lengths, random)
        if self.word_dropout:
            flat = np.where(random.random(len(flat)) < self.word_dropout, UNKNOWN, flat)
        tokens = np.full((len(texts), int(lengths.max())), PADDING)
        tokens[np.arange(tokens.shape[1]) < lengths[:, None]] = flat
        labels = torch.tensor([label for _, label, _ in samples])
        return Batch(torch.from_numpy(tokens), labels)

    def _cropped(self, tokens: Tokens, random: np.random.Generator) -> Tokens:
        spare = len(tokens) - self.crop
        if not self.crop or spare <= 0:
            return tokens
        start = int(random.integers(spare + 1))
        return tokens[start : start + self.crop]

    def _split(
        self, flat: Tokens, lengths: NDArray[np.int64], random: np.random.Generator
    ) -> tuple[Tokens, NDArray[np.int64]]:
        """Some words as their pieces; the texts lie one behind the other in `flat`."""
        assert self.pieces is not None
        pieces = self.pieces[flat]
        count = (pieces != PADDING).sum(axis=1)
        split = (count > 0) & (random.random(len(flat)) < self.split_words)
        parts = np.where(split, count, 1)
        row = np.repeat(np.arange(len(flat)), parts)
        part = np.arange(len(row)) - np.repeat(np.cumsum(parts) - parts, parts)
        longer = np.where(split[row], pieces[row, part], flat[row]).astype(np.int64)
        starts = np.cumsum(lengths) - lengths
        return longer, np.add.reduceat(parts, starts)
