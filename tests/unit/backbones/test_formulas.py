"""The arithmetic of one layer, against sums done by hand and against torch."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn

from cnntasks.backbones.formulas import (
    convolution_multiply_adds,
    convolution_weights,
    linear_multiply_adds,
    number_of_outputs,
    output_size,
    receptive_field,
)
from cnntasks.errors import UsageError


@pytest.mark.parametrize(("stride", "size"), [(1, 4), (3, 2)])
def test_a_filter_of_3_on_6_pixels(stride: int, size: int) -> None:
    assert output_size(6, 3, stride) == size


def test_padding_is_the_total_of_both_sides() -> None:
    assert output_size(6, 3, padding=2) == 6
    assert output_size(224, 7, stride=2, padding=3) == 111  # one side has 1, the other 2
    assert output_size(224, 7, stride=2, padding=6) == 112


@pytest.mark.parametrize("filters", [1, 2, 64])
def test_filters_of_3_by_3_on_one_channel_have_nine_weights_each(filters: int) -> None:
    assert convolution_weights(1, filters, (3, 3), bias=False) == 9 * filters


def test_400_filters_of_8_by_8_on_96_by_96() -> None:
    side = output_size(96, 8)
    assert side == 89
    outputs = number_of_outputs(400, (side, side))
    assert outputs == 3_168_400
    assert convolution_weights(1, 400, (8, 8)) == 400 * 65
    assert convolution_multiply_adds(1, (8, 8), outputs) == 3_168_400 * 64


def test_pooling_4_by_4_with_windows_of_2() -> None:
    image = torch.tensor([[1.0, 3, 2, 0], [5, 7, 4, 6], [9, 8, 1, 1], [0, 3, 2, 4]])[None, None]
    assert nn.MaxPool2d(2)(image).tolist() == [[[[7, 6], [9, 4]]]]
    assert nn.AvgPool2d(2)(image).tolist() == [[[[4, 3], [5, 2]]]]
    assert output_size(4, 2, stride=2) == 2


def test_output_size_agrees_with_torch() -> None:
    numbers = product((5, 6, 9), (1, 2, 3), (1, 2, 3), (0, 1), (1, 2), (False, True))
    for size, kernel, stride, side, dilation, ceil in numbers:
        if side > kernel // 2 or dilation * (kernel - 1) + 1 > size:
            continue
        pool = nn.MaxPool1d(kernel, stride, side, dilation, ceil_mode=ceil)
        found = pool(torch.zeros(1, 1, size)).shape[2]
        ours = output_size(size, kernel, stride, 2 * side, dilation, ceil)
        assert ours == found, (size, kernel, stride, side, dilation, ceil)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"size": 2, "kernel": 3}, "a window of 3 does not fit into 2 .*larger input"),
        ({"size": 6, "kernel": 3, "dilation": 3}, "a window of 7 does not fit into 6"),
        ({"size": 6, "kernel": 0}, "kernel 0, .* must be at least 1"),
        ({"size": 6, "kernel": 3, "padding": -1}, "padding -1 at least 0"),
    ],
)
def test_what_cannot_be_is_said(numbers: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        output_size(**numbers)


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("bias", [True, False])
def test_weights_agree_with_torch(groups: int, bias: bool) -> None:
    layer = nn.Conv2d(6, 12, (3, 5), groups=groups, bias=bias)
    counted = sum(parameter.numel() for parameter in layer.parameters())
    assert convolution_weights(6, 12, (3, 5), groups, bias) == counted


def test_groups_must_divide_the_channels() -> None:
    with pytest.raises(UsageError, match="4 groups do not divide 6 channels and 12 filters"):
        convolution_weights(6, 12, (3, 3), groups=4)


def test_a_depthwise_convolution_costs_its_window_per_output() -> None:
    assert convolution_multiply_adds(32, (3, 3), outputs=100, groups=32) == 900
    assert linear_multiply_adds(120, 84) == 10_080


def test_receptive_fields_of_published_tables() -> None:
    """Araujo et al. 2019, table of convolutional networks: AlexNet 195, VGG-16 212."""
    alexnet = [(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)]
    assert receptive_field(alexnet) == (195, 32)
    blocks = ([(3, 1)] * convolutions + [(2, 2)] for convolutions in (2, 2, 3, 3, 3))
    assert receptive_field(layer for block in blocks for layer in block) == (212, 32)


def test_dilation_widens_and_nothing_sees_itself() -> None:
    assert receptive_field([]) == (1, 1)
    assert receptive_field([(3, 1, 1), (3, 1, 2), (3, 1, 4)]) == (15, 1)
