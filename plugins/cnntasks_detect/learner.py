"""What detection knows of training: parameter groups, batches, losses, metric and graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from cnntasks import GraphSpec, ModelCard
from cnntasks_detect.augment import Augmentation
from cnntasks_detect.batches import (
    BalancedBatches,
    Batch,
    DetectionSet,
    Entry,
    class_factors,
    collate,
)
from cnntasks_detect.losses import detection_losses
from cnntasks_detect.metrics import DetectionMetric
from cnntasks_detect.network import FasterRCNN


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """Settings of detection training; recorded in the card's recipe.

    Attributes:
        size: longer side of the network's input, in pixels.
        batch: pictures per step.
        per_epoch: pictures per epoch; all of them when None.
        freeze: the last backbone stage that is not trained; none when empty.
        backbone_rate: learning rate of the backbone relative to that of the new layers.
        balance: fraction of pictures below which a class is shown more often, in crops too, and
            counts more; 0 for never.
        scale: smallest and largest zoom of the augmentation.
        color: strength of the colour jitter.
        mosaic: probability of a mosaic of four pictures.
        workers: processes that load pictures; 0 loads in the training process.
        seed: of order, augmentation and sampling.
    """

    size: int = 320
    batch: int = 8
    per_epoch: int | None = None
    freeze: str = ""
    backbone_rate: float = 0.3
    balance: float = 0.02
    scale: tuple[float, float] = (0.7, 1.5)
    color: float = 0.2
    mosaic: float = 0.1
    workers: int = 0
    seed: int = 0


class DetectionLearner:
    """Trains `FasterRCNN` for a card on joined data sets.

    Args:
        card: its classes, preprocessing and defaults.
        settings: see `DetectionSettings`.
        train, validation: the two parts.
    """

    monitor = "mAP50"

    def __init__(
        self,
        card: ModelCard,
        settings: DetectionSettings,
        train: Sequence[Entry],
        validation: Sequence[Entry],
    ) -> None:
        self.card = card
        self.settings = settings
        self.train = list(train)
        self.validation = list(validation)
        self.factors = torch.from_numpy(class_factors(self.train, settings.balance)).float()

    def parameter_groups(self, network: nn.Module) -> list[dict[str, Any]]:
        """The backbone more slowly than the rest; biases and norms without weight decay.

        The backbone's batch normalisation stays as it was in pre-training: batches of detection
        are too small to estimate it.
        """
        assert isinstance(network, FasterRCNN)
        # On a CPU a seventh faster; values and files stay the same.
        network.to(memory_format=torch.channels_last)
        if self.settings.freeze:
            network.backbone.freeze(self.settings.freeze)
        for module in network.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)
        groups: dict[tuple[float, bool], list[Tensor]] = {}
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                scale = self.settings.backbone_rate if name.startswith("backbone.") else 1.0
                groups.setdefault((scale, parameter.ndim > 1), []).append(parameter)
        return [
            {"params": parameters, "scale": scale, "decay": decay}
            for (scale, decay), parameters in groups.items()
        ]

    def set_train_mode(self, network: nn.Module) -> None:
        """Training mode for all but the backbone's batch normalisation."""
        assert isinstance(network, FasterRCNN)
        network.train()
        for module in network.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    def train_batches(self, seed: int) -> DataLoader[Any]:
        """Augmented batches, thin classes more often."""
        settings = self.settings
        augmentation = Augmentation(
            settings.size,
            settings.scale,
            tuple(self.factors.tolist()),
            color=settings.color,
            mosaic=settings.mosaic,
        )
        data = DetectionSet(self.train, settings.size, augmentation)
        order = BalancedBatches(
            self.train, settings.batch, settings.per_epoch, settings.balance, seed
        )
        return DataLoader(
            data,
            batch_sampler=order,
            num_workers=settings.workers,
            persistent_workers=settings.workers > 0,
            collate_fn=self._collate(),
        )

    def validation_batches(self) -> DataLoader[Any]:
        """The validation part, resized only, a picture at a time (no padding but to the stride)."""
        data = DetectionSet(self.validation, self.card.preprocessing["size"])
        return DataLoader(
            data,
            batch_sampler=[[(index, 0)] for index in range(len(data))],
            collate_fn=self._collate(),
        )

    def _collate(self) -> Any:
        preprocessing = self.card.preprocessing
        return partial(collate, multiple=preprocessing["multiple"], fill=preprocessing["fill"])

    def losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """The four losses of Faster R-CNN."""
        assert isinstance(network, FasterRCNN)
        weights = self.factors.to(batch.pixels.device)
        return detection_losses(network, batch.pixels, batch.sizes, batch.targets, weights=weights)

    def new_metric(self) -> DetectionMetric:
        """Mean average precision with the card's suppression."""
        return DetectionMetric(self.card.classes, self.card.defaults.get("iou", 0.5))

    def graph(self) -> GraphSpec:
        """See `graph_spec`."""
        return graph_spec(self.card.preprocessing["multiple"])


def graph_spec(multiple: int) -> GraphSpec:
    """Feeds of two small pictures; batch, height and width (multiples of `multiple`) may vary."""
    height, width = 4 * multiple, 5 * multiple
    pixels = np.random.default_rng(0).integers(0, 255, (2, height, width, 3), np.uint8)
    sizes = np.array([[height, width]] * 2, np.float32)
    return GraphSpec(
        feeds={"pixels": pixels, "sizes": sizes},
        dynamic={
            "pixels": {0: "batch", 1: f"{multiple}*height", 2: f"{multiple}*width"},
            "sizes": {0: "batch"},
        },
        outputs=("boxes", "scores", "labels"),
    )
