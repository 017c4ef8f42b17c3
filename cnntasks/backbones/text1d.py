"""One-dimensional networks for text: their input is B×C×L, their stages B×channels×L/stride.

C is the size of the embedding of a word or a character, L the length of the text; the table of
embeddings is not part of these networks. `mean` is 0 and `std` 1: embeddings need no normalisation.

- `kim_cnn`: Kim 2014, "Convolutional Neural Networks for Sentence Classification".
- `char_cnn`: Zhang, Zhao & LeCun 2015, "Character-level Convolutional Networks for Text
  Classification", the small one, on characters.
- `vdcnn9`: Conneau, Schwenk, Barrault & LeCun 2017, "Very Deep Convolutional Networks for Text
  Classification", 9 convolutional layers, on characters.
- `dpcnn7`: Johnson & Zhang 2017, "Deep Pyramid Convolutional Neural Networks for Text
  Categorization", 7 convolutional layers, on words.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head
from cnntasks.backbones.textbase import (
    Chain,
    Residual,
    TextBackbone,
    Window,
    chain_windows,
    set_zero_behind,
)

_WINDOWS = (3, 4, 5)
_MAPS = 100  # of each window
_FRAMES = 256  # channels of the small character network
_KERNELS = (7, 7, 3, 3, 3, 3)  # of its convolutions
_POOLED = (0, 1, 5)  # those with a pooling of 3 behind them
_DENSE = 1024  # width of its fully connected layers
_LEVELS = (64, 128, 256, 512)  # channels of VDCNN, whose length halves between two levels
_KEPT = 8  # the k of its k-max pooling
_WIDTH = 2048  # of its fully connected layers
_REGION = 3  # words that DPCNN embeds together
_PYRAMID = 250  # its channels, the same on every level
_BLOCKS = 3  # of two convolutions each


class Windows(nn.Module):
    """Convolutions of several widths side by side, each with ReLU.

    Padded with zeros as 'same' (the odd place to the right), so that all maps have the length of
    the text and none is too short; the paper says "padded where necessary".
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(in_channels, _MAPS, window) for window in _WINDOWS)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """B×C×L to B×300×L, the maps of the narrowest window first."""
        padded = (functional.pad(x, ((window - 1) // 2, window // 2)) for window in _WINDOWS)
        maps = [conv(wide) for conv, wide in zip(self.convs, padded, strict=True)]
        return set_zero_behind(torch.cat(maps, dim=1).relu(), mask)


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


def kim_cnn(in_channels: int) -> TextBackbone:
    """One stage, `windows`: 100 maps each of windows of 3, 4 and 5 words."""
    stage = Stage("windows", len(_WINDOWS) * _MAPS, 1)
    seen = [Window((window - 1) // 2, window // 2, _MAPS) for window in _WINDOWS]
    return TextBackbone([(stage, Windows(in_channels))], in_channels, seen)


def char_cnn(in_channels: int) -> TextBackbone:
    """Stages `conv1`..`conv6`; the length is a third behind the first, second and sixth.

    The paper pads nothing but the text, to 1014 characters; here convolutions keep the length, so
    that a text may be as short or as long as it is.
    """
    parts: list[tuple[Stage, nn.Module]] = []
    before, stride = in_channels, 1
    for number, kernel in enumerate(_KERNELS):
        conv = nn.Conv1d(before, _FRAMES, kernel, padding=kernel // 2)
        layers: list[nn.Module] = [conv, nn.ReLU(inplace=True)]
        if number in _POOLED:
            layers.append(nn.MaxPool1d(3, 3, padding=1))
            stride *= 3
        parts.append((Stage(f"conv{number + 1}", _FRAMES, stride), Chain(*layers)))
        before = _FRAMES
    return TextBackbone(parts, in_channels, chain_windows(parts))


def vdcnn9(in_channels: int) -> TextBackbone:
    """Stages: `conv1`, then `block1`..`block4`, halving the length from one block to the next.

    The classifier's k-max pooling needs texts of 64 characters or more; the paper pads to 1014.
    """
    conv1 = nn.Conv1d(in_channels, _LEVELS[0], 3, padding=1)
    nn.init.kaiming_normal_(conv1.weight)  # He et al. 2015, as in the paper
    parts: list[tuple[Stage, nn.Module]] = [(Stage("conv1", _LEVELS[0], 1), Chain(conv1))]
    before = _LEVELS[0]
    for number, channels in enumerate(_LEVELS):
        layers: list[nn.Module] = [nn.MaxPool1d(3, 2, padding=1)] if number else []
        layers += [*_conv_norm(before, channels), *_conv_norm(channels, channels)]
        parts.append((Stage(f"block{number + 1}", channels, 2**number), Chain(*layers)))
        before = channels
    return TextBackbone(parts, in_channels, chain_windows(parts))


def dpcnn7(in_channels: int) -> TextBackbone:
    """Stages: `region`, then `block1`..`block3`, halving the length from one block to the next.

    Activation comes before convolution, and what a block gets is added to what it makes (equation
    1 of the paper). The paper's pyramid goes on until a text is one place wide; this one stops
    after three blocks, whatever the length, and its classifier takes the maximum over time.
    """
    region = nn.Conv1d(in_channels, _PYRAMID, _REGION, padding=_REGION // 2)
    parts: list[tuple[Stage, nn.Module]] = [(Stage("region", _PYRAMID, 1), Chain(region))]
    for number in range(_BLOCKS):
        layers: list[nn.Module] = [nn.MaxPool1d(3, 2, padding=1)] if number else []
        inner = Chain(*_activated_conv(), *_activated_conv())
        stage = Stage(f"block{number + 1}", _PYRAMID, 2**number)
        parts.append((stage, Chain(*layers, Residual(inner))))
    return TextBackbone(parts, in_channels, chain_windows(parts))


def _conv_norm(before: int, channels: int) -> list[nn.Module]:
    conv = nn.Conv1d(before, channels, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight)
    return [conv, nn.BatchNorm1d(channels), nn.ReLU(inplace=True)]


def _activated_conv() -> list[nn.Module]:
    return [nn.ReLU(), nn.Conv1d(_PYRAMID, _PYRAMID, 3, padding=1)]


_BUILDERS = {"kim_cnn": kim_cnn, "char_cnn": char_cnn, "vdcnn9": vdcnn9, "dpcnn7": dpcnn7}


def _build(name: str, in_channels: int) -> Backbone:
    return _BUILDERS[name](in_channels)


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    """Kim's and DPCNN's: the maximum over time; the others' have fully connected layers.

    The character network's paper flattens maps of a fixed length; here the maximum over time
    stands before its fully connected layers, so that any length goes.
    """
    channels = backbone.stages[-1].channels
    if name in ("kim_cnn", "dpcnn7"):
        return Head(MaxOverTime(), nn.Sequential(nn.Dropout(), nn.Linear(channels, classes)))
    if name == "char_cnn":
        embed = nn.Sequential(MaxOverTime(), *_dense(channels, _DENSE, True))
        return Head(embed, nn.Sequential(nn.Linear(_DENSE, classes)))
    embed = nn.Sequential(KMaxPool(_KEPT), nn.Flatten(), *_dense(channels * _KEPT, _WIDTH, False))
    return Head(embed, nn.Sequential(nn.Linear(_WIDTH, classes)))


def _dense(before: int, width: int, dropout: bool) -> list[nn.Module]:
    """Two fully connected layers with ReLU."""
    layers: list[nn.Module] = []
    for inputs in (before, width):
        layers += [nn.Linear(inputs, width), nn.ReLU(inplace=True)]
        layers += [nn.Dropout()] if dropout else []
    return layers


def _prefixes(name: str) -> dict[str, str]:
    return {}  # nothing is published


FAMILY = Family(tuple(_BUILDERS), _build, _head, _prefixes)
