"""What classification knows of training: parameter groups, batches, losses, metric and graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from cnntasks import GraphSpec, ModelCard, Order
from cnntasks_classify.augment import Augmentation, Distortion
from cnntasks_classify.batches import Batch, Collator, PictureSet
from cnntasks_classify.data import Example
from cnntasks_classify.geometry import Framing
from cnntasks_classify.losses import (
    auxiliary_losses,
    balanced_weights,
    find_loss,
    smoothed,
    weighted_mean,
)
from cnntasks_classify.metrics import ClassificationMetric
from cnntasks_classify.network import PictureClassifier, graph_spec


@dataclass(frozen=True, slots=True)
class ClassificationSettings:
    """Settings of classification training; recorded in the card's recipe.

    Attributes:
        batch: pictures per step.
        per_epoch: pictures per epoch; all of them when None.
        freeze: the last backbone stage that is not trained; none when empty.
        backbone_rate: learning rate of the backbone's last stage relative to that of the head.
        layer_decay: learning rate of each stage relative to that of the one behind it.
        train_norm: estimate batch normalisation anew; else it stays as it was in pre-training.
        loss: see `cnntasks_classify.losses.find_loss`.
        label_smoothing: 0..1.
        class_weights: `none`, or `balanced`: inverse to the classes' frequencies.
        area, flip, color, magnitude: see `Augmentation`.
        distort: strength of `Distortion`, 1 being its defaults; 0 for none.
        mixup, cutmix: their alphas; 0 for none.
        workers: processes that load pictures; 0 loads in the training process.
        seed: of order and augmentation.
    """

    batch: int = 32
    per_epoch: int | None = None
    freeze: str = ""
    backbone_rate: float = 0.3
    layer_decay: float = 1.0
    train_norm: bool = False
    loss: str = "cross-entropy"
    label_smoothing: float = 0.0
    class_weights: str = "none"
    area: float = 0.35
    flip: float = 0.5
    color: float = 0.2
    magnitude: int = 0
    distort: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    workers: int = 0
    seed: int = 0


class ClassificationLearner:
    """Trains `PictureClassifier` for a card.

    Args:
        card: its classes and preprocessing.
        settings: see `ClassificationSettings`.
        train, validation: the two parts, labelled by the card's classes.

    Raises:
        UsageError: there is no such loss.
    """

    monitor = "top1"

    def __init__(
        self,
        card: ModelCard,
        settings: ClassificationSettings,
        train: Sequence[Example],
        validation: Sequence[Example],
    ) -> None:
        self.card = card
        self.settings = settings
        self.train = list(train)
        self.validation = list(validation)
        self.framing = Framing.from_card(card)
        self.loss = find_loss(settings.loss)
        self.weights: Tensor | None = None
        if settings.class_weights == "balanced":
            labels = torch.tensor([example.label for example in train])
            self.weights = balanced_weights(labels.bincount(minlength=len(card.classes)))

    def parameter_groups(self, network: nn.Module) -> list[dict[str, Any]]:
        """Stage by stage more slowly towards the input; biases and norms without weight decay."""
        assert isinstance(network, PictureClassifier)
        settings, backbone = self.settings, network.classifier.backbone
        if settings.freeze:
            backbone.freeze(settings.freeze)
        if not settings.train_norm:
            for module in backbone.modules():
                if isinstance(module, _BatchNorm):
                    module.requires_grad_(False)
        depth = {name: place for place, name in enumerate(reversed(list(backbone.parts)))}
        groups: dict[tuple[float, bool], list[Tensor]] = {}
        for name, parameter in network.classifier.named_parameters():
            if not parameter.requires_grad:
                continue
            scale = 1.0
            if name.startswith("backbone.parts."):
                stage = name.split(".")[2]
                scale = settings.backbone_rate * settings.layer_decay ** depth[stage]
            groups.setdefault((scale, parameter.ndim > 1), []).append(parameter)
        return [
            {"params": parameters, "scale": scale, "decay": decay}
            for (scale, decay), parameters in groups.items()
        ]

    def set_train_mode(self, network: nn.Module) -> None:
        """Training mode for all but what stays as it was: frozen stages and, unless it is
        estimated anew, the backbone's batch normalisation."""
        assert isinstance(network, PictureClassifier)
        network.train()
        for part in network.classifier.backbone.parts.values():
            frozen = not any(p.requires_grad for p in part.parameters())
            for module in part.modules():
                if isinstance(module, _BatchNorm) and (frozen or not self.settings.train_norm):
                    module.eval()
            if frozen and any(True for _ in part.parameters()):
                part.eval()

    def train_batches(self, seed: int) -> DataLoader[Any]:
        """Augmented batches."""
        settings = self.settings
        augmentation = Augmentation(
            self.framing.crop,
            area=settings.area,
            flip=settings.flip,
            color=settings.color,
            magnitude=settings.magnitude,
        )
        distortion = Distortion().scaled(settings.distort) if settings.distort else None
        return DataLoader(
            PictureSet(self.train, self.framing, augmentation),
            batch_sampler=Order(len(self.train), settings.batch, settings.per_epoch, seed),
            num_workers=settings.workers,
            persistent_workers=settings.workers > 0,
            collate_fn=Collator(
                len(self.card.classes), distortion, settings.mixup, settings.cutmix
            ),
        )

    def validation_batches(self) -> DataLoader[Any]:
        """The validation part, framed as for prediction."""
        size = max(self.settings.batch, 32)
        count = len(self.validation)
        batches = [
            [(index, 0) for index in range(start, min(start + size, count))]
            for start in range(0, count, size)
        ]
        return DataLoader(
            PictureSet(self.validation, self.framing),
            batch_sampler=batches,
            collate_fn=Collator(len(self.card.classes)),
        )

    def losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """The loss of the output, and of auxiliary classifiers where the network has them."""
        assert isinstance(network, PictureClassifier)
        targets = smoothed(batch.targets, self.settings.label_smoothing)
        found = network.logits(batch.pixels)
        if self.weights is not None:
            self.weights = self.weights.to(targets.device)
        losses = {
            "output": self.loss(found["logits"], targets),
            **auxiliary_losses(found, self.loss, targets),
        }
        return {
            name: weighted_mean(value, batch.targets, self.weights)
            for name, value in losses.items()
        }

    def new_metric(self) -> ClassificationMetric:
        """Accuracy and its relatives."""
        return ClassificationMetric(self.card.classes)

    def graph(self) -> GraphSpec:
        """See `graph_spec`."""
        return graph_spec(self.card)
