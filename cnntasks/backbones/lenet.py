"""LeNet-5 as in the paper: 60,000 trainable parameters, 340,908 connections.

LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition",
sections II.B and II.C. Every unit up to F6 ends in the squashing function of appendix A.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head
from cnntasks.backbones.layers import GlobalAveragePool
from cnntasks.backbones.radial_basis import HEIGHT, WIDTH, RadialBasis

if TYPE_CHECKING:
    from cnntasks.backbones.classifier import Classifier

# Table I: the maps of S2 that each map of C3 sees.
_TABLE = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5)),
)
# Ground becomes -0.1 and ink 1.175 (section II.B), here of bright ink on dark ground.
_MEAN, _STD = 20.0, 200.0


class ScaledTanh(nn.Module):
    """f(a) = A tanh(S a) with A = 1.7159 and S = 2/3, so that f(1) = 1 and f(-1) = -1."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(2 / 3 * x)


class Subsampling(nn.Module):
    """Half the resolution: the sum of 2×2 units, times a coefficient, plus a bias, for each map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        total = 4 * functional.avg_pool2d(x, 2)
        return total * self.weight[:, None, None] + self.bias[:, None, None]


class PartialConv2d(nn.Module):
    """A 5×5 convolution whose output maps see only some of the input maps.

    Its weights are those of the connections that there are, one 5×5 kernel each.

    Args:
        table: for each output map the input maps that it sees.
        in_channels: number of input maps.
    """

    def __init__(self, table: tuple[tuple[int, ...], ...], in_channels: int) -> None:
        super().__init__()
        self.shape = (len(table), in_channels, 5, 5)
        places = [row * in_channels + seen for row, maps in enumerate(table) for seen in maps]
        self.places: Tensor
        self.register_buffer("places", torch.tensor(places), persistent=False)
        self.weight = nn.Parameter(torch.empty(len(places), 5, 5))
        self.bias = nn.Parameter(torch.empty(len(table)))

    def forward(self, x: Tensor) -> Tensor:
        rows, columns, *kernel = self.shape
        none = self.weight.new_zeros(rows * columns, *kernel)
        weight = none.index_copy(0, self.places, self.weight).view(self.shape)
        return functional.conv2d(x, weight, self.bias)


def lenet5(in_channels: int = 1) -> Backbone:
    """C1 to C5, for pictures of 32×32 (larger ones give a C5 of more than one place).

    No convolution pads: a map is smaller than the input divided by its stride, 28×28, 14×14,
    10×10, 5×5 and 1×1.
    """
    layers: list[tuple[Stage, nn.Module, int]] = [
        (Stage("c1", 6, 1), nn.Conv2d(in_channels, 6, 5), in_channels * 25),
        (Stage("s2", 6, 2), Subsampling(6), 4),
        (Stage("c3", 16, 2), PartialConv2d(_TABLE, 6), 0),
        (Stage("s4", 16, 4), Subsampling(16), 4),
        (Stage("c5", 120, 4), nn.Conv2d(16, 120, 5), 16 * 25),
    ]
    parts: list[tuple[Stage, nn.Module]] = []
    for stage, layer, inputs in layers:
        if isinstance(layer, PartialConv2d):
            _initialize_partial(layer)
        else:
            _initialize(layer, inputs)
        parts.append((stage, nn.Sequential(layer, ScaledTanh())))
    return Backbone(parts, (_MEAN,) * in_channels, (_STD,) * in_channels)


def _initialize(layer: nn.Module, inputs: int) -> None:
    """Uniformly within ±2.4 / F, F the number of a unit's inputs (appendix A)."""
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -2.4 / inputs, 2.4 / inputs)


def _initialize_partial(layer: PartialConv2d) -> None:
    start = 0
    for row, maps in enumerate(_TABLE):
        bound = 2.4 / (len(maps) * 25)
        nn.init.uniform_(layer.weight[start : start + len(maps)], -bound, bound)
        nn.init.uniform_(layer.bias[row : row + 1], -bound, bound)
        start += len(maps)


def map_criterion(logits: Tensor, targets: Tensor, j: float = 0.1) -> Tensor:
    """The discriminative loss of section II.C, equation 9, for each picture, B.

    With the penalty y = -logits (squared distances): `y_target + log(exp(-j) + sum_i exp(-y_i))`.
    While all classes are far off, it is the distance to the right one, which cross-entropy does
    not see: LeNet-5 learns much faster by it.

    Args:
        logits: B×K, of a `lenet5` classifier.
        targets: B×K, the probability of each class.
        j: makes classes that are far off already be pushed no further.
    """
    rest = functional.pad(logits, (0, 1), value=-j)
    return rest.logsumexp(dim=1) - (targets * logits).sum(dim=1)


def count_connections(network: Classifier, height: int = 32, width: int = 32) -> dict[str, int]:
    """Connections of each layer of a `lenet5` classifier, counted as the paper does.

    One for each input of each unit, and one for its bias; shared weights count at every place.

    Args:
        network: made by `create_classifier("lenet5")`.
        height, width: of the picture, in pixels.
    """
    parts = {**network.backbone.parts, "f6": network.embed, "output": network.output}
    x = torch.zeros(1, len(network.backbone.mean), height, width)
    counts: dict[str, int] = {}
    with torch.no_grad():
        for name, part in parts.items():
            x = part(x)
            places = x.shape[2:].numel()
            counts[name] = places * sum(_connections(layer) for layer in part.modules())
    return counts


def _connections(layer: nn.Module) -> int:
    """Of all units at one place."""
    if isinstance(layer, Subsampling):
        return len(layer.weight) * (2 * 2 + 1)
    if isinstance(layer, RadialBasis):
        return layer.weight.numel()
    return sum(parameter.numel() for parameter in layer.parameters(recurse=False))


def _build(name: str, in_channels: int) -> Backbone:
    return lenet5(in_channels)


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    f6 = nn.Linear(120, WIDTH * HEIGHT)
    _initialize(f6, 120)
    return Head(
        nn.Sequential(GlobalAveragePool(), f6, ScaledTanh()), nn.Sequential(RadialBasis(classes))
    )


def _prefixes(name: str) -> dict[str, str]:
    return {}  # nothing is published


FAMILY = Family(("lenet5",), _build, _head, _prefixes)
