"""Tables of texts and their classes: one for all splits, or one for each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cnntasks import (
    SPLIT_NAMES,
    DataProblems,
    InputError,
    canonical_split,
    sort_classes,
)
from cnntasks_text.data.records import (
    Columns,
    TextData,
    TextExample,
    make_data,
)
from cnntasks_text.encodings import open_file, read_lines, unreadable
from cnntasks_text.tables import (
    JSON_LINES,
    LABEL_COLUMNS,
    TEXT_COLUMNS,
    open_table,
    table_kind,
)

FOLD_COLUMNS = ("fold",)
SPLIT_COLUMNS = ("split",)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    text: str
    label: str
    split: str
    fold: str


@dataclass(slots=True)
class _Contents:
    """One file as read; what is wrong with single rows waits until its split is asked for.

    Attributes:
        rows: in the file's order.
        has_splits: there is a split column.
        faults: the messages of rows that cannot be used.
        blank: lines whose text is blank.
    """

    rows: list[_Row] = field(default_factory=list)
    has_splits: bool = False
    faults: list[InputError] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)


class TableLayout:
    """One table for all splits, or one for each.

    Args:
        name: of the file or folder.
        files: split to its table; the one table of all splits under `"all"`.
        columns: their names.
    """

    def __init__(self, name: str, files: dict[str, Path], columns: Columns) -> None:
        self.name = name
        self.files = files
        self.columns = columns
        self.format = table_kind(next(iter(files.values()))) or JSON_LINES

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of the files, or those in the split column; else `"all"`.

        Raises:
            InputError: the one table that there is cannot be read.
        """
        contents = self._single
        if contents is None or not contents.has_splits:
            return tuple(self.files)
        found = {row.split for row in contents.rows}
        return tuple(split for split in SPLIT_NAMES if split in found) or ("all",)

    def read(self, split: str, problems: DataProblems) -> TextData:
        """Read one split; rows without a class are told, and blank texts are left out."""
        file = self.files.get(split) or self.files["all"]
        contents = self._of(file)
        for fault in contents.faults:
            where, _, message = str(fault).partition(": ")
            problems.fatal(where, message)
        for line in contents.blank:
            problems.error(f"{file}:{line}", "the text is blank and is left out; remove the row")
        classes = sort_classes(self._labels())
        labels = {name: number for number, name in enumerate(classes)}
        examples = []
        for row in contents.rows:
            if self._single is not None and contents.has_splits and row.split != split:
                continue
            if not row.label:
                problems.fatal(
                    f"{file}:{row.line}", "the label is empty; fill it in or remove the row"
                )
            name = f"{file.name}:{row.line}"
            examples.append(TextExample(row.text, labels.get(row.label, -1), name, row.fold))
        return make_data(self, split, classes, examples, problems, len(contents.blank))

    @cached_property
    def _single(self) -> _Contents | None:
        return self._of(self.files["all"]) if "all" in self.files else None

    @cached_property
    def _contents(self) -> dict[Path, _Contents | InputError]:
        found: dict[Path, _Contents | InputError] = {}
        for file in self.files.values():
            try:
                found[file] = _read_table(file, self.columns)
            except InputError as error:
                found[file] = error
        return found

    def _of(self, file: Path) -> _Contents:
        contents = self._contents[file]
        if isinstance(contents, InputError):
            raise contents
        return contents

    def _labels(self) -> Iterator[str]:
        for contents in self._contents.values():
            if isinstance(contents, _Contents):
                yield from (row.label for row in contents.rows if row.label)


def find_table(location: Path, columns: Columns) -> TableLayout | None:
    """Recognise a CSV, TSV or JSON Lines file, or a folder with one for each split.

    A file's split is a word of its name: `train.csv`, `trec_test.tsv`, `dev.jsonl.gz`. A folder
    whose only table is named otherwise has no splits.

    Raises:
        InputError: two files for one split, or several tables of which none is for a split.
    """
    if location.is_file():
        suits = table_kind(location) is not None
        return TableLayout(location.name, {"all": location}, columns) if suits else None
    tables = [path for path in sorted(location.iterdir()) if table_kind(path) and path.is_file()]
    files: dict[str, Path] = {}
    for path in tables:
        split = _split_of(path)
        if split is None:
            continue
        if split in files:
            raise InputError(
                f"{location}: {files[split].name} and {path.name} both look like its {split} "
                "split; name the file to use, or move one away"
            )
        files[split] = path
    name = location.resolve().name
    if files:
        return TableLayout(name, {it: files[it] for it in SPLIT_NAMES if it in files}, columns)
    if len(tables) > 1:
        raise InputError(
            f"{location}: {tables[0].name} and {tables[1].name}: which one? Name the file, or call "
            "them train, val and test"
        )
    return TableLayout(name, {"all": tables[0]}, columns) if tables else None


def _split_of(path: Path) -> str | None:
    words = re.split(r"[^a-z]+", path.name.casefold())
    return next((split for word in words if (split := canonical_split(word))), None)


def _read_table(file: Path, columns: Columns) -> _Contents:
    try:
        stream = open_file(file)
    except OSError as error:
        raise unreadable(file, error) from error
    with stream:
        table = open_table(read_lines(stream, str(file)), str(file), table_kind(file) or "")
        names = [
            table.find(columns.text, TEXT_COLUMNS, "texts", "--text-column"),
            table.find(columns.label, LABEL_COLUMNS, "classes", "--label-column"),
        ]
        split = table.lookup((columns.split,) if columns.split else SPLIT_COLUMNS)
        fold = table.lookup(FOLD_COLUMNS)
        if columns.fold is not None:
            fold = table.find(columns.fold, (), "folds", "--fold-column")
        contents = _Contents(has_splits=split is not None)
        wanted = [*names, *(name for name in (split, fold) if name is not None)]
        for line, cells in table.rows(wanted):
            if isinstance(cells, InputError):
                contents.faults.append(cells)
                continue
            text, label, *rest = cells
            part = canonical_split(rest.pop(0)) if split is not None else "all"
            if part is None:
                contents.faults.append(
                    InputError(
                        f"{file}:{line}: the split {cells[2]!r} is none of train, val and test"
                    )
                )
            elif not text.strip():
                contents.blank.append(line)
            elif "\0" in text:
                contents.faults.append(
                    InputError(f"{file}:{line}: the text holds a NUL character; remove it")
                )
            else:
                row = _Row(line, text, label.strip(), part, rest[0].strip() if rest else "")
                contents.rows.append(row)
    return contents
