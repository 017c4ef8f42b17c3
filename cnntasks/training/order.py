"""In which order, and with which seeds, a training part is gone through: `Order` and its base."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler


class EpochSampler(Sampler[list[tuple[int, int]]]):
    """Batches of (index, seed) that are a function of (seed, epoch) alone.

    Args:
        seed: of the order.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; the training loop calls this before each one, after a resume too."""
        self.epoch = epoch

    def random(self) -> np.random.Generator:
        """The epoch's randomness, from its beginning."""
        return np.random.default_rng((self.seed, self.epoch))


class Order(EpochSampler):
    """Batches in an order, and with seeds, that are a function of (seed, epoch) alone.

    Args:
        count: of the pictures.
        batch: pictures per batch; a smaller rest at the end is left out, unless it is all.
        per_epoch: pictures per epoch; all of them when None.
        seed: of the order.
    """

    def __init__(self, count: int, batch: int, per_epoch: int | None, seed: int) -> None:
        super().__init__(seed)
        self.count = count
        self.batch = min(batch, count)
        self.batches = max((per_epoch or count) // self.batch, 1)

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        random = self.random()
        wanted = self.batches * self.batch
        rounds = -(-wanted // self.count)
        order = np.concatenate([random.permutation(self.count) for _ in range(rounds)])[:wanted]
        seeds = random.integers(0, 2**62, wanted)
        pairs = list(zip(order.tolist(), seeds.tolist(), strict=True))
        for start in range(0, wanted, self.batch):
            yield pairs[start : start + self.batch]
