"""The training loop, by Lightning: one for every task.

A task's `Learner` knows its batches, losses and metric; here are the optimiser, the schedule,
averaging, checkpoints, resuming, early stopping and logs.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    LearningRateMonitor,
    ModelCheckpoint,
    WeightAveraging,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor, nn

from cnntasks.engines.base import choose_engine
from cnntasks.engines.torch import open_device
from cnntasks.errors import ModelError
from cnntasks.training.callbacks import Epochs, moving_average
from cnntasks.training.memory import keep_memory
from cnntasks.training.resume import SETTINGS_KEY, check_checkpoint, plain, plain_signals

LAST_CHECKPOINT = "last.ckpt"


@dataclass(frozen=True, slots=True)
class FitSettings:
    """Settings of the training loop, the same for every task; recorded in the card's recipe.

    Attributes:
        epochs: at most this many.
        rate: peak learning rate of AdamW.
        decay: weight decay of matrices and kernels.
        warmup: fraction of all steps over which the rate rises; then a cosine to 1 % of the peak.
        clip: largest norm of the gradient; 0 for no clipping.
        ema: decay of the exponential moving average of the weights, less in the first steps; 0
            for none.
        patience: epochs without a better monitor after which training stops; 0 for never.
        precision: Lightning's name (`32-true`, `16-mixed`, `bf16-mixed`).
        accumulate: batches per optimiser step.
        seed: of everything random.
        minutes: stop after this many minutes; 0 for no limit.
    """

    epochs: int = 12
    rate: float = 1e-3
    decay: float = 0.02
    warmup: float = 0.05
    clip: float = 5.0
    ema: float = 0.998
    patience: int = 0
    precision: str = "32-true"
    accumulate: int = 1
    seed: int = 0
    minutes: float = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


class Trainee(lightning.LightningModule):
    """A network with its learner, as Lightning wants them."""

    def __init__(
        self,
        network: nn.Module,
        learner: Any,
        settings: FitSettings,
        recorded: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        # Hidden from `nn.Module` and from the copy that weight averaging makes.
        self._hidden = _Hidden(learner)
        self.settings = settings
        self.recorded = dict(recorded or {})
        self.metric: Any = None

    @property
    def learner(self) -> Any:
        """The task's learner."""
        return self._hidden.value

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the settings in the checkpoint, which a resumed run is compared with."""
        checkpoint[SETTINGS_KEY] = self.recorded

    def on_train_epoch_start(self) -> None:
        """Put the network into the learner's training mode."""
        self.learner.set_train_mode(self.network)

    def training_step(self, batch: Any, index: int) -> Tensor:
        """The sum of the learner's losses."""
        losses: Mapping[str, Tensor] = self.learner.losses(self.network, batch)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise ModelError(
                f"the loss is not finite at step {self.global_step}; lower the learning rate"
            )
        self.log_dict({f"loss/{name}": value.detach() for name, value in losses.items()})
        self.log("loss", total.detach(), prog_bar=True)
        return total

    def on_validation_epoch_start(self) -> None:
        """Begin a new metric."""
        self.network.eval()
        self.metric = self.learner.new_metric()

    def validation_step(self, batch: Any, index: int) -> None:
        """Update the metric."""
        self.metric.update(self.network, batch)

    def on_validation_epoch_end(self) -> None:
        """Log what the metric measured."""
        score = self.metric.compute()
        for name, value in score.metrics.items():
            self.log(name, value, prog_bar=name == self.learner.monitor)
        for row in score.table:
            label = next(iter(row.values()))
            for key, value in row.items():
                if isinstance(value, float):
                    self.log(f"{key}/{label}", value)
        self.metric = None

    def configure_optimizers(self) -> Any:
        """AdamW with linear warm-up and a cosine, group by group."""
        groups = []
        for group in self.learner.parameter_groups(self.network):
            decay = self.settings.decay if group.get("decay", True) else 0.0
            rate = self.settings.rate * group["scale"]
            groups.append({"params": group["params"], "lr": rate, "weight_decay": decay})
        # One kernel for all of a step: on a CPU ten times as fast for a large embedding. It cannot
        # do the unscaling of mixed precision.
        fused = self.settings.precision == "32-true" and self.device.type in ("cpu", "cuda")
        optimizer = torch.optim.AdamW(groups, fused=fused)
        total = max(int(self.trainer.estimated_stepping_batches), 1)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate_factor(step, total, self.settings.warmup)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


