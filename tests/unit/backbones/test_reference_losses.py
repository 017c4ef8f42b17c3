"""Losses against torch; losses of one's own against central differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torch_oracle import Array, assert_same, few, normal, torch_gradients

from cnntasks.backbones import reference
from cnntasks.errors import UsageError

number = st.integers(1, 5)


@few
@given(number, number, st.integers(0, 999))
def test_mean_squared_error_is_torchs(batch: int, outputs: int, seed: int) -> None:
    output, target = normal(seed, (batch, outputs), (batch, outputs))
    value, gradient = reference.mean_squared_error(output, target)
    expected, by = torch_gradients(functional.mse_loss, None, output, target)
    assert value == pytest.approx(float(expected), abs=1e-10)
    assert_same(gradient, by[0])


@few
@given(number, number, st.integers(0, 999), st.sampled_from([0.1, 1.0, 1000.0]))
def test_cross_entropy_is_torchs(batch: int, classes: int, seed: int, scale: float) -> None:
    logits = scale * normal(seed, (batch, classes))[0]
    labels = np.random.default_rng(seed).integers(0, classes, batch)

    def cross_entropy(logits: Tensor) -> Tensor:
        return functional.cross_entropy(logits, torch.tensor(labels))

    expected, (by_logits,) = torch_gradients(cross_entropy, None, logits)
    value, gradient = reference.softmax_cross_entropy(logits, labels)
    assert value == pytest.approx(float(expected), abs=1e-10)
    assert_same(gradient, by_logits)
    assert_same(reference.softmax(logits), torch.softmax(torch.tensor(logits), 1).numpy())


def huber(output: Array, target: Array) -> tuple[float, Array]:
    """A loss of one's own: quadratic near the target, linear far from it."""
    off = output - target
    near = np.abs(off) < 1
    value = np.where(near, off**2 / 2, np.abs(off) - 0.5).sum()
    return float(value), np.where(near, off, np.sign(off))


def forgot_a_factor(output: Array, target: Array) -> tuple[float, Array]:
    value, gradient = huber(output, target)
    gradient[0, 1] *= 1.5
    return value, gradient


def of_nothing(output: Array, target: Array) -> tuple[float, Array]:
    return huber(output, target)[0], np.full(output.shape, np.nan)


@few
@given(st.integers(0, 99))
def test_a_loss_of_ones_own_is_checked_and_is_torchs(seed: int) -> None:
    output, target = normal(seed, (3, 4), (3, 4))
    # At the corners the second derivative jumps and differences say less.
    output = np.where(np.abs(np.abs(output - target) - 1) < 1e-3, target, output)

    assert reference.check_loss(huber, output, target) < 1e-6

    def torchs(output: Tensor) -> Tensor:
        return functional.huber_loss(output, torch.tensor(target), reduction="sum")

    expected, (by_output,) = torch_gradients(torchs, None, output)
    value, gradient = huber(output, target)
    assert value == pytest.approx(float(expected))
    assert_same(gradient, by_output)


def test_the_built_in_losses_pass_the_check() -> None:
    output, target = normal(0, (3, 4), (3, 4))
    assert reference.check_loss(reference.mean_squared_error, output, target) < 1e-8
    labels = np.array([3, 0, 1])
    assert reference.check_loss(reference.softmax_cross_entropy, output, labels) < 1e-8


def test_a_wrong_gradient_is_named_with_its_place() -> None:
    output, target = np.full((2, 3), 0.5), np.zeros((2, 3))
    expected = r"gradient of forgot_a_factor at \[0, 1\] is 0.75, but central .* give 0.5$"
    with pytest.raises(UsageError, match=expected):
        reference.check_loss(forgot_a_factor, output, target)
    with pytest.raises(UsageError, match=r"gradient of of_nothing at \[0, 0\] is nan"):
        reference.check_loss(of_nothing, output, target)


def test_a_gradient_of_another_shape_is_named() -> None:
    def flat(output: Array, target: Array) -> tuple[float, Array]:
        return 0.0, np.zeros(output.size)

    with pytest.raises(UsageError, match=r"the gradient of flat has the shape \(6,\); \(2, 3\)"):
        reference.check_loss(flat, np.zeros((2, 3)), None)


def test_central_differences_leave_their_argument_alone() -> None:
    x = np.array([[1.0, 2.0], [3.0, -1.0]])
    before = x.copy()
    found = reference.numerical_gradient(lambda moved: float((moved**3).sum()), x)
    np.testing.assert_allclose(found, 3 * x**2, rtol=1e-8)
    assert np.array_equal(x, before)


def test_the_dtype_is_kept() -> None:
    output = np.zeros((2, 3), np.float32)
    assert reference.mean_squared_error(output, output)[1].dtype == np.float32
    assert reference.softmax_cross_entropy(output, np.zeros(2, int))[1].dtype == np.float32
    assert reference.softmax(output).dtype == np.float32


LOGITS = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reference.mean_squared_error(LOGITS, LOGITS[0]), "the target has the shape"),
        (lambda: reference.mean_squared_error(LOGITS[:0], LOGITS[:0]), "the batch is empty"),
        (lambda: reference.softmax_cross_entropy(LOGITS[0], np.array([1])), "B×K is expected"),
        (lambda: reference.softmax_cross_entropy(LOGITS, np.array([1])), "the label array has"),
        (lambda: reference.softmax_cross_entropy(LOGITS, np.array([0, 3])), "from 0 to 2$"),
        (lambda: reference.softmax_cross_entropy(LOGITS, np.array([-1, 0])), "from 0 to 2$"),
        (lambda: reference.softmax_cross_entropy(LOGITS, np.array([0.0, 1])), "whole numbers"),
        (
            lambda: reference.softmax_cross_entropy(LOGITS[:0], np.zeros(0, int)),
            "the batch is empty",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(call, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
