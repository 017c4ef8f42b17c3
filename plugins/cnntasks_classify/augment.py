"""Augmentation of pictures for classification: of one picture, and of a whole batch.

A picture is augmented with torchvision's transforms v2 while it is loaded; handwriting is distorted
and pictures are mixed when a batch is put together. Every random choice follows from a seed.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from torch's generator as if it had been seeded with `seed`; then as before."""
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What happens to one picture.

    Attributes:
        size: side of the square that comes out, in pixels.
        area: smallest part of the picture's area that is cut out and resized (Szegedy et al. 2015,
            section 6); 1 keeps the middle, as prediction does.
        flip: probability of a horizontal flip.
        color: strength of brightness, contrast and saturation jitter; 0 for none.
        magnitude: of RandAugment (Cubuk et al. 2020) with two operations, 1..30; 0 for none.
    """

    size: int
    area: float = 0.35
    flip: float = 0.5
    color: float = 0.2
    magnitude: int = 0

    @property
    def frames(self) -> bool:
        """Whether the square is cut out at random."""
        return self.area < 1

    def __call__(self, pixels: Tensor, seed: int) -> Tensor:
        """Augment C×H×W uint8; C×size×size where `frames`, else of the same size."""
        steps: list[v2.Transform] = []
        if self.frames:
            steps.append(v2.RandomResizedCrop(self.size, (self.area, 1.0), antialias=True))
        if self.flip:
            steps.append(v2.RandomHorizontalFlip(self.flip))
        if self.magnitude:
            steps.append(v2.RandAugment(2, self.magnitude))
        if self.color:
            steps.append(v2.ColorJitter(self.color, self.color, self.color))
        if not steps:
            return pixels
        with seeded(seed):
            for step in steps:
                pixels = step(pixels)
        return pixels


@dataclass(frozen=True, slots=True)
class Distortion:
    """Bends handwriting: a random affine map and an elastic field for each picture of a batch.

    LeCun et al. 1998 (section III.A) used translations, scalings, squeezes and shears; the elastic
    field is that of Simard, Steinkraus & Platt 2003 (section 2): a random displacement of every
    pixel, smoothed.

    Attributes:
        degrees: largest rotation.
        scale: largest relative change of the size of either axis.
        shear: largest horizontal shear, as a fraction of the height.
        shift: largest translation, as a fraction of the side.
        elastic: standard deviation of the displacement, in pixels.
        smoothness: standard deviation of the Gaussian that smooths it, in pixels.
    """

    degrees: float = 8.0
    scale: float = 0.12
    shear: float = 0.2
    shift: float = 0.05
    elastic: float = 1.1
    smoothness: float = 4.0

    def scaled(self, strength: float) -> Distortion:
        """The same, everything but the smoothness times `strength`."""
        return Distortion(
            self.degrees * strength,
            self.scale * strength,
            self.shear * strength,
            self.shift * strength,
            self.elastic * strength,
            self.smoothness,
        )

    def __call__(self, pixels: Tensor, seed: int) -> Tensor:
        """Distort B×C×H×W float pixels; what comes in from outside repeats the border."""
        generator = torch.Generator().manual_seed(seed)
        batch, _, height, width = pixels.shape

        def uniform(limit: float) -> Tensor:
            return limit * (2 * torch.rand(batch, generator=generator) - 1)

        angle = uniform(math.radians(self.degrees))
        wide, high = 1 + uniform(self.scale), 1 + uniform(self.scale)
        shear = uniform(self.shear)
        cos, sin = angle.cos(), angle.sin()
        rows = [
            torch.stack([wide * cos, wide * (shear * cos - sin), uniform(2 * self.shift)], 1),
            torch.stack([high * sin, high * (shear * sin + cos), uniform(2 * self.shift)], 1),
        ]
        grid = functional.affine_grid(
            torch.stack(rows, 1), [batch, 1, height, width], align_corners=False
        )
        if self.elastic:
            noise = torch.randn(batch, 2, height, width, generator=generator)
            field = self._smoothed(noise).permute(0, 2, 3, 1)
            grid = grid + field * torch.tensor([2 / width, 2 / height])
        return functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)

    def _smoothed(self, noise: Tensor) -> Tensor:
        """B×2×H×W, smoothed and brought to the standard deviation `elastic`."""
        radius = math.ceil(2 * self.smoothness)
        x = torch.arange(-radius, radius + 1) / self.smoothness
        kernel = torch.exp(-x.square() / 2)
        kernel = kernel / kernel.square().sum().sqrt()  # keeps the variance of white noise
        flat = noise.flatten(0, 1)[:, None]
        flat = functional.conv2d(flat, kernel.view(1, 1, -1, 1), padding=(radius, 0))
        flat = functional.conv2d(flat, kernel.view(1, 1, 1, -1), padding=(0, radius))
        return flat.view_as(noise) * self.elastic


def mix(
    pixels: Tensor, targets: Tensor, mixup: float, cutmix: float, seed: int
) -> tuple[Tensor, Tensor]:
    """Mix every picture of a batch with another one.

    Args:
        pixels: B×C×H×W float.
        targets: B×K, the probability of each class.
        mixup: alpha of mixup (Zhang et al. 2018); 0 for none.
        cutmix: alpha of CutMix (Yun et al. 2019); 0 for none. With both, one is chosen at random.
        seed: of the choice, the partners and the proportions.

    Returns:
        Mixed pixels and targets of the same shapes.
    """
    generator = torch.Generator().manual_seed(seed)
    coin = float(torch.rand((), generator=generator))
    cut = cutmix > 0 and (mixup == 0 or coin < 0.5)
    alpha = cutmix if cut else mixup
    partner = torch.randperm(len(pixels), generator=generator)
    share = _beta(alpha, generator)
    if cut:
        height, width = pixels.shape[2:]
        side = math.sqrt(1 - share)
        y, x = torch.rand(2, generator=generator).tolist()
        top, bottom = (_edge(y, s * side / 2, height) for s in (-1, 1))
        left, right = (_edge(x, s * side / 2, width) for s in (-1, 1))
        pixels = pixels.clone()
        pixels[:, :, top:bottom, left:right] = pixels[partner][:, :, top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / (height * width)
    else:
        pixels = pixels.lerp(pixels[partner], 1 - share)
    return pixels, targets.lerp(targets[partner], 1 - share)


def _edge(center: float, offset: float, side: int) -> int:
    return min(max(round((center + offset) * side), 0), side)


def _beta(alpha: float, generator: torch.Generator) -> float:
    """A draw from Beta(alpha, alpha), as X / (X + Y) of two gamma variables."""
    gammas = torch._standard_gamma(torch.full((2,), alpha), generator=generator)
    total = float(gammas.sum())
    return float(gammas[0]) / total if total > 0 else 0.5
