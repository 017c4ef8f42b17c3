"""What the tests of the reference layers share: random arrays, and gradients by torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import settings
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]

few = settings(max_examples=30, deadline=None, derandomize=True, database=None)


def normal(seed: int, *shapes: tuple[int, ...]) -> list[Array]:
    """Standard normal float64 arrays of these shapes."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def torch_gradients(
    function: Callable[..., Tensor], gradient: Array | None, *arrays: Array
) -> tuple[Array, list[Array]]:
    """A torch function's result and its derivatives by all arrays, by automatic differentiation.

    Args:
        function: from as many tensors as there are arrays to one tensor.
        gradient: the derivative of a loss by the result; None if the result is that loss.
        arrays: the arguments.
    """
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    result = function(*tensors)
    result.backward(None if gradient is None else torch.tensor(gradient))
    # A tensor that the result does not depend on has no gradient in torch; it is zero.
    found = [torch.zeros_like(t) if t.grad is None else t.grad for t in tensors]
    return result.detach().numpy(), [t.numpy() for t in found]


def assert_same(found: Array, expected: Array) -> None:
    """Equal in shape, and within 1e-10 (relative to 1 or to the expected number)."""
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
