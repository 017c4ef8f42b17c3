"""Recognises the format of a data set and reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from cnntasks import DataFormats, DataLayout, InputError, unknown_split
from cnntasks_detect.data.coco import find_coco, find_single_coco
from cnntasks_detect.data.records import DetectionData, Picture
from cnntasks_detect.data.voc import find_voc
from cnntasks_detect.data.yolo import find_yolo

EXPECTED = (
    "expected COCO (train.json beside images/, annotations/instances_train2017.json, or "
    "train/_annotations.coco.json), Pascal VOC (Annotations/, JPEGImages/, ImageSets/Main/) or "
    "YOLO (data.yaml, or classes.txt with images/ and labels/)"
)


def read_detection_data(location: Path, split: str | None = None) -> DetectionData:
    """Read a COCO, Pascal VOC or YOLO data set, recognised by its files.

    Boxes are clipped to their picture; those under 1 px² after that are left out. Sizes are the
    file's where it has them and else the picture header's; pictures are never decoded.

    Args:
        location: a folder, a COCO or YAML file, or `folder:split`.
        split: one of `available_splits`; without it (or with `"all"`), all pictures there are.

    Raises:
        InputError: not a data set, no such split, missing files, unknown ids, or splits with
            different classes read together.
    """
    parts = FORMATS.read(location, split)
    data = parts[0] if len(parts) == 1 else _join(parts, location)
    if not data.pictures:
        raise InputError(f"{location}: there is no picture in it ({data.split} split)")
    return data


def available_splits(location: Path) -> list[str]:
    """The names of a data set's splits; `["all"]` where it has none.

    Raises:
        InputError: not a data set.
    """
    return FORMATS.available_splits(location)


def choose_splits(layout: DataLayout[DetectionData], wanted: str | None) -> tuple[str, ...]:
    """The splits to read for `wanted`; no name, or `"all"`, stands for every picture there is.

    Raises:
        InputError: there is no such split; the message lists those there are.
    """
    if wanted and wanted in layout.splits:
        return (wanted,)
    if wanted and wanted != "all":
        raise unknown_split(layout, wanted)
    # VOC's trainval only repeats train and val, where those are there.
    parts = {"train", "val"} & set(layout.splits)
    return tuple(name for name in layout.splits if name != "trainval" or not parts)


def _join(parts: list[DetectionData], location: Path) -> DetectionData:
    classes = parts[0].classes
    pictures: dict[Path, Picture] = {}
    for part in parts:
        if set(part.classes) != set(classes):
            other = ", ".join(sorted(set(part.classes) ^ set(classes)))
            raise InputError(
                f"{location}: {parts[0].split} and {part.split} label different classes ({other}); "
                f"name one split ({location}:{part.split})"
            )
        order = np.array([classes.index(name) for name in part.classes], dtype=np.int64)
        for picture in part.pictures:
            pictures.setdefault(picture.path, replace(picture, labels=order[picture.labels]))
    return replace(parts[0], split="all", pictures=tuple(pictures.values()))


FORMATS = DataFormats(
    kind="detection",
    finders=(find_coco, find_voc, find_yolo, find_single_coco),
    expected=EXPECTED,
    choose=choose_splits,
)
