"""Tables of recordings and their words or transcripts: one for all splits, or one for each."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cnntasks import (
    SPLIT_NAMES,
    DataProblems,
    InputError,
    canonical_split,
    sort_classes,
)
from cnntasks_speech.data.folders import noise_of
from cnntasks_speech.data.records import Clip, SpeechData, class_name, make_data, speaker_of

FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "json lines", ".ndjson": "json lines"}
#: What columns are called, the usual name first.
PATH_COLUMNS = ("path", "audio", "audio_filepath", "file", "filename", "wav")
LABEL_COLUMNS = ("label", "class", "command")
TRANSCRIPT_COLUMNS = ("transcript", "text", "sentence", "transcription")
SPEAKER_COLUMNS = ("speaker", "speaker_id", "client_id")
WORD_COLUMNS = ("word",)
SPLIT_COLUMNS = ("split",)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    path: str
    label: str
    transcript: str | None
    speaker: str
    word: str
    split: str


class TableLayout:
    """One table for all splits, or one for each.

    Args:
        name: of the file or folder.
        files: split to its table; the one table of all splits under `"all"`.
    """

    def __init__(self, name: str, files: dict[str, Path]) -> None:
        self.name = name
        self.files = files
        self.format = FORMATS[next(iter(files.values())).suffix.lower()]

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """Those of the files, or those in the split column; else `"all"`.

        Raises:
            InputError: a table cannot be read.
        """
        if "all" not in self.files:
            return tuple(self.files)
        found = {row.split for row in self._rows["all"]}
        return tuple(split for split in SPLIT_NAMES if split in found) or ("all",)

    def read(self, split: str, problems: DataProblems) -> SpeechData:
        """Read one split; rows without a file, and without label and transcript, are told."""
        key = split if split in self.files else "all"
        file = self.files[key]
        classes = sort_classes(
            class_name(row.label) for rows in self._rows.values() for row in rows if row.label
        )
        numbers = {name: number for number, name in enumerate(classes)}
        clips = []
        for row in self._rows[key]:
            if row.split not in (split, "all"):
                continue
            where = f"{file}:{row.line}"
            path = file.parent / row.path
            if not row.label and row.transcript is None:
                problems.fatal(where, "neither label nor transcript; fill it in or remove the row")
                continue
            if classes and not row.label and row.transcript is None:
                problems.fatal(where, "the label is empty; fill it in or remove the row")
            if not row.path or not path.is_file():
                problems.fatal(where, f"there is no recording {row.path!r} beside the table")
                continue
            label = numbers[class_name(row.label)] if row.label else -1
            speaker = row.speaker or speaker_of(path)
            clips.append(Clip(path, label, row.transcript, speaker, row.word, row.path))
        return make_data(self, split, classes, clips, noise_of(file.parent), problems)

    @cached_property
    def _rows(self) -> dict[str, list[_Row]]:
        return {split: list(_read_rows(file)) for split, file in self.files.items()}


def find_table(location: Path) -> TableLayout | None:
    """Recognise a CSV, TSV or JSON Lines file, or a folder with one for each split.

    A file's split is a word of its name: `train.csv`, `digits_test.jsonl`. A folder whose only
    table is named otherwise has no splits, but for those of its split column.

    Raises:
        InputError: two files for one split, or several tables of which none is for a split.
    """
    if location.is_file():
        suits = location.suffix.lower() in FORMATS
        return TableLayout(location.name, {"all": location}) if suits else None
    tables = [
        path
        for path in sorted(location.iterdir())
        if path.suffix.lower() in FORMATS and path.is_file() and not path.name.startswith(".")
    ]
    files: dict[str, Path] = {}
    for path in tables:
        split = _split_of(path)
        if split in files:
            raise InputError(
                f"{location}: {files[split].name} and {path.name} both look like its {split} "
                "split; name the file to use, or move one away"
            )
        if split is not None:
            files[split] = path
    name = location.resolve().name
    if files:
        return TableLayout(name, {it: files[it] for it in SPLIT_NAMES if it in files})
    if len(tables) > 1:
        raise InputError(
            f"{location}: {tables[0].name} and {tables[1].name}: which one? Name the file, or call "
            "them train, val and test"
        )
    return TableLayout(name, {"all": tables[0]}) if tables else None


def _split_of(path: Path) -> str | None:
    words = re.split(r"[^a-z]+", path.name.casefold())
    return next((split for word in words if (split := canonical_split(word))), None)


def _read_rows(file: Path) -> Iterator[_Row]:
    """The rows of a table, as they are.

    Raises:
        InputError: it cannot be read, or lacks a column.
    """
    for line, cells in _cells(file):
        path = _find(cells, PATH_COLUMNS)
        if path is None:
            raise _without(file, line, "path", cells)
        transcript = _find(cells, TRANSCRIPT_COLUMNS)
        label = _find(cells, LABEL_COLUMNS)
        word = _find(cells, WORD_COLUMNS)
        if label is None and transcript is None:
            if word is None:
                raise _without(file, line, "label", cells)
            label, word = word, None
        named = _find(cells, SPLIT_COLUMNS)
        split = "all" if named is None else canonical_split(named)
        if split is None:
            raise InputError(f"{file}:{line}: the split {named!r} is none of train, val and test")
        speaker = _find(cells, SPEAKER_COLUMNS)
        yield _Row(line, path, label or "", transcript, speaker or "", word or "", split)


def _without(file: Path, line: int, column: str, cells: Mapping[str, str]) -> InputError:
    there = ", ".join(cells) or "no columns"
    return InputError(
        f"{file}:{line}: there is no {column} (but {there}); a table of recordings has the columns "
        "path,label or path,transcript"
    )


def _cells(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells of each row."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            if FORMATS[file.suffix.lower()] == "json lines":
                for line, text in enumerate(stream, 1):
                    if text.strip():
                        yield line, _json_cells(file, line, text)
                return
            delimiter = "\t" if file.suffix.lower() == ".tsv" else ","
            reader = csv.DictReader(stream, delimiter=delimiter, restval="")
            for cells in reader:
                cells.pop(None, None)
                yield reader.line_num, {key.strip(): cell.strip() for key, cell in cells.items()}
    except OSError as error:
        raise InputError(
            f"{file}: cannot be read ({error.strerror or error}); check its permissions"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: this table is not UTF-8 text; save it as such") from error
    except csv.Error as error:
        raise InputError(f"{file}: not a table ({error})") from error


def _json_cells(file: Path, line: int, text: str) -> dict[str, str]:
    try:
        found: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{file}:{line}: not JSON ({error.msg})") from error
    if not isinstance(found, dict):
        raise InputError(f"{file}:{line}: not a JSON object; write one for each recording")
    return {key: str(value) for key, value in found.items() if value is not None}


def _find(cells: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """The cell under the first of these names, whatever its case; None where there is none."""
    lower = {key.casefold(): value for key, value in cells.items()}
    return next((lower[name] for name in names if name in lower), None)
