"""Results as files: checked before the work, written whole with what the content's file said."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from cnntasks import InputError, UsageError, replacing
from cnntasks_style.metadata import SEGMENT, Metadata
from cnntasks_style.tiff import encode_tiff

_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
#: The longest side that a format can hold.
_LONGEST = {"JPEG": 65_500, "WEBP": 16_383}
_QUALITY = 95


def check_output(path: Path, size: tuple[int, int] | None = None) -> None:
    """Check, before the work, that a result can be written to `path`.

    Args:
        path: the picture; an existing one may be replaced.
        size: width and height of the result, if they are known.

    Raises:
        UsageError: the suffix names no format that can be written, or one too small for `size`.
        InputError: there is no such folder, it may not be written to, or `path` is no plain file.
    """
    kind = _FORMATS.get(path.suffix.lower())
    if path.is_dir():
        raise InputError(
            f"{path}: is a folder; name the picture to write, {path / 'result.png'} for example"
        )
    if kind is None:
        known = " ".join(_FORMATS)
        raise UsageError(f"{path}: cannot write pictures as {path.suffix!r}; use one of {known}")
    longest = _LONGEST.get(kind)
    if size is not None and longest is not None and max(size) > longest:
        raise UsageError(
            f"{path}: {kind} ends at {longest} pixels on a side; use .png or .tif for "
            f"{size[0]}x{size[1]}"
        )
    check_place(path)


def check_place(path: Path) -> None:
    """Check that a file can be put at `path`.

    Raises:
        InputError: there is no such folder, it may not be written to, or `path` is no plain file.
    """
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"{path}: there is no folder {folder}; make it first")
    if os.path.lexists(path) and not path.is_file():
        raise InputError(f"{path}: is no plain file; choose another name")
    try:
        # Tried, as permissions tell little of network drives and of file systems mounted read-only.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another place"
        ) from error


def write_picture(
    path: Path,
    values: NDArray[np.float32],
    *,
    alpha: NDArray[np.uint8] | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Write a result in the format of the suffix of `path`; whole or not at all.

    JPEG at quality 95 with full colour resolution, WebP at quality 95, PNG with 8 bits, TIFF with
    16 bits a sample. JPEG has no transparency: the picture is laid over white.

    Args:
        path: an existing file is replaced.
        values: H×W×3 in [0, 1], sRGB.
        alpha: H×W, the opacity.
        metadata: to be written along.

    Raises:
        UsageError, InputError: as `check_output`, or the disk is full.
    """
    check_output(path, (values.shape[1], values.shape[0]))
    kind = _FORMATS[path.suffix.lower()]
    metadata = metadata or Metadata()
    try:
        with replacing(path) as temporary, temporary.open("xb") as file:
            if kind == "TIFF":
                file.write(encode_tiff(values, alpha, metadata))
            else:
                image = _image(values, alpha, transparent=kind != "JPEG")
                image.save(file, kind, **_options(kind, metadata))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be written ({reason}); choose another place") from error


def side_by_side(
    content: NDArray[np.uint8], styles: Sequence[NDArray[np.uint8]], result: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Content, styles and result in one row of the result's height, narrow white between them.

    Args:
        content: H×W×3 `uint8`, as are the styles, in any sizes.
        result: H×W×3 floats in [0, 1].

    Returns:
        H×W×3 floats in [0, 1].
    """
    height = result.shape[0]
    gap = np.ones((height, max(2, height // 64), 3), np.float32)
    row: list[NDArray[np.float32]] = []
    for picture in (content, *styles):
        width = max(1, round(picture.shape[1] * height / picture.shape[0]))
        image = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
        row += [np.asarray(image, np.float32) / np.float32(255), gap]
    return np.concatenate([*row, result], axis=1)


def beside(path: Path, part: str) -> Path:
    """The name of a further picture of a run: castle.png gives castle.compare.png."""
    return path.with_name(f"{path.stem}.{part}{path.suffix}")


def check_apart(paths: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Check that no file to be written is one of the inputs.

    Raises:
        UsageError: one is; the message names it.
    """
    given = {path.resolve() for path in inputs}
    for path in paths:
        if path.resolve() in given:
            raise UsageError(f"{path}: is an input, and would be overwritten; choose another -o")


def to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Floats in [0, 1] as the nearest of 0..255; what lies beyond is cut."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def _image(
    values: NDArray[np.float32], alpha: NDArray[np.uint8] | None, *, transparent: bool
) -> Image.Image:
    if alpha is None:
        return Image.fromarray(to_bytes(values))
    if transparent:
        return Image.fromarray(np.dstack([to_bytes(values), alpha]))
    opacity = alpha[:, :, np.newaxis].astype(np.float32) / np.float32(255)
    return Image.fromarray(to_bytes(values * opacity + (1 - opacity)))


def _options(kind: str, metadata: Metadata) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if metadata.exif:
        options["exif"] = metadata.exif
    if metadata.profile:
        options["icc_profile"] = metadata.profile
    if kind == "PNG":
        if metadata.xmp:
            text = PngImagePlugin.PngInfo()
            text.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
            options["pnginfo"] = text
        return options
    if metadata.xmp and (kind != "JPEG" or len(metadata.xmp) <= SEGMENT):
        options["xmp"] = metadata.xmp
    options["quality"] = _QUALITY
    if kind == "JPEG":
        options["subsampling"] = 0  # or else thin coloured strokes would bleed
    return options
