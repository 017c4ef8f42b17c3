"""Where a window meets its input: the arithmetic that convolution and pooling share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnntasks.errors import UsageError

Array: TypeAlias = NDArray[Any]
Place: TypeAlias = tuple[EllipsisType, slice, slice]


def output_size(size: int, window: int, stride: int = 1, padding: int = 0) -> int:
    """How often a window fits along one side: ⌊(size + 2·padding − window) / stride⌋ + 1.

    Pixels that are left over at the far end, because the stride does not divide what the window
    leaves, take no part in the result (Goodfellow et al. 2016, section 9.5, "valid").

    Args:
        size: pixels along this side of the input.
        window: pixels along this side of the kernel or pooling window, at least 1.
        stride: pixels from one window to the next, at least 1.
        padding: zeros added at both ends, at least 0.

    Raises:
        UsageError: a number is too small, or the window is larger than the padded input.
    """
    if window < 1 or stride < 1 or padding < 0:
        raise UsageError(
            f"window {window}, stride {stride}, padding {padding}: "
            "window and stride must be at least 1, padding at least 0"
        )
    if window > size + 2 * padding:
        raise UsageError(
            f"a window of {window} does not fit into {size} pixels with padding {padding}; "
            "make the window smaller or the padding larger"
        )
    return (size + 2 * padding - window) // stride + 1


def window_places(
    input_size: Sequence[int], window: tuple[int, int], stride: int
) -> Iterator[tuple[int, int, Place]]:
    """For every position (u, v) in the window, the input pixels that it meets in all windows.

    x[..., s·i + u, s·j + v] for all (i, j) at once is the strided slice x[place]; a loop over the
    n·m positions of a window therefore takes the place of one over all pixels.

    Args:
        input_size: (..., H, W) of the input, padding included; only the last two count.
        window: its height n and width m.
        stride: s, the same in both directions.

    Yields:
        u in 0..n-1, v in 0..m-1, and the place: an index for arrays of that size.
    """
    (n, m), (height, width) = window, input_size[-2:]
    rows = stride * (output_size(height, n, stride) - 1) + 1
    columns = stride * (output_size(width, m, stride) - 1) + 1
    for u in range(n):
        for v in range(m):
            yield u, v, (..., slice(u, u + rows, stride), slice(v, v + columns, stride))


def pad_zeros(x: Array, padding: int) -> Array:
    """Put `padding` zeros around the last two axes: B×C×H×W to B×C×(H+2p)×(W+2p)."""
    if padding == 0:
        return x
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def check_axes(shape: Sequence[int], axes: str, what: str) -> None:
    """Complain unless `shape` has as many axes as `axes` has letters.

    Args:
        shape: an array's shape.
        axes: for instance "BCHW".
        what: the array's name in the message.

    Raises:
        UsageError: it has more or fewer.
    """
    if len(shape) != len(axes):
        raise UsageError(f"{what} has the shape {tuple(shape)}; {'×'.join(axes)} is expected")


def check_shape(x: Array, shape: Sequence[int], what: str) -> None:
    """Complain unless `x` has exactly this shape.

    Raises:
        UsageError: it has another.
    """
    if x.shape != tuple(shape):
        raise UsageError(f"{what} has the shape {x.shape}; {tuple(shape)} is expected")
