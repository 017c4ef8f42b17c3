"""The cache: where models lie that were downloaded or imported, and what is there.

<cache>/models/<name>/          whole model folders, each put there by one rename
<cache>/downloads/<name>.part   downloads that were cut off
<cache>/staging/<name>/         a model on its way to becoming a folder
<cache>/locks/<name>            one process at a time works on a name
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from cnntasks.catalog import CatalogEntry
from cnntasks.errors import ModelError
from cnntasks.models.card import CARD_FILE
from cnntasks.models.disk import disk_errors
from cnntasks.models.lock import file_lock


def cache_dir() -> Path:
    """The folder for everything downloaded; it need not exist yet.

    `CNNTASKS_CACHE`, else `XDG_CACHE_HOME/cnntasks`, else the platform's own place.

    Raises:
        ModelError: nothing of this is set, and there is no home folder.
    """
    if chosen := os.environ.get("CNNTASKS_CACHE"):
        return Path(chosen).absolute()
    # The XDG specification has relative paths ignored.
    if (xdg := os.environ.get("XDG_CACHE_HOME")) and Path(xdg).is_absolute():
        return Path(xdg) / "cnntasks"
    try:
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "cnntasks"
        if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
            return Path(local) / "cnntasks" / "cache"
        return Path.home() / ".cache" / "cnntasks"
    except RuntimeError as error:
        raise ModelError("there is no home folder: set CNNTASKS_CACHE to a folder") from error


def cached_folder(name: str) -> Path:
    """Where the model folder of `name` lies, if it is in the cache."""
    return cache_dir() / "models" / name


def part_file(name: str) -> Path:
    """The partial download of `name`."""
    return cache_dir() / "downloads" / f"{name}.part"


def is_model(folder: Path) -> bool:
    """Whether `folder` has a card, valid or not."""
    return (folder / CARD_FILE).is_file()


def installed(entry: CatalogEntry) -> Path | None:
    """The folder of a model that is on this machine, embedded or in the cache; else `None`."""
    if entry.folder is not None:
        return entry.folder
    folder = cached_folder(entry.name)
    return folder if is_model(folder) else None


def imported_models(known: Collection[str]) -> dict[str, CatalogEntry]:
    """The models in the cache that no plugin names, sorted by name.

    Args:
        known: the names of the catalog.
    """
    root = cache_dir() / "models"
    try:
        folders = sorted(path for path in root.iterdir() if is_model(path))
    except OSError:
        return {}
    return {
        path.name: CatalogEntry(name=path.name, folder=path)
        for path in folders
        if path.name not in known
    }


@contextmanager
def staged(name: str, needed: int, waiting: Callable[[], None]) -> Iterator[Path]:
    """Work on a model of the cache, alone: the body fills the empty folder that it is given.

    If the body leaves a model in the folder, that takes its place under `name` by a rename. What
    is in the folder after an error goes away, and so does what a killed process left.

    Args:
        name: a valid model name.
        needed: how many bytes will be written, for the message when the disk is full.
        waiting: called once if another process works on this name.

    Raises:
        ModelError: the cache cannot be written to.
    """
    root = cache_dir()
    target = cached_folder(name)
    bench = root / "staging" / name
    with disk_errors(target, needed):
        for room in ("models", "downloads", "staging", "locks"):
            (root / room).mkdir(parents=True, exist_ok=True)
        with file_lock(root / "locks" / name, waiting):
            shutil.rmtree(bench, ignore_errors=True)
            folder = bench / name
            folder.mkdir(parents=True)
            try:
                yield folder
                if is_model(folder):
                    shutil.rmtree(target, ignore_errors=True)
                    folder.rename(target)
            finally:
                shutil.rmtree(bench, ignore_errors=True)
