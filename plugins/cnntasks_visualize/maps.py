"""The feature maps of a layer as pictures."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cnntasks_visualize.pictures import Picture, colored, to_range

#: Colours of feature maps: dark is little.
COLORS = "magma"


def strongest_units(maps: NDArray[np.float32], count: int) -> list[int]:
    """The units whose answers vary most over their places (or are largest, without places).

    Args:
        maps: units×places.
    """
    flat = maps.reshape(len(maps), -1)
    weight = flat.std(axis=1) if flat.shape[1] > 1 else np.abs(flat[:, 0])
    order: list[int] = np.argsort(-weight, kind="stable")[:count].tolist()
    return order


def map_picture(values: NDArray[np.float32]) -> Picture:
    """One map, stretched to its own smallest and largest value; over time it is a band."""
    if values.ndim == 1:
        values = np.repeat(values[np.newaxis], max(4, len(values) // 8), axis=0)
    return colored(to_range(values), COLORS)


def vector_picture(values: NDArray[np.float32]) -> Picture:
    """The numbers of a layer without places, in reading order, in a field about square."""
    columns = math.ceil(math.sqrt(len(values)))
    rows = -(-len(values) // columns)
    padded = np.full(rows * columns, np.nan)
    padded[: len(values)] = to_range(values)
    field = colored(np.nan_to_num(padded.reshape(rows, columns)), COLORS)
    field[np.isnan(padded.reshape(rows, columns))] = 250
    times = max(1, 448 // max(rows, columns))
    return field.repeat(times, axis=0).repeat(times, axis=1)
