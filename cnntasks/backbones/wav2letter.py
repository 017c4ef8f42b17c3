"""One-dimensional networks over time for speech: B×M×T in, M the mel channels, T the frames.

- `wav2letter`: Collobert, Puhrsch & Synnaeve 2016, "Wav2Letter: an End-to-End ConvNet-based Speech
  Recognition System", the one on spectral features.
- `quartznet_small`: blocks of time-channel separable convolutions as in Kriman et al. 2020,
  "QuartzNet: Deep Automatic Speech Recognition with 1D Time-Channel Separable Convolutions", few
  and narrow, behind two convolutions over frequency and time. A voice with a shorter vocal tract
  has its formants at higher frequencies: a convolution over frequency moves along, which counts
  where there are few speakers to learn from.

Both are padded as 'same', so that place p of a map stands over frame p * stride, and take a mask
that keeps what lies behind an utterance out of it. `mean` is 0 and `std` 1.
"""

from __future__ import annotations

from torch import Tensor, nn

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head
from cnntasks.backbones.text1d import MaxOverTime
from cnntasks.backbones.textbase import (
    Chain,
    Residual,
    TextBackbone,
    Window,
    every_nth,
    set_zero_behind,
)

#: Of wav2letter: channels, width and stride of each convolution (figure 1 of the paper).
_WIDE = ((250, 49, 2), *[(250, 7, 1)] * 7, (2000, 33, 1), (2000, 1, 1))
#: Channels of the two-dimensional convolutions.
_FRONT = (16, 24)
_WIDTH = 128  # channels of the blocks
_KERNELS = (7, 9, 9, 11, 11, 13)  # of the blocks
_LAST = 256  # channels behind them
_DROPOUT = 0.1


class Front(nn.Module):
    """Two convolutions over frequency and time: B×M×T to B×(24·M/4)×T/2, all rounded up."""

    def __init__(self) -> None:
        super().__init__()
        first, second = _FRONT
        self.conv1 = nn.Conv2d(1, first, 5, (2, 2), 2, bias=False)
        self.norm1 = nn.BatchNorm2d(first)
        self.conv2 = nn.Conv2d(first, second, 3, (2, 1), 1, bias=False)
        self.norm2 = nn.BatchNorm2d(second)
        self.dropout = nn.Dropout(_DROPOUT)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Maps of the channels of one frequency after the other, zero where the mask is."""
        wide = None if mask is None else every_nth(mask, 2).unsqueeze(1)
        x = set_zero_behind(self.norm1(self.conv1(x.unsqueeze(1))).relu(), wide)
        x = set_zero_behind(self.norm2(self.conv2(x)).relu(), wide)
        flat: Tensor = self.dropout(x.flatten(1, 2))
        return flat

    def reach(self) -> tuple[int, int, int]:
        """As `Chain.reach`."""
        return 4, 4, 2


def wav2letter(in_channels: int) -> TextBackbone:
    """Stages `conv1`..`conv10`; half as many places as frames.

    The paper's 48 and 32 frames wide convolutions are 49 and 33 wide here: an odd width is padded
    evenly. The paper has no padding.
    """
    parts: list[tuple[Stage, Chain | Front]] = []
    before = in_channels
    for number, (channels, width, stride) in enumerate(_WIDE):
        conv = nn.Conv1d(before, channels, width, stride, width // 2)
        stage = Stage(f"conv{number + 1}", channels, 2)
        parts.append((stage, Chain(conv, nn.ReLU(inplace=True), nn.Dropout(_DROPOUT))))
        before = channels
    return TextBackbone(parts, in_channels, _windows(parts))


def quartznet_small(in_channels: int) -> TextBackbone:
    """Stages `front`, `entry`, `block1`..`block6` and `last`; a place for each four frames."""
    channels = _FRONT[1] * -(-in_channels // 4)
    parts: list[tuple[Stage, Chain | Front]] = [(Stage("front", channels, 2), Front())]
    entry = Chain(*_separable(channels, _WIDTH, 5, 2), nn.ReLU(), nn.Dropout(_DROPOUT))
    parts.append((Stage("entry", _WIDTH, 4), entry))
    for number, width in enumerate(_KERNELS):
        inner = Chain(*_separable(_WIDTH, _WIDTH, width, 1))
        block = Chain(Residual(inner), nn.ReLU(), nn.Dropout(_DROPOUT))
        parts.append((Stage(f"block{number + 1}", _WIDTH, 4), block))
    conv = nn.Conv1d(_WIDTH, _LAST, 1, bias=False)
    last = Chain(conv, nn.BatchNorm1d(_LAST), nn.ReLU(), nn.Dropout(_DROPOUT))
    parts.append((Stage("last", _LAST, 4), last))
    return TextBackbone(parts, in_channels, _windows(parts))


def _separable(before: int, channels: int, width: int, stride: int) -> list[nn.Module]:
    """A convolution of each channel over time, one over the channels, and a normalisation."""
    return [
        nn.Conv1d(before, before, width, stride, width // 2, groups=before, bias=False),
        nn.Conv1d(before, channels, 1, bias=False),
        nn.BatchNorm1d(channels),
    ]


def _windows(parts: list[tuple[Stage, Chain | Front]]) -> list[Window]:
    """What the maps of the last part see."""
    left = right = 0
    stride = channels = 1
    for stage, module in parts:
        more_left, more_right, _ = module.reach()
        left, right = left + more_left * stride, right + more_right * stride
        stride, channels = stage.stride, stage.channels
    return [Window(left, right, channels)]


_BUILDERS = {"wav2letter": wav2letter, "quartznet_small": quartznet_small}


def _build(name: str, in_channels: int) -> Backbone:
    return _BUILDERS[name](in_channels)


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    """For a whole recording of one class: the maximum over time and one linear layer.

    The papers' own output is a convolution of width 1 for the units of a transcript.
    """
    output = nn.Sequential(nn.Linear(backbone.stages[-1].channels, classes))
    return Head(MaxOverTime(), output)


FAMILY = Family(tuple(_BUILDERS), _build, _head, lambda name: {})
