"""torchvision's classification networks as backbones: VGG, ResNet, MobileNetV3.

Stages are named as in the papers: `conv1_1`..`conv5_3` of VGG lie after their ReLU (Simonyan &
Zisserman 2015), `layer1`..`layer4` of ResNet are the conv2_x..conv5_x of He et al. 2016.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
import torchvision
from torch import nn

from cnntasks.backbones.base import IMAGENET_MEAN, IMAGENET_STD, Backbone, Stage

VGGS = ("vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn")
RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
MOBILENETS = ("mobilenet_v3_large", "mobilenet_v3_small")


def _first_conv(module: nn.Module, in_channels: int) -> None:
    """Replace the first convolution where the input does not have three channels."""
    if in_channels == 3:
        return
    for name, child in module.named_modules():
        if isinstance(child, nn.Conv2d):
            parent = module.get_submodule(name.rpartition(".")[0])
            conv = nn.Conv2d(
                in_channels,
                child.out_channels,
                child.kernel_size,  # type: ignore[arg-type]
                child.stride,  # type: ignore[arg-type]
                child.padding,  # type: ignore[arg-type]
                bias=child.bias is not None,
            )
            setattr(parent, name.rpartition(".")[2], conv)
            return


def _as_backbone(parts: list[tuple[Stage, nn.Module]], in_channels: int) -> Backbone:
    """With ImageNet's normalisation; its average where the input does not have three channels."""
    if in_channels == 3:
        return Backbone(parts)
    mean, std = IMAGENET_MEAN, IMAGENET_STD
    return Backbone(parts, (sum(mean) / 3,) * in_channels, (sum(std) / 3,) * in_channels)


def vgg(name: str, in_channels: int = 3) -> Backbone:
    """VGG-11..19: `convN_M` after the ReLU of each convolution, `poolN` after each pooling."""
    layers = _vgg_layers(name)
    _first_conv(layers, in_channels)
    parts: list[tuple[Stage, nn.Module]] = []
    group: list[nn.Module] = []
    block, conv, channels, stride = 1, 0, in_channels, 1
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
    return _as_backbone(parts, in_channels)


def _vgg_layers(name: str) -> nn.Sequential:
    """The convolutions, initialised as by torchvision.

    Without ever making the classifier, which takes seconds and half a gigabyte.
    """
    with torch.device("meta"):
        net = torchvision.models.get_model(name, weights=None)
    layers: nn.Sequential = net.features.to_empty(device="cpu")
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
    return layers


def resnet(name: str, in_channels: int = 3) -> Backbone:
    """ResNet-18..152: `stem` (stride 4) and `layer1`..`layer4` (strides 4..32)."""
    net = torchvision.models.get_model(name, weights=None)
    _first_conv(net, in_channels)
    stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
    parts: list[tuple[Stage, nn.Module]] = [(Stage("stem", net.bn1.num_features, 4), stem)]
    for number in range(1, 5):
        layer = getattr(net, f"layer{number}")
        convs = [m for m in layer[-1].modules() if isinstance(m, nn.Conv2d)]
        stage = Stage(f"layer{number}", convs[-1].out_channels, 2 ** (number + 1))
        parts.append((stage, layer))
    return _as_backbone(parts, in_channels)


def mobilenet_v3(name: str, in_channels: int = 3) -> Backbone:
    """MobileNetV3 (Howard et al. 2019): `stem`, the blocks `b1`.., and `head`."""
    layers = torchvision.models.get_model(name, weights=None).features
    _first_conv(layers, in_channels)
    parts: list[tuple[Stage, nn.Module]] = []
    stride = 1
    for number, layer in enumerate(layers):
        convs = [m for m in layer.modules() if isinstance(m, nn.Conv2d)]
        for conv in convs:
            stride *= conv.stride[0]
        last = len(layers) - 1
        part = {0: "stem", last: "head"}.get(number, f"b{number}")
        parts.append((Stage(part, _out_channels(layer), stride), layer))
    return _as_backbone(parts, in_channels)


def _out_channels(layer: nn.Module) -> int:
    norms = [m for m in layer.modules() if isinstance(m, nn.BatchNorm2d)]
    return norms[-1].num_features


def convert_published(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Rename torchvision's state dict of the network `name` into that of our backbone.

    Keys of classifiers and other heads are left out.
    """
    if name in RESNETS:
        stem = {"conv1": "parts.stem.0", "bn1": "parts.stem.1"}
        renamed = {}
        for key, value in state.items():
            first, _, rest = key.partition(".")
            if first in stem:
                renamed[f"{stem[first]}.{rest}"] = value
            elif first.startswith("layer"):
                renamed[f"parts.{key}"] = value
        return renamed
    if name in MOBILENETS:
        numbers = (int(m[1]) for key in state if (m := re.match(r"features\.(\d+)\.", key)))
        last = max(numbers, default=0)
        renamed = {}
        for key, value in state.items():
            if match := re.match(r"features\.(\d+)\.(.*)", key):
                part = {0: "stem", last: "head"}.get(int(match[1]), f"b{match[1]}")
                renamed[f"parts.{part}.{match[2]}"] = value
        return renamed
    places = _vgg_places(name)
    return {
        f"{places.get(match[1], key)}.{match[2]}": value
        for key, value in state.items()
        if (match := re.match(r"features\.(\d+)\.(.*)", key))
    }


def _vgg_places(name: str) -> dict[str, str]:
    """torchvision's layer number to our parameter prefix."""
    places: dict[str, str] = {}
    number = 0
    for part, module in vgg(name).parts.items():
        for index, _ in enumerate(module.children()):
            places[str(number)] = f"parts.{part}.{index}"
            number += 1
    return places
