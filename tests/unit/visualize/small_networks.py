"""Small networks opened as models are, for tests of what is seen in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cnntasks import IMAGE_SUFFIXES, ModelCard, OpenNetwork, Source


class PixelPredictor:
    """Takes pictures as they are."""

    suffixes = IMAGE_SUFFIXES
    columns = ()

    def decode(self, source: Source) -> Any:
        return source.value

    def preprocess(self, item: Any) -> dict[str, Any]:
        return {"pixels": np.asarray(item)}


class Pictures(nn.Module):
    """B×H×W×C pixels to logits through `body`, which takes B×C×H×W in 0..1."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        return {"logits": self.body(pixels.permute(0, 3, 1, 2) / 255)}


def opened(body: nn.Module, classes: int = 2) -> OpenNetwork:
    """A model of pictures around `body`, with classes c0, c1, ..."""
    card = ModelCard("small", "classify", {"name": "small"}, tuple(f"c{k}" for k in range(classes)))
    network = Pictures(body).eval().requires_grad_(False)
    return OpenNetwork(card, network, PixelPredictor(), torch.device("cpu"))


def feeds_of(picture: NDArray[np.uint8]) -> dict[str, Tensor]:
    """One picture H×W×C as a batch."""
    return {"pixels": torch.from_numpy(picture[None].copy()).float()}


def rectified_network(seed: int = 0) -> nn.Sequential:
    """Convolutions, ReLUs and a max pooling on one channel, without padding; two classes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 5, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(5, 2),
        )


def noise(height: int = 18, width: int = 18, channels: int = 1, seed: int = 0) -> Any:
    """A noisy picture H×W×C."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
