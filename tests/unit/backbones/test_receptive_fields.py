"""Receptive fields of whole networks, against what gradients show."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cnntasks.backbones.arithmetic import LayerRow, describe_network
from cnntasks.backbones.efficientnet_lite import SameConv2d


class Residual(nn.Module):
    """Halves the map; the shortcut has a window of one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 1, 3, 2, 1)
        self.conv2 = nn.Conv2d(1, 1, 3, 1, 1)
        self.shortcut = nn.Conv2d(1, 1, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x)) + self.shortcut(x)


class Branches(nn.Module):
    """As in an Inception module: windows of 1, 3 and 5 and a pooling, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(1, 2, k, padding=k // 2) for k in (1, 3, 5))
        self.pool = nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.Conv2d(1, 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([*(branch(x) for branch in self.branches), self.pool(x)], 1)


class Lopsided(nn.Module):
    """Two paths that lie beside each other: neither is as wide as both."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        left, right = functional.pad(x, (2, 0, 1, 1)), functional.pad(x, (0, 2, 1, 1))
        return self.conv(left) + self.conv(right)


class ChannelsLast(nn.Module):
    """A depthwise convolution and a linear layer over the channels, as in ConvNeXt."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 5, padding=2, groups=4)
        self.linear = nn.Linear(4, 4)
        self.scale = nn.Parameter(torch.ones(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * self.linear(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2) + x


NETWORKS = {
    "chain": nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.AvgPool2d(2, 2), nn.Conv2d(2, 1, 3)),
    "dilated": nn.Sequential(nn.Conv2d(1, 1, 3, dilation=3), nn.Conv2d(1, 1, (1, 5), 2)),
    "same": nn.Sequential(SameConv2d(1, 2, 5, 2), SameConv2d(2, 1, 3, 2)),
    "residual": nn.Sequential(Residual(), nn.ReLU(), Residual()),
    "branches": nn.Sequential(Branches(), nn.AvgPool2d(3, 2), nn.Conv2d(8, 1, 3)),
    "lopsided": Lopsided(),
    "padded": nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(1, 1, 5), nn.Conv2d(1, 1, 3)),
}


def seen(network: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Sides of the box of inputs that the middle output depends on; every weight is positive."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    x = torch.ones(1, *shape, requires_grad=True)
    y = network(x)
    middle = tuple((size - 1) // 2 for size in y.shape[2:])
    y[(0, 0, *middle)].backward()
    assert x.grad is not None
    places = x.grad[0].abs().sum(0).nonzero()
    return tuple((places.max(0).values - places.min(0).values + 1).tolist())


def last(rows: list[LayerRow]) -> LayerRow:
    return [row for row in rows if row.output is not None][-1]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_field_is_what_gradients_reach(name: str) -> None:
    network = NETWORKS[name]
    assert last(describe_network(network, (1, 64, 60))).receptive_field == seen(
        network, (1, 64, 60)
    )


def test_paths_that_lie_beside_each_other_are_seen_together() -> None:
    row = last(describe_network(Lopsided(), (1, 16, 16)))
    assert (row.kind, row.receptive_field) == ("add", (3, 5))


def test_signals_have_one_axis() -> None:
    network = nn.Sequential(nn.Conv1d(1, 2, 7, 2), nn.MaxPool1d(3), nn.Conv1d(2, 1, 3))
    row = last(describe_network(network, (1, 90)))
    assert row.receptive_field == (7 + 2 * 2 + 2 * 6,)
    assert row.jump == (6,)


def test_a_layer_over_the_channels_moves_no_places() -> None:
    rows = describe_network(ChannelsLast(), (4, 9, 9))
    assert [row.receptive_field for row in rows] == [(5, 5)] * len(rows)
    assert last(rows).jump == (1, 1)


def test_global_pooling_and_flattening_see_the_whole_map() -> None:
    conv = nn.Conv2d(1, 2, 3, 2, 1)
    pooled = describe_network(
        nn.Sequential(conv, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3)), (1, 12, 8)
    )
    assert [row.receptive_field for row in pooled[1:]] == [(3 + 5 * 2, 3 + 3 * 2)] * 3
    assert [row.jump for row in pooled] == [(2, 2), None, None, None]
    assert [row.start for row in pooled] == [(-1, -1)] * 4
    flat = describe_network(nn.Sequential(conv, nn.Flatten(), nn.Linear(48, 3)), (1, 12, 8))
    assert [row.receptive_field for row in flat] == [(3, 3), (3, 3), (13, 9)]


class Excitation(nn.Module):
    """Each channel times a number that depends on the whole map (Hu et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.fc = nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * self.fc(x.mean((2, 3), keepdim=True)).sigmoid()


def test_squeeze_and_excitation_sees_everything_and_keeps_its_jump() -> None:
    rows = describe_network(nn.Sequential(Excitation(), nn.Conv2d(2, 2, 3, 2)), (2, 9, 9))
    by_name = {row.name: row for row in rows}
    assert by_name["0.mul"].receptive_field == (3 + 8, 3 + 8)
    assert by_name["0.mul"].jump == (1, 1)
    assert (by_name["0.conv"].start, by_name["0.mul"].start) == ((-1, -1), None)
    assert (by_name["1"].receptive_field, by_name["1"].jump) == ((11, 11), (2, 2))


class Shuffled(nn.Module):
    """Channels in another order, as in ShuffleNet."""

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        groups = x.view(batch, 2, channels // 2, height, width)
        return groups.transpose(1, 2).reshape(x.shape)


def test_shuffled_and_split_channels_keep_their_places() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), Shuffled(), nn.Conv2d(4, 1, 3))
    assert last(describe_network(network, (1, 9, 9))).receptive_field == (5, 5)


def test_global_pooling_of_channels_last_is_followed() -> None:
    network = nn.Sequential(ChannelsLast(), nn.AdaptiveAvgPool2d(1))
    row = last(describe_network(network, (4, 9, 9)))
    assert (row.receptive_field, row.jump) == ((5 + 8, 5 + 8), None)


class Turned(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flip(3)


@pytest.mark.parametrize(
    "layer",
    [
        Turned(),
        nn.Upsample(scale_factor=2),
        nn.ConvTranspose2d(1, 1, 2, 2),
        nn.InstanceNorm2d(1),
        nn.AdaptiveAvgPool2d(4),  # of 9 places: windows of 3, one apart, and not evenly
    ],
)
def test_what_cannot_be_followed_is_unknown(layer: nn.Module) -> None:
    rows = describe_network(nn.Sequential(nn.Conv2d(1, 1, 1), layer, nn.ReLU()), (1, 9, 9))
    assert rows[0].receptive_field == (1, 1)
    assert [row.receptive_field for row in rows[1:]] == [None] * (len(rows) - 1)
    assert [row.jump for row in rows[1:]] == [None] * (len(rows) - 1)


class Mixed(nn.Module):
    """Adds maps whose places lie differently far apart."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.avg_pool2d(x, 2) + functional.avg_pool2d(x, 5, 1)


def test_paths_of_different_jumps_are_unknown_where_they_meet() -> None:
    row = last(describe_network(Mixed(), (1, 8, 8)))
    assert (row.output, row.receptive_field) == ((1, 4, 4), None)
