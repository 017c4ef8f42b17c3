"""The store: from a model's name, or a folder's path, to a model folder on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnntasks.catalog import CatalogEntry
from cnntasks.errors import ModelError
from cnntasks.models.cache import cache_dir as cache_dir
from cnntasks.models.cache import (
    cached_folder,
    imported_models,
    is_model,
    staged,
)
from cnntasks.models.cache import installed as installed
from cnntasks.models.card import CARD_FILE, ModelCard, read_card
from cnntasks.models.disk import format_size
from cnntasks.models.folder import check_graph, folder_size, model_files, verify_folder

if TYPE_CHECKING:
    from cnntasks.models.download import Log, Progress

State = Literal["embedded", "here", "imported", "folder", "to prepare", "to download", "unreadable"]


@dataclass(frozen=True, slots=True)
class Listing:
    """One model that can be named, and where it stands.

    Attributes:
        entry: what the plugin registered, or a bare entry for an imported model.
        state: `embedded` in a plugin, `here` in the cache, `imported`, `to download`,
            `to prepare` (its file is on this machine and will be converted when it is first
            used), `folder` if it was given by its path, `unreadable` where its card cannot be
            read.
        folder: the model folder, if it is on this machine.
        card: the folder's card, or the published one; `None` where unreadable.
        size: of the folder, or of the download, in bytes; 0 where unknown.
    """

    entry: CatalogEntry
    state: State
    folder: Path | None
    card: ModelCard | None
    size: int


def inventory(catalog: Mapping[str, CatalogEntry]) -> list[Listing]:
    """Every model of the catalog and every imported one, sorted by task and name."""
    listings = [_listing(entry, imported=False) for entry in catalog.values()]
    listings += [_listing(entry, imported=True) for entry in imported_models(catalog).values()]
    return sorted(listings, key=lambda it: (it.card.task if it.card else "~", it.entry.name))


def folder_listing(folder: Path) -> Listing:
    """The listing of a model folder that lies anywhere.

    Raises:
        ModelError: it is no model folder.
    """
    card = read_card(folder)
    entry = CatalogEntry(name=card.name, folder=folder)
    return Listing(entry, "folder", folder, card, folder_size(folder))


def find(name: str, catalog: Mapping[str, CatalogEntry]) -> CatalogEntry:
    """The entry of a registered or imported model.

    Raises:
        ModelError: there is none; the message lists names that look alike.
    """
    entries = {**imported_models(catalog), **catalog}
    if name in entries:
        return entries[name]
    import difflib

    near = difflib.get_close_matches(name, entries, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise ModelError(f"there is no model named {name!r}; {hint}`cnntasks models` lists them")


def resolve_model(
    name_or_folder: str,
    task: str,
    catalog: Mapping[str, CatalogEntry],
    *,
    also: Sequence[str] = (),
    offline: bool = False,
    progress: Progress | None = None,
    log: Log | None = None,
) -> Path:
    """The model folder that `--model` means; a published model is pulled if it is not here.

    What contains a path separator is a path, and so is the name of a model folder in the current
    folder. The graph of such a folder is checked, as anybody may have written it; those of the
    cache were checked when they came.

    Args:
        task: the verb that asks.
        also: further tasks whose models that verb can use.
        offline: never download.
        progress, log: as for `pull`.

    Raises:
        ModelError: no such model or folder, a model of another task, not here while `offline`,
            or anything that `pull` raises.
    """
    if is_path(name_or_folder):
        folder = Path(name_or_folder)
        _check_task(name_or_folder, read_card(folder), (task, *also))
        check_graph(folder)
        return folder
    entry = find(name_or_folder, catalog)
    found = installed(entry)
    if found is not None:
        _check_task(entry.name, read_card(found), (task, *also))
        return found
    if entry.card is not None:
        _check_task(entry.name, entry.card, (task, *also))
    if offline and entry.local is None:
        size = f" ({format_size(entry.size)})" if entry.size else ""
        raise ModelError(
            f"{entry.name}: is not on this machine, and --offline forbids its download{size}; "
            f"fetch it with `cnntasks models pull {entry.name}`, with --from FILE if need be"
        )
    # Imported here: the parts that speak HTTP would slow the start of every prediction.
    from cnntasks.models.pull import pull

    return pull(entry, progress=progress, log=log)


def is_path(name_or_folder: str) -> bool:
    """Whether a model is given as a folder rather than by name."""
    separators = {"/", os.sep, os.altsep} - {None}
    has_separator = any(separator in name_or_folder for separator in separators if separator)
    return has_separator or is_model(Path(name_or_folder))


def import_model(
    path: Path, catalog: Mapping[str, CatalogEntry], *, name: str | None = None
) -> Path:
    """Copy a model folder into the cache, so that it is known by its name; returns the copy.

    Args:
        path: the folder, or its `card.json`.
        name: what to call it; by default what its card says.

    Raises:
        ModelError: no valid model folder, a name that is taken, or a full disk.
    """
    folder = path.parent if path.name == CARD_FILE and path.is_file() else path
    if folder.is_file():
        raise ModelError(
            f"{path}: is a file, and a model is a folder with a {CARD_FILE}; for a published "
            "file use `cnntasks models pull NAME --from FILE`"
        )
    card = read_card(folder)
    problems = verify_folder(folder)
    if problems:
        raise ModelError(f"{path}: not imported: {problems[0]}")
    renamed = replace(card, name=name or card.name).to_json()
    name = ModelCard.from_json(renamed, str(path)).name
    if name in catalog:
        raise ModelError(f"{path}: a plugin has a model named {name}; choose another with --name")

    with staged(name, folder_size(folder), _wait_silently) as staging:
        target = cached_folder(name)
        if is_model(target):
            raise ModelError(
                f"{path}: {name} is imported already; choose another with --name, or remove "
                f"{target} first"
            )
        for file in (folder / each for each in model_files(folder)):
            if file.is_file():
                shutil.copyfile(file, staging / file.name)
        (staging / CARD_FILE).write_text(renamed, encoding="utf-8")
    return target


def _listing(entry: CatalogEntry, *, imported: bool) -> Listing:
    folder = installed(entry)
    if folder is None:
        waiting: State = "to prepare" if entry.local else "to download"
        return Listing(entry, waiting, None, entry.card, entry.size)
    try:
        card = read_card(folder)
    except ModelError:
        return Listing(entry, "unreadable", folder, None, 0)
    state: State = "imported" if imported else "embedded" if entry.folder else "here"
    return Listing(entry, state, folder, card, folder_size(folder))


def _check_task(model: str, card: ModelCard, tasks: tuple[str, ...]) -> None:
    if card.task not in tasks:
        raise ModelError(
            f"{model}: is a model for `cnntasks {card.task}`, not for `cnntasks {tasks[0]}`"
        )


def _wait_silently() -> None:
    """Another process imports the same name: a matter of a moment."""
