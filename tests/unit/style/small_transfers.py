"""Small pictures and small networks with random weights, on which a transfer takes milliseconds."""

from __future__ import annotations

import copy
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cnntasks_style.settings import StyleSettings
from cnntasks_style.transfer import StyleTransfer
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from cnntasks import Backbone, ModelCard, Stage

LAYERS = ("one", "two", "three")
DEFAULTS: dict[str, Any] = {
    "iterations": 16,
    "style_weight": 10.0,
    "content_weight": 1.0,
    "tv_weight": 0.1,
    "style_layers": ["one", "two", "three"],
    "content_layers": ["two"],
    "init": "content",
    "optimizer": "lbfgs",
    "coarsest": 24,
}
CARD = ModelCard("small", "style", {"name": "toy", "backbone": "toy"}, defaults=DEFAULTS)


def convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]


def small_backbone(seed: int = 0, smooth: bool = False) -> Backbone:
    """Three layers of strides 1, 2 and 4; the last sees 18 pixels.

    Args:
        seed: of the weights.
        smooth: without the kinks of ReLU and of the maximum, for finite differences.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts: list[tuple[Stage, nn.Module]] = []
        inputs = 3
        for number, (name, channels) in enumerate(zip(LAYERS, (8, 10, 12), strict=True)):
            layers = convolution(inputs, channels)
            if number:
                layers = [nn.AvgPool2d(2) if smooth else nn.MaxPool2d(2), *layers]
            if smooth:
                layers = [nn.Softplus() if isinstance(it, nn.ReLU) else it for it in layers]
            parts.append((Stage(name, channels, 2**number), nn.Sequential(*layers)))
            inputs = channels
    return Backbone(parts)


@functools.cache
def _transfer(defaults: str) -> StyleTransfer:
    card = ModelCard("small", "style", CARD.network, defaults={**DEFAULTS, **json.loads(defaults)})
    return StyleTransfer(card, small_backbone, torch.device("cpu"), StyleSettings())


def small_transfer(defaults: dict[str, Any] | None = None, **settings: Any) -> StyleTransfer:
    """A transfer with the network above, at 48 pixels unless told otherwise."""
    transfer = copy.copy(_transfer(json.dumps(defaults or {})))  # networks are made once
    transfer.settings = StyleSettings(**{"size": 48, **settings})
    return transfer


def content(width: int = 48, height: int = 32) -> NDArray[np.uint8]:
    """A smooth picture with a bright disk."""
    y, x = np.mgrid[:height, :width] / max(width, height)
    disk = 0.5 * (np.hypot(x - 0.5, y - 0.3) < 0.2)
    values = np.dstack([0.2 + 0.5 * x, 0.3 + 0.3 * y + 0.5 * disk, 0.3 + disk])
    return np.rint(255 * values.clip(0, 1)).astype(np.uint8)


def style(seed: int = 0, width: int = 40, height: int = 40) -> NDArray[np.uint8]:
    """Stripes in two colours; direction, width and colours by the seed."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    angle, period = random.uniform(0, np.pi), random.uniform(5, 9)
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period)
    first, second = random.uniform(0, 1, (2, 3))
    part = (wave > 0)[..., None]
    return np.rint(255 * np.where(part, first, second)).astype(np.uint8)


def tensor(height: int, width: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """A noisy picture, 1×3×height×width in 0..1."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator, dtype=dtype)


def write_pictures(folder: Path, count: int, side: int = 48) -> list[Path]:
    """Some stripes as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number:02d}.png" for number in range(count)]
    for number, file in enumerate(files):
        Image.fromarray(style(number, side, side)).save(file)
    return files
