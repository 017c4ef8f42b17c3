"""Tables of texts: CSV, TSV and JSON Lines, row by row; only one row is in memory.

CSV is read as RFC 4180 has it, with the delimiter of its first line (comma, semicolon or tab). In
TSV a tab ends a cell and a line ends a row, whatever quotation marks there are; a cell in marks
is taken out of them where marks within it are doubled, as programs write that quote.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cnntasks import InputError
from cnntasks_text.encodings import LONGEST_LINE, Line

CSV, TSV, JSON_LINES = "csv", "tsv", "json lines"
TABLE_KINDS = {".csv": CSV, ".tsv": TSV, ".tab": TSV, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES}
#: What the column of texts, and that of their classes, is called where nobody says; in this order.
TEXT_COLUMNS = ("text", "sentence", "review", "content", "comment", "question", "body", "message",
                "tweet", "title")  # fmt: skip
LABEL_COLUMNS = ("label", "class", "category", "sentiment", "target")
_DELIMITERS = ",;\t"

#: The cells of the wanted columns, or what is wrong with the row; with the line it begins in.
Row = tuple[int, tuple[str, ...] | InputError]


class Table:
    """A table that is being read.

    Attributes:
        name: of the file, for messages.
        columns: their names, in order.
    """

    def __init__(
        self, name: str, columns: Sequence[str], rows: Callable[[Sequence[int]], Iterator[Row]]
    ) -> None:
        self.name = name
        self.columns = tuple(columns)
        self._rows = rows

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """The cells of some columns, row after row; may be asked for once.

        A row that is broken by itself is an error among others; where the file's form is broken,
        the last row is an error.
        """
        return self._rows([self.columns.index(column) for column in columns])

    def find(
        self, wanted: str | None, usual: Sequence[str], what: str, option: str, only: bool = False
    ) -> str:
        """The name of a column.

        Args:
            wanted: as given; letter case does not count unless names differ by it alone.
            usual: names that are taken where none is given, in this order.
            what: what the column holds, for messages.
            option: that names it.
            only: take the only column that there is.

        Raises:
            InputError: there is none; the message lists those there are.
        """
        listed = ", ".join(self.columns)
        if wanted is not None:
            found = self.lookup((wanted,))
            if found is None:
                raise InputError(f"{self.name}: has no column {wanted!r}; its columns: {listed}")
            return found
        found = self.lookup(usual)
        if found is not None:
            return found
        if only and len(self.columns) == 1:
            return self.columns[0]
        raise InputError(
            f"{self.name}: which column holds the {what}? Name it with {option}; its columns: "
            f"{listed}"
        )

    def lookup(self, names: Sequence[str]) -> str | None:
        """The first of `names` that is a column, as the table spells it."""
        plain = {column.casefold(): column for column in reversed(self.columns)}
        for name in names:
            found = name if name in self.columns else plain.get(name.casefold())
            if found is not None:
                return found
        return None


def table_kind(path: Path) -> str | None:
    """`csv`, `tsv` or `json lines` by a file's name, `.gz` or not; None for other files."""
    suffix = path.with_suffix("").suffix if path.suffix.lower() == ".gz" else path.suffix
    return TABLE_KINDS.get(suffix.lower())


def open_table(lines: Iterator[Line], name: str, kind: str) -> Table:
    """Read the names of the columns; the rows are read as they are asked for.

    Args:
        lines: of the file.
        name: of the file.
        kind: as `table_kind` has it.

    Raises:
        InputError: the first line cannot be read, or there is none.
    """
    for number, line in lines:
        if isinstance(line, InputError):
            raise line
        if line.strip():
            if kind == JSON_LINES:
                return _json_table(name, number, line, lines)
            return _delimited_table(name, kind, (number, line), lines)
    raise InputError(f"{name}: the table is empty; its first line should name the columns")


