"""`describe_network`: rows, parameters, multiply-adds, padding and memory of small networks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from cnntasks.backbones.arithmetic import LayerRow, Totals, build_shapes, describe_network
from cnntasks.backbones.efficientnet_lite import SameConv2d
from cnntasks.errors import InputError, UsageError


def rows_of(network: nn.Module, *shape: int) -> dict[str, LayerRow]:
    rows = describe_network(network, shape)
    return {f"{row.name} {row.call}" if row.call > 1 else row.name: row for row in rows}


def test_every_column_of_a_convolution() -> None:
    network = nn.Sequential(nn.Conv2d(4, 6, (3, 5), (2, 1), (1, 0), groups=2))
    [row] = describe_network(network, (4, 9, 11))
    assert row == LayerRow(
        name="0",
        call=1,
        kind="Conv2d",
        category="convolution",
        kernel=(3, 5),
        stride=(2, 1),
        padding=((1, 1), (0, 0)),
        groups=2,
        output=(6, 5, 7),
        trainable=6 * 2 * 15 + 6,
        fixed=0,
        multiply_adds=6 * 5 * 7 * 2 * 15,
        connections=6 * 5 * 7 * (2 * 15 + 1),
        activation_bytes=6 * 5 * 7 * 4,
        receptive_field=(3, 5),
        jump=(2, 1),
        start=(-1, 0),
    )


def test_the_lecture_in_one_network() -> None:
    network = nn.Sequential(nn.Conv2d(1, 400, 8), nn.MaxPool2d(2), nn.AvgPool2d(2))
    conv, most, mean = describe_network(network, (1, 96, 96))
    assert conv.output == (400, 89, 89)
    assert conv.activation_bytes == 4 * 3_168_400
    assert (most.output, most.category, most.parameters) == ((400, 44, 44), "pooling", 0)
    assert (mean.output, mean.kernel, mean.stride) == ((400, 22, 22), (2, 2), (2, 2))


def test_tensorflows_padding_is_shown_as_it_is_done() -> None:
    [even] = describe_network(nn.Sequential(SameConv2d(1, 1, 3, 2)), (1, 8, 9))
    assert even.padding == ((0, 1), (1, 1))  # 8 is even, 9 is not
    assert (even.kind, even.output) == ("SameConv2d", (1, 4, 5))


class PadsBefore(nn.Module):
    """Pads with a function what a module of its own convolves."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 4, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.pad(x, (0, 1, 2, 3)))


def test_padding_by_a_function_counts_for_the_window_after_it() -> None:
    [row] = describe_network(PadsBefore(), (1, 8, 8))
    assert row.padding == ((3, 4), (1, 2))


def test_padding_by_a_module_is_that_modules() -> None:
    pad, conv = describe_network(
        nn.Sequential(nn.ZeroPad2d((0, 1, 2, 3)), nn.Conv2d(1, 1, 3)), (1, 8, 8)
    )
    assert (pad.padding, pad.kernel) == (((2, 3), (0, 1)), None)
    assert conv.padding == ((0, 0), (0, 0))


def test_normalisation_over_channels_has_no_window() -> None:
    [row] = describe_network(nn.Sequential(nn.LocalResponseNorm(5)), (8, 4, 4))
    assert (row.category, row.kernel, row.padding) == ("normalisation", None, None)
    assert row.receptive_field == (1, 1)


def test_views_and_what_is_done_in_place_take_no_memory() -> None:
    network = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.ReLU())
    conv, inplace, flat, fresh = describe_network(network, (1, 10))
    assert [conv.activation_bytes, fresh.activation_bytes] == [64, 64]
    assert [inplace.activation_bytes, flat.activation_bytes] == [0, 0]


