"""Networks for segmentation on a cnntasks backbone, with two heads to choose from.

`lraspp`: Lite R-ASPP of MobileNetV3 (Howard et al. 2019, section 6.4): the last stage's map is
scaled, channel by channel, by a sigmoid of its own average, and joined with a finer stage by two
convolutions of 1×1. `fcn`: the fully convolutional network with skips (Long et al. 2015, section
4.2): scores of three stages, each by one convolution of 1×1, enlarged and summed.

Departures: both enlarge bilinearly (FCN learns its enlargement, starting bilinear), LR-ASPP
averages the whole map instead of large windows, and the stages are those of stride 8 (4, where the
picture is small), 16 and 32 of whatever backbone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cnntasks import Backbone, GraphSpec, ModelCard, ModelError, UsageError, create_backbone

HEADS = ("lraspp", "fcn")
#: Channels within LR-ASPP.
_WIDTH = 128


class LiteASPP(nn.Module):
    """LR-ASPP: fine and coarse map to scores at the fine map's resolution.

    Args:
        fine, coarse: channels of the two maps.
        classes: K.
    """

    def __init__(self, fine: int, coarse: int, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(coarse, _WIDTH, 1, bias=False), nn.BatchNorm2d(_WIDTH), nn.ReLU()
        )
        self.gate = nn.Conv2d(coarse, _WIDTH, 1, bias=False)
        self.fine_scores = nn.Conv2d(fine, classes, 1)
        self.coarse_scores = nn.Conv2d(_WIDTH, classes, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps, fine to coarse, to B×K×h×w."""
        fine, coarse = maps[0], maps[-1]
        gate = self.gate(coarse.mean(dim=(2, 3), keepdim=True)).sigmoid()
        x = _enlarged(self.features(coarse) * gate, fine)
        scores: Tensor = self.coarse_scores(x) + self.fine_scores(fine)
        return scores


class Skips(nn.Module):
    """FCN: scores of every map, summed from coarse to fine.

    Args:
        channels: of the maps, fine to coarse.
        classes: K.
    """

    def __init__(self, channels: Sequence[int], classes: int) -> None:
        super().__init__()
        self.scores = nn.ModuleList(nn.Conv2d(count, classes, 1) for count in channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps, fine to coarse, to B×K×h×w."""
        pairs = list(zip(self.scores, maps, strict=True))
        layer, x = pairs[-1]
        total: Tensor = layer(x)
        for layer, x in reversed(pairs[:-1]):
            total = layer(x) + _enlarged(total, x)
        return total


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


class SegmentationNetwork(nn.Module):
    """Backbone and head, with pictures as they were decoded.

    Args:
        backbone: its stages' maps feed the head.
        stages: their names, fine to coarse.
        head: one of `HEADS`.
        classes: K.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, stages: Sequence[str], head: str, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.stages = tuple(stages)
        channels = [backbone.stage(name).channels for name in stages]
        self.head: nn.Module = (
            LiteASPP(channels[0], channels[-1], classes)
            if head == "lraspp"
            else Skips(channels, classes)
        )
        for name, values in (("mean", backbone.mean), ("std", backbone.std)):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    def logits(self, pixels: Tensor) -> dict[str, Tensor]:
        """`logits` B×K×h×w of B×H×W×3 pixels (any type, 0..255), at the finest stage's size."""
        x = pixels.permute(0, 3, 1, 2).to(self.mean.dtype)
        maps = self.backbone((x - self.mean) / self.std, self.stages)
        return {"logits": self.head([maps[name] for name in self.stages])}

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """`scores` B×K×h×w, probabilities of the classes at each place."""
        return {"scores": self.logits(pixels)["logits"].float().softmax(dim=1)}


def choose_stages(backbone: Backbone, name: str, size: int) -> tuple[str, ...]:
    """The stages that a head reads: the last of stride 8 (4 for small pictures), 16 and 32.

    Args:
        backbone: the network.
        name: its name, for the message.
        size: side of the pictures in pixels.

    Raises:
        UsageError: it has fewer than two of these, or none fine enough.
    """
    strides = (4, 8, 16, 32) if size < 256 else (8, 16, 32)
    # Not a last layer for classifiers alone, which makes many channels of a few.
    last = {stage.stride: stage.name for stage in backbone.stages if stage.name != "head"}
    chosen = tuple(last[stride] for stride in strides if stride in last)
    if len(chosen) < 2:
        raise UsageError(
            f"{name}: segmentation needs a backbone with stages of two of the strides "
            f"{', '.join(map(str, strides))}; this one has {', '.join(map(str, sorted(last)))}"
        )
    return chosen


def build(card: ModelCard) -> SegmentationNetwork:
    """The network that a card describes, with random weights.

    Raises:
        ModelError: the card's network is not one for segment, or it is incomplete.
    """
    network = card.network
    if network.get("name") != "segmentation" or network.get("head") not in HEADS:
        raise ModelError(f"{card.name}: network {network.get('name')!r} is not one for segment")
    stages = network.get("stages")
    if not isinstance(network.get("backbone"), str) or not isinstance(stages, list) or not stages:
        raise ModelError(f"{card.name}: its network needs a backbone and its stages")
    backbone = create_backbone(network["backbone"])
    return SegmentationNetwork(backbone, stages, network["head"], len(card.classes))


def graph_spec(card: ModelCard) -> GraphSpec:
    """Feeds of two noisy pictures of the model's size; only the batch may vary."""
    side = card.preprocessing["size"]
    pixels = np.random.default_rng(0).integers(0, 255, (2, side, side, 3), np.uint8)
    return GraphSpec({"pixels": pixels}, {"pixels": {0: "batch"}}, ("scores",))
