"""Writers of records: one line (or a few rows) for each result, as soon as it is there."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TextIO

from cnntasks.errors import UsageError
from cnntasks.task import Outcome

FORMATS = ("table", "json", "csv")
#: Letters of a cell of a table for people; JSON and CSV have all of them.
LONGEST_CELL = 48


class Writer(Protocol):
    """Takes every outcome that has a result, in order; `close` comes once at the end."""

    def write(self, outcome: Outcome[Any]) -> None:
        """Take one outcome."""
        ...

    def close(self) -> None:
        """Write what is left."""
        ...


class _StreamWriter:
    """What the three writers share: a stream that is flushed after every so many results.

    A flush lets go of the interpreter's lock. A thread that computes takes it, and gives it back
    only after 5 ms (`sys.getswitchinterval`): thousands of small results are written slowly so.
    """

    def __init__(self, stream: TextIO, every: int = 1) -> None:
        self._stream = stream
        self._every = every
        self._written = 0

    def _finish_result(self) -> None:
        self._written += 1
        if self._written % self._every == 0:
            self._stream.flush()

    def close(self) -> None:
        """Flush what is left."""
        self._stream.flush()


class JsonLinesWriter(_StreamWriter):
    """One JSON object a line: `source`, then what the result's `to_dict` says."""

    def __init__(self, stream: TextIO, every: int = 1) -> None:
        super().__init__(stream, every)
        self._encode = json.JSONEncoder(ensure_ascii=False).encode
        self._lines: list[str] = []

    def write(self, outcome: Outcome[Any]) -> None:
        """Take one result; it is written with the others of its chunk."""
        assert outcome.result is not None
        record = {"source": outcome.source.name, **outcome.result.to_dict()}
        line = self._encode(record)
        if not line.isascii() and _encodable(line, self._stream) != line:
            line = json.dumps(record)
        self._lines.append(line)
        if len(self._lines) >= self._every:
            self._put()

    def close(self) -> None:
        """Write what is left."""
        self._put()

    def _put(self) -> None:
        if self._lines:
            self._stream.write("\n".join(self._lines) + "\n")
            self._lines.clear()
        self._stream.flush()


class CsvWriter(_StreamWriter):
    """A header, then a row for each thing found; a source in which nothing was found has none."""

    def __init__(self, stream: TextIO, columns: Sequence[str], every: int = 1) -> None:
        super().__init__(stream, every)
        self._rows = csv.DictWriter(stream, ["source", *columns], lineterminator="\n")
        self._rows.writeheader()

    def write(self, outcome: Outcome[Any]) -> None:
        """Write the rows of one result."""
        assert outcome.result is not None
        for row in outcome.result.to_rows():
            cells = {"source": outcome.source.name, **row}
            self._rows.writerow(
                {
                    name: _encodable(cell, self._stream) if isinstance(cell, str) else cell
                    for name, cell in cells.items()
                }
            )
        self._finish_result()


class TableWriter(_StreamWriter):
    """Aligned columns for people, printed as the results come.

    The width of a column follows from the terminal and the first results; a longer source name
    is shortened from the left, where paths are alike, and a cell of running text at its end.
    """

    def __init__(
        self,
        stream: TextIO,
        columns: Sequence[str],
        every: int = 1,
        decimals: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(stream, every)
        self._columns = list(columns)
        self._decimals = decimals or {}
        self._widths: list[int] = []
        self._source_width = 0

    def write(self, outcome: Outcome[Any]) -> None:
        """Print the rows of one result, or one row of dashes where nothing was found."""
        assert outcome.result is not None
        rows_shown = outcome.result.to_rows()
        cells = [
            [_cut(_text(row[c], self._decimals.get(c))) for c in self._columns]
            for row in rows_shown
        ]
        rows = cells or [["-"] * len(self._columns)]
        if not self._widths:
            self._start(rows, outcome.source.name)
        for row in rows:
            self._line(_shorten(outcome.source.name, self._source_width), row)
        self._finish_result()

    def _start(self, rows: list[list[str]], name: str) -> None:
        table = [self._columns, *rows]
        self._widths = [max(len(row[c]) for row in table) for c in range(len(self._columns))]
        # Names of classes differ from picture to picture, numbers hardly.
        self._widths = [
            max(width, 7 if _numeric(rows[0][c]) or rows[0][c] == "-" else 14)
            for c, width in enumerate(self._widths)
        ]
        room = shutil.get_terminal_size((100, 24)).columns - sum(self._widths)
        room -= 2 * len(self._widths)
        self._source_width = max(min(max(len(name), 24), room), 12)
        self._line("source", self._columns)

    def _line(self, first: str, cells: Sequence[str]) -> None:
        parts = [first.ljust(self._source_width)]
        for cell, width in zip(cells, self._widths, strict=True):
            parts.append(cell.rjust(width) if _numeric(cell) else cell.ljust(width))
        # A file's name may hold anything, but none may steer the terminal.
        line = "".join(c if c.isprintable() else "?" for c in "  ".join(parts).rstrip())
        self._stream.write(_encodable(line, self._stream) + "\n")


def open_writer(
    format_name: str,
    stream: TextIO,
    columns: Sequence[str],
    every: int = 1,
    decimals: Mapping[str, int] | None = None,
) -> Writer:
    """The writer of that name.

    Args:
        format_name: one of `FORMATS`.
        stream: flushed after `every` results and in the end.
        columns: of tables and CSV.
        every: 1 where somebody waits for each result.
        decimals: of columns of a table; others have two below 10, else one.

    Raises:
        UsageError: there is none; the message lists the ones there are.
    """
    if format_name == "json":
        return JsonLinesWriter(stream, every)
    if format_name == "csv":
        return CsvWriter(stream, columns, every)
    if format_name == "table":
        return TableWriter(stream, columns, every, decimals)
    raise UsageError(f"there is no format {format_name!r}; choose one of {', '.join(FORMATS)}")


def _text(value: Any, decimals: int | None = None) -> str:
    if isinstance(value, float):
        if decimals is None:
            decimals = 2 if abs(value) < 10 else 1
        return f"{value:.{decimals}f}"
    return str(value)


def _cut(cell: str) -> str:
    """A cell in one line, at most `LONGEST_CELL` long."""
    line = " ".join(cell[: 4 * LONGEST_CELL].split()) if len(cell) > 24 else cell
    return line if len(line) <= LONGEST_CELL else line[: LONGEST_CELL - 1].rstrip() + "…"


def _encodable(text: str, stream: TextIO) -> str:
    """`text` with escapes for what the stream cannot take, such as a file name that is no UTF-8."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _numeric(cell: str) -> bool:
    return cell.replace(".", "", 1).replace("-", "", 1).isdigit()


def _shorten(name: str, width: int) -> str:
    return name if len(name) <= width else "…" + name[len(name) - width + 1 :]
