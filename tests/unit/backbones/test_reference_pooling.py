"""Pooling and trainable subsampling against torch's automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torch_oracle import Array, assert_same, few, normal, torch_gradients

from cnntasks.backbones import reference
from cnntasks.errors import UsageError


@st.composite
def inputs(draw: st.DrawFn) -> tuple[Array, int, int | None]:
    """A batch, a window's side and a stride: overlapping, side by side or with gaps."""
    size, stride = draw(st.integers(1, 3)), draw(st.none() | st.integers(1, 4))
    height, width = (size + draw(st.integers(0, 5)) for _ in range(2))
    maps = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    (x,) = normal(draw(st.integers(0, 999)), (*maps, height, width))
    return x, size, stride


LEFT_OVER = (normal(3, (2, 2, 5, 7))[0], 2, None)  # one row and one column in no window


@few
@given(inputs(), st.booleans())
@example(LEFT_OVER, False)
@example(LEFT_OVER, True)
def test_max_pooling_is_torchs(case: tuple[Array, int, int | None], ties: bool) -> None:
    x, size, stride = case
    # Rounded, many windows have several largest pixels: the first one must get the gradient.
    x = np.round(x) if ties else x

    y, winners = reference.max_pool(x, size, stride)
    (gradient,) = normal(1, y.shape)

    def pool(x: Tensor) -> Tensor:
        return functional.max_pool2d(x, size, stride)

    expected, (by_x,) = torch_gradients(pool, gradient, x)
    assert_same(y, expected)
    assert_same(reference.max_pool_backward(gradient, winners, x.shape, size, stride), by_x)


@few
@given(inputs())
@example(LEFT_OVER)
def test_average_pooling_is_torchs(case: tuple[Array, int, int | None]) -> None:
    x, size, stride = case
    y = reference.average_pool(x, size, stride)
    (gradient,) = normal(1, y.shape)

    def pool(x: Tensor) -> Tensor:
        return functional.avg_pool2d(x, size, stride)

    expected, (by_x,) = torch_gradients(pool, gradient, x)
    assert_same(y, expected)
    assert_same(reference.average_pool_backward(gradient, x.shape, size, stride), by_x)


@few
@given(inputs())
@example(LEFT_OVER)
def test_subsampling_is_torchs(case: tuple[Array, int, int | None]) -> None:
    x, size, _ = case
    coefficient, bias = normal(2, x.shape[1:2], x.shape[1:2])
    y = reference.subsample(x, coefficient, bias, size)
    (gradient,) = normal(1, y.shape)

    def subsample(x: Tensor, coefficient: Tensor, bias: Tensor) -> Tensor:
        total = functional.avg_pool2d(x, size, divisor_override=1)
        return coefficient[:, None, None] * total + bias[:, None, None]

    expected, by = torch_gradients(subsample, gradient, x, coefficient, bias)
    assert_same(y, expected)
    for found, one in zip(
        reference.subsample_backward(gradient, x, coefficient, size), by, strict=True
    ):
        assert_same(found, one)


def test_winners_say_where_the_largest_pixel_was() -> None:
    x = np.array([[[[1.0, 5.0, 2.0, 2.0], [4.0, 3.0, 2.0, 2.0]]]])
    y, winners = reference.max_pool(x)
    assert y.tolist() == [[[[5.0, 2.0]]]]
    assert winners.tolist() == [[[[1, 0]]]]


@pytest.mark.parametrize("place", range(4))
def test_a_window_with_a_nan_is_nan(place: int) -> None:
    x = np.arange(4.0)
    x[place] = np.nan
    y, winners = reference.max_pool(x.reshape(1, 1, 2, 2))
    assert np.isnan(y).all()
    assert winners.item() == place


def test_the_dtype_is_kept_and_means_of_whole_numbers_are_float64() -> None:
    x, gradient = (array.astype(np.float32) for array in normal(0, (1, 2, 5, 5), (1, 2, 2, 2)))
    coefficient = np.ones(2, np.float32)
    y, winners = reference.max_pool(x)
    found = (
        y,
        reference.max_pool_backward(gradient, winners, x.shape),
        reference.average_pool(x),
        reference.average_pool_backward(gradient, x.shape),
        reference.subsample(x, coefficient, coefficient),
        *reference.subsample_backward(gradient, x, coefficient),
    )
    assert {array.dtype for array in found} == {np.dtype(np.float32)}
    whole = np.array([[[[255, 255], [255, 254]]]], np.uint8)
    assert reference.average_pool(whole).item() == 254.75
    assert reference.max_pool(whole)[0].dtype == np.uint8


X, TWO = np.zeros((1, 2, 5, 5)), np.zeros(2)
Y = np.zeros((1, 2, 2, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reference.max_pool(X, 6), "a window of 6 does not fit into 5 pixels"),
        (lambda: reference.max_pool(X, 2, 0), "stride 0"),
        (lambda: reference.average_pool(X[0]), r"the input has the shape \(2, 5, 5\); B×C×H×W"),
        (lambda: reference.average_pool(X, 0), "window 0"),
        (lambda: reference.subsample(X, TWO[:1], TWO), "the coefficient array has the shape"),
        (lambda: reference.subsample(X, TWO, TWO[:1]), "the bias has the shape"),
        (lambda: reference.max_pool_backward(X, Y, X.shape), "the gradient has the shape"),
        (lambda: reference.max_pool_backward(Y, X, X.shape), "the array of winners has the"),
        (lambda: reference.average_pool_backward(X, X.shape), r"\(1, 2, 2, 2\) is expected"),
        (lambda: reference.subsample_backward(X, X, TWO), r"\(1, 2, 2, 2\) is expected"),
    ],
)
def test_what_does_not_fit_is_one_line(call, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
