"""Convolution and its gradients against their definition and torch's automatic differentiation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torch_oracle import Array, assert_same, few, normal, torch_gradients

from cnntasks.backbones import reference
from cnntasks.errors import UsageError


@dataclass(frozen=True)
class Case:
    """A convolution that is possible."""

    batch: int
    inputs: int
    outputs: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: int
    padding: int
    seed: int

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        x, kernels, bias = normal(
            self.seed,
            (self.batch, self.inputs, *self.size),
            (self.outputs, self.inputs, *self.kernel),
            (self.outputs,),
        )
        return x, kernels, bias

    @property
    def connections(self) -> Array:
        return np.random.default_rng(self.seed).random((self.outputs, self.inputs)) < 0.6


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kernel, padding = draw(st.tuples(side, side)), draw(st.integers(0, 2))
    smallest = [max(1, n - 2 * padding) for n in kernel]
    height, width = (low + draw(st.integers(0, 5)) for low in smallest)
    numbers = draw(st.tuples(few_maps, few_maps, few_maps))
    stride, seed = draw(st.integers(1, 3)), draw(st.integers(0, 999))
    return Case(*numbers, (height, width), kernel, stride, padding, seed)


side = st.integers(1, 4)
few_maps = st.integers(1, 3)
# At stride 3 the windows leave 1 row and 2 columns over; the kernel is as large as all there is.
UNEVEN = Case(2, 2, 3, (8, 9), (4, 4), 3, 0, 1)
WHOLE = Case(1, 2, 2, (2, 3), (4, 3), 2, 1, 2)


@few
@given(cases())
@example(UNEVEN)
@example(WHOLE)
def test_all_loops_spelled_out_give_the_same(case: Case) -> None:
    for connections in (None, case.connections):
        arguments = (*case.arrays, case.stride, case.padding, connections)
        assert_same(reference.convolve(*arguments), reference.convolve_naive(*arguments))


@few
@given(cases(), st.booleans())
@example(UNEVEN, False)
@example(WHOLE, True)
def test_result_and_gradients_are_torchs(case: Case, partly: bool) -> None:
    x, kernels, bias = case.arrays
    connections = case.connections if partly else None
    how = (case.stride, case.padding, connections)

    y = reference.convolve(x, kernels, bias, *how)
    (gradient,) = normal(case.seed + 1, y.shape)

    def convolve(x: Tensor, kernels: Tensor, bias: Tensor) -> Tensor:
        if connections is not None:
            kernels = kernels * torch.tensor(connections)[:, :, None, None]
        return functional.conv2d(x, kernels, bias, case.stride, case.padding)

    expected, by = torch_gradients(convolve, gradient, x, kernels, bias)
    assert_same(y, expected)
    assert_same(reference.convolve_input_gradient(gradient, kernels, case.size, *how), by[0])
    assert_same(reference.convolve_kernel_gradient(gradient, x, case.kernel, *how), by[1])
    assert_same(reference.convolve_bias_gradient(gradient), by[2])


@few
@given(cases())
def test_input_gradient_is_the_full_correlation_with_the_turned_kernel(case: Case) -> None:
    x, kernels, _ = case.arrays
    (n, m), s, p = case.kernel, case.stride, case.padding
    y = reference.convolve(x, kernels, None, s, p)
    (gradient,) = normal(case.seed + 1, y.shape)
    # s - 1 zeros between the elements, then zeros around so that every overlap is there.
    rows, columns = (s * (side - 1) + 1 for side in y.shape[2:])
    spread = np.zeros((*y.shape[:2], rows + 2 * (n - 1), columns + 2 * (m - 1)))
    spread[:, :, n - 1 : n - 1 + rows : s, m - 1 : m - 1 + columns : s] = gradient

    turned = np.flip(kernels, (2, 3)).swapaxes(0, 1)
    met = reference.convolve(spread, turned)  # of the padded pixels that a window met
    padded = np.zeros((*x.shape[:2], case.size[0] + 2 * p, case.size[1] + 2 * p))
    padded[:, :, : met.shape[2], : met.shape[3]] = met

    found = reference.convolve_input_gradient(gradient, kernels, case.size, s, p)
    assert_same(found, padded[:, :, p : p + case.size[0], p : p + case.size[1]])


def test_a_kernel_by_hand() -> None:
    x = np.arange(9.0).reshape(1, 1, 3, 3)
    kernel = np.array([[[[1.0, 0.0], [0.0, -1.0]]]])
    found = reference.convolve(x, kernel, np.array([10.0]))
    assert found.tolist() == [[[[6.0, 6.0], [6.0, 6.0]]]]


def test_the_dtype_is_kept_and_whole_numbers_become_float64() -> None:
    x, kernels = (array.astype(np.float32) for array in normal(0, (1, 2, 5, 5), (3, 2, 3, 3)))
    y = reference.convolve(x, kernels, np.zeros(3, np.float32), 2, 1)
    found = (
        y,
        reference.convolve_naive(x, kernels, None, 2, 1, np.ones((3, 2), bool)),
        reference.convolve_kernel_gradient(y, x, (3, 3), 2, 1, np.ones((3, 2), bool)),
        reference.convolve_input_gradient(y, kernels, (5, 5), 2, 1, np.ones((3, 2), bool)),
        reference.convolve_bias_gradient(y),
    )
    assert {array.dtype for array in found} == {np.dtype(np.float32)}
    bytes_ = np.ones((1, 2, 5, 5), np.uint8)
    assert reference.convolve(bytes_, kernels.astype(np.float64)).dtype == np.float64


X, KERNELS = np.zeros((2, 3, 4, 4)), np.zeros((5, 3, 3, 3))
GRADIENT = np.zeros((2, 5, 2, 2))


@pytest.mark.parametrize("convolve", [reference.convolve, reference.convolve_naive])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X[0], KERNELS), r"the input has the shape \(3, 4, 4\); B×C×H×W is expected"),
        ((X, KERNELS[0]), r"the kernel array has the shape .*; O×C×H×W is expected"),
        ((X[:, :2], KERNELS), "the input has 2 channels, the kernels are for 3"),
        ((X, KERNELS, np.zeros(3)), r"the bias has the shape \(3,\); \(5,\) is expected"),
        ((X, KERNELS, None, 0), "stride 0.*must be at least 1"),
        ((X, KERNELS, None, 1, -1), "padding -1.*at least 0"),
        ((X, np.zeros((5, 3, 7, 7)), None, 1, 1), "a window of 7 does not fit into 4 pixels"),
        ((X, np.zeros((5, 3, 3, 0))), "window 0"),
        ((X, KERNELS, None, 1, 0, np.ones((3, 5), bool)), "the connection table has the shape"),
    ],
)
def test_what_does_not_fit_is_one_line(convolve, arguments, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        convolve(*arguments)
    assert "\n" not in str(caught.value)


def test_a_gradient_of_another_shape_is_refused() -> None:
    expected = r"the gradient has the shape \(2, 5, 2, 2\); \(2, 5, 1, 1\) is expected"
    with pytest.raises(UsageError, match=expected):
        reference.convolve_kernel_gradient(GRADIENT, X, (3, 3), stride=2)
    with pytest.raises(UsageError, match=expected):
        reference.convolve_input_gradient(GRADIENT, KERNELS, (4, 4), stride=2)
    with pytest.raises(UsageError, match="B×O×H×W is expected"):
        reference.convolve_bias_gradient(GRADIENT[0])


@few
@given(side, side, st.integers(1, 4), st.integers(0, 3))
def test_the_last_window_fits_and_one_more_would_not(
    extra: int, window: int, stride: int, padding: int
) -> None:
    size = window + extra
    count = reference.output_size(size, window, stride, padding)
    assert (count - 1) * stride + window <= size + 2 * padding < count * stride + window
