"""Colours for classes: far apart to the eye, the same in every run, legible on photographs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RGB = tuple[int, int, int]

#: More than the 91 category numbers of COCO; indices beyond start over.
DISTINCT_COLORS = 128

_BLACK: RGB = (16, 16, 16)
_WHITE: RGB = (255, 255, 255)


def class_color(index: int) -> RGB:
    """The colour of class `index`; the first `DISTINCT_COLORS` are as far apart as they can be.

    Earlier ones are further apart than later ones, so data sets of few classes get clear colours.

    Args:
        index: any integer from 0; `DISTINCT_COLORS` and beyond start over.
    """
    return _palette()[index % DISTINCT_COLORS]


@lru_cache(maxsize=512)
def text_color(background: RGB) -> RGB:
    """Near-black or white, whichever contrasts more with `background` (WCAG 2.1)."""
    linear = _linear(np.array(background) / 255)
    luminance = float(linear @ np.array([0.2126, 0.7152, 0.0722]))
    on_black, on_white = (luminance + 0.05) / 0.055, 1.05 / (luminance + 0.05)
    return _BLACK if on_black >= on_white else _WHITE


@lru_cache(maxsize=1)
def _palette() -> tuple[RGB, ...]:
    """Pick each colour as far as possible from those before it, in OKLab (Ottosson 2020)."""
    steps = np.linspace(0, 255, 18).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    points = _oklab(colours)
    # Neither the dark nor the greyish nor the nearly white, which vanish in a photograph.
    chroma = np.hypot(points[:, 1], points[:, 2])
    visible = (points[:, 0] > 0.52) & (points[:, 0] < 0.92) & (chroma > 0.13)
    # Coordinates come first: sums over rows of three are slow, and the first picture waits.
    colours, points = colours[visible], points[visible].T.copy()
    first = int(np.argmin(np.linalg.norm(colours - np.array([255.0, 60, 60]), axis=1)))
    chosen = [first]
    nearest = _squared_distances(points, first)
    for _ in range(DISTINCT_COLORS - 1):
        following = int(nearest.argmax())
        chosen.append(following)
        nearest = np.minimum(nearest, _squared_distances(points, following))
    return tuple((int(r), int(g), int(b)) for r, g, b in colours[chosen])


def _squared_distances(points: NDArray[np.float64], chosen: int) -> NDArray[np.float64]:
    offsets = points - points[:, chosen, None]
    distances: NDArray[np.float64] = (offsets * offsets).sum(axis=0)
    return distances


def _linear(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _oklab(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    """sRGB `uint8` N×3 to OKLab N×3 (https://bottosson.github.io/posts/oklab/)."""
    to_cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    cones = np.cbrt(_linear(colours / 255) @ to_cones.T)
    lab: NDArray[np.float64] = cones @ to_lab.T
    return lab
