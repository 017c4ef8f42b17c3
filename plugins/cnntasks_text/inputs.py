"""From arguments and Python values to a lazy stream of texts, each a named source.

A file of lines or rows is many inputs, and one of any size streams: only the line that is being
read is in memory. What is wrong with one text stays in the stream as a source that fails.
"""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from cnntasks import InputError, Source, UsageError, expand_sources, failed_source
from cnntasks_text.encodings import Line, check_encoding, open_file, read_lines, unreadable
from cnntasks_text.tables import (
    CSV,
    JSON_LINES,
    TABLE_KINDS,
    TEXT_COLUMNS,
    TSV,
    open_table,
    table_kind,
)

#: A folder is searched for these; each is one text.
SUFFIXES = (".txt",)
_LIST_DEPTH = 5
_RELATIVE = PurePosixPath("text")


@dataclass(frozen=True, slots=True)
class InputSettings:
    """How files are read.

    Attributes:
        encoding: of all files; None: UTF-8, or UTF-16 and UTF-32 where their marks say so.
        column: of tables; None: the one that has a usual name, or is the only one. Where it is
            given, files of any name are tables.
        whole: a file is one text, and not one a line.

    Raises:
        UsageError: no such encoding, or both a column and whole files.
    """

    encoding: str | None = None
    column: str | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoding", check_encoding(self.encoding))
        if self.column is not None and self.whole:
            raise UsageError("a whole file has no columns; leave out --column or --whole")


def stands_for_many(value: Any, settings: InputSettings) -> bool:
    """Whether a Python value means any number of texts: all but a text, bytes or a whole file."""
    if isinstance(value, str | bytes):
        return False
    if isinstance(value, os.PathLike):
        return not settings.whole or Path(value).is_dir()
    return True


def several(arguments: Sequence[str]) -> bool:
    """Whether arguments may mean more than one text."""
    return len(arguments) != 1 or not _is_text(arguments[0])


def sources_from_arguments(
    arguments: Sequence[str], settings: InputSettings, stdin: BinaryIO | None = None
) -> Iterator[Source]:
    """The texts of a command line, in order.

    An argument is `-` (standard input), a file or a folder that exists, `@list.txt` (one argument
    a line), a glob that matches something, or else a text. What looks like a file and is none
    fails: no sentence ends in `.csv`.

    Args:
        arguments: as given.
        settings: how files are read.
        stdin: read instead of the process's standard input.
    """
    yield from _Expansion(settings, stdin).arguments(arguments, 0)


def sources_from_values(value: Any, settings: InputSettings) -> Iterator[Source]:
    """The texts of a Python value, in order.

    Args:
        value: a string (a text, never a file's name), a path (a file or folder), bytes (a text),
            or anything that yields some of these one after another.
        settings: how files are read.
    """
    yield from _Expansion(settings, None).value(value)


class _Expansion:
    """One call; it counts the texts that have no other name."""

    def __init__(self, settings: InputSettings, stdin: BinaryIO | None) -> None:
        self.settings = settings
        self.stdin = stdin
        self.stdin_used = False
        self.texts = 0

    def arguments(self, arguments: Sequence[str], depth: int) -> Iterator[Source]:
        for argument in arguments:
            yield from self.argument(argument, depth)

    def argument(self, argument: str, depth: int) -> Iterator[Source]:
        if argument == "-":
            yield from self._standard_input()
        elif _exists(argument):
            yield from self.path(Path(argument), argument)
        elif argument.startswith("@") and _exists(argument[1:]):
            yield from self._list(argument, depth)
        elif matches := _matches(argument):
            for match in matches:
                yield from self.path(Path(match), match)
        elif _looks_like_file(argument):
            yield failed_source(
                argument,
                f"{argument}: no such file; check the spelling (a text may end so if there is a "
                "space in it)",
            )
        else:
            yield self.text(argument)

    def value(self, value: Any) -> Iterator[Source]:
        if isinstance(value, str):
            yield self.text(value)
        elif isinstance(value, os.PathLike):
            yield from self.path(Path(value), os.fspath(value))
        elif isinstance(value, bytes | bytearray | memoryview):
            self.texts += 1
            yield Source(f"text {self.texts}", _RELATIVE, lambda: bytes(value))
        elif hasattr(value, "__iter__") and not hasattr(value, "__array_interface__"):
            for member in value:
                yield from self.value(member)
        else:
            kind = type(value).__name__
            yield failed_source(kind, f"{kind}: is no text; give a string, a path or a list")

    def text(self, text: str) -> Source:
        self.texts += 1
        return _text_source(f"text {self.texts}", text)

    def path(self, path: Path, name: str) -> Iterator[Source]:
        if path.is_dir():
            yield from expand_sources([str(path)], suffixes=SUFFIXES, noun="texts")
        elif self.settings.whole:
            yield Source(name, _RELATIVE, lambda: _read(path), path)
        else:
            try:
                stream = open_file(path)
            except OSError as error:
                yield failed_source(name, str(unreadable(path, error)))
                return
            with stream:
                yield from self._stream(stream, name, table_kind(path))

    def _standard_input(self) -> Iterator[Source]:
        if self.stdin_used:
            yield failed_source("-", "-: standard input can be read only once; give - once")
            return
        self.stdin_used = True
        stream = self.stdin or sys.stdin.buffer
        if self.settings.whole:
            yield Source("-", _RELATIVE, stream.read)
        else:
            yield from self._stream(stream, "-", None)

    def _stream(self, stream: BinaryIO, name: str, kind: str | None) -> Iterator[Source]:
        lines = read_lines(stream, name, self.settings.encoding)
        if kind is None and self.settings.column is None:
            yield from _lines(lines, name)
        else:
            yield from self._table(lines, name, kind)

    def _table(self, lines: Iterator[Line], name: str, kind: str | None) -> Iterator[Source]:
        try:
            if kind is None:
                kind, lines = _guess_kind(lines)
            table = open_table(lines, name, kind)
            column = table.find(self.settings.column, TEXT_COLUMNS, "texts", "--column", only=True)
        except InputError as error:
            yield failed_source(name, str(error))
            return
        for number, cells in table.rows([column]):
            where = f"{name}:{number}"
            if isinstance(cells, InputError):
                yield failed_source(where, str(cells))
            else:
                yield _text_source(where, cells[0])

    def _list(self, argument: str, depth: int) -> Iterator[Source]:
        if depth == _LIST_DEPTH:
            yield failed_source(
                argument, f"{argument}: lists are nested more than {_LIST_DEPTH} deep; flatten them"
            )
            return
        try:
            stream = open_file(Path(argument[1:]))
        except OSError as error:
            yield failed_source(argument, f"{argument}: {error.strerror}; name a list of inputs")
            return
        with stream:
            for _, line in read_lines(stream, argument, self.settings.encoding):
                if isinstance(line, InputError):
                    yield failed_source(argument, str(line))
                elif (entry := line.strip()) and not entry.startswith("#"):
                    yield from self.argument(entry, depth + 1)


