"""GoogLeNet (Szegedy et al. 2015) with its auxiliary classifiers; published weights: torchvision's.

As torchvision has it: with batch normalisation, and 3×3 kernels in the branch where the paper has
5×5. Those weights were trained on pixels scaled to -1..1; torchvision's `transform_input` turns
ImageNet's normalisation into that one, here it is the backbone's own `mean` and `std`.
"""

from __future__ import annotations

import torchvision
from torch import nn
from torchvision.models.googlenet import InceptionAux

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head
from cnntasks.backbones.layers import adapt_input, pooled_head

_STAGES = (
    ("conv1", 64, 2),
    ("pool1", 64, 4),
    ("conv2", 192, 4),
    ("pool2", 192, 8),
    ("inception3a", 256, 8),
    ("inception3b", 480, 8),
    ("pool3", 480, 16),
    ("inception4a", 512, 16),
    ("inception4b", 512, 16),
    ("inception4c", 512, 16),
    ("inception4d", 528, 16),
    ("inception4e", 832, 16),
    ("pool4", 832, 32),
    ("inception5a", 832, 32),
    ("inception5b", 1024, 32),
)
_AUXILIARY = {"aux1": "inception4a", "aux2": "inception4d"}


def googlenet(in_channels: int = 3) -> Backbone:
    """Stages: `conv1`, `conv2`, the modules `inception3a`..`inception5b`, and `pool1`..`pool4`."""
    net = torchvision.models.googlenet(
        weights=None, aux_logits=False, init_weights=True, num_classes=1
    )
    adapt_input(net, in_channels)
    parts: list[tuple[Stage, nn.Module]] = []
    for name, channels, stride in _STAGES:
        module = getattr(net, name.replace("pool", "maxpool"))
        if name == "conv2":  # the paper's: a 1×1 reduction and the 3×3 convolution
            module = nn.Sequential(net.conv2, net.conv3)
        parts.append((Stage(name, channels, stride), module))
    return Backbone(parts, (127.5,) * in_channels, (127.5,) * in_channels)


def _build(name: str, in_channels: int) -> Backbone:
    return googlenet(in_channels)


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    head = pooled_head(backbone, classes, dropout=0.2)
    auxiliary = {
        stage: InceptionAux(backbone.stage(stage).channels, classes)
        for stage in _AUXILIARY.values()
    }
    return Head(head.embed, head.output, auxiliary)


def _prefixes(name: str) -> dict[str, str]:
    modules = {
        stage: f"backbone.parts.{stage}" for stage, *_ in _STAGES if stage.startswith("inception")
    }
    auxiliary = {aux: f"auxiliary.{stage}" for aux, stage in _AUXILIARY.items()}
    return {
        "conv1": "backbone.parts.conv1",
        "conv2": "backbone.parts.conv2.0",
        "conv3": "backbone.parts.conv2.1",
        **modules,
        **auxiliary,
        "fc": "output.1",
    }


FAMILY = Family(("googlenet",), _build, _head, _prefixes)
