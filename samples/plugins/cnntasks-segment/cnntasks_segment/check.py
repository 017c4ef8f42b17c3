"""`cnntasks data check segment`: looks pictures and masks over before they are trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cnntasks import DataProblems, DataReport, InputError
from cnntasks_segment.data import FORMATS, Example, MaskData
from cnntasks_segment.geometry import IGNORED


def check_masks(location: Path) -> DataReport:
    """Read every picture and every mask of a data set and say what is wrong.

    Args:
        location: a folder, or `folder:split`.

    Returns:
        Findings, errors first; for each class of each split the pictures that have it, and its
        part of the labelled pixels.

    Raises:
        InputError: it is no data set at all, or has no such split.
    """
    problems = DataProblems()
    layout, parts = FORMATS.read_for_check(location, problems)
    table: list[dict[str, Any]] = []
    for part in parts:
        table += _check_part(part, problems)
    return DataReport(
        summary={
            "name": layout.name,
            "format": layout.format,
            "splits": {part.split: len(part.examples) for part in parts},
            "classes": len(parts[0].classes) if parts else 0,
            "pictures": sum(len(part.examples) for part in parts),
        },
        table=table,
        findings=problems.sorted_findings(),
    )


def _check_part(part: MaskData, problems: DataProblems) -> list[dict[str, Any]]:
    classes = len(part.classes)
    pixels, pictures = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    for example in part.examples:
        counts = _check_example(example, classes, problems)
        pixels += counts
        pictures += counts > 0
    for name, count in zip(part.classes, pixels, strict=True):
        if not count and part.examples:
            message = f"no pixel belongs to the class {name!r}; add some or remove the class"
            problems.warning(f"{part.name}:{part.split}", message)
    total = max(int(pixels.sum()), 1)
    return [
        {
            "class": name,
            "split": part.split,
            "pictures": int(pictures[number]),
            "share": round(float(pixels[number] / total), 4),
        }
        for number, name in enumerate(part.classes)
    ]


def _check_example(example: Example, classes: int, problems: DataProblems) -> Any:
    """How many pixels of one mask each class has."""
    nothing = np.zeros(classes, np.int64)
    try:
        picture = example.load()
    except InputError as error:
        problems.error(example.picture, str(error).removeprefix(f"{example.picture}: "))
        return nothing
    try:
        mask = example.load_mask(classes)
    except InputError as error:
        problems.error(example.mask, str(error).removeprefix(f"{example.mask}: "))
        return nothing
    if picture.shape[:2] != mask.shape:
        problems.error(
            example.mask,
            f"it has {mask.shape[1]}x{mask.shape[0]} pixels, its picture has "
            f"{picture.shape[1]}x{picture.shape[0]}; make them equal",
        )
    if (mask == IGNORED).all():
        problems.warning(example.mask, "none of its pixels belongs to a class; leave it out")
    return np.bincount(mask[mask != IGNORED], minlength=classes)