def _delimited_table(name: str, kind: str, first: tuple[int, str], lines: Iterator[Line]) -> Table:
    start, header = first
    delimiter = "\t" if kind == TSV else max(_DELIMITERS, key=header.count)
    if kind == TSV:
        columns = _tab_cells(header)
    else:
        try:
            [columns] = csv.reader([header], delimiter=delimiter, strict=True)
        except (csv.Error, ValueError) as error:
            raise InputError(
                f"{name}: its first line does not name columns ({error}); add such a line"
            ) from error
    columns = [column.strip() for column in columns]
    for column in columns:
        if columns.count(column) > 1:
            raise InputError(f"{name}: two columns are called {column!r}; rename one")

    def rows(places: Sequence[int]) -> Iterator[Row]:
        cells = _tab_rows(lines) if kind == TSV else _csv_rows(lines, delimiter, name, start)
        for number, row in cells:
            if isinstance(row, InputError):
                yield number, row
            elif len(row) != len(columns):
                yield (
                    number,
                    InputError(
                        f"{name}:{number}: {len(row)} cells where the first line names "
                        f"{len(columns)} columns; quote a text with a delimiter in it"
                    ),
                )
            else:
                yield number, tuple([row[place] for place in places])

    return Table(name, columns, rows)


def _tab_rows(lines: Iterator[Line]) -> Iterator[tuple[int, list[str] | InputError]]:
    for number, line in lines:
        if isinstance(line, InputError):
            yield number, line
        elif line.strip():
            yield number, _tab_cells(line)


def _tab_cells(line: str) -> list[str]:
    cells = line.rstrip("\r\n").split("\t")
    if '"' in line:
        cells = [_unquoted(cell) for cell in cells]
    return cells


def _unquoted(cell: str) -> str:
    inside = cell[1:-1]
    quoted = len(cell) > 1 and cell[0] == cell[-1] == '"'
    if quoted and '""' in inside and '"' not in inside.replace('""', ""):
        return inside.replace('""', '"')
    return cell


def _csv_rows(
    lines: Iterator[Line], delimiter: str, name: str, last: int
) -> Iterator[tuple[int, list[str] | InputError]]:
    csv.field_size_limit(LONGEST_LINE)  # the module's own limit, 128 KiB, is one for all readers

    def texts() -> Iterator[str]:
        nonlocal last
        for number, line in lines:
            last = number
            if isinstance(line, InputError):
                raise line
            yield line

    # Strict: else an unclosed quotation mark would swallow rows.
    reader = csv.reader(texts(), delimiter=delimiter, strict=True)
    while True:
        before = last
        try:
            row = next(reader)
        except StopIteration:
            return
        except InputError as error:
            yield last, error
            return
        except csv.Error as error:
            yield (
                last,
                InputError(
                    f"{name}:{before + 1}: this row is not well-formed ({error}), and the rest is "
                    "not read; check its quotation marks"
                ),
            )
            return
        if any(cell.strip() for cell in row):
            yield before + 1, row


def _json_table(name: str, first: int, line: str, lines: Iterator[Line]) -> Table:
    start = _json_object(name, first, line)
    if isinstance(start, InputError):
        raise start
    columns = list(start)

    def objects() -> Iterator[tuple[int, dict[str, Any] | InputError]]:
        yield first, start
        for number, text in lines:
            if isinstance(text, InputError):
                yield number, text
            elif text.strip():
                yield number, _json_object(name, number, text)

    def rows(places: Sequence[int]) -> Iterator[Row]:
        wanted = [columns[place] for place in places]
        for number, it in objects():
            if isinstance(it, InputError):
                yield number, it
                continue
            try:
                yield number, tuple([_json_cell(it, key, f"{name}:{number}") for key in wanted])
            except InputError as error:
                yield number, error

    return Table(name, columns, rows)


def _json_object(name: str, number: int, line: str) -> dict[str, Any] | InputError:
    try:
        value = json.loads(line)
    except ValueError as error:
        return InputError(f"{name}:{number}: not JSON ({error}); one object is expected a line")
    if not isinstance(value, dict):
        kind = type(value).__name__
        return InputError(f"{name}:{number}: a JSON {kind} where an object is expected")
    return value


def _json_cell(row: dict[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int | float):
        return json.dumps(value)
    raise InputError(f"{where}: {key!r} is a {type(value).__name__} and no text")
