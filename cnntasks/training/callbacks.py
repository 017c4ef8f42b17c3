"""What makes Lightning's training repeatable, and its weight averaging fit for short runs."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor


def moving_average(decay: float, mean: Tensor, value: Tensor, count: Tensor) -> Tensor:
    """The next mean after `count` values, written into `mean`; the memory is short at first.

    With the full decay from the start, a training of a few hundred steps would end with weights
    that are mostly those it began with.
    """
    if not mean.is_floating_point():
        return value
    return mean.lerp_(value, 1 - ((1 + count) / (10 + count)).clamp(max=decay).to(mean.dtype))


class Epochs(Callback):
    """Makes every epoch a function of (seed, epoch), so that a resumed run is the same run.

    Lightning itself calls `set_epoch` of a sampler, but not of a batch sampler, and creates the
    iterator of a run's first epoch before that epoch starts.

    Args:
        seed: of the training.
        loader: of the training batches.
    """

    def __init__(self, seed: int, loader: Any) -> None:
        self.seed = seed
        self.loader = loader
        if loader.generator is None:
            # Or else creating an iterator would draw from the generator that the losses use.
            loader.generator = torch.Generator()

    def _prepare(self, epoch: int) -> None:
        self.epoch = epoch
        self.loader.generator.manual_seed(self.seed * 100_003 + epoch)
        for sampler in (self.loader.sampler, self.loader.batch_sampler):
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(epoch)

    def setup(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        """Prepare for the first epoch."""
        self._prepare(0)

    def on_load_checkpoint(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        checkpoint: dict[str, Any],
    ) -> None:
        """Prepare for the epoch after the checkpoint's."""
        self._prepare(checkpoint["epoch"] + 1)

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Seed what the losses draw, and prepare every later epoch."""
        if trainer.current_epoch != self.epoch:
            self._prepare(trainer.current_epoch)
        torch.manual_seed(self.seed * 100_003 + self.epoch)
