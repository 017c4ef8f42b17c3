"""Augmentation of a picture with its mask; every random choice follows from a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: The smallest part of a picture's sides that is cut out.
SMALLEST = 0.6
#: Largest relative change of brightness and contrast.
JITTER = 0.25


def augmented(
    picture: NDArray[np.uint8], mask: NDArray[np.uint8], seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut out a random part, flip it half of the time, and change brightness and contrast.

    Args:
        picture: H×W×3.
        mask: H×W.
        seed: of the choices.

    Returns:
        Picture and mask of equal height and width, of the same pixels.
    """
    random = np.random.default_rng(seed)
    height, width = mask.shape
    rows, columns = (max(round(side * random.uniform(SMALLEST, 1)), 1) for side in (height, width))
    top, left = (int(random.integers(it + 1)) for it in (height - rows, width - columns))
    part = np.s_[top : top + rows, left : left + columns]
    picture, mask = picture[part], mask[part]
    if random.random() < 0.5:
        picture, mask = picture[:, ::-1], mask[:, ::-1]
    contrast, brightness = random.uniform(1 - JITTER, 1 + JITTER, 2)
    mean = picture.mean()
    levels = ((picture - mean) * contrast + mean) * brightness
    return levels.clip(0, 255).astype(np.uint8), np.ascontiguousarray(mask)
