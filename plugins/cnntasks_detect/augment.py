"""Augmentation of a picture together with its boxes, on torchvision's transforms v2.

Boxes of every kind (objects, regions to ignore, objects of unwanted classes) travel together, told
apart by their label, so that one transform moves them all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

IGNORE, OTHER = -1, -2  # labels of boxes that are no wanted object


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture for training.

    Attributes:
        pixels: 3×H×W uint8.
        boxes: N×4 xyxy pixels.
        labels: N; class index, or IGNORE, or OTHER.
        known: C bool, the classes labelled exhaustively.
    """

    pixels: Tensor
    boxes: Tensor
    labels: Tensor
    known: Tensor


def resize(sample: Sample, height: int, width: int) -> Sample:
    """Resize the picture and its boxes (bilinear, antialiased)."""
    old_height, old_width = sample.pixels.shape[1:]
    pixels = functional.resize(sample.pixels, [height, width], antialias=True)
    scale = torch.tensor([width / old_width, height / old_height] * 2)
    return Sample(pixels, sample.boxes * scale, sample.labels, sample.known)


def fit_longer_side(sample: Sample, size: int) -> Sample:
    """Resize so that the longer side has `size` pixels."""
    height, width = sample.pixels.shape[1:]
    scale = size / max(height, width)
    return resize(sample, max(round(height * scale), 1), max(round(width * scale), 1))


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Random flip, colour, scale with a crop, and mosaic.

    Attributes:
        size: longer side of the network's input, in pixels.
        scale: smallest and largest zoom relative to `size` (large-scale jitter, Ghiasi et al.
            2021); what is zoomed beyond the input is cropped, with an object in it where there is
            one.
        focus: how often a crop is made around an object of each class, relative to the others;
            equally often when empty.
        flip: probability of a horizontal flip.
        color: strength of brightness, contrast and saturation jitter; 0 for none.
        mosaic: probability that four pictures are put together (Bochkovskiy et al. 2020), which
            the loader applies.
    """

    size: int = 320
    scale: tuple[float, float] = (0.7, 1.5)
    focus: tuple[float, ...] = ()
    flip: float = 0.5
    color: float = 0.2
    mosaic: float = 0.0

    def __call__(self, sample: Sample, random: torch.Generator) -> Sample:
        """Augment one picture; every random choice comes from `random`."""
        low, high = self.scale
        zoom = low * (high / low) ** float(torch.rand((), generator=random))
        height, width = sample.pixels.shape[1:]
        scale = self.size / max(height, width) * zoom
        sample = resize(sample, max(round(height * scale), 8), max(round(width * scale), 8))
        sample = self._crop(sample, random)
        if float(torch.rand((), generator=random)) < self.flip:
            sample = flip(sample)
        if self.color:
            sample = self._recolor(sample, random)
        return sample

    def _crop(self, sample: Sample, random: torch.Generator) -> Sample:
        height, width = sample.pixels.shape[1:]
        new_height, new_width = min(height, self.size), min(width, self.size)
        if (new_height, new_width) == (height, width):
            return sample
        place = torch.rand(2, generator=random).tolist()
        ranges = [(0, height - new_height), (0, width - new_width)]
        wanted = sample.labels >= 0
        if wanted.any():
            weights = torch.ones(int(wanted.sum()))
            if self.focus:
                weights = torch.tensor(self.focus)[sample.labels[wanted]]
            chosen = sample.boxes[wanted][int(torch.multinomial(weights, 1, generator=random))]
            x0, y0, x1, y1 = chosen.tolist()
            ranges = [
                _starts(y0, y1, new_height, height),
                _starts(x0, x1, new_width, width),
            ]
        top, left = (
            min(low + int(part * (high - low + 1)), high)
            for part, (low, high) in zip(place, ranges, strict=True)
        )
        return crop(sample, top, left, new_height, new_width)

    def _recolor(self, sample: Sample, random: torch.Generator) -> Sample:
        spread = 1 + self.color * (2 * torch.rand(3, generator=random) - 1)
        pixels = functional.adjust_brightness(sample.pixels, float(spread[0]))
        pixels = functional.adjust_contrast(pixels, float(spread[1]))
        pixels = functional.adjust_saturation(pixels, float(spread[2]))
        return Sample(pixels, sample.boxes, sample.labels, sample.known)


def _starts(first: float, last: float, window: int, side: int) -> tuple[int, int]:
    """Where a window may begin that has all of an object, or nothing but it where that is larger.

    Args:
        first, last: the object's ends.
        window: its length.
        side: of the picture, at least `window`.
    """
    ends = sorted((math.ceil(last) - window, math.floor(first)))
    low, high = (min(max(end, 0), side - window) for end in ends)
    return low, high


def flip(sample: Sample) -> Sample:
    """Mirror left and right."""
    width = sample.pixels.shape[2]
    x0, y0, x1, y1 = sample.boxes.unbind(dim=1)
    boxes = torch.stack([width - x1, y0, width - x0, y1], dim=1)
    return Sample(sample.pixels.flip(2), boxes, sample.labels, sample.known)


def crop(sample: Sample, top: int, left: int, height: int, width: int) -> Sample:
    """Cut a window out; a box of which less than a third is left becomes a region to ignore."""
    before = (sample.boxes[:, 2:] - sample.boxes[:, :2]).prod(dim=1)
    boxes = tv_tensors.BoundingBoxes(
        sample.boxes,
        format=tv_tensors.BoundingBoxFormat.XYXY,
        canvas_size=sample.pixels.shape[1:],
    )
    cut = functional.crop(boxes, top, left, height, width)
    cut = v2.ClampBoundingBoxes()(cut).as_subclass(Tensor)
    after = (cut[:, 2:] - cut[:, :2]).clamp(min=0).prod(dim=1)
    labels = torch.where(
        (after < before / 3) & (sample.labels >= 0),
        torch.full_like(sample.labels, IGNORE),
        sample.labels,
    )
    left_over = after > 4
    pixels = sample.pixels[:, top : top + height, left : left + width]
    return Sample(pixels, cut[left_over], labels[left_over], sample.known)


def mosaic(samples: list[Sample], size: int, fill: float) -> Sample:
    """Four pictures as the quarters of one of side `size`; a class is known where all know it."""
    half = size // 2
    canvas = torch.full((3, size, size), int(fill), dtype=torch.uint8)
    boxes, labels = [], []
    known = samples[0].known.clone()
    for place, sample in enumerate(samples):
        part = fit_longer_side(sample, half)
        top, left = half * (place // 2), half * (place % 2)
        height, width = part.pixels.shape[1:]
        canvas[:, top : top + height, left : left + width] = part.pixels
        boxes.append(part.boxes + torch.tensor([left, top, left, top]))
        labels.append(part.labels)
        known &= sample.known
    return Sample(canvas, torch.cat(boxes), torch.cat(labels), known)
