"""Pictures without labels, and the part of them that validates."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnntasks import IMAGE_SUFFIXES, InputError


@dataclass(frozen=True, slots=True)
class Parts:
    """The pictures to learn from, and those to validate on."""

    train: list[Path]
    validation: list[Path]


def read_parts(locations: Sequence[str], validation: int, seed: int) -> Parts:
    """Find pictures and keep some of them for validation.

    Args:
        locations: files, or folders that are searched through.
        validation: how many validate.
        seed: of the choice.

    Raises:
        InputError: a location is missing or has no pictures, or all would be validated on.
    """
    found: list[Path] = []
    for location in locations:
        path = Path(location)
        if not path.exists():
            raise InputError(f"{location}: there is no such file or folder")
        files = [path] if path.is_file() else sorted(it for it in path.rglob("*") if _is_image(it))
        if not files:
            raise InputError(f"{location}: no pictures in this folder")
        found += files
    found = list(dict.fromkeys(found))
    if len(found) <= validation:
        raise InputError(
            f"{locations[0]}: {len(found)} pictures are too few to validate on {validation}; "
            "give more, or a smaller --validation"
        )
    random.Random(seed).shuffle(found)
    return Parts(found[validation:], found[:validation])


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
