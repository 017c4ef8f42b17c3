"""Content and style pictures: read upright and in sRGB, checked, and brought to size."""

from __future__ import annotations

import hashlib
import io
import math
import os
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from cnntasks import InputError, Source, read_image
from cnntasks_style.metadata import Metadata, read_metadata, to_srgb

#: A side must have this many pixels: less is fewer than one place of a deep layer's map.
SMALLEST_SIDE = 16


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as the transfer sees it.

    Attributes:
        name: what errors call it: the path as given, or the kind of the value.
        pixels: H×W×3 RGB `uint8`, upright, sRGB; what is transparent lies over white.
        alpha: H×W `uint8`, the opacity, where any pixel is transparent; else None.
        metadata: what a copy of the file keeps.
        sha256: of the file; empty for a value from memory.
    """

    name: str
    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None = None
    metadata: Metadata = field(default_factory=Metadata)
    sha256: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def values(self) -> NDArray[np.float32]:
        """The pixels as H×W×3 `float32` in [0, 1]."""
        return self.pixels.astype(np.float32) / np.float32(255)

    def resized(self, width: int, height: int) -> Picture:
        """The picture at another size, by Lanczos' filter with antialiasing."""
        if self.size == (width, height):
            return self

        def scale(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
            image = Image.fromarray(values).resize((width, height), Image.Resampling.LANCZOS)
            return np.asarray(image)

        alpha = None if self.alpha is None else scale(self.alpha)
        return replace(self, pixels=scale(self.pixels), alpha=alpha)


def read_picture(value: Any) -> Picture:
    """Read a content or a style picture, whatever its format, mode and depth.

    EXIF orientation is applied, an ICC profile is converted to sRGB, grey becomes RGB, more than
    8 bits are scaled to 8, and of an animation the first frame counts. Transparent pixels lie over
    white, which is what the transfer sees; the opacity is kept, so that a result can have it back.

    Args:
        value: a path, encoded bytes, a Pillow picture, or an array: `uint8` H×W, H×W×3 or H×W×4,
            or floats in [0, 1] of these shapes. A `Picture` is returned as it is.

    Raises:
        InputError: it is missing, no picture, damaged, or smaller than 16 pixels on a side; the
            message names it.
    """
    picture = read_any(value)
    width, height = picture.size
    if min(width, height) < SMALLEST_SIDE:
        raise InputError(
            f"{picture.name}: {width}x{height} pixels are too few for a style transfer, which "
            f"needs {SMALLEST_SIDE} on each side; choose a larger picture"
        )
    return picture


def read_any(value: Any) -> Picture:
    """Read a picture of any size, as `read_picture` does."""
    if isinstance(value, Picture):
        return value
    if isinstance(value, str | os.PathLike):
        return _decode(read_bytes(Path(value)), str(value))
    if isinstance(value, bytes):
        return _decode(value, "bytes")
    if isinstance(value, Image.Image):
        return _from_image(value, str(getattr(value, "filename", "")) or "picture")
    return _from_array(value)


def read_bytes(path: Path) -> bytes:
    """The bytes of one file.

    Raises:
        InputError: it cannot be read; the message names it.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the spelling") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: is a folder; name one picture in it") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}); check the disk or path") from error


def result_size(picture: Picture, size: int, scale: float = 1.0) -> tuple[int, int]:
    """Width and height of `picture` with `size` pixels on the longer side.

    Args:
        picture: the content, or a style.
        size: of the result.
        scale: of the style in relation to it.

    Raises:
        InputError: the shorter side would have fewer than 16 pixels; the message names the file.
    """
    width, height = picture.size
    scaled = scaled_size(width, height, size * scale)
    if min(scaled) < SMALLEST_SIDE:
        needed = math.ceil(SMALLEST_SIDE * max(width, height) / min(width, height) / scale)
        raise InputError(
            f"{picture.name}: {width}x{height} pixels would become {scaled[0]}x{scaled[1]}, too "
            f"narrow for a style transfer; crop it, or use --size {needed} or more"
        )
    return scaled


def scaled_size(width: int, height: int, size: float) -> tuple[int, int]:
    """Width and height with `size` pixels on the longer side, each at least 1."""
    factor = size / max(width, height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _decode(data: bytes, name: str) -> Picture:
    """A picture from its file; the core's decoder says first what is wrong with it, if anything."""
    pixels = read_image(Source(name, PurePosixPath(name), lambda: data))
    digest = hashlib.sha256(data).hexdigest()
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and pixels.shape[0] * pixels.shape[1] > limit:
        # Pillow's own limit, which is for strangers' pictures; the core's is higher.
        return Picture(name, pixels, sha256=digest)
    with Image.open(io.BytesIO(data)) as image:
        # The core reads every mode; only these need more than it does.
        if image.info.get("icc_profile") or image.has_transparency_data:
            return replace(_from_image(image, name), sha256=digest)
        return Picture(name, pixels, metadata=read_metadata(image), sha256=digest)


def _from_image(image: Image.Image, name: str) -> Picture:
    upright = to_srgb(_upright(image))
    pixels = read_image(Source(name, PurePosixPath(name), bytes, value=upright))
    return Picture(name, pixels, _alpha(image), read_metadata(image))


def _upright(image: Image.Image) -> Image.Image:
    """Turned by its EXIF orientation: what a colour conversion returns has lost it."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # broken EXIF data tell nothing, and the pixels are good
        return image


def _alpha(image: Image.Image) -> NDArray[np.uint8] | None:
    if not image.has_transparency_data:
        return None
    plain = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
    upright = _upright(image.convert(plain) if plain else image)
    alpha = np.asarray(upright.convert("RGBA").getchannel("A"))
    return None if alpha.min() == 255 else alpha


def _from_array(value: Any) -> Picture:
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        if not np.isfinite(value).all() or value.min(initial=0) < 0 or value.max(initial=0) > 1:
            raise InputError("array: floats outside 0 to 1 are no picture; divide or clip them")
        value = np.rint(value * 255).astype(np.uint8)
    if isinstance(value, np.ndarray) and value.ndim == 3 and value.shape[2] == 4:
        return _from_image(Image.fromarray(value), "array")
    return Picture("array", read_image(Source("array", PurePosixPath("array"), bytes, value=value)))
