"""Two-dimensional networks for spoken words: their input is B×C×M×T, log-mel features of a window.

M (height) are mel channels, low ones first, and T (width) frames. A stage's stride is the one along
time; along frequency the networks here pool or stride as their docstrings say. `mean` is 0 and
`std` 1: features come normalised. What comes behind the last stage is its mean over both axes, and
one linear layer, so that windows of any length go.

- `cnn_trad_fpool3`: Sainath & Parada 2015, "Convolutional Neural Networks for Small-footprint
  Keyword Spotting", Table 1.
- `res15`: Tang & Lin 2018, "Deep Residual Learning for Small-Footprint Keyword Spotting".
- `kws_resnet`: a small residual network for one core: what measured best of what was tried here.
"""

from __future__ import annotations

from torch import Tensor, nn

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head
from cnntasks.backbones.layers import pooled_head

_TRAD_MAPS = 64
_TRAD_LINEAR, _TRAD_DENSE = 32, 128
_RES15_MAPS = 45
_RES15_LAYERS = 13
_WIDTHS = (24, 48, 96, 160)  # of the stages of `kws_resnet`
_DROPOUT = 0.2


def speech_backbone(parts: list[tuple[Stage, nn.Module]], in_channels: int) -> Backbone:
    """Of parts whose input is normalised already."""
    return Backbone(parts, mean=(0.0,) * in_channels, std=(1.0,) * in_channels)


def cnn_trad_fpool3(in_channels: int) -> Backbone:
    """Stages `conv1`, `pool1`, `conv2`, `linear`, `dense`; nothing is padded, all strides are 1.

    Kernels are 8×20 and 4×10 (mel channels × frames) with 64 maps each, and 3 channels are pooled
    between them. The paper's input has 40 channels and 32 frames, which leaves 8×4 places for its
    linear layer of 32 units, without activation, and a layer of 128. Here these two are
    convolutions as well, with kernels of 8×4 and 1×1: the same on the paper's input; on longer
    windows they slide along time.

    Shapes on 1×40×98: 64×33×79, 64×11×79, 64×8×70, 32×1×67, 128×1×67.
    """
    conv1 = nn.Sequential(nn.Conv2d(in_channels, _TRAD_MAPS, (8, 20)), nn.ReLU(inplace=True))
    conv2 = nn.Sequential(nn.Conv2d(_TRAD_MAPS, _TRAD_MAPS, (4, 10)), nn.ReLU(inplace=True))
    dense = nn.Sequential(nn.Conv2d(_TRAD_LINEAR, _TRAD_DENSE, 1), nn.ReLU(inplace=True))
    parts: list[tuple[Stage, nn.Module]] = [
        (Stage("conv1", _TRAD_MAPS, 1), conv1),
        (Stage("pool1", _TRAD_MAPS, 1), nn.MaxPool2d((3, 1))),
        (Stage("conv2", _TRAD_MAPS, 1), conv2),
        (Stage("linear", _TRAD_LINEAR, 1), nn.Conv2d(_TRAD_MAPS, _TRAD_LINEAR, (8, 4))),
        (Stage("dense", _TRAD_DENSE, 1), dense),
    ]
    return speech_backbone(parts, in_channels)


class DilatedBlock(nn.Module):
    """Two dilated 3×3 convolutions, each with ReLU and normalisation, beside a shortcut."""

    def __init__(self, channels: int, dilations: tuple[int, int]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(layer for dilation in dilations for layer in _dilated(channels, dilation))
        )

    def forward(self, x: Tensor) -> Tensor:
        """B×C×M×T, and so is what comes out."""
        y: Tensor = self.layers(x)
        return x + y


def res15(in_channels: int) -> Backbone:
    """Stages `conv`, `block1`..`block6`, `last`: 45 maps each, the size of the input throughout.

    3×3 convolutions without biases; the dilation of the i-th of the 13 behind the first is
    2^(i // 3), from 1 to 16, so that the last one sees 125 frames. Normalisation has no scale and
    shift.
    """
    conv = nn.Conv2d(in_channels, _RES15_MAPS, 3, padding=1, bias=False)
    parts: list[tuple[Stage, nn.Module]] = [
        (Stage("conv", _RES15_MAPS, 1), nn.Sequential(conv, nn.ReLU(inplace=True)))
    ]
    dilations = [2 ** (number // 3) for number in range(_RES15_LAYERS)]
    for number, pair in enumerate(zip(dilations[:-1:2], dilations[1::2], strict=True)):
        stage = Stage(f"block{number + 1}", _RES15_MAPS, 1)
        parts.append((stage, DilatedBlock(_RES15_MAPS, pair)))
    last = nn.Sequential(*_dilated(_RES15_MAPS, dilations[-1]))
    parts.append((Stage("last", _RES15_MAPS, 1), last))
    return speech_backbone(parts, in_channels)


def _dilated(channels: int, dilation: int) -> list[nn.Module]:
    conv = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
    return [conv, nn.ReLU(inplace=True), nn.BatchNorm2d(channels, affine=False)]


class ResidualBlock(nn.Module):
    """He et al. 2016, Figure 5 (left): two 3×3 convolutions beside a shortcut; halves if told so.

    Where size or channels change, the shortcut is a 1×1 convolution (their option B).
    """

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *conv_norm(before, channels, 3, stride),
            nn.ReLU(inplace=True),
            *conv_norm(channels, channels, 3, 1),
        )
        same = before == channels and stride == 1
        shortcut = nn.Identity() if same else nn.Sequential(*conv_norm(before, channels, 1, stride))
        self.shortcut: nn.Module = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """B×C×M×T to B×C'×M/stride×T/stride."""
        y: Tensor = self.layers(x) + self.shortcut(x)
        return y.relu()


def conv_norm(before: int, channels: int, kernel: int, stride: int) -> list[nn.Module]:
    """A padded convolution and batch normalisation."""
    conv = nn.Conv2d(before, channels, kernel, stride, kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(channels)]


def kws_resnet(in_channels: int) -> Backbone:
    """Stages `stem`, `block1`..`block4`; each but `block1` halves both axes.

    A 5×5 convolution of stride 2, and four residual blocks of 24, 48, 96 and 160 maps. Dense
    convolutions on small maps are what a core is quickest at: with the depthwise ones of BC-ResNet
    (Kim et al. 2021) a network needs far fewer multiplications, but hardly less time.

    Shapes on 1×40×98: 24×20×49, 24×20×49, 48×10×25, 96×5×13, 160×3×7.
    """
    first = _WIDTHS[0]
    stem = nn.Sequential(*conv_norm(in_channels, first, 5, 2), nn.ReLU(inplace=True))
    parts: list[tuple[Stage, nn.Module]] = [(Stage("stem", first, 2), stem)]
    before, stride = first, 2
    for number, channels in enumerate(_WIDTHS):
        step = 2 if number else 1
        stride *= step
        stage = Stage(f"block{number + 1}", channels, stride)
        parts.append((stage, ResidualBlock(before, channels, step)))
        before = channels
    return speech_backbone(parts, in_channels)


_BUILDERS = {"cnn_trad_fpool3": cnn_trad_fpool3, "res15": res15, "kws_resnet": kws_resnet}


def _build(name: str, in_channels: int) -> Backbone:
    return _BUILDERS[name](in_channels)


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    return pooled_head(backbone, classes, dropout=_DROPOUT if name == "kws_resnet" else 0.0)


def _prefixes(name: str) -> dict[str, str]:
    return {}  # nothing is published


FAMILY = Family(tuple(_BUILDERS), _build, _head, _prefixes)
