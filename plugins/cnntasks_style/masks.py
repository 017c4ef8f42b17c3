"""Spatial control: which style goes where (Gatys et al. 2017, arXiv:1611.07865, section 4).

A mask is a grey picture: white belongs to the region, black does not, grey does in part. Region k
is made of the k-th content mask (where in the result) and the k-th style mask (which part of the
style picture gives the statistics); the optimisation weighs the feature maps by both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnntasks import InputError, UsageError
from cnntasks_style.pictures import Picture, read_any


def read_mask(value: Any, picture: Picture) -> NDArray[np.float32]:
    """Read one mask: H×W in [0, 1], in its own resolution.

    Args:
        value: a path, a Pillow picture, or an array: `bool`, `uint8`, or floats in [0, 1]. Colours
            count by their luminance, and what is transparent is black.
        picture: which it belongs to; both have the same shape, in any two resolutions.

    Raises:
        InputError: it cannot be read, has another aspect than the picture, or no white pixel; the
            message names it.
    """
    name, mask = _grey(value)
    height, width = mask.shape
    across, down = picture.size
    scale = max(width, height) / max(across, down)
    if abs(width - across * scale) > 1 or abs(height - down * scale) > 1:
        raise InputError(
            f"{name}: a mask of {width}x{height} pixels does not fit {picture.name}, which has "
            f"{across}x{down}; draw it on the picture at its size, or scale both alike"
        )
    if mask.max(initial=0) < 0.5:
        raise InputError(f"{name}: no pixel of this mask is white; paint the region white")
    return mask


def resize_mask(mask: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """The mask at another size by area averaging: each value is the part of its place covered."""
    if mask.shape == (height, width):
        return mask
    image = Image.fromarray(mask).resize((width, height), Image.Resampling.BOX)
    return np.clip(np.asarray(image, np.float32), 0, 1)


def share(masks: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Content masks of one size whose sum is at most 1 at every pixel.

    Where regions overlap they share the pixel in the ratio of their masks. What no region covers
    gets no style: the content loss alone holds it.
    """
    total = np.maximum(np.sum(masks, axis=0), 1)
    return [(mask / total).astype(np.float32) for mask in masks]


def pair_regions(
    content_masks: int, style_masks: int, styles: int, *, blended: bool = False
) -> list[int]:
    """The index of the style picture of each region.

    With one style picture it serves all regions; with several, the k-th region takes the k-th.

    Args:
        content_masks, style_masks: how many there are; without style masks each region takes its
            whole style picture.
        styles: how many style pictures there are, at least one.
        blended: whether parts of the styles were asked for.

    Returns:
        One index for each content mask; an empty list without masks.

    Raises:
        UsageError: the numbers do not fit together.
    """
    if style_masks and style_masks != content_masks:
        raise UsageError(
            f"{style_masks} --style-mask for {content_masks} --content-mask; the k-th of one "
            "belongs to the k-th of the other: give equally many"
        )
    if content_masks and styles > 1:
        if content_masks != styles:
            raise UsageError(
                f"{content_masks} --content-mask for {styles} style pictures; give one for each"
            )
        if blended:
            raise UsageError(
                "--style-blend mixes the styles everywhere and --content-mask gives each its "
                "place; use one of them"
            )
        return list(range(styles))
    return [0] * content_masks


def _grey(value: Any) -> tuple[str, NDArray[np.float32]]:
    """The name and the luminance in [0, 1] of a mask, with black where it is transparent."""
    if isinstance(value, np.ndarray) and value.dtype == np.bool_:
        value = value.astype(np.uint8) * np.uint8(255)
    picture = read_any(value)
    grey: NDArray[np.float32] = picture.values @ np.array([0.299, 0.587, 0.114], np.float32)
    if picture.alpha is not None:  # it was laid over white: a·grey + (1 - a)
        grey -= 1 - picture.alpha.astype(np.float32) / np.float32(255)
    return picture.name, np.clip(grey, 0, 1)
