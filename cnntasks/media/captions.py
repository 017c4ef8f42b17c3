"""Captions on pictures: a filled, rounded plate with a line of text, placed where there is room."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cnntasks.media.colors import RGB, text_color

_SMOOTH = 4  # supersampling of the rounded corners


class Rect(NamedTuple):
    """A rectangle of whole pixels; `right` and `bottom` are the first outside it."""

    left: int
    top: int
    right: int
    bottom: int

    def overlap(self, other: Rect) -> int:
        """The number of pixels in both."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(width, 0) * max(height, 0)


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's embedded font, `size` pixels high; nothing is downloaded."""
    return ImageFont.load_default(size=size)


def printable(text: str) -> str:
    """One line of what the embedded font has: accents are dropped, the rest shows as boxes."""
    decomposed = unicodedata.normalize("NFKD", text.encode("utf-8", "replace").decode())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def plate_size(text: str, size: int) -> tuple[int, int]:
    """Height and width in pixels of the plate around `text`."""
    return round(size * 1.4), round(font(size).getlength(text)) + 2 * _margin(size)


def fit(text: str, size: int, width: int) -> str:
    """Shorten `text` until its plate is at most `width` wide; "" where nothing fits.

    The last word stays longest, as it tells the percentage.
    """
    if plate_size(text, size)[1] <= width:
        return text
    head, space, last = text.rpartition(" ")
    shorter = [f"{head[:end]}…{space}{last}" for end in range(len(head) - 1, 0, -1)]
    shorter += [last] if head else []
    return next((text for text in shorter if plate_size(text, size)[1] <= width), "")


def place(box: Rect, size: tuple[int, int], picture: Rect, taken: Sequence[Rect]) -> Rect:
    """Where a plate of `size` (height, width) goes: inside `picture`, off `taken` if possible.

    Above the box, then inside its top, below it, inside its bottom; else the least bad of these.
    """
    best, least = picture, -1
    for rect in _candidates(box, size, picture):
        covered = sum(rect.overlap(other) for other in taken)
        if covered == 0:
            return rect
        if least < 0 or covered < least:
            best, least = rect, covered
    return best


def draw_plate(canvas: NDArray[np.uint8], rect: Rect, text: str, size: int, color: RGB) -> None:
    """Draw a plate with `text` into `canvas` (H×W×3, changed in place)."""
    height, width = rect.bottom - rect.top, rect.right - rect.left
    outer, inner = _plate_masks(height, width, size)
    plate = Image.new("RGB", (width, height), tuple(c // 3 for c in color))
    plate.paste(color, mask=inner)
    baseline = (height + round(size * 0.72)) // 2  # centres the capital letters
    ImageDraw.Draw(plate).text(
        (_margin(size), baseline), text, fill=text_color(color), font=font(size), anchor="ls"
    )
    region = canvas[rect.top : rect.bottom, rect.left : rect.right]
    below = Image.fromarray(region)
    below.paste(plate, mask=outer)
    region[:] = np.asarray(below)


def _candidates(box: Rect, size: tuple[int, int], picture: Rect) -> Iterator[Rect]:
    height, width = size
    left_most = picture.right - width
    lefts = [min(max(x, picture.left), left_most) for x in (box.left, box.right - width)]
    spots = [
        (box.top - height, lefts[0]),
        (box.top - height, lefts[1]),
        (box.top, lefts[0]),
        (box.bottom, lefts[0]),
        (box.bottom, lefts[1]),
        (box.bottom - height, lefts[0]),
        # Boxes of one corner: captions line up below each other.
        *((box.top + row * height, lefts[0]) for row in range(1, 5)),
    ]
    allowed = [s for s in spots if picture.top <= s[0] and s[0] + height <= picture.bottom]
    middle = (box.top + box.bottom - height) // 2
    clamped = min(max(middle, picture.top), picture.bottom - height)
    for top, left in allowed or [(clamped, lefts[0])]:
        yield Rect(left, top, left + width, top + height)


@lru_cache(maxsize=256)
def _plate_masks(height: int, width: int, size: int) -> tuple[Image.Image, Image.Image]:
    """Coverage of the whole plate, and of the plate without its thin dark rim."""
    rim = max(1, round(size / 16))
    masks = []
    for inset in (0, rim):
        mask = Image.new("L", (width * _SMOOTH, height * _SMOOTH))
        far = (width - inset) * _SMOOTH - 1, (height - inset) * _SMOOTH - 1
        radius = max(size * 0.28 - inset, 0) * _SMOOTH
        if far[0] > inset * _SMOOTH and far[1] > inset * _SMOOTH:
            ImageDraw.Draw(mask).rounded_rectangle(
                (inset * _SMOOTH, inset * _SMOOTH, *far), radius, fill=255
            )
        masks.append(mask.reduce(_SMOOTH))
    return masks[0], masks[1]


def _margin(size: int) -> int:
    return max(2, round(size * 0.4))
