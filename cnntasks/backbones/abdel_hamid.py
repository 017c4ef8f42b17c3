"""Convolution along frequency, and what it was compared with (Abdel-Hamid et al. 2014).

"Convolutional Neural Networks for Speech Recognition", sections III and IV. The input is B×C×M×T
log-mel features; a network looks at 15 frames at once (the paper's context of a frame), at every
fifth place along time, and what comes behind is the mean over these places: where the paper has a
hidden Markov model to put frames together, a window of one word needs no more. The channels of the
paper are three (the features with their first and second differences); any number goes.

- `dnn`: three fully connected hidden layers.
- `cnn_fws`: filters that are shared over all frequencies (full weight sharing), pooling along
  frequency, two fully connected hidden layers.
- `cnn_lws`: each pooled place has filters of its own (limited weight sharing, Figure 4), since
  what a spectrum looks like differs from band to band; then the same.

Filters span 8 bands and the 15 frames; 6 places are pooled, and pooled places are 2 apart. Hidden
layers have 1000 units. The paper's are sigmoids that RBMs pre-train; here all are ReLUs, which need
no pre-training.
"""

from __future__ import annotations

from torch import Tensor, nn

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head
from cnntasks.backbones.layers import pooled_head
from cnntasks.backbones.speech2d import speech_backbone

#: Mel channels of the input.
BANDS = 40
_FRAMES = 15
_STEP = 5
_FILTER = 8
_POOL, _SHIFT = 6, 2
#: Places that a filter has along frequency, and what pooling makes of them.
_PLACES = BANDS - _FILTER + 1
_POOLED = (_PLACES - _POOL) // _SHIFT + 1
_HIDDEN = 1000
#: Maps of a filter bank that is shared, and of each bank that is not.
_MAPS = {"dnn": 0, "cnn_fws": 150, "cnn_lws": 80}


class LimitedSharing(nn.Module):
    """Convolution with limited weight sharing, and its pooling.

    Pooled place k has filters of its own, which are shared among the 6 places that are pooled to
    it, and sees the bands 2k to 2k + 12 (section IV, equations 11 and 12). Further convolutions on
    top are not possible: maps of different places are unrelated.

    Args:
        in_channels: C.
        maps: J, filters for each pooled place.
    """

    def __init__(self, in_channels: int, maps: int) -> None:
        super().__init__()
        self.maps = maps
        self.conv = nn.Conv2d(
            in_channels * _POOLED,
            maps * _POOLED,
            (_FILTER, _FRAMES),
            (1, _STEP),
            groups=_POOLED,
        )
        self.pool = nn.MaxPool2d((_POOL, 1))

    def forward(self, x: Tensor) -> Tensor:
        """B×C×40×T to B×J×14×T'."""
        batch, channels, _, frames = x.shape
        width = _POOL + _FILTER - 1
        sections = x.unfold(2, width, _SHIFT).permute(0, 2, 1, 4, 3)  # B×14×C×13×T
        stacked = sections.reshape(batch, _POOLED * channels, width, frames)
        pooled: Tensor = self.pool(self.conv(stacked).relu())
        return pooled.reshape(batch, _POOLED, self.maps, -1).transpose(1, 2)


def abdel_hamid(
    name: str, in_channels: int, hidden: int = _HIDDEN, maps: int | None = None
) -> Backbone:
    """`dnn`: stages `hidden1`..`hidden3`; else `conv` (B×J×14×T', pooled), `hidden1`, `hidden2`.

    Hidden stages are B×units×1×T', with T' = (T - 15) // 5 + 1.

    Args:
        name: one of the three.
        in_channels: C.
        hidden: units of each hidden layer.
        maps: J; the usual number when None.
    """
    maps = _MAPS[name] if maps is None else maps
    if name == "dnn":
        first = _hidden(in_channels, hidden, (BANDS, _FRAMES), _STEP)
        parts = [(Stage("hidden1", hidden, _STEP), first)]
    else:
        conv: nn.Module = LimitedSharing(in_channels, maps)
        if name == "cnn_fws":
            conv = nn.Sequential(
                nn.Conv2d(in_channels, maps, (_FILTER, _FRAMES), (1, _STEP)),
                nn.ReLU(inplace=True),
                nn.MaxPool2d((_POOL, 1), (_SHIFT, 1)),
            )
        parts = [
            (Stage("conv", maps, _STEP), conv),
            (Stage("hidden1", hidden, _STEP), _hidden(maps, hidden, (_POOLED, 1))),
        ]
    for number in range(2, 4 if name == "dnn" else 3):
        parts.append((Stage(f"hidden{number}", hidden, _STEP), _hidden(hidden, hidden, (1, 1))))
    return speech_backbone(parts, in_channels)


def _hidden(before: int, units: int, kernel: tuple[int, int], step: int = 1) -> nn.Module:
    """A layer that is fully connected at each place along time."""
    return nn.Sequential(nn.Conv2d(before, units, kernel, (1, step)), nn.ReLU(inplace=True))


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    return pooled_head(backbone, classes)


def _prefixes(name: str) -> dict[str, str]:
    return {}  # nothing is published


FAMILY = Family(tuple(_MAPS), abdel_hamid, _head, _prefixes)
