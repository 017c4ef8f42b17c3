"""VGG-11 to VGG-19 (Simonyan & Zisserman 2015), with and without batch normalisation.

Stages are named as in the paper: `conv1_1`..`conv5_4` lie after their ReLU, `pool1`..`pool5` after
the pooling. Published weights are torchvision's.
"""

from __future__ import annotations

import torch
import torchvision
from torch import nn

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head
from cnntasks.backbones.layers import adapt_input, imagenet_backbone, normal_linear

_NAMES = ("vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn")
_WIDTH = 4096  # of fc6 and fc7


def vgg(name: str, in_channels: int = 3) -> Backbone:
    """The convolutions, initialised as by torchvision (He et al. 2015, by fan-out)."""
    layers = _shapes(name)
    adapt_input(layers, in_channels)
    layers.to_empty(device=torch.get_default_device())
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
    return imagenet_backbone(_parts(layers), in_channels)


def _shapes(name: str) -> nn.Sequential:
    """The convolutions on the meta device.

    So the fully connected layers are never made, which takes seconds and half a gigabyte.
    """
    with torch.device("meta"):
        layers: nn.Sequential = torchvision.models.get_model(name, weights=None).features
    return layers


def _parts(layers: nn.Sequential) -> list[tuple[Stage, nn.Module]]:
    parts: list[tuple[Stage, nn.Module]] = []
    group: list[nn.Module] = []
    block, conv, channels, stride = 1, 0, 0, 1
    for layer in layers:
        group.append(layer)
        if isinstance(layer, nn.Conv2d):
            conv += 1
            channels = layer.out_channels
        elif isinstance(layer, nn.ReLU):
            parts.append((Stage(f"conv{block}_{conv}", channels, stride), nn.Sequential(*group)))
            group = []
        elif isinstance(layer, nn.MaxPool2d):
            stride *= 2
            parts.append((Stage(f"pool{block}", channels, stride), nn.Sequential(*group)))
            block, conv, group = block + 1, 0, []
    return parts


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    """fc6 and fc7 on 7×7 places, then fc8."""
    channels = backbone.stages[-1].channels
    embed = nn.Sequential(
        nn.AdaptiveAvgPool2d(7),
        nn.Flatten(),
        normal_linear(channels * 7 * 7, _WIDTH),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        normal_linear(_WIDTH, _WIDTH),
        nn.ReLU(inplace=True),
    )
    return Head(embed, nn.Sequential(nn.Dropout(), normal_linear(_WIDTH, classes)))


def _prefixes(name: str) -> dict[str, str]:
    places = [
        f"backbone.parts.{stage.name}.{index}"
        for stage, part in _parts(_shapes(name))
        for index, _ in enumerate(part.children())
    ]
    table = {f"features.{number}": place for number, place in enumerate(places)}
    return {
        **table,
        "classifier.0": "embed.2",
        "classifier.3": "embed.5",
        "classifier.6": "output.1",
    }


FAMILY = Family(_NAMES, vgg, _head, _prefixes)
