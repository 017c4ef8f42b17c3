"""What segmentation knows of training: batches, the loss, the metric and the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from cnntasks import GraphSpec, InputError, ModelCard, Order, Score
from cnntasks_segment.augment import augmented
from cnntasks_segment.data import Example
from cnntasks_segment.geometry import IGNORED, Letterbox
from cnntasks_segment.metrics import Confusion
from cnntasks_segment.network import SegmentationNetwork, graph_spec


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures B×H×W×3 uint8 and the classes of their pixels B×H×W int64."""

    pixels: Tensor
    masks: Tensor

    def to(self, device: torch.device, **_: Any) -> Batch:
        """The same on another device."""
        return Batch(self.pixels.to(device), self.masks.to(device))


Sample = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class MaskSet(Dataset[Sample]):
    """Squares of pictures and masks; the same (index, seed) gives the same one in any process."""

    def __init__(
        self, examples: Sequence[Example], classes: int, letterbox: Letterbox, augment: bool
    ) -> None:
        self.examples = list(examples)
        self.classes = classes
        self.letterbox = letterbox
        self.augment = augment

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        index, seed = key
        example = self.examples[index]
        picture, mask = example.load(), example.load_mask(self.classes)
        if picture.shape[:2] != mask.shape:
            raise InputError(f"{example.mask}: not of the size of its picture; make them equal")
        if self.augment:
            picture, mask = augmented(picture, mask, seed)
        return self.letterbox.picture(picture), self.letterbox.mask(mask)


def collate(samples: Sequence[Sample]) -> Batch:
    """A batch of squares of one size."""
    pictures = torch.from_numpy(np.stack([picture for picture, _ in samples]))
    masks = torch.from_numpy(np.stack([mask for _, mask in samples]).astype(np.int64))
    return Batch(pictures, masks)


class SegmentationMetric:
    """mIoU at the network's own resolution; see `Confusion`."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._confusion = Confusion(classes)

    @torch.no_grad()
    def update(self, network: nn.Module, batch: Batch) -> None:
        """Count one batch."""
        scores = network(batch.pixels)["scores"]
        found = _at_size(scores, batch.masks).argmax(dim=1)
        truth, guess = (it.cpu().numpy().astype(np.uint8) for it in (batch.masks, found))
        self._confusion.add(truth, guess)

    def compute(self) -> Score:
        """What was counted."""
        return self._confusion.score()


class SegmentationLearner:
    """Trains `SegmentationNetwork` for a card.

    Args:
        card: its classes and preprocessing.
        train, validation: the two parts.
        batch: pictures per step.
        backbone_rate: learning rate of the backbone relative to that of the head.
        seed: of order and augmentation.
    """

    monitor = "mIoU"

    def __init__(
        self,
        card: ModelCard,
        train: Sequence[Example],
        validation: Sequence[Example],
        batch: int = 8,
        backbone_rate: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.card = card
        self.train = list(train)
        self.validation = list(validation)
        self.batch = batch
        self.backbone_rate = backbone_rate
        self.seed = seed
        self.letterbox = Letterbox.from_card(card)

    def parameter_groups(self, network: nn.Module) -> list[dict[str, Any]]:
        """Backbone and head; biases and normalisations without weight decay."""
        groups: dict[tuple[float, bool], list[Tensor]] = {}
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                scale = self.backbone_rate if name.startswith("backbone.") else 1.0
                groups.setdefault((scale, parameter.ndim > 1), []).append(parameter)
        return [
            {"params": parameters, "scale": scale, "decay": decay}
            for (scale, decay), parameters in groups.items()
        ]

    def set_train_mode(self, network: nn.Module) -> None:
        """All of it trains."""
        network.train()

    def _loader(self, part: Sequence[Example], sampler: Any, augment: bool) -> DataLoader[Any]:
        pictures = MaskSet(part, len(self.card.classes), self.letterbox, augment)
        return DataLoader(pictures, batch_sampler=sampler, collate_fn=collate)

    def train_batches(self, seed: int) -> DataLoader[Any]:
        """Augmented batches."""
        return self._loader(self.train, Order(len(self.train), self.batch, None, seed), True)

    def validation_batches(self) -> DataLoader[Any]:
        """The validation part as prediction sees it."""
        count = len(self.validation)
        batches = [
            [(index, 0) for index in range(start, min(start + self.batch, count))]
            for start in range(0, count, self.batch)
        ]
        return self._loader(self.validation, batches, False)

    def losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy of every pixel that belongs to a class."""
        assert isinstance(network, SegmentationNetwork)
        logits = _at_size(network.logits(batch.pixels)["logits"], batch.masks)
        total = functional.cross_entropy(logits, batch.masks, ignore_index=IGNORED, reduction="sum")
        # Not the mean of torch, which is not a number where every pixel is ignored.
        return {"pixels": total / (batch.masks != IGNORED).sum().clamp(min=1)}

    def new_metric(self) -> SegmentationMetric:
        """Mean IoU."""
        return SegmentationMetric(self.card.classes)

    def graph(self) -> GraphSpec:
        """See `graph_spec`."""
        return graph_spec(self.card)


def _at_size(maps: Tensor, like: Tensor) -> Tensor:
    """B×K×h×w enlarged to the height and width of B×H×W."""
    return functional.interpolate(maps, like.shape[1:], mode="bilinear", align_corners=False)
