"""From an address to the inputs that it stands for, through fsspec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import fsspec

from cnntasks import InputError, Source


def expand(address: str) -> Iterator[Source]:
    """Every input of an address: one file, all files of a folder and below, or those of a glob.

    Options of a file system (keys, endpoints) are fsspec's own business: it reads them from the
    environment and from its configuration files.

    Args:
        address: `s3://bucket/a.jpg`, `s3://bucket/folder/`, `s3://bucket/*.jpg`.

    Raises:
        InputError: the file system cannot be opened or asked, or there is nothing at the address;
            the message names it.
    """
    try:
        system, path = fsspec.url_to_fs(address)
        names, top = _find(system, path)
    except ImportError as error:  # fsspec says which package reads the scheme
        raise InputError(f"{address}: {_line(error)}") from error
    except Exception as error:  # file systems raise what they like
        raise InputError(f"{address}: cannot be read ({_line(error)})") from error
    if not names:
        raise InputError(f"{address}: there is no file; check the address")
    for name in names:
        shown = (
            address if len(names) == 1 and not _is_pattern(address) else _unstripped(system, name)
        )
        yield Source(shown, _below(name, top), partial(_read, system, name, shown))


def _find(system: Any, path: str) -> tuple[list[str], str]:
    """The files, sorted, and the folder that their names for outputs are relative to."""
    if _is_pattern(path) and not system.exists(path):
        found = system.glob(path, detail=True)
        names = [name for name, about in found.items() if about["type"] == "file"]
        fixed = re.split(r"[*?\[]", path)[0]
        return sorted(names), fixed.rpartition("/")[0]
    if system.isdir(path):
        names = [name for name in system.find(path) if not _is_hidden(name, path)]
        return sorted(names), path.rstrip("/")
    return ([path] if system.exists(path) else []), path.rpartition("/")[0]


def _is_pattern(path: str) -> bool:
    return any(sign in path for sign in "*?[")


def _is_hidden(name: str, top: str) -> bool:
    return any(part.startswith(".") for part in name.removeprefix(top).split("/"))


def _below(name: str, top: str) -> PurePosixPath:
    """Where outputs for a file go: its path below the folder that was named."""
    parts = [part for part in name.removeprefix(top).split("/") if part not in ("", ".", "..")]
    return PurePosixPath(*parts) if parts else PurePosixPath("file")


def _unstripped(system: Any, name: str) -> str:
    shown: str = system.unstrip_protocol(name)
    return shown


def _read(system: Any, name: str, shown: str) -> bytes:
    try:
        content: bytes = system.cat_file(name)
    except FileNotFoundError as error:
        raise InputError(f"{shown}: there is no such file; check the address") from error
    except Exception as error:
        raise InputError(f"{shown}: cannot be read ({_line(error)})") from error
    return content


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
