"""A folder of pictures for each class, with or without `train/`, `val/` and `test/` above them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cnntasks import (
    IMAGE_SUFFIXES,
    DataProblems,
    InputError,
    canonical_split,
    counted,
    sort_classes,
    split_folders,
)
from cnntasks_classify.data.records import (
    ClassificationData,
    Example,
    make_data,
    unreadable,
    without_picture,
)

#: Made by archivers and network drives beside the real files.
_DEBRIS = frozenset({"__MACOSX", "@eaDir"})


@dataclass(slots=True)
class _Scan:
    """What one folder of class folders holds.

    Attributes:
        files: class to its pictures, sorted; empty for an empty class folder.
        hidden: hidden files and folders that were passed over.
        others: suffix to the number of files that are no pictures.
        stray: pictures beside the class folders instead of in one.
        faults: folders that cannot be read or used, and why.
    """

    files: dict[str, list[Path]] = field(default_factory=dict)
    hidden: int = 0
    others: Counter[str] = field(default_factory=Counter)
    stray: int = 0
    faults: list[tuple[Path, str]] = field(default_factory=list)


@dataclass
class FolderLayout:
    """Class folders, all of which are searched once, whatever the split.

    Attributes:
        folder: the data set's folder.
        places: split to the folder that holds its class folders.
        unused: folders in it that belong to no split.
    """

    folder: Path
    places: dict[str, Path]
    unused: tuple[Path, ...] = ()
    format: str = "folders"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there is a folder for; `"all"` where there is none."""
        return tuple(self.places)

    def read(self, split: str, problems: DataProblems) -> ClassificationData:
        """Read one split: every picture at any depth below a class folder."""
        place, scan = self.places[split], self._scans[split]
        self._report(place, scan, problems)
        if split in ("train", "all"):
            for name, paths in scan.files.items():
                if not paths:
                    problems.fatal(f"{self.name}:{split}", without_picture(name))
        classes = sort_classes(name for each in self._scans.values() for name in each.files)
        labels = {name: number for number, name in enumerate(classes)}
        examples = [
            Example(path.relative_to(self.folder).as_posix(), labels[name], path)
            for name in classes
            for path in scan.files.get(name, ())
        ]
        skipped = scan.hidden + scan.stray + scan.others.total()
        return make_data(self, split, classes, examples, problems, skipped)

    @cached_property
    def _scans(self) -> dict[str, _Scan]:
        return {split: _search(place) for split, place in self.places.items()}

    def _report(self, place: Path, scan: _Scan, problems: DataProblems) -> None:
        for path in self.unused:
            problems.warning(path, "this folder belongs to no split and is left out")
        for where, message in scan.faults:
            problems.fatal(where, message)
        if scan.stray:
            problems.warning(
                place,
                f"{counted(scan.stray, 'picture')} beside the class folders left out; move them "
                "into one",
            )
        if scan.others:
            kinds = ", ".join(f"{count} {kind}" for kind, count in scan.others.most_common(5))
            problems.warning(
                place,
                f"{counted(scan.others.total(), 'file')} left out as no pictures ({kinds}); "
                "convert them to JPEG or PNG if they should count",
            )


def find_folders(location: Path) -> FolderLayout | None:
    """Recognise folders with pictures in them, as splits by their names or else as classes.

    Raises:
        InputError: no picture in any folder, pictures in no folder, or two folders for one split.
    """
    if not location.is_dir():
        return None
    folders = [path for path in _entries(location) if _is_folder(path) and not _is_hidden(path)]
    if not any(_has_pictures(path) for path in folders):
        if _direct_pictures([location]):
            raise _unsorted(location)
        if folders:
            names = ", ".join(path.name for path in folders[:5])
            raise InputError(f"{location}: there is no picture in its folders ({names}); add some")
        return None
    splits = [path for path in folders if canonical_split(path.name)]
    others = [path for path in folders if path not in splits]
    nested = any(_holds_classes(path) for path in splits)
    if splits and not others and not nested:
        raise _unsorted(splits[0])
    # Trains, too, are a class: then pictures lie in that folder itself, and it is the only one.
    if nested and (not others or len(splits) > 1 or not _direct_pictures(splits)):
        return FolderLayout(location, split_folders(location, splits), tuple(others))
    return FolderLayout(location, {"all": location})


def _unsorted(folder: Path) -> InputError:
    return InputError(
        f"{folder}: its pictures lie in no class folder; move those of each class into a folder of "
        "its name, or list them in labels.csv with the columns path,label"
    )


def _search(place: Path) -> _Scan:
    scan = _Scan()
    try:
        entries = _entries(place)
    except InputError as error:
        scan.faults.append((place, str(error).removeprefix(f"{place}: ")))
        return scan
    for path in entries:
        if _is_hidden(path):
            scan.hidden += 1
        elif _is_folder(path):
            _search_class(path, scan)
        elif _is_picture(path):
            scan.stray += 1
        else:
            scan.others[path.suffix.lower() or "without suffix"] += 1
    return scan


def _search_class(folder: Path, scan: _Scan) -> None:
    try:
        folder.name.encode()
    except UnicodeEncodeError:  # the name goes into the model's card, which is UTF-8
        scan.faults.append((folder, "the folder's name is not valid UTF-8; rename it"))
        return
    paths = scan.files.setdefault(folder.name, [])
    try:
        for path in _walk(folder, set()):
            if _is_hidden(path):
                scan.hidden += 1
            elif _is_picture(path):
                paths.append(path)
            else:
                scan.others[path.suffix.lower() or "without suffix"] += 1
    except InputError as error:
        scan.faults.append((folder, str(error).removeprefix(f"{folder}: ")))


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """All files below `folder`, and its hidden folders unopened; follows each link once."""
    try:
        status = folder.stat()
    except OSError as error:
        raise unreadable(folder, error) from error
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    for path in _entries(folder):
        if _is_folder(path) and not _is_hidden(path):
            yield from _walk(path, seen)
        else:
            yield path


def _entries(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [folder / name for name in sorted(entry.name for entry in entries)]
    except OSError as error:
        raise unreadable(folder, error) from error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no permission to look: whoever opens it will say so
        return False


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name in _DEBRIS


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not _is_hidden(path)


def _has_pictures(folder: Path) -> bool:
    return any(_is_picture(path) for path in _walk(folder, set()))


def _direct_pictures(folders: list[Path]) -> bool:
    return any(_is_picture(path) for folder in folders for path in _entries(folder))


def _holds_classes(folder: Path) -> bool:
    inside = [path for path in _entries(folder) if _is_folder(path) and not _is_hidden(path)]
    return any(_has_pictures(path) for path in inside)
