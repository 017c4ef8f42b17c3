"""Histograms of oriented gradients (Dalal & Triggs 2005)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cnntasks import InputError
from cnntasks_features.pictures import Picture, grey_of, grid
from cnntasks_features.result import Features
from cnntasks_features.settings import Settings

#: Of the paper: unsigned directions, cells in a block, and normalisation.
ORIENTATIONS = 9
BLOCK = 2
_NORM = "L2-Hys"
#: Side of a cell in the picture.
_CELL = 24


def describe(grey: NDArray[np.float32], orientations: int, cell: int) -> NDArray[np.float32]:
    """The descriptor of a picture H×W in 0..1: blocks of 2×2 cells, each normalised, one vector."""
    from skimage.feature import hog as histograms

    return np.asarray(
        histograms(
            grey,
            orientations=orientations,
            pixels_per_cell=(cell, cell),
            cells_per_block=(BLOCK, BLOCK),
            block_norm=_NORM,
        ),
        np.float32,
    )


def hog(image: Picture, settings: Settings) -> Features:
    """The descriptor, and its cells: the directions of edges in each, brighter where stronger."""
    from skimage.feature import hog as histograms

    count = settings.orientations or ORIENTATIONS
    cell = settings.cell
    rows, columns = image.shape[0] // cell, image.shape[1] // cell
    if rows < BLOCK or columns < BLOCK:
        raise InputError(
            f"{image.shape[1]}x{image.shape[0]} pixels have not {BLOCK}x{BLOCK} cells of {cell} "
            "pixels; choose a smaller --cell"
        )
    grey = grey_of(image)
    blocks = histograms(
        grey,
        orientations=count,
        pixels_per_cell=(cell, cell),
        cells_per_block=(BLOCK, BLOCK),
        block_norm=_NORM,
        feature_vector=False,
    )
    cells = _cells_of(blocks, rows, columns, count)
    pictures = [image, cell_picture(cells * _contrast(grey, cell)[..., np.newaxis])]
    captions = ["picture", f"{rows}x{columns} cells of {cell} pixels, {count} directions"]
    summary = {
        "cells": [rows, columns],
        "cell": cell,
        "block": BLOCK,
        "orientations": count,
        "normalisation": _NORM,
        "length": int(blocks.size),
    }
    arrays: dict[str, NDArray[np.generic]] = {
        "descriptor": blocks.reshape(-1).astype(np.float32),
        "cells": cells.astype(np.float32),
    }
    return Features(grid(pictures, captions, 2, 640), arrays, summary)


def _cells_of(
    blocks: NDArray[np.floating[Any]], rows: int, columns: int, count: int
) -> NDArray[np.float64]:
    """Each cell's histogram: the mean over the blocks that it is in, rows×columns×directions."""
    total = np.zeros((rows, columns, count))
    times = np.zeros((rows, columns, 1))
    high, wide = blocks.shape[:2]
    for row in range(BLOCK):
        for column in range(BLOCK):
            total[row : row + high, column : column + wide] += blocks[:, :, row, column]
            times[row : row + high, column : column + wide] += 1
    return np.asarray(total / times)


def _contrast(grey: NDArray[np.float32], cell: int) -> NDArray[np.float64]:
    """The mean length of the gradient in each cell, rows×columns.

    The descriptor is free of it, since every block is normalised; in the picture it keeps the noise
    of an even ground from looking like edges.
    """
    rows, columns = grey.shape[0] // cell, grey.shape[1] // cell
    length = np.hypot(*np.gradient(grey.astype(np.float64)))[: rows * cell, : columns * cell]
    mean = length.reshape(rows, cell, columns, cell).mean(axis=(1, 3))
    return np.asarray(mean + 1e-6)


def cell_picture(cells: NDArray[np.float64]) -> Picture:
    """White lines on black: along the edge, which is across the gradient."""
    rows, columns, count = cells.shape
    image = Image.new("L", (columns * _CELL, rows * _CELL))
    pen = ImageDraw.Draw(image)
    top = float(np.quantile(cells, 0.995)) or 1.0
    strength = np.clip(cells / top, 0, 1)
    # Weak lines first, so that strong ones lie on them.
    for row, column, number in np.argwhere(strength > 0.08)[
        np.argsort(strength[strength > 0.08], kind="stable")
    ]:
        value = float(strength[row, column, number])
        angle = np.pi * (number + 0.5) / count
        # The middle of a bin of directions of the gradient; its edge is a quarter turn on.
        x, y = -np.sin(angle) * _CELL * 0.46, np.cos(angle) * _CELL * 0.46
        middle = (column + 0.5) * _CELL, (row + 0.5) * _CELL
        pen.line(
            (middle[0] - x, middle[1] - y, middle[0] + x, middle[1] + y),
            fill=round(40 + 215 * value),
            width=2,
        )
    grey = np.asarray(image)
    return np.repeat(grey[..., np.newaxis], 3, axis=2)
