"""From labelled pictures to training batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from cnntasks_classify.augment import Augmentation, Distortion, mix
from cnntasks_classify.data import Example
from cnntasks_classify.geometry import Framing


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch.

    Attributes:
        pixels: B×H×W×C, 0..255; uint8, or float where they are distorted or mixed.
        labels: B, index of the class (of the first picture where two are mixed).
        targets: B×K, the probability of each class.
    """

    pixels: Tensor
    labels: Tensor
    targets: Tensor

    def to(self, device: torch.device, **_: Any) -> Batch:
        """The same on another device."""
        return Batch(self.pixels.to(device), self.labels.to(device), self.targets.to(device))


Sample = tuple[Tensor, int, int]


class PictureSet(Dataset[Sample]):
    """Framed pictures, C×H×W uint8, with their label and seed.

    An item is asked for by (index, seed): the same pair gives the same sample in any process.

    Args:
        examples: the pictures.
        framing: as in prediction; a random cut takes its place where the augmentation has one.
        augmentation: None to frame only.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        framing: Framing,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.examples = list(examples)
        self.framing = framing
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        index, seed = key
        example = self.examples[index]
        picture = example.load()
        augmentation = self.augmentation
        if augmentation is None or not augmentation.frames:
            picture = self.framing(picture)
        else:
            picture = self.framing.recolored(picture)
        # A copy where it is a view: torch must not write into what was decoded.
        pixels = torch.from_numpy(np.array(picture.transpose(2, 0, 1), order="C"))
        if augmentation is not None:
            pixels = augmentation(pixels, seed)
        return pixels, example.label, seed


@dataclass(frozen=True, slots=True)
class Collator:
    """Puts samples together, and distorts and mixes them if told so.

    Attributes:
        classes: K.
        distortion: of handwriting; None for none.
        mixup, cutmix: their alphas; 0 for none.
    """

    classes: int
    distortion: Distortion | None = None
    mixup: float = 0.0
    cutmix: float = 0.0

    def __call__(self, samples: Sequence[Sample]) -> Batch:
        """A batch of samples of equal size."""
        pixels = torch.stack([pixels for pixels, _, _ in samples])
        labels = torch.tensor([label for _, label, _ in samples])
        targets = functional.one_hot(labels, self.classes).float()
        seed = samples[0][2]
        if self.distortion is not None:
            pixels = self.distortion(pixels.float(), seed)
        if self.mixup or self.cutmix:
            pixels, targets = mix(pixels.float(), targets, self.mixup, self.cutmix, seed)
        return Batch(pixels.permute(0, 2, 3, 1), labels, targets)
