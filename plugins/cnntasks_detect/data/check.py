"""Looks a detection data set over before hours of training are spent on it."""

from __future__ import annotations

import difflib
import hashlib
import io
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnntasks import DataProblems, DataReport
from cnntasks_detect.data.names import COCO_CATEGORIES, canonical_class
from cnntasks_detect.data.recognise import FORMATS
from cnntasks_detect.data.records import DetectionData, Picture, turned_size

#: COCO's bounds between small, medium and large, in square pixels; here of the box.
SMALL, LARGE = 32.0**2, 96.0**2
#: Names at least this similar (difflib's ratio) may be one class spelt in two ways.
SIMILAR = 0.8


def check_detection_data(location: Path) -> DataReport:
    """Read a data set, decode every picture of it and say what is wrong.

    Args:
        location: as for `read_detection_data`; all splits are read unless one is named.

    Returns:
        Findings (an error is what training would refuse or learn wrongly), and for each class
        and split the number of pictures and of boxes by COCO's three sizes; ignored boxes are
        counted apart.

    Raises:
        InputError: it is no data set at all, or has no such split.
    """
    problems = DataProblems()
    layout, parts = FORMATS.read_for_check(location, problems)
    _check_files(parts, problems)
    _check_classes(parts, problems)
    table = [row for part in parts for row in _count(part)]
    pictures = [picture for part in parts for picture in part.pictures]
    findings = problems.sorted_findings()
    return DataReport(
        summary={
            "name": layout.name,
            "format": layout.format,
            "splits": {part.split: len(part.pictures) for part in parts},
            "classes": len({name for part in parts for name in part.classes}),
            "pictures": len(pictures),
            "boxes": sum(int((~picture.ignore).sum()) for picture in pictures),
            "ignored": sum(int(picture.ignore.sum()) for picture in pictures),
        },
        table=table,
        findings=findings,
    )


@dataclass(frozen=True, slots=True)
class _Inspection:
    """What a picture file really holds: its bytes' hash and turned size, or a fault."""

    digest: bytes = b""
    size: tuple[int, int] = (0, 0)
    turned: bool = False
    fault: str = ""


def _inspect(path: Path) -> _Inspection:
    from PIL import Image

    try:
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                stored, size = image.size, turned_size(image)
                # JPEG decodes at an eighth of the size and still meets every fault in the file.
                image.draft(None, (max(1, stored[0] // 8), max(1, stored[1] // 8)))
                image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = str(error) if "BytesIO" not in str(error) else "no known picture format"
        return _Inspection(fault=f"the picture cannot be read ({reason}); replace or remove it")
    return _Inspection(hashlib.sha256(data).digest(), size, stored != size)


def _check_files(parts: list[DetectionData], problems: DataProblems) -> None:
    entries = [(part.split, picture) for part in parts for picture in part.pictures]
    paths = list(dict.fromkeys(picture.path for _, picture in entries))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        inspections = dict(zip(paths, pool.map(_inspect, paths), strict=True))
    for path, inspection in inspections.items():
        if inspection.fault:
            problems.error(path, inspection.fault)
    first_with: dict[bytes, tuple[str, Path]] = {}
    for split, picture in entries:
        inspection = inspections[picture.path]
        if inspection.fault:
            continue
        _check_size(picture, inspection, problems)
        other_split, other = first_with.setdefault(inspection.digest, (split, picture.path))
        if other_split != split:
            problems.error(
                picture.path,
                f"the same picture is in {other_split} ({other.name}) and {split}; "
                "remove it from one of them",
            )
        elif other != picture.path:
            problems.warning(picture.path, f"the same picture as {other.name}; remove one of them")


def _check_size(picture: Picture, inspection: _Inspection, problems: DataProblems) -> None:
    claimed = (picture.width, picture.height)
    if claimed == inspection.size:
        return
    found, said = "x".join(map(str, inspection.size)), "x".join(map(str, claimed))
    why = ""
    if inspection.turned and claimed == inspection.size[::-1]:
        why = " after its EXIF orientation; are the boxes those of the turned picture?"
    problems.error(picture.path, f"the labels say {said}, the picture is {found}{why}")


def _check_classes(parts: list[DetectionData], problems: DataProblems) -> None:
    for part in parts:
        where = f"{part.name}:{part.split}"
        if not part.pictures:
            problems.error(where, "there is no picture in this split")
            continue
        found = np.unique(np.concatenate([p.labels[~p.ignore] for p in part.pictures]))
        for number in sorted(set(range(len(part.classes))) - set(found.tolist())):
            problems.warning(where, f"the class {part.classes[number]!r} has no box")
        empty = sum(1 for picture in part.pictures if not len(picture.boxes))
        if empty:
            problems.warning(
                where, f"{empty} of {len(part.pictures)} pictures have no box; is that so?"
            )
        if set(part.classes) != set(parts[0].classes):
            other = ", ".join(sorted(set(part.classes) ^ set(parts[0].classes)))
            problems.error(where, f"other classes than in {parts[0].split}: {other}")
    names = dict.fromkeys(name for part in parts for name in part.classes)
    for one, another in _look_alikes(names):
        problems.warning(
            parts[0].name, f"the classes {one!r} and {another!r} look alike; is one misspelt?"
        )


def _look_alikes(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    earlier: dict[str, str] = {}
    for name in names:
        plain = canonical_class(name).lower()
        # Names that differ in digits alone are numbered on purpose.
        key = re.sub(r"[\d\s_-]+", "", plain)
        if plain in earlier:
            yield earlier[plain], name
            continue
        for match in difflib.get_close_matches(plain, earlier, n=3, cutoff=SIMILAR):
            both_known = plain in COCO_CATEGORIES and match in COCO_CATEGORIES
            numbered = key == re.sub(r"[\d\s_-]+", "", match) and re.search(r"\d", plain + match)
            if not both_known and not numbered:
                yield earlier[match], name
        earlier[plain] = name


def _count(part: DetectionData) -> Iterator[dict[str, Any]]:
    classes = len(part.classes)
    pictures, ignored = np.zeros(classes, dtype=np.int64), np.zeros(classes, dtype=np.int64)
    sizes = np.zeros((3, classes), dtype=np.int64)
    for picture in part.pictures:
        counted = ~picture.ignore
        labels, boxes = picture.labels[counted], picture.boxes[counted]
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        np.add.at(sizes, (np.digitize(areas, (SMALL, LARGE)), labels), 1)
        np.add.at(ignored, picture.labels[picture.ignore], 1)
        pictures[np.unique(labels)] += 1
    for number, name in enumerate(part.classes):
        small, medium, large = (int(count) for count in sizes[:, number])
        yield {
            "class": name,
            "split": part.split,
            "pictures": int(pictures[number]),
            "boxes": small + medium + large,
            "small": small,
            "medium": medium,
            "large": large,
            "ignored": int(ignored[number]),
        }
