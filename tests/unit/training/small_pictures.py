"""A small network for pictures, with two outputs, and how it is exported."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cnntasks.models.card import ModelCard
from cnntasks.task import GraphSpec

CARD = ModelCard("toy", "toys", {"name": "toy"}, recipe={"data": "made up"})


class Picture(nn.Module):
    """Convolution, normalisation, halving; scores of each place and the mean of a picture."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 48, 3, padding=1)  # large enough for half precision
        self.norm = nn.BatchNorm2d(48)
        self.head = nn.Conv2d(48, 2, 1)
        nn.init.uniform_(self.norm.running_mean)
        nn.init.uniform_(self.norm.running_var, 0.5, 2.0)

    def forward(self, pixels: Tensor, scale: Tensor) -> dict[str, Tensor]:
        x = pixels.permute(0, 3, 1, 2).float() * scale[:, None, None, None] / 255
        x = nn.functional.max_pool2d(torch.relu(self.norm(self.conv(x))), 2)
        scores = self.head(x).sigmoid()
        return {"scores": scores, "mean": scores.mean(dim=(2, 3))}


def feeds(batch: int = 2, height: int = 16, width: int = 24, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
    return {"pixels": pixels, "scale": rng.random(batch, dtype=np.float32)}


SPEC = GraphSpec(
    feeds(),
    {"pixels": {0: "batch", 1: "4*height", 2: "4*width"}, "scale": {0: "batch"}},
    ("scores", "mean"),
)


class PictureLearner:
    def graph(self) -> GraphSpec:
        return SPEC
