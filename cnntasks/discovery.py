"""Find plugins, and run the code of each one so that a bad one cannot take the others down.

A plugin is a module: named by an entry point of the group `cnntasks`, or one file in the folder
`CNNTASKS_PLUGINS_DIR`. pluggy's own loader imports every entry point in one go and dies with the
first bad one.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from cnntasks.errors import PluginError, UsageError

GROUP = "cnntasks"
_LONGEST_ERROR = 300

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that was found and not yet imported.

    Attributes:
        name: of the entry point, or the stem of the file.
        distribution: the distribution that brings it, or the path of the file.
        version: of the distribution; empty for a file.
        load: imports it; raises whatever the plugin raises.
    """

    name: str
    distribution: str
    version: str
    load: Callable[[], Any]

    def __str__(self) -> str:
        return f"{self.name!r} ({' '.join(filter(None, (self.distribution, self.version)))})"


def notify(message: str) -> None:
    """Say one line on stderr; stdout belongs to results."""
    print(f"cnntasks: {message}", file=sys.stderr)


def find_plugins() -> list[Candidate]:
    """Every plugin of this environment and of `CNNTASKS_PLUGINS_DIR`, sorted by name.

    Raises:
        UsageError: `CNNTASKS_PLUGINS_DIR` is not a folder.
    """
    found = _entry_points()
    folder = os.environ.get("CNNTASKS_PLUGINS_DIR")
    if folder:
        found += _files(Path(folder))
    return sorted(found, key=lambda candidate: (candidate.name, candidate.distribution))


def _entry_points() -> list[Candidate]:
    # metadata.entry_points() parses every distribution's list and fails as a whole with one that
    # is damaged; looking for the group first is twice as fast and leaves strangers' files alone.
    found: dict[str, list[Candidate]] = {}
    for distribution in metadata.distributions():
        try:
            text = distribution.read_text("entry_points.txt")
            if not text or f"[{GROUP}]" not in text:
                continue
            about = distribution.metadata
            name, version = about["Name"], about["Version"]
            points = [point for point in distribution.entry_points if point.group == GROUP]
        except Exception as error:  # a damaged installation raises nearly anything
            notify(f"skipping an installed distribution with damaged metadata: {describe(error)}")
            continue
        # As Python does for imports, the first one on sys.path hides later ones of its name.
        found.setdefault(
            re.sub(r"[-_.]+", "-", name).lower(),
            [Candidate(point.name, name, version, point.load) for point in points],
        )
    return [candidate for candidates in found.values() for candidate in candidates]


def _files(folder: Path) -> list[Candidate]:
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder (--plugins-dir, CNNTASKS_PLUGINS_DIR)")
    folder = folder.resolve()
    # Importable by name also means that worker processes, which get this sys.path, find it.
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    importlib.invalidate_caches()
    return [
        Candidate(path.stem, str(path), "", partial(_import_file, path))
        for path in folder.glob("*.py")
        if not path.stem.startswith("_")
    ]


def _import_file(path: Path) -> ModuleType:
    if not path.stem.isidentifier():
        raise PluginError("its file name is not a Python name; use letters, digits and '_'")
    loaded = sys.modules.get(path.stem)
    spec = loaded.__spec__ if loaded else importlib.util.find_spec(path.stem)
    if spec is None or spec.origin is None or Path(spec.origin).resolve() != path:
        raise PluginError("another Python module has the name of this file; rename the file")
    return importlib.import_module(path.stem)


def isolated(candidate: Candidate, action: Callable[[], T]) -> tuple[T | None, str | None]:
    """Run a plugin's code: its stdout goes to stderr, its failure becomes one line.

    Returns:
        `(result, None)` or `(None, what went wrong)`. With `CNNTASKS_DEBUG=1` the failure is
        raised again, naming the plugin.
    """
    try:
        with _stdout_to_stderr(candidate):
            return action(), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, and the panics of Rust extensions, as well
        if debugging():
            error.add_note(f"while loading the cnntasks plugin {candidate}")
            if isinstance(error, Exception):
                raise
            raise PluginError(f"plugin {candidate}: {describe(error)}") from error
        return None, describe(error)


def debugging() -> bool:
    """Whether `CNNTASKS_DEBUG` is set (to anything but 0)."""
    return os.environ.get("CNNTASKS_DEBUG", "0") not in ("", "0")


def describe(error: BaseException) -> str:
    """One line for people: what kind of error, and its message."""
    if isinstance(error, PluginError):
        text = str(error)
    elif isinstance(error, ModuleNotFoundError) and error.name:
        text = (
            f"it needs the module {error.name!r}, which is not installed; install the package "
            "that has it, or the plugin anew with its dependencies"
        )
    elif isinstance(error, SystemExit):
        text = f"it tried to end the program (SystemExit: {error.code})"
    else:
        text = f"{type(error).__name__}: {error}"
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 3] + "..."


class _Relay(io.TextIOBase):
    """A stand-in for stdout that writes whole lines to stderr, under the plugin's name."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._line = ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            notify(self._prefix + line)
        return len(text)

    def end_line(self) -> None:
        if self._line:
            self.write("\n")


@contextmanager
def _stdout_to_stderr(candidate: Candidate) -> Iterator[None]:
    relay = _Relay(f"plugin {candidate.name!r} printed: ")
    try:
        with redirect_stdout(relay):
            yield
    finally:
        relay.end_line()
