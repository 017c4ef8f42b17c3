"""Losses: functions of the output and the target that return a value and its gradient.

A loss of one's own is any callable of this kind, `loss(output, target) -> (value, gradient)` with
gradient[...] = ∂value/∂output[...]; `check_loss` tells whether the gradient is that of the value.

Sources: LeCun et al. 1998, equation 8; Bouvrie 2006, section 2.1; Goodfellow et al. 2016, sections
5.5 and 6.2.2.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from cnntasks.backbones.reference.windows import Array, check_axes, check_shape
from cnntasks.errors import UsageError

Loss: TypeAlias = Callable[[Array, Any], tuple[float, Array]]


def mean_squared_error(output: Array, target: Array) -> tuple[float, Array]:
    """L = 1/N · Σ (output - target)² over all N numbers; ∂L/∂output = 2/N · (output - target).

    Bouvrie 2006 (section 2.1) has 1/2 where 1/N stands here, so that its gradient is N/2 times as
    large; LeCun 1998 (equation 8) averages over the pictures but not over the outputs.

    Args:
        output: any shape, B×K in LeNet-5.
        target: the same shape.

    Raises:
        UsageError: the shapes differ, or there is no number at all.
    """
    check_shape(target, output.shape, "the target")
    _check_filled(output)
    difference = output - target
    return float(np.mean(difference**2)), 2 * difference / output.size


def softmax(logits: Array) -> Array:
    """p[b,k] = exp(logits[b,k]) / Σ_l exp(logits[b,l]); B×K to B×K.

    The largest logit is subtracted first, which changes nothing but keeps exp from overflowing.
    """
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    p: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
    return p


def softmax_cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    """L = -1/B · Σ_b log p[b, labels[b]] with p = softmax(logits).

    ∂L/∂logits[b,k] = (p[b,k] - [k = labels[b]]) / B (Goodfellow et al. 2016, section 6.2.2.3).

    Args:
        logits: B×K.
        labels: B whole numbers in 0..K-1, the right classes.

    Raises:
        UsageError: the shapes do not fit, a label is no class, or the batch is empty.
    """
    check_axes(logits.shape, "BK", "the logit array")
    check_shape(labels, logits.shape[:1], "the label array")
    _check_filled(logits)
    classes = logits.shape[1]
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes:
        raise UsageError(f"labels must be whole numbers from 0 to {classes - 1}")
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    gradient = np.exp(log_p)
    gradient[rows, labels] -= 1
    return float(-log_p[rows, labels].mean()), gradient / len(labels)


def numerical_gradient(function: Callable[[Array], float], x: Array, step: float = 1e-5) -> Array:
    """∂f/∂x[k] ≈ (f(x + h·e_k) - f(x - h·e_k)) / 2h for every element k, one at a time.

    The central difference is wrong by about h² (and by rounding, about 1e-16/h), which is why h is
    neither large nor tiny.

    Args:
        function: from an array of x's shape to a number.
        x: any shape; it is not changed.
        step: h.

    Returns:
        float64 of x's shape.
    """
    moved = np.array(x, np.float64)
    found = np.zeros(moved.shape)
    for place in np.ndindex(moved.shape):
        middle = moved[place]
        moved[place] = middle + step
        above = function(moved)
        moved[place] = middle - step
        found[place] = (above - function(moved)) / (2 * step)
        moved[place] = middle
    return found


def check_loss(loss: Loss, output: Array, target: Any, tolerance: float = 1e-6) -> float:
    """Compare a loss's gradient with central differences of its value.

    Args:
        loss: a loss of one's own.
        output: where to check, any shape; not at a kink, where there is no derivative.
        target: handed to the loss.
        tolerance: on the difference, relative where the derivative is larger than 1.

    Returns:
        The largest difference found.

    Raises:
        UsageError: the gradient has another shape than the output, or is wrong somewhere; the
            message names the place with the largest difference.
    """
    name = getattr(loss, "__name__", type(loss).__name__)
    output = np.array(output, np.float64)
    # A copy, since a loss may well return its gradient in an array that it keeps.
    given = np.array(loss(output, target)[1], np.float64)
    check_shape(given, output.shape, f"the gradient of {name}")
    measured = numerical_gradient(lambda moved: loss(moved, target)[0], output)
    off = np.abs(given - measured) / np.maximum(1, np.abs(measured))
    if not np.all(off <= tolerance):
        worst = np.unravel_index(np.argmax(np.nan_to_num(off, nan=np.inf)), off.shape)
        raise UsageError(
            f"the gradient of {name} at {[int(index) for index in worst]} is {given[worst]:.6g}, "
            f"but central differences of its value give {measured[worst]:.6g}"
        )
    return float(off.max(initial=0))


def _check_filled(output: Array) -> None:
    if output.size == 0:
        raise UsageError("the batch is empty: a loss is a mean and needs at least one picture")
