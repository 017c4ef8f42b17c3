"""Bytes to text: UTF-8, UTF-16 and UTF-32 by their marks, others by name; nothing is guessed.

What cannot be decoded is an error that names the line and the byte, and never a replacement
character: a model would answer for a text that nobody wrote.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from cnntasks import InputError, UsageError

#: A line beyond this many bytes is no line of text.
LONGEST_LINE = 2**24
#: After so many lines that cannot be decoded, a file is of another encoding altogether.
PATIENCE = 3
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16's does, hence before it
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BROKEN = (EOFError, OSError, zlib.error)

#: A line with its end, or what is wrong with it; lines count from 1.
Line = tuple[int, str | InputError]


def check_encoding(name: str | None) -> str | None:
    """The name of a text encoding in Python's spelling; None stays None (find out by marks).

    Raises:
        UsageError: there is no such encoding.
    """
    if name is None:
        return None
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"there is no encoding {name!r}; well-known ones are utf-8, utf-16, cp1252, "
            "iso8859-15, cp1251, shift_jis, gb18030 and big5"
        ) from error
    if not getattr(found, "_is_text_encoding", True):
        raise UsageError(f"{name!r} is no encoding of text; cp1252 is one, for example")
    return found.name


def open_file(path: Path) -> BinaryIO:
    """Open a file, decompressing a `.gz`; raises `OSError`."""
    if path.suffix.lower() == ".gz":
        return gzip.GzipFile(path)  # type: ignore[return-value]
    return path.open("rb")


def unreadable(path: Path, error: OSError) -> InputError:
    """The error to raise where the operating system cannot read `path`."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: the file is missing; copy or download it again")
    reason = error.strerror or error
    return InputError(f"{path}: cannot be read ({reason}); check its permissions and the disk")


def decode_text(data: bytes, name: str, encoding: str | None) -> str:
    """All of a text file.

    Args:
        data: its bytes.
        name: for messages.
        encoding: as `check_encoding` gives it.

    Raises:
        InputError: the bytes are not of this encoding (UTF-8, without marks), or hold a NUL.
    """
    codec = encoding or _marked(data[:4]) or "utf-8"
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _undecodable(f"{name}:{line}", f"byte {error.start + 1}", data, error) from error
    text = text.removeprefix("\ufeff")
    refuse_nul(text, name)
    return text


def refuse_nul(text: str, name: str) -> None:
    """Raise InputError where a text holds a NUL character, which no text does."""
    place = text.find("\0")
    if place >= 0:
        raise InputError(
            f"{name}: a NUL character at place {place + 1}; if it is UTF-16, say so with "
            "--encoding utf-16-le, else remove it"
        )


def read_lines(stream: BinaryIO, name: str, encoding: str | None = None) -> Iterator[Line]:
    """The lines of a text, one after another; only one is in memory.

    A line that cannot be decoded, or holds a NUL, is an error of its own, and the next one is
    read; after `PATIENCE` of them, and where the stream itself fails, the last line is an error.

    Args:
        stream: of bytes.
        name: for messages.
        encoding: as `check_encoding` gives it.
    """
    source: Any = stream if hasattr(stream, "peek") else io.BufferedReader(stream)
    failed = number = 0
    try:
        codec = encoding or _marked(source.peek(4)[:4]) or "utf-8"
        narrow = "\r\n".encode(codec.removesuffix("-sig")) == b"\r\n"
        lines = _narrow_lines(source, name, codec) if narrow else _wide_lines(source, name, codec)
        for number, line in lines:
            if isinstance(line, str) and "\0" in line:
                line = _with_nul(line, f"{name}:{number}")
            yield number, line
            if isinstance(line, InputError):
                failed += 1
                if failed == PATIENCE:
                    yield (
                        number + 1,
                        InputError(
                            f"{name}: the rest is not read after {failed} such lines; name the "
                            "file's encoding with --encoding"
                        ),
                    )
                    return
    except _BROKEN as error:
        reason = getattr(error, "strerror", None) or error
        yield (
            number + 1,
            InputError(f"{name}:{number + 1}: cannot be read on ({reason}); copy the file again"),
        )


def _narrow_lines(stream: BinaryIO, name: str, codec: str) -> Iterator[Line]:
    """Lines of an encoding in which the end of a line is the byte that it is in ASCII."""
    number = 0
    plain = codec.removesuffix("-sig")
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        where = f"{name}:{number}"
        if len(raw) > LONGEST_LINE:
            yield number, _endless(where)
            return
        try:
            text = raw.decode(plain)
        except UnicodeDecodeError as error:
            yield number, _undecodable(where, f"byte {error.start + 1} of the line", raw, error)
            continue
        yield number, text.removeprefix("\ufeff") if number == 1 else text


def _wide_lines(stream: BinaryIO, name: str, codec: str) -> Iterator[Line]:
    """Lines of UTF-16 and the like; after an error nobody knows where the next one begins."""
    number = 0
    reader = io.TextIOWrapper(stream, encoding=codec, newline="\n")
    try:
        while text := reader.readline(LONGEST_LINE + 1):
            number += 1
            if len(text) > LONGEST_LINE:
                yield number, _endless(f"{name}:{number}")
                return
            yield number, text.removeprefix("\ufeff") if number == 1 else text
    except UnicodeError as error:
        reason = getattr(error, "reason", error)
        yield (
            number + 1,
            InputError(
                f"{name}: near line {number + 1}: not {codec} ({reason}); name the file's "
                "encoding with --encoding, or save it as UTF-8"
            ),
        )
    finally:
        reader.detach()


def _marked(start: bytes) -> str | None:
    return next((codec for mark, codec in _MARKS if start.startswith(mark)), None)


def _undecodable(where: str, place: str, data: bytes, error: UnicodeDecodeError) -> InputError:
    return InputError(
        f"{where}: {place} (0x{data[error.start]:02x}) is not {error.encoding}; name the encoding "
        "with --encoding (cp1252, for example), or save the text as UTF-8"
    )


def _endless(where: str) -> InputError:
    return InputError(
        f"{where}: the line goes on beyond {LONGEST_LINE // 2**20} MB; is this a text file?"
    )


def _with_nul(line: str, where: str) -> InputError:
    try:
        refuse_nul(line, where)
    except InputError as error:
        return error
    raise AssertionError(line)
