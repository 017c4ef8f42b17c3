"""The models that detect brings: the embedded ones, and torchvision's published detectors."""

from __future__ import annotations

from pathlib import Path

from cnntasks import CatalogEntry
from cnntasks_detect.published import published_entries

_EMBEDDED = Path(__file__).parent / "models"


def entries() -> list[CatalogEntry]:
    """Every model folder under `models/`, then the published ones."""
    folders = sorted(path.parent for path in _EMBEDDED.glob("*/card.json"))
    return [CatalogEntry(folder.name, folder=folder) for folder in folders] + published_entries()