class _Hidden:
    """Holds an object that neither registration nor copying should reach into."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __deepcopy__(self, memo: dict[int, Any]) -> _Hidden:
        return self


def rate_factor(step: int, total: int, warmup: float) -> float:
    """Learning rate relative to its peak: linear rise, then half a cosine down to 0.01."""
    rise = max(int(total * warmup), 1)
    if step < rise:
        return (step + 1) / rise
    progress = min((step - rise) / max(total - rise, 1), 1.0)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2


def fit(
    network: nn.Module,
    learner: Any,
    settings: FitSettings,
    folder: Path,
    *,
    device: str = "auto",
    resume: bool = False,
    progress: bool = True,
    recorded: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Train `network` in place; it ends with the best (averaged) weights.

    Args:
        network: on any device.
        learner: see `cnntasks.Learner`.
        folder: where checkpoints and logs go; `last.ckpt` there is what `resume` continues.
        device: `auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:N`, `mps`.
        resume: continue from `last.ckpt`.
        progress: show a bar.
        recorded: groups of settings, in plain JSON types, that have to be the same on resuming;
            those of the loop are added.

    Returns:
        The metrics of the best epoch.

    Raises:
        InputError: `resume` without a checkpoint, with a damaged one, or with other settings.
        KeyboardInterrupt: on Ctrl-C; its message says whether the training can be resumed.
        DeviceError, UsageError: the device is absent, or there is none of that name.
        ModelError: the loss is not finite.
    """
    accelerator, devices = _accelerator(device)
    checkpoint = folder / LAST_CHECKPOINT
    recorded = plain({**(recorded or {}), "fit": settings.to_dict()})
    if resume:
        check_checkpoint(checkpoint, network, recorded)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    keep_memory()
    lightning.seed_everything(settings.seed, verbose=False)
    trainee = Trainee(network, learner, settings, recorded)
    loader = learner.train_batches(settings.seed)
    # Without version counters a new run in an old folder replaces the checkpoints there.
    best = ModelCheckpoint(
        folder,
        filename="best",
        monitor=learner.monitor,
        mode="max",
        enable_version_counter=False,
    )
    # `save_last` of the above would write only when there is a new best.
    last = ModelCheckpoint(
        folder, filename=LAST_CHECKPOINT.removesuffix(".ckpt"), enable_version_counter=False
    )
    callbacks: list[Callback] = [
        Epochs(settings.seed, loader),
        LearningRateMonitor("step"),
        best,
        last,
    ]
    if settings.ema:
        callbacks.append(WeightAveraging(avg_fn=partial(moving_average, settings.ema)))
    if settings.patience:
        callbacks.append(EarlyStopping(learner.monitor, patience=settings.patience, mode="max"))
    trainer = lightning.Trainer(
        accelerator=accelerator,
        devices=devices,
        precision=settings.precision,  # type: ignore[arg-type]
        max_epochs=settings.epochs,
        max_time=timedelta(minutes=settings.minutes) if settings.minutes else None,
        accumulate_grad_batches=settings.accumulate,
        gradient_clip_val=settings.clip or None,
        callbacks=callbacks,
        # Each run, a resumed one too, has its own CSV file: Lightning would delete an older one.
        logger=[
            CSVLogger(folder, name="csv"),
            TensorBoardLogger(folder, name="", version="tensorboard"),
        ],
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=progress,
        log_every_n_steps=20,
    )
    with warnings.catch_warnings(), plain_signals(lambda: last.best_model_path):
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*isinstance.treespec.*")
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
        # A run that was limited in time may be resumed without the limit.
        warnings.filterwarnings("ignore", message=r".*the following callbacks: \['Timer'\]")
        trainer.fit(
            trainee,
            loader,
            learner.validation_batches(),
            ckpt_path=checkpoint if resume else None,
            weights_only=True,
        )
    if Path(best.best_model_path).is_file():
        state = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
        prefix = "network."
        weights = {
            name.removeprefix(prefix): value
            for name, value in state["state_dict"].items()
            if name.startswith(prefix)
        }
        network.load_state_dict(weights)
    network.eval()
    return {"best": float(best.best_model_score or 0.0), "epochs": float(trainer.current_epoch)}


def _accelerator(device: str) -> tuple[str, Any]:
    """Lightning's accelerator and devices: always one, even where `auto` finds several."""
    if device != "auto":
        open_device(choose_engine("torch", device).device)
    kind, _, number = device.partition(":")
    return kind, [int(number)] if number else 1
