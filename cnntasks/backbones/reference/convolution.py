"""Convolution: what it computes, and the three gradients that back-propagation needs from it.

B pictures, C input channels, O output channels (feature maps), an n×m kernel, stride s, p zeros of
padding; x̃ is x with its padding and

    y[b,o,i,j] = bias[o] + Σ_c Σ_u Σ_v kernels[o,c,u,v] · x̃[b, c, s·i+u, s·j+v].

δ = ∂L/∂y is what the next layer hands back, called `gradient` in the code; it has the shape of y.

This is cross-correlation, which networks call convolution (Goodfellow et al. 2016, equation 9.6);
Bouvrie 2006 writes the true convolution, with the kernel turned by 180°, and turns it back in the
gradients. Sources: LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition",
section II; Bouvrie 2006, "Notes on Convolutional Neural Networks", section 3.1; Goodfellow, Bengio
and Courville 2016, "Deep Learning", sections 9.1 and 9.5.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnntasks.backbones.reference.windows import (
    Array,
    check_axes,
    check_shape,
    output_size,
    pad_zeros,
    window_places,
)
from cnntasks.errors import UsageError


def convolve(
    x: Array,
    kernels: Array,
    bias: Array | None = None,
    stride: int = 1,
    padding: int = 0,
    connections: Array | None = None,
) -> Array:
    """y[b,o,i,j] = bias[o] + Σ_c Σ_u Σ_v kernels[o,c,u,v] · x̃[b, c, s·i+u, s·j+v].

    Args:
        x: B×C×H×W.
        kernels: O×C×n×m.
        bias: O numbers; None for zeros.
        stride: s, at least 1.
        padding: p zeros on each side.
        connections: O×C truth values: whether output map o sees input map c (LeCun 1998, Table I);
            None for all. What a missing connection's kernel holds is not used.

    Returns:
        B×O×H'×W' with H' = ⌊(H + 2p - n) / s⌋ + 1, in the common dtype of x and the kernels.

    Raises:
        UsageError: shapes that do not fit together, or a kernel larger than the padded input.
    """
    kernels, shape = _check(x.shape, kernels, bias, stride, padding, connections)
    padded = pad_zeros(x, padding)
    y = np.zeros(shape, np.result_type(x, kernels))
    for u, v, place in window_places(padded.shape, kernels.shape[2:], stride):
        # Σ_c; tensordot leaves the axes as o,b,i,j.
        y += np.tensordot(kernels[:, :, u, v], padded[place], axes=(1, 1)).swapaxes(0, 1)
    return y if bias is None else y + bias[:, None, None]


def convolve_naive(
    x: Array,
    kernels: Array,
    bias: Array | None = None,
    stride: int = 1,
    padding: int = 0,
    connections: Array | None = None,
) -> Array:
    """The definition of `convolve` with every sum spelled out: the same result, to be read.

    Arguments, result and errors are those of `convolve`; it is hundreds of times slower.
    """
    kernels, shape = _check(x.shape, kernels, bias, stride, padding, connections)
    padded = pad_zeros(x, padding)
    y = np.zeros(shape, np.result_type(x, kernels))
    pictures, outputs, rows, columns = shape
    _, inputs, n, m = kernels.shape
    for b in range(pictures):
        for o in range(outputs):
            for i in range(rows):
                for j in range(columns):
                    total = 0 if bias is None else bias[o]
                    for c in range(inputs):
                        for u in range(n):
                            for v in range(m):
                                pixel = padded[b, c, stride * i + u, stride * j + v]
                                total += kernels[o, c, u, v] * pixel
                    y[b, o, i, j] = total
    return y


def convolve_kernel_gradient(
    gradient: Array,
    x: Array,
    kernel_size: tuple[int, int],
    stride: int = 1,
    padding: int = 0,
    connections: Array | None = None,
) -> Array:
    """∂L/∂kernels[o,c,u,v] = Σ_b Σ_i Σ_j δ[b,o,i,j] · x̃[b, c, s·i+u, s·j+v].

    One weight works at every place of the picture, so its gradient is the sum over all of them:
    the correlation of the input with δ (Bouvrie 2006, section 3.1; Goodfellow et al. 2016,
    equation 9.11).

    Args:
        gradient: δ, B×O×H'×W'.
        x: the input of the forward pass, B×C×H×W.
        kernel_size: n, m.
        stride, padding, connections: as in the forward pass.

    Returns:
        O×C×n×m; zero where there is no connection.

    Raises:
        UsageError: δ has not the shape of the forward pass's result.
    """
    check_axes(gradient.shape, "BOHW", "the gradient")
    check_axes(x.shape, "BCHW", "the input")
    found = np.zeros((gradient.shape[1], x.shape[1], *kernel_size), np.result_type(gradient, x))
    _, shape = _check(x.shape, found, None, stride, padding, connections)
    check_shape(gradient, shape, "the gradient")
    padded = pad_zeros(x, padding)
    for u, v, place in window_places(padded.shape, kernel_size, stride):
        # Σ_b Σ_i Σ_j
        found[:, :, u, v] = np.tensordot(gradient, padded[place], axes=((0, 2, 3), (0, 2, 3)))
    return connected(found, connections)


def convolve_input_gradient(
    gradient: Array,
    kernels: Array,
    input_size: tuple[int, int],
    stride: int = 1,
    padding: int = 0,
    connections: Array | None = None,
) -> Array:
    """∂L/∂x̃[b,c,k,l] = Σ_o Σ_i Σ_j Σ_u Σ_v kernels[o,c,u,v] · δ[b,o,i,j], s·i+u = k, s·j+v = l.

    Every pixel collects what the outputs that it went into hand back. At stride 1 that is the
    full correlation of δ with the kernel turned by 180° (Bouvrie 2006, section 3.1; Goodfellow et
    al. 2016, equation 9.13); at stride s the same with s - 1 zeros between the elements of δ. The
    padding is cut off at the end: it is no input.

    Args:
        gradient: δ, B×O×H'×W'.
        kernels: O×C×n×m.
        input_size: H, W of the input, which H' and W' alone do not tell when s > 1.
        stride, padding, connections: as in the forward pass.

    Returns:
        B×C×H×W.

    Raises:
        UsageError: δ has not the shape of the forward pass's result.
    """
    check_axes(gradient.shape, "BOHW", "the gradient")
    check_axes(kernels.shape, "OCHW", "the kernel array")
    (height, width), maps = input_size, (len(gradient), kernels.shape[1])
    kernels, shape = _check((*maps, *input_size), kernels, None, stride, padding, connections)
    check_shape(gradient, shape, "the gradient")
    padded = np.zeros(
        (*maps, height + 2 * padding, width + 2 * padding), np.result_type(gradient, kernels)
    )
    for u, v, place in window_places(padded.shape, kernels.shape[2:], stride):
        # Σ_o; tensordot leaves the axes as c,b,i,j.
        padded[place] += np.tensordot(kernels[:, :, u, v], gradient, axes=(0, 1)).swapaxes(0, 1)
    return padded[:, :, padding : padding + height, padding : padding + width]


def convolve_bias_gradient(gradient: Array) -> Array:
    """∂L/∂bias[o] = Σ_b Σ_i Σ_j δ[b,o,i,j] (Bouvrie 2006, section 3.1); B×O×H'×W' to O.

    Raises:
        UsageError: the gradient has not four axes.
    """
    check_axes(gradient.shape, "BOHW", "the gradient")
    total: Array = gradient.sum(axis=(0, 2, 3))
    return total


def connected(kernels: Array, connections: Array | None) -> Array:
    """The kernels with zeros where `connections` (O×C) says that there is no connection."""
    if connections is None:
        return kernels
    return np.where(connections[:, :, None, None], kernels, 0)


def _check(
    x_shape: Sequence[int],
    kernels: Array,
    bias: Array | None,
    stride: int,
    padding: int,
    connections: Array | None,
) -> tuple[Array, tuple[int, int, int, int]]:
    """The connected kernels and the shape of the result; a UsageError if there can be none."""
    check_axes(x_shape, "BCHW", "the input")
    check_axes(kernels.shape, "OCHW", "the kernel array")
    outputs, inputs, n, m = kernels.shape
    if x_shape[1] != inputs:
        raise UsageError(f"the input has {x_shape[1]} channels, the kernels are for {inputs}")
    if bias is not None:
        check_shape(bias, (outputs,), "the bias")
    if connections is not None:
        check_shape(connections, (outputs, inputs), "the connection table")
    rows = output_size(x_shape[2], n, stride, padding)
    columns = output_size(x_shape[3], m, stride, padding)
    return connected(kernels, connections), (x_shape[0], outputs, rows, columns)
