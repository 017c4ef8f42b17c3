"""Data sets for segmentation: a folder of pictures, one of masks, and the names of the classes.

    my-set/classes.txt            one class a line; the first is number 0
    my-set/images/a.jpg
    my-set/masks/a.png            class numbers, 255 for pixels that belong to none

or the two folders in `train/`, `val/` and `test/` each, or the three within `images/` and `masks/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnntasks import (
    IMAGE_SUFFIXES,
    DataFormats,
    DataProblems,
    InputError,
    Source,
    canonical_split,
    choose_splits,
    read_image,
    split_folders,
)
from cnntasks_segment.geometry import IGNORED

CLASSES_FILE = "classes.txt"
#: Modes of Pillow whose pixels are whole numbers of one channel.
_MODES = ("1", "L", "P", "I", "I;16")


@dataclass(frozen=True, slots=True)
class Example:
    """One picture with its mask, both on disk.

    Attributes:
        name: of the picture, within its folder.
        picture, mask: the files.
    """

    name: str
    picture: Path
    mask: Path

    def load(self) -> NDArray[np.uint8]:
        """The picture, H×W×3.

        Raises:
            InputError: it cannot be read.
        """
        return read_image(self.source())

    def source(self) -> Source:
        """The picture as prediction takes it."""
        path = self.picture
        return Source(str(path), PurePosixPath(self.name), path.read_bytes, path)

    def load_mask(self, classes: int) -> NDArray[np.uint8]:
        """The class of each pixel, H×W; `IGNORED` for none.

        Raises:
            InputError: it cannot be read, is no mask, or has a number that is no class.
        """
        mask = read_mask(self.mask)
        wrong = np.unique(mask[(mask >= classes) & (mask != IGNORED)])
        if wrong.size:
            raise InputError(
                f"{self.mask}: it has the class numbers {', '.join(map(str, wrong[:5]))}, but "
                f"{CLASSES_FILE} has {classes} classes (0 to {classes - 1}, {IGNORED} for none)"
            )
        return mask


@dataclass(frozen=True, slots=True)
class MaskData:
    """One split of a data set."""

    name: str
    format: str
    split: str
    classes: tuple[str, ...]
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class MaskLayout:
    """Pictures and masks, found but not opened.

    Attributes:
        folder: of the data set.
        places: split to its folders of pictures and masks.
    """

    folder: Path
    places: dict[str, tuple[Path, Path]]
    format: str = "images and masks"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def splits(self) -> tuple[str, ...]:
        """`"all"` where there are no folders of splits."""
        return tuple(self.places)

    def read(self, split: str, problems: DataProblems) -> MaskData:
        """The pictures of one split that have a mask; what has no partner is told."""
        classes = read_classes(self.folder / CLASSES_FILE)
        pictures, masks = (_files(folder) for folder in self.places[split])
        alone = sorted(pictures.keys() - masks.keys())
        if alone:
            _tell(problems, pictures[alone[0]], len(alone), "has no mask", "with masks")
        alone = sorted(masks.keys() - pictures.keys())
        if alone:
            _tell(problems, masks[alone[0]], len(alone), "has no picture", "with pictures")
        shared = sorted(pictures.keys() & masks.keys())
        if not shared:
            problems.fatal(
                self.places[split][0], "no picture here has a mask of its name; add some"
            )
        examples = (Example(pictures[key].name, pictures[key], masks[key]) for key in shared)
        return MaskData(self.name, self.format, split, classes, tuple(examples))


def _tell(problems: DataProblems, first: Path, count: int, what: str, remedy: str) -> None:
    more = f" (and {count - 1} more like it)" if count > 1 else ""
    problems.warning(
        first, f"it {what} of its name and is left out{more}; complete the set {remedy}"
    )


def _files(folder: Path) -> dict[str, Path]:
    """Path below `folder` without its suffix, to the file, for every picture."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() and not hidden:
            found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    return found


def read_classes(path: Path) -> tuple[str, ...]:
    """The names in `classes.txt`, one a line.

    Raises:
        InputError: the file is missing or has no two names, or one twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); write one class a line, the first is number 0"
        ) from error
    names = [line.strip() for line in lines if line.strip()]
    if len(names) < 2 or len(names) > IGNORED:
        raise InputError(f"{path}: it has {len(names)} classes; 2 to {IGNORED} can be told apart")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: the class {twice!r} is there twice; each name once")
    return tuple(names)


def read_mask(path: Path) -> NDArray[np.uint8]:
    """The numbers of a mask, H×W; of a picture with a palette the places in it.

    Raises:
        InputError: it cannot be read, has colours, or numbers above 255.
    """
    try:
        with Image.open(path) as image:
            mode, values = image.mode, np.asarray(image)
    except Exception as error:  # decoders fail in many ways on files that are not theirs
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: this mask cannot be read ({reason}); write it again") from error
    if mode not in _MODES:
        raise InputError(
            f"{path}: a mask has one number for each pixel, and this is a picture of mode {mode}; "
            "write class numbers into a grey or palette PNG"
        )
    if values.size and values.max() > IGNORED:
        raise InputError(
            f"{path}: it has numbers up to {values.max()}; 0 to {IGNORED} are possible"
        )
    mask: NDArray[np.uint8] = values.astype(np.uint8)
    return mask


def find_masks(location: Path) -> MaskLayout | None:
    """Recognise folders `images` and `masks`, of the whole set or of each split.

    Raises:
        InputError: two folders are of one split.
    """
    if not location.is_dir():
        return None
    if _pair(location) is None:
        folders = [path for path in sorted(location.iterdir()) if canonical_split(path.name)]
        splits = split_folders(location, [path for path in folders if _pair(path)])
        places = {split: pair for split, path in splits.items() if (pair := _pair(path))}
        return MaskLayout(location, places) if places else None
    pictures, masks = location / "images", location / "masks"
    folders = [path for path in sorted(pictures.iterdir()) if canonical_split(path.name)]
    splits = split_folders(location, [it for it in folders if (masks / it.name).is_dir()])
    if not splits:
        return MaskLayout(location, {"all": (pictures, masks)})
    return MaskLayout(location, {name: (it, masks / it.name) for name, it in splits.items()})


def _pair(folder: Path) -> tuple[Path, Path] | None:
    pair = folder / "images", folder / "masks"
    return pair if all(path.is_dir() for path in pair) else None


def hold_out(
    examples: Sequence[Example], fraction: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Training and validation part, chosen at random and always the same for a seed."""
    count = min(max(round(len(examples) * fraction), 1), len(examples) - 1)
    order = np.random.default_rng(seed).permutation(len(examples)).tolist()
    held = set(order[:count])
    parts: tuple[list[Any], list[Any]] = ([], [])
    for place, example in enumerate(examples):
        parts[place in held].append(example)
    return parts


FORMATS = DataFormats(
    kind="segmentation",
    finders=(find_masks,),
    expected=f"expected the folders images/ and masks/ with files of the same names, and "
    f"{CLASSES_FILE} beside them (or the two folders in train/, val/ and test/ each)",
    choose=choose_splits,
)
