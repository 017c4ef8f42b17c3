"""Looks a classification data set over before hours of training are spent on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnntasks import DataProblems, DataReport, warn_of_similar_classes
from cnntasks_classify.data.inspection import Inspection, inspect_examples
from cnntasks_classify.data.recognise import FORMATS
from cnntasks_classify.data.records import (
    ClassificationData,
    Example,
    without_picture,
)

#: Networks halve the resolution about five times; what is smaller leaves nothing to see.
SMALLEST_SIDE = 8
#: A picture this many times longer than wide is mostly a file gone wrong, and cropping it to a
#: square loses nearly all of it.
EXTREME_ASPECT = 10.0
#: Where the largest training class has this many times the pictures of the smallest, always
#: answering the former looks good.
HEAVY_IMBALANCE = 10.0


def check_classification_data(location: Path) -> DataReport:
    """Read a data set, decode every picture of it and say what is wrong.

    Args:
        location: as for `read_classification_data`; all splits are read unless one is named.

    Returns:
        Findings (an error is what training would refuse or learn or measure wrongly), errors
        first; the number of pictures of each class in each split; and in the summary the
        smallest, median and largest width and height.

    Raises:
        InputError: it is no data set at all, or has no such split.
    """
    problems = DataProblems()
    layout, parts = FORMATS.read_for_check(location, problems)
    seen = [_Seen(part, example) for part in parts for example in part.examples]
    inspections = inspect_examples([each.example for each in seen])
    _check_pictures(seen, inspections, problems)
    _check_copies(seen, inspections, problems)
    for part in parts:
        _check_counts(part, problems)
    if parts:
        classes = [name for part in parts for name in part.classes]
        warn_of_similar_classes(parts[0].name, classes, problems)
    findings = problems.sorted_findings()
    return DataReport(
        summary={
            "name": layout.name,
            "format": layout.format,
            "splits": {part.split: len(part.examples) for part in parts},
            "classes": len({name for part in parts for name in part.classes}),
            "pictures": len(seen),
            "skipped": sum(part.skipped for part in parts),
            **_sizes(inspections),
        },
        table=[row for part in parts for row in _rows(part)],
        findings=findings,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """An example and the split it is in."""

    data: ClassificationData
    example: Example

    @property
    def where(self) -> str:
        """The file, or the place in one."""
        return str(self.example.path or f"{self.data.name}/{self.example.name}")

    @property
    def class_name(self) -> str:
        """The name of its class; empty where that is unknown."""
        return self.data.classes[self.example.label] if self.example.label >= 0 else ""


def _check_pictures(
    seen: list[_Seen], inspections: list[Inspection], problems: DataProblems
) -> None:
    reported: set[tuple[str, int, int]] = set()
    for each, found in zip(seen, inspections, strict=True):
        size = f"{found.width}x{found.height}"
        short, long = sorted((found.width, found.height))
        if found.fault:
            problems.error(each.where, found.fault)
            continue
        if each.example.path is None:  # all pictures of an array have one size
            key = (each.data.split, found.width, found.height)
            if key in reported:
                continue
            reported.add(key)
        if short < SMALLEST_SIDE:
            problems.warning(each.where, f"only {size} pixels; is that a picture? replace it")
        elif long > EXTREME_ASPECT * short:
            problems.warning(each.where, f"{size} pixels are a mere strip; crop or remove it")


def _check_copies(seen: list[_Seen], inspections: list[Inspection], problems: DataProblems) -> None:
    groups: dict[bytes, list[_Seen]] = {}
    for each, found in zip(seen, inspections, strict=True):
        if not found.fault:
            groups.setdefault(found.digest, []).append(each)
    for first, *copies in groups.values():
        for copy in copies:
            what = f"the same picture as {first.example.name}"
            if first.where == copy.where:
                what = "this picture is listed twice"
            problems.found_copy(
                copy.where,
                what,
                (copy.class_name or None, first.class_name or None),
                (copy.data.split, first.data.split),
            )


def _check_counts(part: ClassificationData, problems: DataProblems) -> None:
    where = f"{part.name}:{part.split}"
    training = part.split in ("train", "all")
    if not part.examples:
        problems.error(where, "there is no labelled picture in this split; add some or remove it")
        return
    counts = _counts(part)
    report = problems.error if training else problems.warning
    for name, count in zip(part.classes, counts, strict=True):
        if not count:
            report(where, without_picture(name))
    present = [(count, name) for name, count in zip(part.classes, counts, strict=True) if count]
    if training and len(present) > 1:
        (fewest, rare), (most, common) = min(present), max(present)
        if most >= HEAVY_IMBALANCE * fewest:
            problems.warning(
                where,
                f"{most} pictures of {common!r} but {fewest} of {rare!r}, which may never be "
                "predicted; add pictures of it, and look at each class's recall",
            )


def _counts(part: ClassificationData) -> list[int]:
    labels = np.array([example.label for example in part.examples], dtype=np.int64)
    counts: list[int] = np.bincount(labels[labels >= 0], minlength=len(part.classes)).tolist()
    return counts


def _rows(part: ClassificationData) -> Iterator[dict[str, Any]]:
    for name, count in zip(part.classes, _counts(part), strict=True):
        yield {"class": name, "split": part.split, "pictures": count}


def _sizes(inspections: list[Inspection]) -> dict[str, dict[str, int]]:
    good = [found for found in inspections if not found.fault]
    if not good:
        return {}
    sides = {"width": [it.width for it in good], "height": [it.height for it in good]}
    return {
        name: {
            "smallest": min(values),
            "median": round(float(np.median(values))),
            "largest": max(values),
        }
        for name, values in sides.items()
    }
