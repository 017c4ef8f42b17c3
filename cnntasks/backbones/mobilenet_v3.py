"""MobileNetV3 (Howard et al. 2019); published weights are torchvision's."""

from __future__ import annotations

import torchvision
from torch import nn

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head
from cnntasks.backbones.layers import (
    GlobalAveragePool,
    adapt_input,
    imagenet_backbone,
    normal_linear,
)

# Of each network: its blocks, and the width of the fully connected layer before the last.
_SIZES = {"mobilenet_v3_large": (15, 1280), "mobilenet_v3_small": (11, 1024)}


def mobilenet_v3(name: str, in_channels: int = 3) -> Backbone:
    """Stages: `stem`, the blocks `b1`.., and `head`."""
    layers = torchvision.models.get_model(name, weights=None, num_classes=1).features
    adapt_input(layers, in_channels)
    parts: list[tuple[Stage, nn.Module]] = []
    stride = 1
    for stage, layer in zip(_stage_names(name), layers, strict=True):
        for module in layer.modules():
            if isinstance(module, nn.Conv2d):
                stride *= module.stride[0]
        parts.append((Stage(stage, _out_channels(layer), stride), layer))
    return imagenet_backbone(parts, in_channels)


def _stage_names(name: str) -> list[str]:
    blocks, _ = _SIZES[name]
    return ["stem", *(f"b{number}" for number in range(1, blocks + 1)), "head"]


def _out_channels(layer: nn.Module) -> int:
    norms = [m for m in layer.modules() if isinstance(m, nn.BatchNorm2d)]
    return norms[-1].num_features


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    _, width = _SIZES[name]
    embed = nn.Sequential(
        GlobalAveragePool(), normal_linear(backbone.stages[-1].channels, width), nn.Hardswish()
    )
    return Head(embed, nn.Sequential(nn.Dropout(0.2), normal_linear(width, classes)))


def _prefixes(name: str) -> dict[str, str]:
    table = {
        f"features.{number}": f"backbone.parts.{stage}"
        for number, stage in enumerate(_stage_names(name))
    }
    return {**table, "classifier.0": "embed.1", "classifier.3": "output.1"}


FAMILY = Family(tuple(_SIZES), mobilenet_v3, _head, _prefixes)
