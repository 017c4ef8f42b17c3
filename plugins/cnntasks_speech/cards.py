"""The models that speech brings: the embedded ones."""

from __future__ import annotations

from pathlib import Path

from cnntasks import CatalogEntry

_EMBEDDED = Path(__file__).parent / "models"


def entries() -> list[CatalogEntry]:
    """Every model folder under `models/`."""
    folders = sorted(path.parent for path in _EMBEDDED.glob("*/card.json"))
    return [CatalogEntry(folder.name, folder=folder) for folder in folders]
