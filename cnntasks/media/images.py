"""Pictures in and out: any file that Pillow reads becomes RGB `uint8` H×W×3, and back."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import (
    ExifTags,
    Image,
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401  or else Pillow imports its forty formats to open a WebP
)

from cnntasks.atomic import replacing
from cnntasks.errors import CnntasksError, InputError, UsageError
from cnntasks.media.files import unreadable
from cnntasks.task import Source

#: Pictures with more pixels are refused before they are decoded ("decompression bombs").
MAX_PIXELS = 200_000_000

#: What a folder is searched for: every format that Pillow decodes by itself. Written out, because
#: asking Pillow imports all of its format modules.
# fmt: off
IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".jfif", ".jpe",
    ".apng", ".jp2", ".j2k", ".jpx", ".jpf", ".jpc", ".j2c", ".tga", ".ppm", ".pgm", ".pbm",
    ".pnm", ".pfm", ".ico", ".icns", ".psd", ".dds", ".dib", ".avifs", ".blp", ".bw", ".cur",
    ".dcx", ".fit", ".fits", ".flc", ".fli", ".ftc", ".ftu", ".gbr", ".icb", ".iim", ".mpo",
    ".msp", ".pcd", ".pcx", ".pxr", ".qoi", ".ras", ".rgb", ".rgba", ".sgi", ".vda", ".vst",
    ".xbm", ".xpm",
)
# fmt: on

#: Opened by Pillow but drawn by another program (Ghostscript) or by the system: refused, since a
#: stranger's file must not start programs.
_REFUSED_FORMATS = frozenset({"EPS", "WMF"})

_SAVE_FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".gif": "GIF",
}

#: How to turn a picture upright, by its EXIF orientation (TIFF 6.0, tag 274).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow's own limit is one setting for the whole process; see `_open` and `_load`.
_pillow_limit = threading.Lock()


def decode_image(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a picture to RGB `uint8` H×W×3 (read-only), turned upright by its EXIF orientation.

    The first frame of an animation; transparent pixels over white; CMYK, YCbCr and LAB converted.
    Samples of more than 8 bits are scaled: 16-bit ones (and 32-bit integers that fit) from
    0..65535; floats from 0..1, or from 0..255 where all fit that; anything beyond from its
    smallest to its largest value, NaN and infinities as the smallest.

    Args:
        data: the encoded file.
        name: what errors call it.

    Raises:
        InputError: empty, not a picture, damaged, cut short, or larger than `MAX_PIXELS`.
    """
    if not data:
        raise _empty(name)
    return _decode(io.BytesIO(data), name)


def read_image(source: Source) -> NDArray[np.uint8]:
    """Decode the picture of `source` as `decode_image` does.

    `source.value` may be a `uint8` array H×W, H×W×1, H×W×3 (returned as it is) or H×W×4
    (over white), or a Pillow picture.

    Raises:
        InputError: as `decode_image`; the file cannot be read; the value is no picture.
    """
    if isinstance(source.value, Image.Image):
        return _checked(source.value, source.name)
    if source.value is not None:
        return _from_array(source.value, source.name)
    if source.path is None:
        return decode_image(source.read_bytes(), source.name)
    return _decode(source.path, source.name)


def is_picture_file(path: Path) -> bool:
    """Whether the suffix of `path` names a format that `write_image` can write."""
    return path.suffix.lower() in _SAVE_FORMATS


def write_image(path: Path, image: NDArray[np.uint8], quality: int = 92) -> None:
    """Write `image` in the format of the suffix of `path`; whole or not at all.

    Args:
        path: an existing file is replaced, missing folders are made.
        image: `uint8` H×W×3 RGB or H×W grey.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        UsageError: the suffix names no format that can be written.
        InputError: the file cannot be written, or its format cannot hold a picture of this size.
    """
    kind = _SAVE_FORMATS.get(path.suffix.lower())
    if kind is None:
        known = " ".join(_SAVE_FORMATS)
        raise UsageError(f"{path}: cannot write pictures as {path.suffix!r}; use one of {known}")
    # Full colour resolution, or thin coloured lines would bleed.
    options = {"JPEG": {"quality": quality, "subsampling": 0}, "WEBP": {"quality": quality}}
    try:
        with replacing(path) as temporary, temporary.open("xb") as file:
            Image.fromarray(image).save(file, kind, **options.get(kind, {}))
    except (OSError, ValueError) as error:  # ValueError: a side too long for the format
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path}: cannot be written ({reason}); choose another place or format"
        ) from error


