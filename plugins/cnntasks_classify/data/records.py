"""What every reader of a classification data set returns, and how it says what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from cnntasks import DataLayout, DataProblems, InputError, Source, read_image


@dataclass(frozen=True, slots=True)
class Example:
    """One picture and its class; either `path` or `pixels` is there.

    Attributes:
        name: the path relative to the data set's root, or the place in a file of many pictures
            (`"train-images-idx3-ubyte.gz[17]"`).
        label: index into `ClassificationData.classes`; -1 where the class is not known, which
            only the check gets to see: `read_classification_data` refuses such data.
        path: a picture file.
        pixels: H×W grey or H×W×3 RGB; a view into the array of all pictures of its file.
    """

    name: str
    label: int
    path: Path | None = None
    pixels: NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)

    def load(self) -> NDArray[np.uint8]:
        """Decode to RGB `uint8` H×W×3, turned upright by its EXIF orientation; it may be a view.

        Raises:
            InputError: the file is missing, damaged or no picture; the message names it.
        """
        relative = PurePosixPath("picture")
        if self.path is not None:
            source = Source(str(self.path), relative, self.path.read_bytes, path=self.path)
        else:
            source = Source(self.name, relative, bytes, value=self.pixels)
        return read_image(source)


@dataclass(frozen=True, slots=True)
class ClassificationData:
    """A split of a data set, or all of it.

    Attributes:
        name: the folder's name, or the table's.
        format: `"folders"`, `"csv"`, `"idx"` or `"cifar"`.
        split: `"train"`, `"val"`, `"test"` or `"all"`.
        classes: those of all splits together, so that labels mean the same in each. Names of
            folders and tables are sorted (numbers by value), others are in their file's order.
        examples: sorted by class and path (folders), else in the file's order.
        skipped: hidden files and files that are no pictures, which were passed over.
    """

    name: str
    format: str
    split: str
    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    skipped: int = 0


def make_data(
    layout: DataLayout[ClassificationData],
    split: str,
    classes: Sequence[str],
    examples: Iterable[Example],
    problems: DataProblems,
    skipped: int = 0,
) -> ClassificationData:
    """The data of one split; fewer than two classes are told to `problems`."""
    if len(classes) < 2:
        only = f"only the class {classes[0]!r}" if classes else "no class"
        problems.fatal(layout.name, f"it has {only}; a classifier needs at least two")
    return ClassificationData(
        name=layout.name,
        format=layout.format,
        split=split,
        classes=tuple(classes),
        examples=tuple(examples),
        skipped=skipped,
    )


def without_picture(name: str) -> str:
    """What to say of a class that a split has no picture of."""
    return f"the class {name!r} has no picture here; add some or remove the class"


def read_text(file: Path) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file}: not UTF-8 text (byte {error.start}: {error.reason}); save it as UTF-8"
        ) from error
    except OSError as error:
        raise unreadable(file, error) from error


def unreadable(path: Path, error: OSError) -> InputError:
    """The error to raise where the operating system cannot read `path`."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: the file is missing; copy or download it again")
    reason = error.strerror or error
    return InputError(f"{path}: cannot be read ({reason}); check its permissions and the disk")
