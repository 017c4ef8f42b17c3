"""How features become pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]
Values = NDArray[np.floating[Any]]

_PAPER = (250, 250, 250)
_INK = (40, 40, 40)
#: Captions, in pixels.
_TEXT = 15
_GAP = 8


def grey_of(image: Picture) -> NDArray[np.float32]:
    """RGB to brightness in 0..1 (ITU-R BT.601), H×W."""
    weights = np.array([0.299, 0.587, 0.114], np.float32) / 255
    return np.asarray(image.astype(np.float32) @ weights, np.float32)


def positive(values: Values, top: float | None = None) -> Picture:
    """Values from 0 on as grey: white is `top`, or what few values exceed."""
    top = top or float(np.quantile(values, 0.997)) or float(values.max()) or 1.0
    grey = (np.clip(values / top, 0, 1) ** 0.65 * 255).round().astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=2)


def signed(values: Values) -> Picture:
    """Values of either sign: red above 0, blue below, white at 0."""
    reach = float(np.quantile(np.abs(values), 0.997)) or float(np.abs(values).max()) or 1.0
    share = np.clip(values / reach, -1, 1)[..., np.newaxis]
    red, blue = np.array([178.0, 24, 43]), np.array([33.0, 102, 172])
    paint = np.where(share > 0, red, blue)
    mixed = 255 * (1 - np.abs(share)) + paint * np.abs(share)
    return np.asarray(mixed.round(), np.uint8)


def hue(angle: Values, strength: Values) -> Picture:
    """Directions as colours (a full turn goes once round the colour circle), strength as light."""
    top = float(np.quantile(strength, 0.997)) or 1.0
    light = np.clip(strength / top, 0, 1) ** 0.6
    turn = np.round((angle % (2 * np.pi)) / (2 * np.pi) * 255).astype(np.uint8)
    full = np.full(turn.shape, 210, np.uint8)
    hsv = np.stack([turn, full, (light * 255).round().astype(np.uint8)], axis=2)
    return np.asarray(Image.fromarray(hsv, "HSV").convert("RGB"))


def mask_picture(mask: Values, cell: int = 30) -> Picture:
    """A filter as a table of its numbers: red above 0, blue below."""
    colors = signed(np.asarray(mask, np.float64) * 0.7)
    image = Image.fromarray(colors.repeat(cell, axis=0).repeat(cell, axis=1))
    pen = ImageDraw.Draw(image)
    size = cell // 2 if mask.max() < 10 else round(cell * 0.42)
    for (row, column), value in np.ndenumerate(mask):
        place = (column * cell + cell // 2, row * cell + cell // 2)
        pen.text(place, f"{value:g}", (0, 0, 0), font(size), anchor="mm")
    side = mask.shape[0] * cell - 1, mask.shape[1] * cell - 1
    pen.rectangle((0, 0, side[1], side[0]), outline=(90, 90, 90))
    return np.asarray(image)


def with_inset(image: Picture, inset: Picture) -> Picture:
    """A small picture in the upper left corner of another, with a border."""
    canvas = image.copy()
    framed = np.full((inset.shape[0] + 2, inset.shape[1] + 2, 3), 250, np.uint8)
    framed[:-2, :-2] = inset
    rows, columns = min(framed.shape[0], image.shape[0]), min(framed.shape[1], image.shape[1])
    canvas[:rows, :columns] = framed[:rows, :columns]
    return canvas


def grid(images: Sequence[Picture], captions: Sequence[str], columns: int, tile: int) -> Picture:
    """Pictures in rows, each scaled to the width `tile`, with a caption below.

    Small pictures are enlarged with each pixel a square.
    """
    ready = [scaled(image, tile) for image in images]
    rows = [ready[start : start + columns] for start in range(0, len(ready), columns)]
    heights = [max(image.shape[0] for image in row) for row in rows]
    line = _TEXT + _GAP
    width = _GAP + min(columns, len(ready)) * (tile + _GAP)
    canvas = Image.new("RGB", (width, _GAP + sum(heights) + len(rows) * (line + _GAP)), _PAPER)
    pen = ImageDraw.Draw(canvas)
    y, number = _GAP, 0
    for row, height in zip(rows, heights, strict=True):
        for column, image in enumerate(row):
            x = _GAP + column * (tile + _GAP)
            canvas.paste(Image.fromarray(image), (x + (tile - image.shape[1]) // 2, y))
            pen.text((x + tile // 2, y + height + line // 2), captions[number], _INK, font(_TEXT),
                     anchor="mm")  # fmt: skip
            number += 1
        y += height + line + _GAP
    return np.asarray(canvas)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font."""
    return ImageFont.load_default(size)


def scaled(image: Picture, width: int) -> Picture:
    """To a width, in its shape; a small picture with each pixel a square."""
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    if image.shape[1] * 2 <= width:
        times = width // image.shape[1]
        return image.repeat(times, axis=0).repeat(times, axis=1)
    how = Image.Resampling.LANCZOS if image.shape[1] > width else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize((width, height), how))