def resize_image(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize to `height`×`width` pixels, bilinear with antialiasing; the result is read-only."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def _decode(file: Path | io.BytesIO, name: str) -> NDArray[np.uint8]:
    try:
        with _open(file) as image:
            return _checked(image, name)
    except CnntasksError:
        raise
    except UnidentifiedImageError as error:
        if isinstance(file, Path) and file.stat().st_size == 0:
            raise _empty(name) from error
        raise _unknown(name) from error
    except Exception as error:
        raise _broken(name, error) from error


def _open(file: Path | io.BytesIO) -> Image.Image:
    # Pillow warns about large pictures when it opens them, by a limit of its own that belongs to
    # the program we run in; it is set aside while a header is read, and `_checked` has ours.
    with _pillow_limit:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _checked(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """Decode an open picture, with its size checked before and any failure made an InputError."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name}: {width}x{height} pixels are more than the limit of "
            f"{MAX_PIXELS / 1e6:g} megapixels; scale it down or cut it up first"
        )
    if not width or not height:
        raise InputError(f"{name}: the picture has no pixels; leave it out")
    if image.format in _REFUSED_FORMATS:
        raise _unknown(name)
    try:
        _load(image)
        return _to_rgb(image)
    except Exception as error:  # decoders fail in many ways on bytes that are not theirs
        raise _broken(name, error) from error


def _load(image: Image.Image) -> None:
    with _pillow_limit:
        limit = Image.MAX_IMAGE_PIXELS
    if limit is None or image.width * image.height <= limit:
        image.load()
        return
    # Some formats ask Pillow's limit again. One such giant at a time also spares the memory.
    with _pillow_limit:
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS
        try:
            image.load()
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    turn = _UPRIGHT.get(_orientation(image))
    if turn is not None:
        image = image.transpose(turn)
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return _grey_to_rgb(_to_8_bit(np.asarray(image)))
    if image.has_transparency_data:
        return _over_white(image)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF data tell nothing, and the pixels are good
        return 1


def _over_white(image: Image.Image) -> NDArray[np.uint8]:
    # Premultiplied modes convert to their plain ones only.
    plain = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
    rgba = (image.convert(plain) if plain else image).convert("RGBA")
    canvas = Image.new("RGB", rgba.size, "white")
    canvas.paste(rgba, mask=rgba)
    return np.asarray(canvas)


def _to_8_bit(samples: NDArray[Any]) -> NDArray[np.uint8]:
    whole = samples.dtype.kind in "iu"
    if whole and samples.min() >= 0 and samples.max() <= 65535:
        table: NDArray[np.uint8] = np.rint(np.arange(65536) / 257).astype(np.uint8)
        return np.take(table, samples)
    values = samples.astype(np.float64)
    finite = np.isfinite(values)
    low = float(np.min(values, where=finite, initial=np.inf))
    high = float(np.max(values, where=finite, initial=-np.inf))
    if not whole and low >= 0 and high <= 255:
        low, high = 0.0, 1.0 if high <= 1 else 255.0
    if not high > low:  # one value everywhere, or none that is finite
        return np.zeros(samples.shape, np.uint8)
    scaled = (np.where(finite, values, low) - low) * (255 / (high - low))
    return np.rint(scaled).astype(np.uint8)


def _grey_to_rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)


def _from_array(value: Any, name: str) -> NDArray[np.uint8]:
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8:
        kind = getattr(value, "dtype", type(value).__name__)
        raise InputError(f"{name}: {kind} is no picture; give a uint8 array with values 0 to 255")
    if value.ndim == 3 and value.shape[2] == 1:
        value = value[:, :, 0]
    if value.size == 0 or not (value.ndim == 2 or (value.ndim == 3 and value.shape[2] in (3, 4))):
        shape = "x".join(map(str, value.shape))
        raise InputError(f"{name}: an array of shape {shape} is no picture; give HxW, HxWx3 or 4")
    if value.ndim == 2:
        return _grey_to_rgb(value)
    return value if value.shape[2] == 3 else _over_white(Image.fromarray(value))


def _empty(name: str) -> InputError:
    return InputError(f"{name}: the file is empty; copy or download it again")


def _unknown(name: str) -> InputError:
    return InputError(f"{name}: not a picture in a known format; convert it to JPEG or PNG")


def _broken(name: str, error: Exception) -> InputError:
    if isinstance(error, OSError) and error.errno is not None:
        return unreadable(name, error)
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(
        f"{name}: the picture is damaged or cut short ({reason}); copy or download it again"
    )
