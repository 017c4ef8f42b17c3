"""Files and folders on disk as named sources."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from cnntasks.errors import InputError
from cnntasks.task import Source, failed_source


def unreadable(name: str, error: OSError) -> InputError:
    """The error to raise where the operating system cannot read the input `name`."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{name}: no such file or folder; check the spelling")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{name}: is a folder where a file is expected; name a file in it")
    if isinstance(error, PermissionError):
        return InputError(f"{name}: no permission to read it; change its permissions")
    return InputError(f"{name}: cannot be read ({error.strerror or error}); check the disk or path")


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key that puts `img2` before `img10` and never calls two names equal."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(1, int(p), "") if p.isdecimal() else (0, 0, p) for p in parts], name


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder; False where that cannot be told (`Path.is_dir` may raise)."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def file_source(path: Path, name: str, relative: PurePosixPath) -> Source:
    """The source of one file, there or not: reading a missing one raises `InputError`."""

    def load() -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise unreadable(name, error) from error
        except ValueError as error:
            raise InputError(f"{name!r}: not a possible file name; check the spelling") from error

    # A pipe such as <(command) can be read once and not sought in: only its bytes are of use.
    mode = _mode(path)
    return Source(name, relative, load, path=path if mode and stat.S_ISREG(mode) else None)


def folder_sources(top: Path, wanted: Callable[[Path], bool]) -> Iterator[Source]:
    """Yield the wanted files under `top`, recursively and in natural order.

    Hidden files and folders are passed over. Each real folder is searched once, so symbolic links
    that lead back do no harm. A folder that cannot be read becomes a failing source.
    """
    yield from _walk(top, top, wanted, seen=set())


def _walk(
    folder: Path, top: Path, wanted: Callable[[Path], bool], seen: set[tuple[int, int]]
) -> Iterator[Source]:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        names = [name for name in os.listdir(folder) if not name.startswith(".")]  # noqa: PTH208
    except OSError as error:
        yield failed_source(str(folder), str(unreadable(str(folder), error)))
        return
    for name in sorted(names, key=natural_key):
        path = folder / name
        mode = _mode(path)
        if mode is not None and stat.S_ISDIR(mode):
            yield from _walk(path, top, wanted, seen)
        # A link to nothing is kept, to fail by name; a pipe or a device would block.
        elif (mode is None or stat.S_ISREG(mode)) and wanted(path):
            yield file_source(path, str(path), PurePosixPath(*path.relative_to(top).parts))


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):  # not there, not allowed, or a name with a NUL in it
        return None
