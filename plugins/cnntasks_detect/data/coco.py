"""COCO JSON (Lin et al. 2014, https://cocodataset.org/#format-data) in the layouts people have."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnntasks import DataProblems, InputError
from cnntasks_detect.data.records import (
    DetectionData,
    Picture,
    make_picture,
    read_size,
)

SPLITS = ("train", "val", "test")
_SPLIT_WORD = re.compile(r"(?:^|[_.\-])(train|val|valid|validation|test)(?:\d{4})?(?=[_.\-]|$)")
_ROBOFLOW = "_annotations.coco.json"


@dataclass(frozen=True, slots=True)
class CocoLayout:
    """COCO files by split, and the data set's folder."""

    folder: Path
    files: dict[str, Path]
    format: str = "coco"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there is a file for."""
        return tuple(self.files)

    def read(self, split: str, problems: DataProblems) -> DetectionData:
        """Read the file of one split; InputError where it is no COCO file."""
        return _CocoFile(self.files[split], self.folder, split, problems).read(self.name)


def find_coco(location: Path) -> CocoLayout | None:
    """Recognise a COCO file, or a folder with COCO files for its splits.

    Known are: `train.json`, `val.json`, `test.json` beside the pictures or an `images/`; the
    published `annotations/instances_train2017.json` with `train2017/`; Roboflow's
    `train/_annotations.coco.json`.

    Raises:
        InputError: two files claim the same split.
    """
    if location.is_file() and location.suffix.lower() == ".json":
        folder = location.parent
        inside = folder.name == "annotations" or location.name == _ROBOFLOW
        split = _split_of(location) or "all"
        return CocoLayout(folder.parent if inside and folder.name else folder, {split: location})
    roboflow = [folder / _ROBOFLOW for folder in _subfolders(location)]
    annotations = location / "annotations"
    for candidates in (
        [location / f"{split}.json" for split in SPLITS],
        sorted(annotations.glob("instances_*.json")) or sorted(annotations.glob("*.json")),
        sorted(location.glob("instances_*.json")),
        roboflow,
    ):
        files = _by_split(file for file in candidates if file.is_file())
        if files:
            return CocoLayout(location, files)
    return None


def find_single_coco(location: Path) -> CocoLayout | None:
    """Recognise a folder by its only `*.json`, whatever it is called."""
    files = sorted(location.glob("*.json")) or sorted(location.glob("annotations/*.json"))
    return (
        CocoLayout(location, {_split_of(files[0]) or "all": files[0]}) if len(files) == 1 else None
    )


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _split_of(file: Path) -> str | None:
    stem = file.parent.name if file.name == _ROBOFLOW else file.stem
    words = _SPLIT_WORD.findall(stem.lower())
    return ("val" if words[-1].startswith("val") else words[-1]) if words else None


def _by_split(files: Iterable[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        split = _split_of(file)
        if split in found:
            raise InputError(
                f"{file}: {found[split]} is the {split} split too; give the path of one of them"
            )
        if split:
            found[split] = file
    return {split: found[split] for split in SPLITS if split in found}


class _CocoFile:
    """One file on its way to a `DetectionData`."""

    def __init__(self, file: Path, folder: Path, split: str, problems: DataProblems) -> None:
        self.file = file
        self.split = split
        self.problems = problems
        data = _load(file)
        self.images: list[Any] = data["images"]
        self.annotations: list[Any] = data["annotations"]
        self.categories: list[Any] = data["categories"]
        published = _published_folder(file)
        self.folders = list(
            dict.fromkeys(
                path
                for base in (file.parent, folder)
                for name in (
                    "images",
                    f"images/{split}",
                    split,
                    published,
                    f"images/{published}",
                    "",
                )
                if (path := base / name).is_dir()
            )
        )

    def read(self, name: str) -> DetectionData:
        classes = self._classes()
        files = self._image_ids()
        boxes = self._boxes(set(files), {key: number for number, key in enumerate(classes)})
        pictures = [self._picture(image, boxes[key]) for key, image in files.items()]
        return DetectionData(
            name=name,
            format="coco",
            split=self.split,
            classes=tuple(classes.values()),
            pictures=tuple(picture for picture in pictures if picture is not None),
        )

    def _classes(self) -> dict[int, str]:
        used = {_get(annotation, "category_id", int) for annotation in self.annotations}
        parents = [c.get("supercategory") for c in self.categories if isinstance(c, dict)]
        classes: dict[int, str] = {}
        for category in self.categories:
            key, name = _get(category, "id", int), _get(category, "name", str)
            if key is None or not name:
                self.problems.fatal(self.file, f"a category has no id or no name: {category!r:.80}")
            elif key in classes or name in classes.values():
                self.problems.fatal(self.file, f"the category {key} ({name}) is there twice")
            elif (
                key not in used and name in parents and category.get("supercategory") == "none"
            ):  # Roboflow writes the group's name as a category of its own
                continue
            else:
                classes[key] = name
        if not self.categories:
            raise InputError(f"{self.file}: it lists no categories; add them")
        return classes

    def _image_ids(self) -> dict[Any, dict[str, Any]]:
        images: dict[Any, dict[str, Any]] = {}
        names: set[str] = set()
        for image in self.images:
            key, name = _get(image, "id", (int, str)), _get(image, "file_name", str)
            if key is None or not name:
                self.problems.fatal(
                    self.file, f"a picture has no id or no file_name: {image!r:.80}"
                )
                continue
            if key in images:
                self.problems.fatal(self.file, f"the picture id {key} is there twice ({name})")
                continue
            if name in names:
                self.problems.error(self.file, f"{name} is listed twice; its boxes are split up")
            names.add(name)
            images[key] = image
        return images

    def _boxes(self, images: set[Any], labels: dict[int, int]) -> defaultdict[Any, _Boxes]:
        found: defaultdict[Any, _Boxes] = defaultdict(_Boxes)
        for annotation in self.annotations:
            image = _get(annotation, "image_id", (int, str))
            category = _get(annotation, "category_id", int)
            if image not in images:
                message = f"a box is in the unknown picture id {image!r}: {annotation!r:.80}"
            elif category not in labels:
                message = f"a box has the unknown category id {category!r}: {annotation!r:.80}"
            elif (box := _corners(annotation.get("bbox"))) is None:
                message = f"an annotation has no box [x, y, width, height]: {annotation!r:.80}"
            else:
                into = found[image]
                into.boxes.append(box)
                into.labels.append(labels[category])
                into.ignore.append(bool(annotation.get("iscrowd") or annotation.get("difficult")))
                continue
            self.problems.fatal(self.file, message)
        return found

    def _picture(self, image: dict[str, Any], boxes: _Boxes) -> Picture | None:
        name = image["file_name"]
        path = next((path for path in (f / name for f in self.folders) if path.is_file()), None)
        if path is None:
            self.problems.fatal(self.file, f"the picture {name} is missing")
            return None
        width, height = _get(image, "width", int), _get(image, "height", int)
        if not width or not height or width < 0 or height < 0:
            try:
                width, height = read_size(path)
            except InputError as error:
                self.problems.fatal(self.file, str(error))
                return None
        return make_picture(
            path, (width, height), boxes.boxes, boxes.labels, boxes.ignore, self.problems
        )


class _Boxes:
    __slots__ = ("boxes", "ignore", "labels")

    def __init__(self) -> None:
        self.boxes: list[tuple[float, float, float, float]] = []
        self.labels: list[int] = []
        self.ignore: list[bool] = []


def _load(file: Path) -> dict[str, list[Any]]:
    try:
        data: Any = json.loads(file.read_bytes())
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not valid JSON ({error})") from error
    for key in ("images", "annotations", "categories"):
        if not isinstance(data, dict) or not isinstance(data.get(key), list):
            raise InputError(f"{file}: not a COCO file with boxes (it has no list {key!r})")
    return {key: data[key] for key in ("images", "annotations", "categories")}


def _published_folder(file: Path) -> str:
    return file.stem.partition("_")[2] or file.stem


def _get(mapping: Any, key: str, kind: type | tuple[type, ...]) -> Any:
    value = mapping.get(key) if isinstance(mapping, dict) else None
    return value if isinstance(value, kind) else None


def _corners(box: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(box, list) or len(box) != 4:
        return None
    try:
        x, y, width, height = box
        corners = (float(x), float(y), float(x) + width, float(y) + height)
    except (TypeError, ValueError):
        return None
    return corners if all(map(math.isfinite, corners)) else None
