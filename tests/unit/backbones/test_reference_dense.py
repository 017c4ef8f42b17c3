"""The fully connected layer and the activations against torch's automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from torch_oracle import assert_same, few, normal, torch_gradients

from cnntasks.backbones import reference
from cnntasks.errors import UsageError

number = st.integers(1, 6)


@few
@given(number, number, number, st.integers(0, 999))
def test_fully_connected_is_torchs(batch: int, inputs: int, outputs: int, seed: int) -> None:
    x, weights, bias, gradient = normal(
        seed, (batch, inputs), (outputs, inputs), (outputs,), (batch, outputs)
    )
    expected, by = torch_gradients(functional.linear, gradient, x, weights, bias)
    assert_same(reference.fully_connected(x, weights, bias), expected)
    found = reference.fully_connected_backward(gradient, x, weights)
    for one, other in zip(found, by, strict=True):
        assert_same(one, other)


ACTIVATIONS = {
    "scaled_tanh": (
        reference.scaled_tanh,
        reference.scaled_tanh_backward,
        lambda a: 1.7159 * torch.tanh(a * 2 / 3),
    ),
    "relu": (reference.relu, reference.relu_backward, torch.relu),
    "sigmoid": (reference.sigmoid, reference.sigmoid_backward, torch.sigmoid),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@few
@given(
    st.lists(st.floats(-1000, 1000), min_size=1, max_size=6), st.sampled_from([(-1,), (1, -1, 1)])
)
def test_activations_are_torchs(name: str, values: list[float], shape: tuple[int, ...]) -> None:
    forward, backward, torchs = ACTIVATIONS[name]
    # The corner of ReLU as well.
    a = np.array([0.0, *values]).reshape(shape)
    (gradient,) = normal(1, a.shape)
    expected, (by_a,) = torch_gradients(torchs, gradient, a)
    assert_same(forward(a), expected)
    assert_same(backward(gradient, forward(a)), by_a)


def test_the_squashing_function_maps_one_to_one() -> None:
    assert reference.scaled_tanh(np.array([1.0, -1.0])) == pytest.approx([1, -1], abs=1e-4)


def test_the_dtype_is_kept() -> None:
    x, weights, gradient = (array.astype(np.float32) for array in normal(0, (2, 3), (4, 3), (2, 4)))
    y = reference.fully_connected(x, weights, np.zeros(4, np.float32))
    found = [y, *reference.fully_connected_backward(gradient, x, weights)]
    for forward, backward, _ in ACTIVATIONS.values():
        found += [forward(x), backward(x, forward(x))]
    assert {array.dtype for array in found} == {np.dtype(np.float32)}


X, WEIGHTS, BIAS = np.zeros((2, 3)), np.zeros((4, 3)), np.zeros(4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reference.fully_connected(X[0], WEIGHTS, BIAS), "B×J is expected"),
        (lambda: reference.fully_connected(X, WEIGHTS[0], BIAS), "K×J is expected"),
        (lambda: reference.fully_connected(X, WEIGHTS, BIAS[:1]), r"\(4,\) is expected"),
        (lambda: reference.fully_connected(X[:, :2], WEIGHTS, BIAS), "2 features, the weights 3"),
        (lambda: reference.fully_connected_backward(X, X, WEIGHTS), r"\(2, 4\) is expected"),
        (lambda: reference.relu_backward(X, WEIGHTS), r"\(4, 3\) is expected"),
        (lambda: reference.sigmoid_backward(X, WEIGHTS), r"\(4, 3\) is expected"),
        (lambda: reference.scaled_tanh_backward(X, WEIGHTS), r"\(4, 3\) is expected"),
    ],
)
def test_what_does_not_fit_is_one_line(call, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
