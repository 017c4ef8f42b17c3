"""CSV files that list pictures and their classes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cnntasks import SPLIT_NAMES, DataProblems, InputError, canonical_split, sort_classes
from cnntasks_classify.data.records import (
    ClassificationData,
    Example,
    make_data,
    read_text,
)

#: Names of the columns; where a table has several of them, the first in this order counts.
PATH_COLUMNS = ("path", "filename", "file", "image")
LABEL_COLUMNS = ("label", "class", "category", "target")
SPLIT_COLUMN = "split"
DELIMITERS = ",;\t"
_SUFFIXES = (".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    path: str
    label: str
    split: str


@dataclass(slots=True)
class _Table:
    """One file as read; what is wrong with single rows waits until its split is asked for.

    Attributes:
        rows: in the file's order.
        has_splits: there is a split column.
        faults: line numbers and what is wrong there.
    """

    rows: list[_Row] = field(default_factory=list)
    has_splits: bool = False
    faults: list[tuple[int, str]] = field(default_factory=list)


class TableLayout:
    """One table for all splits, or one for each. The paths are relative to the table's folder."""

    format = "csv"

    def __init__(self, name: str, files: dict[str, Path]) -> None:
        """`files`: split to its table; the one table of all splits under `"all"`."""
        self.name = name
        self.files = files

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of the files, or those in the split column; else `"all"`.

        Raises:
            InputError: the one table that there is cannot be read.
        """
        table = self._single
        if table is None or not table.has_splits:
            return tuple(self.files)
        found = {row.split for row in table.rows}
        return tuple(split for split in SPLIT_NAMES if split in found) or ("all",)

    def read(self, split: str, problems: DataProblems) -> ClassificationData:
        """Read one split; rows without a label or with a missing picture are told."""
        file = self.files.get(split) or self.files["all"]
        table = self._table(file)
        for line, message in table.faults:
            problems.fatal(f"{file}:{line}", message)
        classes = sort_classes(self._labels())
        labels = {name: number for number, name in enumerate(classes)}
        examples = []
        for row in table.rows:
            if self._single is not None and table.has_splits and row.split != split:
                continue
            path = _find(file.parent, row.path)
            if path is None:
                problems.fatal(
                    f"{file}:{row.line}",
                    f"the picture {row.path} is missing; paths are relative to the table's folder",
                )
                continue
            if not row.label:
                problems.fatal(
                    f"{file}:{row.line}", "the label is empty; fill it in or remove the row"
                )
            examples.append(Example(row.path, labels.get(row.label, -1), path))
        return make_data(self, split, classes, examples, problems)

    @cached_property
    def _single(self) -> _Table | None:
        return self._table(self.files["all"]) if "all" in self.files else None

    @cached_property
    def _tables(self) -> dict[Path, _Table | InputError]:
        tables: dict[Path, _Table | InputError] = {}
        for file in self.files.values():
            try:
                tables[file] = _read_table(file)
            except InputError as error:
                tables[file] = error
        return tables

    def _table(self, file: Path) -> _Table:
        table = self._tables[file]
        if isinstance(table, InputError):
            raise table
        return table

    def _labels(self) -> Iterator[str]:
        for table in self._tables.values():
            if isinstance(table, _Table):
                yield from (row.label for row in table.rows if row.label)


def find_table(location: Path) -> TableLayout | None:
    """Recognise a CSV or TSV file, `labels.csv`, or `train.csv`, `val.csv` and `test.csv`.

    Raises:
        InputError: two files for one split.
    """
    if location.is_file():
        suits = location.suffix.lower() in _SUFFIXES
        return TableLayout(location.stem, {"all": location}) if suits else None
    files = _one_each(location, SPLIT_NAMES) or _one_each(location, {"all": ("labels",)})
    return TableLayout(location.resolve().name, files) if files else None


def _one_each(folder: Path, stems: Mapping[str, Sequence[str]]) -> dict[str, Path]:
    """Split to the table that has one of its `stems`, for those there are tables of."""
    files: dict[str, Path] = {}
    for split, names in stems.items():
        candidates = [folder / f"{stem}{suffix}" for stem in names for suffix in _SUFFIXES]
        found = [file for file in candidates if file.is_file()]
        if len(found) > 1:
            raise InputError(
                f"{folder}: {found[0].name} and {found[1].name} both list its {split} pictures; "
                "remove or rename one"
            )
        if found:
            files[split] = found[0]
    return files


def _read_table(file: Path) -> _Table:
    text = read_text(file)
    header = next((line for line in text.splitlines() if line.strip()), "")
    columns = _columns(header, file)
    delimiter, path_at, label_at, split_at = columns
    table = _Table(has_splits=split_at is not None)
    # Strict: else an unclosed quotation mark would swallow rows.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = ((reader.line_num, row) for row in reader if any(cell.strip() for cell in row))
    try:
        next(rows)
        for line, cells in rows:
            needed = 1 + max(path_at, label_at, split_at or 0)
            if len(cells) < needed:
                table.faults.append((line, f"{len(cells)} of {needed} columns; complete the row"))
                continue
            path, label = cells[path_at].strip(), cells[label_at].strip()
            split = "all" if split_at is None else canonical_split(cells[split_at])
            if not path:
                table.faults.append((line, "the path is empty; fill it in or remove the row"))
            elif split is None:
                given = cells[split_at or 0]
                table.faults.append((line, f"the split {given!r} is none of train, val and test"))
            else:
                table.rows.append(_Row(line, path, label, split))
    except csv.Error as error:
        raise InputError(
            f"{file}:{reader.line_num}: not well-formed ({error}); check the quotation marks"
        ) from error
    return table


def _columns(header: str, file: Path) -> tuple[str, int, int, int | None]:
    """The delimiter, and the places of the columns for path, label and (if any) split."""
    for delimiter in DELIMITERS:
        names = [cell.strip(" \"'").casefold() for cell in header.split(delimiter)]
        path = next((names.index(name) for name in PATH_COLUMNS if name in names), None)
        label = next((names.index(name) for name in LABEL_COLUMNS if name in names), None)
        if path is not None and label is not None:
            split = names.index(SPLIT_COLUMN) if SPLIT_COLUMN in names else None
            return delimiter, path, label, split
    raise InputError(
        f"{file}: its first line must name a column for the path ({', '.join(PATH_COLUMNS)}) and "
        f"one for the label ({', '.join(LABEL_COLUMNS)}), but reads {header[:60]!r}; rename them"
    )


def _find(folder: Path, text: str) -> Path | None:
    # Tables written on Windows have backslashes.
    for path in (folder / text, folder / text.replace("\\", "/")):
        try:
            if path.is_file():
                return path
        except OSError:  # a name that is too long is no file's name
            continue
    return None
