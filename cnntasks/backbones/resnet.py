"""ResNet-18 to ResNet-152 (He et al. 2016); published weights are torchvision's."""

from __future__ import annotations

import torchvision
from torch import nn

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head
from cnntasks.backbones.layers import adapt_input, imagenet_backbone, pooled_head

_NAMES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


def resnet(name: str, in_channels: int = 3) -> Backbone:
    """Stages: `stem` (stride 4) and `layer1`..`layer4` (strides 4..32).

    The latter are the paper's conv2_x to conv5_x.
    """
    net = torchvision.models.get_model(name, weights=None, num_classes=1)
    adapt_input(net, in_channels)
    stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
    parts: list[tuple[Stage, nn.Module]] = [(Stage("stem", net.bn1.num_features, 4), stem)]
    for number in range(1, 5):
        layer = getattr(net, f"layer{number}")
        convs = [m for m in layer[-1].modules() if isinstance(m, nn.Conv2d)]
        stage = Stage(f"layer{number}", convs[-1].out_channels, 2 ** (number + 1))
        parts.append((stage, layer))
    return imagenet_backbone(parts, in_channels)


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    return pooled_head(backbone, classes)


def _prefixes(name: str) -> dict[str, str]:
    layers = {f"layer{number}": f"backbone.parts.layer{number}" for number in range(1, 5)}
    stem = {"conv1": "backbone.parts.stem.0", "bn1": "backbone.parts.stem.1"}
    return {**stem, **layers, "fc": "output.1"}


FAMILY = Family(_NAMES, resnet, _head, _prefixes)
