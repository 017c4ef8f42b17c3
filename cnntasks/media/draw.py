"""Draw what a network found: boxes with captions, and sheets of small pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cnntasks.errors import InputError
from cnntasks.media.captions import Rect, draw_plate, fit, font, place, plate_size, printable
from cnntasks.media.colors import RGB, text_color
from cnntasks.media.colors import class_color as class_color
from cnntasks.media.images import resize_image

_HALO_STRENGTH = 110  # of 256
_SHEET = 250
_INK: RGB = (40, 40, 40)


def draw_boxes(
    image: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    labels: Sequence[str],
    colors: Sequence[RGB],
) -> NDArray[np.uint8]:
    """Draw `boxes` with their captions on a copy of `image`.

    Lines and text grow with the picture. A caption stands above its box, inside it or below it,
    never beyond the picture and off other captions where there is room; earlier boxes choose
    first and lie on top. What is outside the picture or not finite is not drawn.

    Args:
        image: RGB `uint8` H×W×3, at least 1×1.
        boxes: N×4 `xyxy` in pixels of `image`.
        labels: N captions (`dog 87%`); an empty one draws a box only.
        colors: N colours.

    Returns:
        A new array like `image`.
    """
    canvas = image.copy()
    height, width = canvas.shape[:2]
    picture = Rect(0, 0, width, height)
    thickness = max(1, round(math.sqrt(height * width) / 300))
    size = _text_size(height, width)
    drawn = [
        (rect, label, color)
        for box, label, color in zip(boxes.tolist(), labels, colors, strict=True)
        if (rect := _visible(box, picture, thickness // 2)) is not None
    ]
    for rect, _, color in reversed(drawn):
        _draw_frame(canvas, rect, thickness, color)
    plates: list[tuple[Rect, str, RGB]] = []
    for rect, label, color in drawn:
        text = fit(printable(label), size, width)
        needed = plate_size(text, size)
        if text and needed[0] <= height:
            spot = place(rect, needed, picture, [plate[0] for plate in plates])
            plates.append((spot, text, color))
    for spot, text, color in reversed(plates):
        draw_plate(canvas, spot, text, size, color)
    return canvas


def contact_sheet(
    images: Sequence[NDArray[np.uint8]],
    captions: Sequence[str],
    columns: int | None = None,
    tile: int = 256,
) -> NDArray[np.uint8]:
    """Lay pictures out in rows, each scaled into a square with its caption below.

    Args:
        images: RGB `uint8` H×W×3 of any sizes; small ones are not enlarged.
        captions: one for each picture, shortened to the width of its tile.
        columns: pictures in a row; None makes the sheet about square.
        tile: side of a square in pixels.

    Returns:
        RGB `uint8` H×W×3.

    Raises:
        InputError: there are no pictures.
    """
    if not images:
        raise InputError("a contact sheet needs at least one picture; give some")
    columns = min(columns or math.ceil(math.sqrt(len(images))), len(images))
    size, gap = max(10, tile // 16), max(2, tile // 20)
    small = [_shrunk(image, tile) for image in images]
    # Rows are as high as their highest picture; all stand on their row's bottom line.
    starts = range(0, len(small), columns)
    heights = [max(image.shape[0] for image in small[i : i + columns]) for i in starts]
    step = round(size * 1.8) + gap
    shape = sum(heights) + len(heights) * step + gap, columns * (tile + gap) + gap, 3
    sheet = Image.fromarray(np.full(shape, _SHEET, np.uint8))
    pen = ImageDraw.Draw(sheet)
    for number, (image, caption) in enumerate(zip(small, captions, strict=True)):
        row, column = divmod(number, columns)
        bottom = gap + sum(heights[: row + 1]) + row * step
        middle = gap + column * (tile + gap) + tile // 2
        height, width = image.shape[:2]
        sheet.paste(Image.fromarray(image), (middle - width // 2, bottom - height))
        text = fit(printable(caption), size, tile)
        pen.text((middle, bottom + round(size * 1.25)), text, _INK, font(size), anchor="ms")
    return np.asarray(sheet)


def _shrunk(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    scale = min(1.0, side / max(image.shape[:2]))
    height, width = (max(1, round(pixels * scale)) for pixels in image.shape[:2])
    return resize_image(image, height, width)


def _text_size(height: int, width: int) -> int:
    """Pixels: 2% of the picture's size, no less than can be read, no more than a sixth of it."""
    return max(10, min(round(math.sqrt(height * width) * 0.02), min(height, width) // 6))


def _visible(box: Sequence[float], picture: Rect, outset: int) -> Rect | None:
    """The outline of `box` in whole pixels, clipped to `picture`; None where none of it shows."""
    if not all(map(math.isfinite, box)):
        return None
    left, right = sorted((box[0], box[2]))
    top, bottom = sorted((box[1], box[3]))
    if right < 0 or bottom < 0 or left > picture.right or top > picture.bottom:
        return None
    # A box on the far edge, or without area, still shows as one line of pixels.
    x0 = min(max(math.floor(left) - outset, 0), picture.right - 1)
    y0 = min(max(math.floor(top) - outset, 0), picture.bottom - 1)
    x1 = max(min(math.ceil(right) + outset, picture.right), x0 + 1)
    y1 = max(min(math.ceil(bottom) + outset, picture.bottom), y0 + 1)
    return Rect(x0, y0, x1, y1)


def _draw_frame(canvas: NDArray[np.uint8], rect: Rect, thickness: int, color: RGB) -> None:
    """A coloured outline within `rect`, between two thin ones that set it off any photo."""
    thickness = min(thickness, max(1, min(rect.right - rect.left, rect.bottom - rect.top) // 4))
    halo, edge = max(1, thickness // 3), text_color(color)
    _draw_ring(canvas, _grown(rect, halo), halo, edge, _HALO_STRENGTH)
    _draw_ring(canvas, rect, thickness, color, 256)
    _draw_ring(canvas, _grown(rect, -thickness), halo, edge, _HALO_STRENGTH)


def _grown(rect: Rect, by: int) -> Rect:
    return Rect(rect.left - by, rect.top - by, rect.right + by, rect.bottom + by)


def _draw_ring(
    canvas: NDArray[np.uint8], rect: Rect, thickness: int, color: RGB, strength: int
) -> None:
    """Blend the `thickness` outermost pixels of `rect`, each once, `strength`/256 of `color`."""
    left, top, right, bottom = rect
    if right <= left or bottom <= top:
        return
    upper, lower = min(top + thickness, bottom), max(bottom - thickness, top + thickness)
    nearer, farther = min(left + thickness, right), max(right - thickness, left + thickness)
    sides = (
        (top, upper, left, right),
        (lower, bottom, left, right),
        (upper, lower, left, nearer),
        (upper, lower, farther, right),
    )
    for y0, y1, x0, x1 in sides:
        strip = canvas[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        if strength == 256:
            strip[:] = color
        else:
            paint = np.array(color, np.uint16) * strength
            strip[:] = (strip.astype(np.uint16) * (256 - strength) + paint) >> 8
