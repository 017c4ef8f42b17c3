"""A folder of text files for each class, with or without `train/`, `val/` and `test/` above."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cnntasks import (
    DataProblems,
    InputError,
    canonical_split,
    counted,
    sort_classes,
    split_folders,
)
from cnntasks_text.data.records import TextData, TextExample, make_data
from cnntasks_text.encodings import decode_text, unreadable

#: Beside `pos` and `neg` the IMDB data set (Maas et al. 2011) has a folder of unlabelled reviews.
UNLABELLED = ("unsup",)


@dataclass(slots=True)
class _Scan:
    """What one folder of class folders holds.

    Attributes:
        files: class to its text files, sorted by path.
        others: files that are no texts, and texts beside the class folders.
        unlabelled: folders of texts without a class.
    """

    files: dict[str, list[Path]] = field(default_factory=dict)
    others: int = 0
    unlabelled: list[Path] = field(default_factory=list)


@dataclass
class FolderLayout:
    """Class folders, all of which are searched once, whatever the split.

    Attributes:
        folder: the data set's folder.
        places: split to the folder that holds its class folders.
    """

    folder: Path
    places: dict[str, Path]
    format: str = "folders"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there is a folder for; `"all"` where there is none."""
        return tuple(self.places)

    def read(self, split: str, problems: DataProblems) -> TextData:
        """Read one split: every `.txt` file at any depth below a class folder, as one text."""
        scan = self._scans[split]
        for folder in scan.unlabelled:
            problems.warning(folder, "its texts have no class and are left out")
        if scan.others:
            problems.warning(
                self.places[split],
                f"{counted(scan.others, 'file')} left out: only .txt files in a class folder count",
            )
        classes = sort_classes(name for each in self._scans.values() for name in each.files)
        examples = []
        blank = 0
        for label, name in enumerate(classes):
            for path in scan.files.get(name, ()):
                try:
                    text = decode_text(_read(path), str(path), None)
                except InputError as error:
                    where, _, message = str(error).partition(": ")
                    problems.fatal(where, message)
                    continue
                if not text.strip():
                    problems.error(path, "the text is blank and is left out; remove the file")
                    blank += 1
                    continue
                where = path.relative_to(self.folder).as_posix()
                examples.append(TextExample(text, label, where))
        return make_data(self, split, classes, examples, problems, blank + scan.others)

    @cached_property
    def _scans(self) -> dict[str, _Scan]:
        return {split: _search(place) for split, place in self.places.items()}


def find_folders(location: Path) -> FolderLayout | None:
    """Recognise folders with text files in them, as splits by their names or else as classes.

    Raises:
        InputError: text files in no class folder, or two folders for one split.
    """
    if not location.is_dir():
        return None
    folders = [path for path in _entries(location) if path.is_dir()]
    if not any(_has_texts(path) for path in folders):
        if any(_is_text(path) for path in _entries(location)):
            raise InputError(
                f"{location}: its texts lie in no class folder; move those of each class into a "
                "folder of its name, or list them in a table with the columns text,label"
            )
        return None
    splits = [path for path in folders if canonical_split(path.name)]
    if any(_has_texts(inner) for path in splits for inner in _entries(path) if inner.is_dir()):
        return FolderLayout(location, split_folders(location, splits))
    return FolderLayout(location, {"all": location})


def _search(place: Path) -> _Scan:
    scan = _Scan()
    for path in _entries(place):
        if not path.is_dir():
            scan.others += 1
        elif path.name in UNLABELLED:
            scan.unlabelled.append(path)
        else:
            found = [inner for inner in sorted(path.rglob("*")) if inner.is_file()]
            texts = [inner for inner in found if _is_text(inner)]
            scan.others += len(found) - len(texts)
            scan.files[path.name] = texts
    return scan


def _entries(folder: Path) -> list[Path]:
    try:
        return [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    except OSError as error:
        raise unreadable(folder, error) from error


def _has_texts(folder: Path) -> bool:
    return any(_is_text(path) for path in folder.rglob("*"))


def _is_text(path: Path) -> bool:
    return path.suffix.lower() == ".txt" and not path.name.startswith(".") and path.is_file()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
