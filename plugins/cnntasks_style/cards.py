"""The models that style brings: every model folder under `models/`."""

from __future__ import annotations

from pathlib import Path

from cnntasks import CatalogEntry

_EMBEDDED = Path(__file__).parent / "models"


def entries() -> list[CatalogEntry]:
    """The embedded models."""
    folders = sorted(path.parent for path in _EMBEDDED.glob("*/card.json"))
    return [CatalogEntry(folder.name, folder=folder) for folder in folders]
