"""Compass masks: one edge filter turned into eight directions.

Each mask of 3×3 answers where brightness grows in its direction; the next one has its outer ring
turned by one place, 45° counter-clockwise. Sobel (Sobel & Feldman 1968), Prewitt 1970, Scharr 2000
(the weights for which the answer depends least on the direction), Kirsch 1971 and Robinson 1977
(his five-level masks, Sobel's weights).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Directions in the order of the masks; image rows grow downwards, so N is up.
DIRECTIONS: Final = ("E", "NE", "N", "NW", "W", "SW", "S", "SE")
#: Each method's mask for E.
EAST: Final = {
    "sobel": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "prewitt": ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
    "scharr": ((-3, 0, 3), (-10, 0, 10), (-3, 0, 3)),
    "robinson": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "kirsch": ((-3, -3, 5), (-3, 0, 5), (-3, -3, 5)),
}
#: Methods whose result is the strongest of the eight answers; the other three take the length of
#: the gradient that E and N make.
COMPASS: Final = frozenset({"robinson", "kirsch"})
#: The outer ring, clockwise from the upper left corner.
_RING: Final = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))


def compass_masks(method: str) -> NDArray[np.float32]:
    """The eight masks of a method, 8×3×3, in the order of `DIRECTIONS`."""
    masks = [np.array(EAST[method], np.float32)]
    while len(masks) < len(DIRECTIONS):
        masks.append(_turned(masks[-1]))
    return np.stack(masks)


def gain(masks: NDArray[np.float32]) -> float:
    """The answer to a step from 0 to 1 in a mask's direction: what scales answers to 0..1."""
    return float(masks[0].clip(min=0).sum())


def _turned(mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """The outer ring turned by 45° counter-clockwise."""
    turned = mask.copy()
    for place, (row, column) in enumerate(_RING):
        turned[row, column] = mask[_RING[(place + 1) % len(_RING)]]
    return turned
