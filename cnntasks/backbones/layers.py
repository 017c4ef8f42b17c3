"""Small pieces that several families share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnntasks.backbones.base import IMAGENET_MEAN, IMAGENET_STD, Backbone, Stage
from cnntasks.backbones.family import Head


class GlobalAveragePool(nn.Module):
    """The mean of each channel: B×C×H×W, or B×C×L, to B×C."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=tuple(range(2, x.dim())))


def pooled_head(backbone: Backbone, classes: int, dropout: float = 0.0) -> Head:
    """Global average pooling, dropout and one fully connected layer."""
    channels = backbone.stages[-1].channels
    output = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, classes))
    return Head(GlobalAveragePool(), output)


def normal_linear(in_features: int, out_features: int, std: float = 0.01) -> nn.Linear:
    """A fully connected layer with normally distributed weights and no bias at first."""
    layer = nn.Linear(in_features, out_features, device="meta").to_empty(
        device=torch.get_default_device()  # meta, where a network is only looked at
    )
    nn.init.normal_(layer.weight, 0, std)
    nn.init.zeros_(layer.bias)
    return layer


def imagenet_backbone(parts: list[tuple[Stage, nn.Module]], in_channels: int) -> Backbone:
    """With ImageNet's normalisation; its average where the input does not have three channels."""
    if in_channels == 3:
        return Backbone(parts)
    mean, std = IMAGENET_MEAN, IMAGENET_STD
    return Backbone(parts, (sum(mean) / 3,) * in_channels, (sum(std) / 3,) * in_channels)


def adapt_input(module: nn.Module, in_channels: int) -> None:
    """Replace the first convolution where the input does not have three channels.

    The new one stays on the device of the old one.
    """
    if in_channels == 3:
        return
    for name, old in module.named_modules():
        if isinstance(old, nn.Conv2d):
            new = nn.Conv2d(
                in_channels,
                old.out_channels,
                old.kernel_size,  # type: ignore[arg-type]
                old.stride,  # type: ignore[arg-type]
                old.padding,  # type: ignore[arg-type]
                bias=old.bias is not None,
                device=old.weight.device,
            )
            parent = module.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], new)
            return
