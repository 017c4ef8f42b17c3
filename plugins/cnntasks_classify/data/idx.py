"""MNIST's IDX files (LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist/), gzipped or not.

A big-endian header: two zero bytes, the type (8: unsigned bytes), the number of dimensions, their
sizes in four bytes each; then the values. EMNIST (Cohen et al. 2017) uses it too, with every
picture transposed.
"""

from __future__ import annotations

import gzip
import io
import math
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnntasks import DataProblems, InputError
from cnntasks_classify.data.arrays import make_examples, read_names
from cnntasks_classify.data.records import ClassificationData, make_data, unreadable

DIGITS = tuple("0123456789")
_IMAGES = re.compile(r"(?P<set>emnist-\w+-)?(?P<part>train|t10k|test)-images[-.]idx3-ubyte(\.gz)?")
_SPLITS = {"train": "train", "t10k": "test", "test": "test"}
_UNSIGNED_BYTES = 8
#: DEFLATE makes data at most this many times smaller (1032, and some for the header).
_MOST_COMPRESSION = 1100


@dataclass(frozen=True, slots=True)
class IdxLayout:
    """Files of images, each with one of labels beside it.

    Attributes:
        folder: where they lie, with or without a `classes.txt`.
        images: split to its file of images.
    """

    folder: Path
    images: dict[str, Path]
    format: str = "idx"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there are images for."""
        return tuple(self.images)

    def read(self, split: str, problems: DataProblems) -> ClassificationData:
        """Read one split into memory; its examples are views."""
        images = self.images[split]
        pixels = _read_idx(images, 3)
        labels_file = _labels_of(images)
        labels = _read_idx(labels_file, 1)
        if len(labels) != len(pixels):
            raise InputError(
                f"{labels_file}: {len(labels)} labels for the {len(pixels)} pictures in "
                f"{images.name}; download both again"
            )
        if images.name.startswith("emnist-"):
            pixels = pixels.transpose(0, 2, 1)
        names = self.folder / "classes.txt"
        classes = read_names(names) if names.is_file() else DIGITS
        remedy = f"name every class in {names}, one a line, the first for label 0"
        examples = make_examples(images, pixels, labels, classes, remedy, problems)
        return make_data(self, split, classes, examples, problems)


def find_idx(location: Path) -> IdxLayout | None:
    """Recognise a folder with IDX files of images, or one such file and its other split.

    Raises:
        InputError: the files of several data sets; the message names them.
    """
    folder, only = location, None
    if location.is_file():
        match = _IMAGES.fullmatch(location.name)
        if match is None:
            return None
        folder, only = location.parent, match["set"] or ""
    # Unpacked files come before their gzipped ones, and are preferred.
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = _IMAGES.fullmatch(path.name)
        if match and path.is_file() and only in (None, match["set"] or ""):
            found.setdefault(match["set"] or "", {}).setdefault(_SPLITS[match["part"]], path)
    if len(found) > 1:
        firsts = ", ".join(next(iter(images.values())).name for images in found.values())
        raise InputError(f"{folder}: it holds several data sets; name a file of one ({firsts})")
    if not found:
        return None
    (images,) = found.values()
    return IdxLayout(
        folder, {split: images[split] for split in ("train", "test") if split in images}
    )


def _labels_of(images: Path) -> Path:
    name = re.sub(r"images([-.])idx3", r"labels\1idx1", images.name).removesuffix(".gz")
    files = [images.with_name(name), images.with_name(f"{name}.gz")]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise InputError(
            f"{files[images.suffix == '.gz']}: the labels of {images.name} are missing"
        )
    return found


def _read_idx(file: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes; InputError names the file."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            return _read_array(stream, file, dimensions)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{file}: damaged or cut short ({error}); copy or download it again"
        ) from error
    except OSError as error:
        raise unreadable(file, error) from error


def _read_array(stream: io.BufferedIOBase, file: Path, dimensions: int) -> NDArray[np.uint8]:
    size = 4 + 4 * dimensions
    header = stream.read(size)
    magic = bytes((0, 0, _UNSIGNED_BYTES, dimensions))
    if header[:4] != magic or len(header) < size:
        raise InputError(
            f"{file}: not an IDX file of unsigned bytes in {dimensions} dimensions (it begins with "
            f"{header[:4].hex(' ')}, not {magic.hex(' ')}); download it again"
        )
    shape = tuple(int(side) for side in np.frombuffer(header, ">u4", offset=4))
    expected = math.prod(shape)
    # A broken header must not make us ask for more memory than the file can fill.
    possible = expected <= file.stat().st_size * _MOST_COMPRESSION
    # Reading on to the end also verifies the checksum of a gzipped file.
    data = stream.read(expected + 1) if possible else b""
    if len(data) != expected:
        found = "more" if len(data) > expected else "fewer"
        raise InputError(
            f"{file}: {'x'.join(map(str, shape))} values were announced but {found} are there; "
            "copy or download it again"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)
