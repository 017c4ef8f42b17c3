"""One-dimensional networks for text: their input is B×C×L, their stages B×channels×L/stride.

C is the size of the embedding of a word or a character, L the length of the text; the table of
embeddings is not part of these networks. `mean` is 0 and `std` 1: embeddings need no normalisation.

- `kim_cnn`: Kim 2014, "Convolutional Neural Networks for Sentence Classification".
- `vdcnn9`: Conneau, Schwenk, Barrault & LeCun 2017, "Very Deep Convolutional Networks for Text
  Classification", 9 convolutional layers, on characters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head

_WINDOWS = (3, 4, 5)
_MAPS = 100  # of each window
_LEVELS = (64, 128, 256, 512)  # channels of VDCNN, whose length halves between two levels
_KEPT = 8  # the k of its k-max pooling
_WIDTH = 2048  # of its fully connected layers


class Windows(nn.Module):
    """Convolutions of several widths side by side, each with ReLU.

    Padded with zeros as 'same' (the odd place to the right), so that all maps have the length of
    the text and none is too short; the paper says "padded where necessary".
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(in_channels, _MAPS, window) for window in _WINDOWS)

    def forward(self, x: Tensor) -> Tensor:
        """B×C×L to B×300×L, the maps of the narrowest window first."""
        padded = (functional.pad(x, ((window - 1) // 2, window // 2)) for window in _WINDOWS)
        maps = [conv(wide) for conv, wide in zip(self.convs, padded, strict=True)]
        return torch.cat(maps, dim=1).relu()


class MaxOverTime(nn.Module):
    """The largest value of each map: B×C×L to B×C."""

    def forward(self, x: Tensor) -> Tensor:
        return x.amax(dim=2)


class KMaxPool(nn.Module):
    """The k largest values of each map, in the order in which they stand: B×C×L to B×C×k.

    Of equal values (behind a ReLU many are equally 0) the earlier ones are taken.
    """

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_exporting():  # ONNX keeps equal values in order, and knows this sort
            order = x.sort(dim=2, descending=True).indices
        else:
            order = x.sort(dim=2, descending=True, stable=True).indices
        return x.gather(2, order[:, :, : self.k].sort(dim=2).values)


def kim_cnn(in_channels: int) -> Backbone:
    """One stage, `windows`: 100 maps each of windows of 3, 4 and 5 words."""
    stage = Stage("windows", len(_WINDOWS) * _MAPS, 1)
    return _backbone([(stage, Windows(in_channels))], in_channels)


def vdcnn9(in_channels: int) -> Backbone:
    """Stages: `conv1`, then `block1`..`block4`, halving the length from one block to the next.

    The classifier's k-max pooling needs texts of 64 characters or more; the paper pads to 1014.
    """
    conv1 = nn.Conv1d(in_channels, _LEVELS[0], 3, padding=1)
    nn.init.kaiming_normal_(conv1.weight)  # He et al. 2015, as in the paper
    parts: list[tuple[Stage, nn.Module]] = [(Stage("conv1", _LEVELS[0], 1), conv1)]
    before = _LEVELS[0]
    for number, channels in enumerate(_LEVELS):
        layers: list[nn.Module] = [nn.MaxPool1d(3, 2, padding=1)] if number else []
        layers += [*_conv_norm(before, channels), *_conv_norm(channels, channels)]
        stage = Stage(f"block{number + 1}", channels, 2**number)
        parts.append((stage, nn.Sequential(*layers)))
        before = channels
    return _backbone(parts, in_channels)


def _conv_norm(before: int, channels: int) -> list[nn.Module]:
    conv = nn.Conv1d(before, channels, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight)
    return [conv, nn.BatchNorm1d(channels), nn.ReLU(inplace=True)]


def _backbone(parts: list[tuple[Stage, nn.Module]], in_channels: int) -> Backbone:
    return Backbone(parts, (0.0,) * in_channels, (1.0,) * in_channels)


def _build(name: str, in_channels: int) -> Backbone:
    return kim_cnn(in_channels) if name == "kim_cnn" else vdcnn9(in_channels)


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    channels = backbone.stages[-1].channels
    if name == "kim_cnn":
        return Head(MaxOverTime(), nn.Sequential(nn.Dropout(), nn.Linear(channels, classes)))
    embed = nn.Sequential(
        KMaxPool(_KEPT),
        nn.Flatten(),
        nn.Linear(channels * _KEPT, _WIDTH),
        nn.ReLU(inplace=True),
        nn.Linear(_WIDTH, _WIDTH),
        nn.ReLU(inplace=True),
    )
    return Head(embed, nn.Sequential(nn.Linear(_WIDTH, classes)))


def _prefixes(name: str) -> dict[str, str]:
    return {}  # nothing is published


FAMILY = Family(("kim_cnn", "vdcnn9"), _build, _head, _prefixes)