def _lines(lines: Iterator[Line], name: str) -> Iterator[Source]:
    """One text a line; blank lines at the end are none, others are told, a run of them once."""
    blank: list[int] = []  # the first and the last of a run
    number = 0
    for number, line in lines:
        if isinstance(line, str) and not line.strip():
            blank = [blank[0] if blank else number, number]
            continue
        if blank:
            yield _blank(name, *blank)
            blank = []
        where = f"{name}:{number}"
        if isinstance(line, InputError):
            yield failed_source(where, str(line))
        else:
            yield _text_source(where, line.rstrip("\r\n"))
    if not number or (blank and blank[0] == 1):
        yield failed_source(name, f"{name}: there is no text in it")


def _blank(name: str, first: int, last: int) -> Source:
    if first == last:
        where, message = f"{name}:{first}", "the line is blank; remove it"
    else:
        where, message = f"{name}:{first}", f"lines {first} to {last} are blank; remove them"
    return failed_source(where, f"{where}: {message}")


def _text_source(name: str, text: str) -> Source:
    return Source(name, _RELATIVE, text.encode, value=text)


def _guess_kind(lines: Iterator[Line]) -> tuple[str, Iterator[Line]]:
    """The kind of table that lines are of, by the first of them; and all the lines."""
    first = next(lines, None)

    def again() -> Iterator[Line]:
        if first is not None:
            yield first
        yield from lines

    text = first[1] if first is not None else ""
    if isinstance(text, InputError):
        raise text
    if text.lstrip().startswith("{"):
        return JSON_LINES, again()
    return (TSV if "\t" in text else CSV), again()


def _is_text(argument: str) -> bool:
    tests: tuple[Callable[[str], object], ...] = (
        lambda it: it == "-",
        _exists,
        lambda it: it.startswith("@") and _exists(it[1:]),
        _matches,
        _looks_like_file,
    )
    return not any(test(argument) for test in tests)


def _exists(name: str) -> bool:
    # Path.exists raises for a name that is too long, as a text may well be.
    return bool(name) and os.path.exists(name)  # noqa: PTH110


def _matches(pattern: str) -> list[str]:
    """The files that a glob matches; a text in which a word is in brackets is a glob, too."""
    if not glob.has_magic(pattern) or len(pattern) > 4096:
        return []
    try:
        # Path.glob takes no absolute pattern.
        return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
    except (OSError, ValueError):
        return []


def _looks_like_file(argument: str) -> bool:
    known = (*TABLE_KINDS, *SUFFIXES)
    plain = argument.casefold().removesuffix(".gz")
    return plain.endswith(known) and not any(char.isspace() for char in argument)


def _read(path: Path) -> bytes:
    try:
        with open_file(path) as stream:
            return stream.read()
    except (OSError, EOFError) as error:
        problem = error if isinstance(error, OSError) else OSError(str(error))
        raise unreadable(path, problem) from error
