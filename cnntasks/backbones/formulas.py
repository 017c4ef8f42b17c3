"""The arithmetic of one layer as plain formulas: sizes, weights, multiply-adds, receptive fields.

One spatial axis at a time where axes do not mix, and no torch: these are the sums that one does
on paper. Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning";
Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks" (Distill).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from cnntasks.errors import UsageError


def output_size(
    size: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """The number of places of a window along one axis: (W - n + P) / s + 1, rounded down.

    Args:
        size: W, the input's size along this axis.
        kernel: n, the window's size; with `dilation` d it spans d(n - 1) + 1 inputs.
        stride: s, the step from one place to the next.
        padding: P, the TOTAL of both sides. torch's `padding=1` on each side is P = 2 here.
        dilation: the step between neighbouring inputs of one window.
        ceil_mode: round up instead, so that the last window may hang over the edge; as in torch a
            window that would begin in the padding after the input is left out.

    Raises:
        UsageError: a number is out of range, or not even one window fits.
    """
    if min(size, kernel, stride, dilation) < 1 or padding < 0:
        raise UsageError(
            f"size {size}, kernel {kernel}, stride {stride} and dilation {dilation} must be "
            f"at least 1, padding {padding} at least 0"
        )
    room = size + padding - dilation * (kernel - 1) - 1
    if room < 0:
        raise UsageError(
            f"a window of {dilation * (kernel - 1) + 1} does not fit into {size + padding} "
            f"(size {size} with padding {padding}); use a larger input or more padding"
        )
    steps = room // stride
    # The half of the padding that lies before the input is the smaller one.
    if ceil_mode and room % stride and (steps + 1) * stride < size + padding // 2:
        steps += 1
    return steps + 1


def convolution_weights(
    in_channels: int, filters: int, kernel: Sequence[int], groups: int = 1, bias: bool = True
) -> int:
    """The numbers that a convolution learns: n·n·C/groups for each of N filters, and N biases.

    Args:
        in_channels: C of the input.
        filters: N, the channels of the output.
        kernel: the filter's size along each axis, (3, 3) say.
        groups: into how many independent parts the channels fall; C for a depthwise convolution.
        bias: whether each filter has one.

    Raises:
        UsageError: `groups` does not divide both numbers of channels.
    """
    if in_channels % groups or filters % groups:
        raise UsageError(
            f"{groups} groups do not divide {in_channels} channels and {filters} filters; "
            "choose a divisor of both"
        )
    return filters * (in_channels // groups) * prod(kernel) + (filters if bias else 0)


def number_of_outputs(channels: int, sizes: Iterable[int]) -> int:
    """The numbers in a feature map of `channels` and the given size along each axis."""
    return channels * prod(sizes)


def convolution_multiply_adds(
    in_channels: int, kernel: Sequence[int], outputs: int, groups: int = 1
) -> int:
    """Multiplications that are added up: n·n·C/groups for each of the outputs.

    Adding the bias is not counted, neither here nor in published tables.
    """
    return outputs * (in_channels // groups) * prod(kernel)


def linear_multiply_adds(inputs: int, outputs: int) -> int:
    """Multiply-adds of a fully connected layer: each output weighs each input."""
    return inputs * outputs


def receptive_field(layers: Iterable[Sequence[int]]) -> tuple[int, int]:
    """Receptive field and jump of a chain of windows along one axis.

    r = 1 + sum over l of d_l (k_l - 1) s_1 ... s_(l-1), and jump = s_1 ... s_L: the input
    positions that one output can see, and those between neighbouring outputs (Araujo et al. 2019,
    equation 2). Branches need more than this formula: see `cnntasks.backbones.fields`.

    Args:
        layers: (kernel, stride) or (kernel, stride, dilation) from the input on.
    """
    field, jump = 1, 1
    for kernel, stride, *dilation in layers:
        field += (kernel - 1) * (dilation[0] if dilation else 1) * jump
        jump *= stride
    return field, jump
