"""`CatalogEntry`: a model that can be named, whether it is here or still to be downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnntasks.models.card import ModelCard


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One model that a plugin offers through the hook `register_models`.

    Either it is embedded (`folder` is set and everything else comes from its card), or it is
    published elsewhere and `cnntasks models pull` fetches and converts it, or its published file
    came with another package (`local`) and is converted when it is first used.

    Attributes:
        name: what `--model` takes.
        folder: the embedded model folder.
        card: of a published model, what its folder's card will say (metrics as published).
        url: where the published file lies.
        sha256: its SHA-256 in hexadecimal, or the first digits where only those are published.
        size: of the published file in bytes; 0 where unknown.
        convert: `"package.module:function"`, called as `function(file, card, folder)` to write a
            complete model folder into the empty `folder` from the published `file`.
        local: `"package.module:function"` that returns the path of the published file on this
            machine; it raises `ModelError` with a remedy where the file is not there.
        rounded: `size` is only about right, as where megabytes are published: it is shown and not
            checked.
    """

    name: str
    folder: Path | None = None
    card: ModelCard | None = None
    url: str | None = None
    sha256: str | None = None
    size: int = 0
    convert: str | None = None
    local: str | None = None
    rounded: bool = False
