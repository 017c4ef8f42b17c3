"""A folder of recordings for each word, as Speech Commands has them (Warden 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cnntasks import (
    SPLIT_NAMES,
    DataProblems,
    InputError,
    canonical_split,
    sort_classes,
    split_folders,
)
from cnntasks_speech.data.records import (
    AUDIO_SUFFIXES,
    NOISE_FOLDER,
    Clip,
    SpeechData,
    class_name,
    make_data,
    speaker_of,
    which_split,
)

#: Lists of the files of two parts; all others are to learn from.
_LISTS = {"val": "validation_list.txt", "test": "testing_list.txt"}


@dataclass
class FolderLayout:
    """Folders of words, whose files are divided by lists, by folders above, or by speakers.

    Attributes:
        folder: the data set's folder.
        places: split to the folder that holds its word folders; `"all"` for the one that has all.
    """

    folder: Path
    places: dict[str, Path]
    format: str = "folders"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """Those that have a recording."""
        found = {split for _, _, split in self._files}
        return tuple(split for split in SPLIT_NAMES if split in found) or ("all",)

    def read(self, split: str, problems: DataProblems) -> SpeechData:
        """Read one split."""
        for name in self._missing:
            problems.error(self.folder / name, "its list names it, but there is no such recording")
        classes = sort_classes(class_name(word) for word, _, _ in self._files)
        clips = [
            Clip(
                path,
                classes.index(class_name(word)),
                speaker=speaker_of(path),
                name=path.relative_to(self.folder).as_posix(),
            )
            for word, path, part in self._files
            if part == split
        ]
        return make_data(self, split, classes, clips, self._noise, problems)

    @cached_property
    def _found(self) -> list[tuple[str, Path, str]]:
        """Word, file and place of every recording."""
        return [
            (folder.name, path, split)
            for split, place in self.places.items()
            for folder in _folders(place)
            for path in _recordings(folder)
        ]

    @cached_property
    def _listed(self) -> dict[str, str]:
        """What the lists name, relative to the folder, and the split each is in."""
        found = {}
        for split, name in _LISTS.items():
            path = self.folder / name
            if path.is_file():
                try:
                    lines = path.read_text(encoding="utf-8").splitlines()
                except (OSError, UnicodeDecodeError) as error:
                    raise InputError(f"{path}: cannot be read as a list ({error})") from error
                found.update({line.strip(): split for line in lines if line.strip()})
        return found

    @cached_property
    def _files(self) -> list[tuple[str, Path, str]]:
        """Word, file and split of every recording."""
        if "all" not in self.places:
            return self._found
        divided = []
        for word, path, _ in self._found:
            if self._listed:
                split = self._listed.get(path.relative_to(self.folder).as_posix(), "train")
            else:
                split = which_split(path)
            divided.append((word, path, split))
        return divided

    @cached_property
    def _missing(self) -> list[str]:
        there = {path.relative_to(self.folder).as_posix() for _, path, _ in self._found}
        return [name for name in self._listed if name not in there]

    @property
    def _noise(self) -> list[Path]:
        places = {self.folder, *self.places.values()}
        return [path for place in sorted(places) for path in noise_of(place)]


def find_folders(location: Path) -> FolderLayout | None:
    """Recognise folders with recordings in them, as splits by their names or else as words.

    Raises:
        InputError: recordings in no folder of a word, or two folders for one split.
    """
    if not location.is_dir():
        return None
    splits = [path for path in _folders(location) if canonical_split(path.name)]
    if any(_recordings(inner) for path in splits for inner in _folders(path)):
        return FolderLayout(location, split_folders(location, splits))
    if any(_recordings(path) for path in _folders(location)):
        return FolderLayout(location, {"all": location})
    if any(_is_audio(path) for path in location.iterdir()):
        raise InputError(
            f"{location}: its recordings lie in no folder of a word; move those of each word into "
            "a folder of its name, or list them in a table with the columns path,label"
        )
    return None


def noise_of(folder: Path) -> list[Path]:
    """The recordings of background noise that lie in a data set's folder."""
    place = folder / NOISE_FOLDER
    return _recordings(place) if place.is_dir() else []


def _folders(place: Path) -> list[Path]:
    return [
        path
        for path in sorted(place.iterdir())
        if path.is_dir() and not path.name.startswith(".") and path.name != NOISE_FOLDER
    ]


def _recordings(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if _is_audio(path)]


def _is_audio(path: Path) -> bool:
    hidden = path.name.startswith(".")
    return path.suffix.lower() in AUDIO_SUFFIXES and not hidden and path.is_file()
