"""Max pooling, average pooling and LeCun's trainable subsampling, forward and backward.

Windows of n×n pixels, s pixels apart (s = n unless told otherwise); rows and columns that are left
over at the end belong to no window and get the gradient zero. δ = ∂L/∂y, `gradient` in the code.

Sources: LeCun et al. 1998, section II.B (S2 and S4 of LeNet-5); Bouvrie 2006, section 3.2;
Goodfellow et al. 2016, section 9.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnntasks.backbones.reference.windows import (
    Array,
    check_axes,
    check_shape,
    output_size,
    window_places,
)


def max_pool(x: Array, size: int = 2, stride: int | None = None) -> tuple[Array, Array]:
    """y[b,c,i,j] = max over u, v of x[b, c, s·i+u, s·j+v].

    Args:
        x: B×C×H×W.
        size: n, the window's side.
        stride: s; None for n, windows side by side.

    Returns:
        y, B×C×H'×W' with H' = ⌊(H - n) / s⌋ + 1, and the winners of the same shape: n·u + v of
        the pixel that was largest, the first of equals. A window with a NaN gives NaN.

    Raises:
        UsageError: the window is larger than the input.
    """
    stride = size if stride is None else stride
    y = np.zeros(pooled_shape(x.shape, size, stride), x.dtype)
    winners = np.zeros(y.shape, np.intp)
    for u, v, place in window_places(x.shape, (size, size), stride):
        seen = x[place]
        better = (seen > y) | np.isnan(seen) if (u, v) != (0, 0) else np.ones(y.shape, bool)
        y = np.where(better, seen, y)
        winners[better] = size * u + v
    return y, winners


def max_pool_backward(
    gradient: Array,
    winners: Array,
    input_shape: Sequence[int],
    size: int = 2,
    stride: int | None = None,
) -> Array:
    """∂L/∂x[b,c,k,l] = Σ δ[b,c,i,j] over the windows (i, j) that x[b,c,k,l] has won.

    Args:
        gradient: δ, B×C×H'×W'.
        winners: from `max_pool`.
        input_shape: of x, B×C×H×W.
        size, stride: as in the forward pass.

    Raises:
        UsageError: δ or the winners have not the shape of the forward pass's result.
    """
    stride = size if stride is None else stride
    shape = pooled_shape(input_shape, size, stride)
    check_shape(gradient, shape, "the gradient")
    check_shape(winners, shape, "the array of winners")
    found = np.zeros(input_shape, gradient.dtype)
    for u, v, place in window_places(input_shape, (size, size), stride):
        found[place] += np.where(winners == size * u + v, gradient, 0)
    return found


def average_pool(x: Array, size: int = 2, stride: int | None = None) -> Array:
    """y[b,c,i,j] = 1/n² · Σ_u Σ_v x[b, c, s·i+u, s·j+v].

    Arguments, shapes and errors are those of `max_pool`.
    """
    return window_sum(x, size, size if stride is None else stride) / size**2


def average_pool_backward(
    gradient: Array, input_shape: Sequence[int], size: int = 2, stride: int | None = None
) -> Array:
    """∂L/∂x[b,c,k,l] = 1/n² · Σ δ[b,c,i,j] over the windows (i, j) that hold the pixel (k, l).

    Arguments, shapes and errors are those of `max_pool_backward`.
    """
    stride = size if stride is None else stride
    return _spread(gradient, input_shape, size, stride) / size**2


def subsample(x: Array, coefficient: Array, bias: Array, size: int = 2) -> Array:
    """y[b,c,i,j] = coefficient[c] · Σ_u Σ_v x[b, c, n·i+u, n·j+v] + bias[c].

    A coefficient and a bias for each map, both trained (LeCun 1998, section II.B, layer S2); the
    squashing function that follows there is a layer of its own here.

    Args:
        x: B×C×H×W.
        coefficient: C numbers; 1/n² makes it average pooling.
        bias: C numbers.
        size: n, the side of the windows, which do not overlap.

    Returns:
        B×C×⌊H/n⌋×⌊W/n⌋.

    Raises:
        UsageError: the window is larger than the input, or there is not one number for each map.
    """
    total = window_sum(x, size, size)
    check_shape(coefficient, x.shape[1:2], "the coefficient array")
    check_shape(bias, x.shape[1:2], "the bias")
    y: Array = coefficient[:, None, None] * total + bias[:, None, None]
    return y


def subsample_backward(
    gradient: Array, x: Array, coefficient: Array, size: int = 2
) -> tuple[Array, Array, Array]:
    """What `subsample` hands back to its input, its coefficients and its biases.

        ∂L/∂x[b,c,k,l]     = coefficient[c] · δ[b, c, ⌊k/n⌋, ⌊l/n⌋]
        ∂L/∂coefficient[c] = Σ_b Σ_i Σ_j δ[b,c,i,j] · Σ_u Σ_v x[b, c, n·i+u, n·j+v]
        ∂L/∂bias[c]        = Σ_b Σ_i Σ_j δ[b,c,i,j]

    (Bouvrie 2006, section 3.2.)

    Args:
        gradient: δ, B×C×⌊H/n⌋×⌊W/n⌋.
        x: the input of the forward pass, B×C×H×W.
        coefficient, size: as in the forward pass.

    Returns:
        ∂L/∂x (B×C×H×W), ∂L/∂coefficient (C) and ∂L/∂bias (C).

    Raises:
        UsageError: δ has not the shape of the forward pass's result.
    """
    scaled = _spread(gradient, x.shape, size, size)
    check_shape(coefficient, x.shape[1:2], "the coefficient array")
    total = window_sum(x, size, size)
    return (
        coefficient[:, None, None] * scaled,
        (gradient * total).sum(axis=(0, 2, 3)),
        gradient.sum(axis=(0, 2, 3)),
    )


def window_sum(x: Array, size: int, stride: int) -> Array:
    """Σ_u Σ_v x[b, c, s·i+u, s·j+v]; B×C×H×W to B×C×H'×W', whole numbers to float64."""
    total = np.zeros(pooled_shape(x.shape, size, stride), np.result_type(x.dtype, 1.0))
    for _, _, place in window_places(x.shape, (size, size), stride):
        total += x[place]
    return total


def pooled_shape(input_shape: Sequence[int], size: int, stride: int) -> tuple[int, int, int, int]:
    """B×C×H'×W' of pooling B×C×H×W.

    Raises:
        UsageError: not four axes, or the window is larger than the input.
    """
    check_axes(input_shape, "BCHW", "the input")
    pictures, channels, height, width = input_shape
    return (
        pictures,
        channels,
        output_size(height, size, stride),
        output_size(width, size, stride),
    )


def _spread(gradient: Array, input_shape: Sequence[int], size: int, stride: int) -> Array:
    """The transpose of `window_sum`: each pixel gets the sum of its windows' gradients."""
    check_shape(gradient, pooled_shape(input_shape, size, stride), "the gradient")
    found = np.zeros(input_shape, gradient.dtype)
    for _, _, place in window_places(input_shape, (size, size), stride):
        found[place] += gradient
    return found