class Functional(nn.Module):
    """Everything with functions and parameters of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 1, 3, 3))
        self.scale = nn.Parameter(torch.ones(2, 1, 1))
        self.last = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.conv2d(x, self.weight, stride=2)
        x = functional.relu(x * self.scale)
        return self.last(x.mean((2, 3)))


def test_functions_are_layers_and_take_their_parameters() -> None:
    rows = rows_of(Functional(), 1, 9, 9)
    assert list(rows) == ["conv2d", "mul", "relu", "mean", "last"]
    assert [row.trainable for row in rows.values()] == [18, 2, 0, 0, 6]
    assert rows["conv2d"].multiply_adds == 2 * 16 * 9
    assert (rows["mean"].kernel, rows["mean"].jump) == ((4, 4), None)


class Reused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.spare = nn.Conv2d(2, 5, 3)
        self.spare.bias.requires_grad_(False)  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.conv(x))


def test_a_module_used_twice_has_its_parameters_once_and_its_work_twice() -> None:
    rows = rows_of(Reused(), 2, 6, 6)
    assert list(rows) == ["conv", "conv 2", "spare"]
    assert [rows["conv"].trainable, rows["conv 2"].trainable] == [38, 0]
    assert rows["conv"].multiply_adds == rows["conv 2"].multiply_adds == 36 * 2 * 18
    assert rows["conv 2"].receptive_field == (5, 5)


def test_unused_modules_are_listed_and_not_counted() -> None:
    rows = describe_network(Reused(), (2, 6, 6))
    spare, totals = rows[-1], Totals.of(rows)
    assert (spare.category, spare.output, spare.multiply_adds) == ("unused", None, 0)
    assert (spare.trainable, spare.fixed) == (90, 5)
    assert (totals.parameters, totals.unused) == (38, 95)


def test_shared_weights_count_once() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[1].weight = network[0].weight
    assert [row.trainable for row in describe_network(network, (4,))] == [20, 4]


def test_frozen_parameters_are_told_apart() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    network[0].requires_grad_(False)
    totals = Totals.of(describe_network(network, (1, 5, 5)))
    assert (totals.trainable, totals.fixed, totals.parameters) == (4, 20, 24)


def test_attention_uses_weights_of_a_module_that_it_never_calls() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.attention(x, x, x, need_weights=False)[0]

    network = Attends()
    rows = describe_network(network, (5, 8))
    expected = sum(parameter.numel() for parameter in network.parameters())
    assert Totals.of(rows).trainable == expected
    # Three projections and the last one of 5 tokens; 2 heads of 4 compare and mix all pairs.
    assert Totals.of(rows).multiply_adds == 4 * 5 * 8 * 8 + 2 * 2 * 5 * 5 * 4


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv1d(4, 6, 3, groups=2),
        nn.Conv3d(4, 6, 3, padding=1),
        nn.ConvTranspose1d(4, 6, 3, 2, groups=2),
        nn.Linear(7, 5),
    ],
)
def test_multiply_adds_are_half_of_what_torch_counts(layer: nn.Module) -> None:
    shape = (4, *(7,) * (3 if isinstance(layer, nn.Conv3d) else 1))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        layer(torch.zeros(1, *shape))
    assert 2 * Totals.of(describe_network(layer, shape)).multiply_adds == counter.get_total_flops()
    assert counter.get_total_flops() > 0


def test_the_network_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())
    network[1].eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    describe_network(network, (1, 8, 8))
    assert [module.training for module in network] == [True, False, True]
    assert all(torch.equal(network.state_dict()[name], it) for name, it in before.items())
    assert all(parameter.device.type == "cpu" for parameter in network.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


class LooksAtNumbers(nn.Module):
    """Cannot run on the meta device."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3)
        self.table = torch.linspace(0, 1, 3).tolist()

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * 2 if x.sum().item() > 1e9 else torch.from_numpy(x.numpy()) + 1


def test_a_network_that_looks_at_numbers_is_run_for_real() -> None:
    network = build_shapes(LooksAtNumbers)
    assert network.conv.weight.device.type == "cpu"
    [row] = describe_network(network, (1, 8, 8))
    assert (row.multiply_adds, row.receptive_field) == (36 * 9, (3, 3))


def test_what_comes_back_from_numpy_is_still_counted() -> None:
    network = nn.Sequential(LooksAtNumbers(), nn.Conv2d(1, 2, 3))
    before, after = describe_network(network, (1, 8, 8))
    assert (after.output, after.multiply_adds) == ((2, 4, 4), 2 * 16 * 9)
    assert (before.receptive_field, after.receptive_field) == ((3, 3), None)


def test_shapes_alone_take_no_memory() -> None:
    network = build_shapes(lambda: nn.Linear(10**6, 10**6))
    assert describe_network(network, (10**6,))[0].trainable == 10**12 + 10**6


def test_tokens_are_looked_up() -> None:
    network = nn.Sequential(nn.Embedding(100, 8), nn.Linear(8, 4))
    rows = describe_network(network, (12,), dtype=torch.long)
    assert [(row.output, row.trainable) for row in rows] == [((12, 8), 800), ((12, 4), 36)]
    assert rows[-1].receptive_field == (1,)


def test_an_input_that_is_too_small_names_the_layer() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 3), nn.MaxPool2d(4))
    with pytest.raises(InputError, match=r"input 1x5x5: 1 \(MaxPool2d\) cannot take it"):
        describe_network(network, (1, 5, 5))
    with pytest.raises(InputError, match=r"input 2x9x9: 0 \(Conv2d\) cannot take it"):
        describe_network(network, (2, 9, 9))


@pytest.mark.parametrize("shape", [(), (3, 0, 4)])
def test_sizes_must_be_positive(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="every size must be at least 1"):
        describe_network(nn.ReLU(), shape)


def test_identities_are_no_layers() -> None:
    assert describe_network(nn.Sequential(nn.Identity(), nn.ReLU()), (1, 2, 2))[0].name == "1"
