"""Turn command line arguments and Python values into a lazy stream of named sources."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from cnntasks.errors import CnntasksError, InputError
from cnntasks.media.files import (
    file_source,
    folder_sources,
    is_folder,
    natural_key,
    unreadable,
)
from cnntasks.task import Source, failed_source, import_attribute

URL_LIMIT = 64 * 2**20
URL_TIMEOUT = 30.0
_LIST_DEPTH = 5
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def expand_sources(
    arguments: Sequence[str],
    *,
    suffixes: Sequence[str],
    noun: str = "pictures",
    verb: str = "",
    stdin: BinaryIO | None = None,
    url_limit: int = URL_LIMIT,
    url_timeout: float = URL_TIMEOUT,
    offline: bool = False,
) -> Iterator[Source]:
    """Yield the sources that `arguments` stand for, lazily and in a stable order.

    An argument is a file, a folder (searched recursively in natural order; hidden entries and our
    own outputs `*.<verb>.*` are passed over), a glob that the shell left alone, `-` (standard
    input), `@list.txt` (one argument a line, `#` comments), an http(s) address, or one whose scheme
    a plugin has registered. A bad argument
    stays in the stream as a source whose reading raises `InputError`. No two sources share one
    `relative`: later ones get `-2`, `-3` before the suffix.

    Args:
        arguments: as given on the command line.
        suffixes: what a folder is searched for, lower case with the dot.
        noun: what the suffixes stand for, in messages.
        verb: the task whose outputs are passed over in folders; "" passes over nothing.
        stdin: read instead of the process's standard input.
        url_limit: the largest download in bytes.
        url_timeout: seconds for one download, everything included.
        offline: addresses fail instead of being downloaded.
    """
    expansion = _Expansion(
        tuple(suffixes), noun, verb, stdin, url_limit, url_timeout, offline, stdin_used=[]
    )
    sources = (source for argument in arguments for source in expansion.expand(argument))
    return _with_unique_names(sources)


def sources_from_values(
    value: Any,
    *,
    suffixes: Sequence[str],
    noun: str = "pictures",
    offline: bool = False,
    is_input: Callable[[Any], bool] | None = None,
) -> Iterator[Source]:
    """Yield the sources of a Python value, by the same rules for names as `expand_sources`.

    Args:
        value: a string (taken like a command line argument), a path (a file or folder, literally),
            encoded bytes, an array, a Pillow picture, a binary file object, or a list or tuple
            of these. Anything else becomes a source whose reading raises `InputError`.
        suffixes: what a folder is searched for, lower case with the dot.
        noun: what the suffixes stand for, in messages.
        offline: addresses fail instead of being downloaded.
        is_input: whether a value is one input as it is (samples with their rate, say); it becomes
            the `value` of its source.
    """
    expansion = _Expansion(
        tuple(suffixes), noun, "", None, URL_LIMIT, URL_TIMEOUT, offline, stdin_used=[]
    )
    return _with_unique_names(_from_value(value, expansion, is_input or (lambda _: False)))


def stands_for_many(value: Any) -> bool:
    """Whether a value means any number of inputs: a list, a folder, a glob or `@list.txt`."""
    if isinstance(value, list | tuple):
        return True
    if isinstance(value, os.PathLike):
        return is_folder(Path(value))
    if not isinstance(value, str) or _SCHEME.match(value):
        return False
    return (
        value.startswith("@")
        or is_folder(Path(value))
        or (glob.has_magic(value) and not os.path.lexists(value))
    )


@dataclass(frozen=True, slots=True)
class _Expansion:
    """The settings of one call, and whether standard input is already taken."""

    suffixes: tuple[str, ...]
    noun: str
    verb: str
    stdin: BinaryIO | None
    url_limit: int
    url_timeout: float
    offline: bool
    stdin_used: list[str]

    def expand(self, argument: str, lists: tuple[str, ...] = ()) -> Iterator[Source]:
        if not argument:
            # Path("") is the current folder, which an empty shell variable should not search.
            yield failed_source("''", "'': an empty argument names no input; leave it out")
        elif argument == "-":
            yield self._standard_input()
        elif argument.startswith("@"):
            yield from self._list(argument, lists)
        elif match := _SCHEME.match(argument):
            yield from self._address(argument, match[1].lower())
        elif not os.path.lexists(argument) and glob.has_magic(argument):
            yield from self._glob(argument)
        else:
            yield from self.path(Path(argument), argument)

    def path(self, path: Path, name: str) -> Iterator[Source]:
        if is_folder(path):
            yield from self._folder(path, name)
        else:
            yield file_source(path, name, PurePosixPath(path.name or "file"))

    def _standard_input(self) -> Source:
        if self.stdin_used:
            return failed_source("-", "-: standard input can be read only once; give - once")
        self.stdin_used.append("-")
        stream = self.stdin
        kept: list[bytes] = []

        def load() -> bytes:
            if not kept:
                kept.append((stream or sys.stdin.buffer).read())
            if not kept[0]:
                raise InputError("-: standard input is empty; pipe a file into it")
            return kept[0]

        return Source("-", PurePosixPath("stdin"), load)

    def _address(self, url: str, scheme: str) -> Iterator[Source]:
        if scheme in ("http", "https"):
            yield self._url(url)
            return
        from cnntasks.plugins import registry

        reference = registry().sources.get(scheme)
        if reference is None:
            known = ", ".join(sorted({"http", "https", *registry().sources}))
            yield failed_source(
                url, f"{url}: no plugin reads {scheme} addresses; these can be read: {known}"
            )
        elif self.offline:
            yield failed_source(url, f"{url}: not read because of --offline")
        else:
            try:
                yield from import_attribute(reference)(url)
            except CnntasksError as error:
                yield failed_source(url, str(error))
            except Exception as error:  # a plugin's function may raise anything
                yield failed_source(
                    url, f"{url}: the plugin for it failed ({type(error).__name__}: {error})"
                )

    def _url(self, url: str) -> Source:
        from cnntasks.media.fetch import fetch, name_for_url

        if self.offline:
            return failed_source(
                url, f"{url}: not downloaded because of --offline; download it by hand first"
            )
        limit, timeout = self.url_limit, self.url_timeout
        return Source(url, name_for_url(url), lambda: fetch(url, limit=limit, timeout=timeout))

    def _glob(self, pattern: str) -> Iterator[Source]:
        # Path.glob takes no absolute pattern, and no folder to start from can be told apart.
        found = glob.glob(pattern, recursive=True)  # noqa: PTH207
        matches = sorted(set(found), key=natural_key)
        if "**" in pattern:
            # The pattern descends by itself: expanding folders too would give files twice.
            matches = [match for match in matches if not is_folder(Path(match))]
        if not matches:
            yield failed_source(pattern, f"{pattern}: no file matches; check the pattern")
        for match in matches:
            yield from self.path(Path(match), match)

    def _list(self, argument: str, lists: tuple[str, ...]) -> Iterator[Source]:
        if len(lists) >= _LIST_DEPTH:
            message = f"{argument}: lists are nested more than {_LIST_DEPTH} deep; flatten them"
            yield failed_source(argument, message)
            return
        if argument in lists:
            yield failed_source(argument, f"{argument}: this list includes itself; remove the line")
            return
        if argument == "@-":
            if self.stdin_used:
                message = "@-: standard input can be read only once; give it once"
                yield failed_source(argument, message)
                return
            self.stdin_used.append(argument)
            yield from self._lines(self.stdin or sys.stdin.buffer, (*lists, argument))
            return
        try:
            text = file_source(Path(argument[1:]), argument, PurePosixPath()).read_bytes()
        except InputError as error:
            yield failed_source(argument, str(error))
            return
        yield from self._lines(text.splitlines(), (*lists, argument))

    def _lines(self, lines: Iterable[bytes], lists: tuple[str, ...]) -> Iterator[Source]:
        for line in lines:
            # As the file system has its names, so that any name can stand in a list.
            argument = os.fsdecode(line.removeprefix(b"\xef\xbb\xbf")).strip()
            if argument and not argument.startswith("#"):
                yield from self.expand(argument, lists)

    def _folder(self, folder: Path, name: str) -> Iterator[Source]:
        found = False
        for source in folder_sources(folder, self._wanted):
            found = True
            yield source
        if not found:
            kinds = " ".join(self.suffixes[:5]) + (" ..." if len(self.suffixes) > 5 else "")
            yield failed_source(name, f"{name}: no {self.noun} in this folder (looked for {kinds})")

    def _wanted(self, path: Path) -> bool:
        if path.suffix.lower() not in self.suffixes:
            return False
        return not self.verb or not path.stem.lower().endswith(f".{self.verb}")


def _from_value(
    value: Any, expansion: _Expansion, is_input: Callable[[Any], bool]
) -> Iterator[Source]:
    if is_input(value):
        yield Source("array", PurePosixPath("array"), lambda: _no_bytes("array"), value=value)
    elif isinstance(value, str):
        yield from expansion.expand(value)
    elif isinstance(value, os.PathLike):
        yield from expansion.path(Path(value), os.fspath(value))
    elif isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        yield Source("bytes", PurePosixPath("bytes"), lambda: data)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _from_value(member, expansion, is_input)
    elif hasattr(value, "__array_interface__"):  # NumPy arrays and Pillow pictures
        label = "array" if hasattr(value, "dtype") else "picture"
        yield Source(label, PurePosixPath(label), lambda: _no_bytes(label), value=value)
    elif hasattr(value, "read"):
        yield _stream_source(value)
    else:
        kind = type(value).__name__
        message = f"{kind}: cannot be read; give a path, an address, bytes, an array or a picture"
        yield failed_source(kind, message)


def _stream_source(stream: Any) -> Source:
    given = getattr(stream, "name", None)
    name = given if isinstance(given, str) and given else "stream"

    def load() -> bytes:
        try:
            data = stream.read()
        except OSError as error:
            raise unreadable(name, error) from error
        if not isinstance(data, bytes):
            raise InputError(f"{name}: open the file in binary mode, not as text")
        return data

    return Source(name, PurePosixPath(Path(name).name or "stream"), load)


def _no_bytes(name: str) -> bytes:
    raise InputError(f"{name}: an object in memory has no file to read; use its value")


def _with_unique_names(sources: Iterable[Source]) -> Iterator[Source]:
    taken: set[str] = set()
    last: dict[str, int] = {}
    for source in sources:
        relative = source.relative
        first = str(relative).casefold()  # some file systems do not tell A.jpg from a.jpg
        number = last.get(first, 1)
        while str(relative).casefold() in taken:
            number += 1
            relative = source.relative.with_stem(f"{source.relative.stem}-{number}")
        last[first] = number
        taken.add(str(relative).casefold())
        in_memory = source.value is not None or source.name == "bytes"
        yield replace(source, relative=relative, name=str(relative) if in_memory else source.name)
