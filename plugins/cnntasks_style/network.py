"""The network of a style model: normalisation and a backbone, in one graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from cnntasks import Backbone, GraphSpec, ModelCard, ModelError, create_backbone

NAME = "feature-maps"


class FeatureMaps(nn.Module):
    """Feature maps of pictures as they were decoded.

    Args:
        backbone: gives the maps.
        stages: which of them.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, stages: Sequence[str]) -> None:
        super().__init__()
        self.backbone = backbone
        self.stages = tuple(backbone.stage(name).name for name in stages)
        for name, values in (("mean", backbone.mean), ("std", backbone.std)):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    def normalized(self, pixels: Tensor) -> Tensor:
        """B×H×W×3 in 0..255 to what the backbone takes, B×3×H×W."""
        x = pixels.permute(0, 3, 1, 2).to(self.mean.dtype)
        return (x - self.mean) / self.std

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """B×H×W×3 in 0..255 to stage name: B×C×H/stride×W/stride."""
        maps: dict[str, Tensor] = self.backbone(self.normalized(pixels), self.stages)
        return {name: maps[name] for name in self.stages}


def build(card: ModelCard) -> FeatureMaps:
    """The network that a style model's card describes, with random weights.

    Raises:
        ModelError: the card's network is not one that style knows.
    """
    network = card.network
    stages = network.get("stages")
    if network.get("name") != NAME or not isinstance(stages, list | tuple):
        raise ModelError(f"{card.name}: network {network.get('name')!r} is not one for style")
    return FeatureMaps(create_backbone(str(network.get("backbone"))), stages)


def graph_spec(card: ModelCard) -> GraphSpec:
    """Feeds of two small noisy pictures; batch, height and width may vary."""
    pixels = np.random.default_rng(0).integers(0, 255, (2, 64, 80, 3), np.uint8)
    axes = {0: "batch", 1: "height", 2: "width"}
    return GraphSpec({"pixels": pixels}, {"pixels": axes}, tuple(card.network["stages"]))
