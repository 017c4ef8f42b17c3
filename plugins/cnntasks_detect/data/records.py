"""What every reader of a detection data set returns, and how it says what is wrong with one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnntasks import DataProblems, InputError

if TYPE_CHECKING:
    from PIL import Image

#: Below this area (square pixels, after clipping) a box says nothing and is dropped.
SMALLEST_AREA = 1.0
#: Annotation tools round; a box may stick out of its picture by this much without a remark.
ROUNDING = 1.0
_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture and what is boxed in it.

    Attributes:
        path: the file.
        width: in pixels, after the EXIF orientation has been applied.
        height: likewise.
        boxes: N×4 `xyxy` pixels of the turned picture, clipped to it, each at least 1 px².
        labels: N indices into `DetectionData.classes`.
        ignore: N; crowd or difficult: neither learned nor counted.
    """

    path: Path
    width: int
    height: int
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    ignore: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DetectionData:
    """A split of a data set, or all of it.

    Attributes:
        name: the folder's name.
        format: `"coco"`, `"voc"` or `"yolo"`.
        split: `"train"`, `"val"`, `"test"`, VOC's `"trainval"`, or `"all"`.
        classes: the classes that are exhaustively labelled here, in the file's order.
        pictures: in the file's order.
    """

    name: str
    format: str
    split: str
    classes: tuple[str, ...]
    pictures: tuple[Picture, ...]


def make_picture(
    path: Path,
    size: tuple[int, int],
    boxes: Sequence[Sequence[float]],
    labels: Sequence[int],
    ignore: Sequence[bool],
    problems: DataProblems,
) -> Picture:
    """Clip `boxes` (N×4 finite `xyxy` pixels) to the picture and drop those under 1 px².

    `size` is (width, height). Whatever is clipped, dropped or doubled is told to `problems`.
    """
    width, height = size
    raw = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    clipped = raw.clip(0.0, np.array((width, height, width, height), dtype=np.float64))
    keep = _areas(clipped) >= SMALLEST_AREA
    if not keep.all():
        _report_dropped(path, raw, keep, problems)
    outside = float(np.abs(raw - clipped)[keep].max(initial=0.0))
    if outside > ROUNDING:
        problems.warning(
            path, f"boxes reach up to {outside:.0f} px outside the {width}x{height} picture"
        )
    doubled = len(raw) - len(
        {(label, *box) for label, box in zip(labels, raw.tolist(), strict=True)}
    )
    if doubled:
        problems.warning(path, f"{doubled} of {len(raw)} boxes are there twice; remove the copies")
    return Picture(
        path=path,
        width=width,
        height=height,
        boxes=clipped[keep].astype(np.float32),
        labels=np.asarray(labels, dtype=np.int64).reshape(-1)[keep],
        ignore=np.asarray(ignore, dtype=np.bool_).reshape(-1)[keep],
    )


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)
    return sides[:, 0] * sides[:, 1]


def _report_dropped(
    path: Path, raw: NDArray[np.float64], keep: NDArray[np.bool_], problems: DataProblems
) -> None:
    for box, large in zip(raw[~keep], _areas(raw[~keep]) >= SMALLEST_AREA, strict=True):
        corners = ", ".join(f"{value:g}" for value in box)
        if large:
            problems.error(path, f"the box ({corners}) lies outside the picture; correct it")
        elif (box[2:] < box[:2]).any():
            problems.error(path, f"the box ({corners}) has its corners the wrong way round")
        else:
            problems.warning(path, f"the box ({corners}) is smaller than 1 px² and is left out")


def read_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture after its EXIF orientation, from the file's header alone.

    Raises:
        InputError: the file is missing or is no picture.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return turned_size(image)
    except FileNotFoundError:
        raise InputError(f"{path}: the picture is missing") from None
    except UnidentifiedImageError:
        raise InputError(f"{path}: not a picture that can be read") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a picture that can be read ({error})") from error


def turned_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an opened picture after its EXIF orientation; decodes nothing."""
    from PIL import Image

    # PngImageFile.getexif decodes the pixels to look behind them; the base class does not.
    orientation = Image.Image.getexif(image).get(_ORIENTATION)
    width, height = image.size
    return (height, width) if orientation in _TURNED else (width, height)
