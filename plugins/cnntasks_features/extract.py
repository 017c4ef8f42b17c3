"""One picture to its features, by the method's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cnntasks import InputError, Source, read_image, resize_image
from cnntasks_features.edges import canny, compass, laplacian
from cnntasks_features.hog import hog
from cnntasks_features.pictures import Picture
from cnntasks_features.result import Features
from cnntasks_features.settings import Settings
from cnntasks_features.sift import match, sift
from cnntasks_features.texture import gabor, lbp

#: A picture has at least so many pixels on each side: a 3×3 mask fits.
_SMALLEST = 3

_METHODS: dict[str, Callable[[Picture, Settings], Features]] = {
    **dict.fromkeys(("sobel", "prewitt", "scharr", "robinson", "kirsch"), compass),
    "laplacian": laplacian,
    "canny": canny,
    "gabor": gabor,
    "hog": hog,
    "lbp": lbp,
}


def extract(source: Source, settings: Settings, other: Source | None = None) -> Features:
    """The features of a picture.

    Args:
        source: any picture that Pillow reads.
        settings: the method and its options.
        other: the picture to match it with, where `settings.match` names one.

    Raises:
        InputError: it cannot be read, or is too small; the message names it.
    """
    image = open_picture(source, settings.size)
    try:
        if settings.method == "sift":
            second = None if other is None else open_picture(other, settings.size)
            found = sift(image) if second is None else match(image, second)
        else:
            found = _METHODS[settings.method](image, settings)
    except InputError as error:
        if source.name in str(error):
            raise
        raise InputError(f"{source.name}: {error}") from error
    head = {
        "input": source.name,
        "method": settings.method,
        "width": image.shape[1],
        "height": image.shape[0],
    }
    if other is not None:
        head["matched_with"] = other.name
    return replace(found, summary={**head, **found.summary})


def open_picture(source: Source, size: int) -> Picture:
    """Read a picture and shrink it to `size` pixels on the longer side, if it is larger.

    Raises:
        InputError: it cannot be read, or is too small.
    """
    image = read_image(source)
    height, width = image.shape[:2]
    if min(height, width) < _SMALLEST:
        raise InputError(
            f"{source.name}: {width}x{height} pixels are too few; give a picture of at least "
            f"{_SMALLEST}x{_SMALLEST}"
        )
    scale = size / max(height, width)
    if scale < 1:
        rows, columns = (max(_SMALLEST, round(side * scale)) for side in (height, width))
        image = resize_image(image, rows, columns)
    return np.ascontiguousarray(image)
