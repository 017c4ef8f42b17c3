"""From numbers to pictures: colours, overlays, enlarging, sheets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnntasks import contact_sheet

Picture = NDArray[np.uint8]
Values = NDArray[np.floating[Any]]

#: Small inputs (a digit of 32 pixels) are enlarged to about so many pixels on the longer side.
_LEGIBLE = 448


def to_range(values: NDArray[Any]) -> NDArray[np.float64]:
    """Stretch to 0..1, the few extreme values cut off; all 0 where everything is equal."""
    low, high = np.quantile(values, (0.002, 0.998))
    if high <= low:
        low, high = values.min(), values.max()
    if high <= low:
        return np.zeros(values.shape)
    return np.asarray(np.clip((values.astype(np.float64) - low) / (high - low), 0, 1))


def colored(values: Values, name: str) -> Picture:
    """Values in 0..1 by one of matplotlib's colour maps: H×W to RGB `uint8` H×W×3."""
    from matplotlib import colormaps

    rgb = colormaps[name](np.asarray(values, np.float64))[..., :3]
    return np.asarray((rgb * 255).round(), np.uint8)


def resized(values: Values, height: int, width: int) -> NDArray[np.float32]:
    """H×W values to another size, bilinear without antialiasing: a coarse map over a picture."""
    image = Image.fromarray(np.asarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def enlarged(image: Picture, side: int = _LEGIBLE) -> Picture:
    """A small picture with each pixel a square, its longer side `side` pixels at most."""
    times = max(1, side // max(image.shape[:2]))
    return image.repeat(times, axis=0).repeat(times, axis=1)


def heat_overlay(image: Picture, heat: Values) -> Picture:
    """A picture with a map over it: warm where it is large, the bare picture where it is 0.

    Args:
        image: RGB H×W×3.
        heat: h×w in 0..1.
    """
    image = _larger(image)
    full = np.clip(resized(heat, *image.shape[:2]), 0, 1)
    strength = (0.72 * np.sqrt(full))[..., np.newaxis]
    # A grey, somewhat darker ground lets the colours speak.
    ground = 0.55 * image.mean(axis=2, keepdims=True) + 0.45 * image
    mixed = ground * (1 - strength) + colored(full, "turbo") * strength
    return np.asarray(mixed.round(), np.uint8)


def signed_overlay(image: Picture, values: Values) -> Picture:
    """A faint grey picture with red where values speak for something and blue where against.

    Args:
        image: RGB H×W×3.
        values: H×W, of either sign; summed over blocks where there are too many for the eye.
    """
    times = max(1, _LEGIBLE // max(image.shape[:2]))
    values = _in_blocks(values)
    reach = float(np.quantile(np.abs(values), 0.99)) or float(np.abs(values).max()) or 1.0
    share = np.clip(values / reach, -1, 1)
    grey = 255 - 0.35 * (255 - image.mean(axis=2, keepdims=True))
    red, blue = np.array([190.0, 20, 30]), np.array([20.0, 60, 190])
    strength = np.abs(share)[..., np.newaxis]
    paint = np.where(share[..., np.newaxis] > 0, red, blue)
    mixed = grey * (1 - strength) + paint * strength
    return np.asarray(mixed.round(), np.uint8).repeat(times, axis=0).repeat(times, axis=1)


def _in_blocks(values: Values) -> Values:
    """The mean of each block, at each of its places; at most about 64 blocks along a side."""
    size = max(1, round(max(values.shape) / 64))
    if size == 1:
        return values
    rows, columns = (-(-side // size) * size for side in values.shape)
    padded = np.zeros((rows, columns), np.float64)
    padded[: values.shape[0], : values.shape[1]] = values
    blocks = padded.reshape(rows // size, size, columns // size, size).mean(axis=(1, 3))
    whole = blocks.repeat(size, axis=0).repeat(size, axis=1)
    return np.asarray(whole[: values.shape[0], : values.shape[1]])


def side_by_side(images: Sequence[Picture], gap: int = 6) -> Picture:
    """Pictures in a row, brought to the height of the first, with a light gap between them."""
    height = images[0].shape[0]
    parts: list[Picture] = []
    for image in images:
        if image.shape[0] != height:
            width = max(1, round(image.shape[1] * height / image.shape[0]))
            small = image.shape[0] < height
            how = Image.Resampling.NEAREST if small else Image.Resampling.BILINEAR
            image = np.asarray(Image.fromarray(image).resize((width, height), how))
        parts += [image, np.full((height, gap, 3), 250, np.uint8)]
    return np.concatenate(parts[:-1], axis=1)


def sheet(
    images: Sequence[Picture], captions: Sequence[str], columns: int | None = None
) -> Picture:
    """A contact sheet whose tiles are as large as the number of pictures allows to look at."""
    longest = max(max(image.shape[:2]) for image in images)
    tile = 96 if len(images) > 36 else 128 if len(images) > 16 else 224 if len(images) > 4 else 448
    tile = max(tile, min(longest, 2 * tile))
    ready = [enlarged(image, tile) for image in images]
    return contact_sheet(ready, captions, columns, tile)


def _larger(image: Picture) -> Picture:
    """Smoothly enlarged where it is small."""
    times = max(1, _LEGIBLE // max(image.shape[:2]))
    if times == 1:
        return image
    height, width = (side * times for side in image.shape[:2])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
