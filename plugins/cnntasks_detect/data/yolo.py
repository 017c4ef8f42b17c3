"""YOLO folders: one text file a picture, `class cx cy width height` as fractions of its size.

The layouts are those of https://docs.ultralytics.com/datasets/detect/ and of annotation tools
that write `classes.txt` or `obj.names`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnntasks import DataProblems, InputError
from cnntasks_detect.data.records import DetectionData, Picture, make_picture, read_size

PICTURE_SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp")
)
_SPLIT_KEYS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}
#: Fractions beyond this are pixels, or something else altogether.
_FARTHEST = 1.5


@dataclass(frozen=True, slots=True)
class YoloLayout:
    """Where the pictures of each split lie, and the class names.

    Attributes:
        folder: the data set's folder.
        classes: in the order of the label files' numbers.
        sources: split to folders of pictures, or text files that list pictures.
    """

    folder: Path
    classes: tuple[str, ...]
    sources: dict[str, tuple[Path, ...]]
    format: str = "yolo"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there are pictures for."""
        return tuple(self.sources)

    def read(self, split: str, problems: DataProblems) -> DetectionData:
        """Read one split; a picture without a label file has no boxes."""
        paths = [path for source in self.sources[split] for path in _list_pictures(source)]
        labels = [_label_file(path) for path in paths]
        if paths and not any(labels):
            raise InputError(f"{paths[0].parent}: none of its pictures has a label file (labels/)")
        pictures = (
            _read_picture(path, label, len(self.classes), problems)
            for path, label in zip(paths, labels, strict=True)
        )
        return DetectionData(
            name=self.name,
            format="yolo",
            split=split,
            classes=self.classes,
            pictures=tuple(picture for picture in pictures if picture is not None),
        )


def find_yolo(location: Path) -> YoloLayout | None:
    """Recognise a `data.yaml`, or `classes.txt` or `obj.names` with pictures and labels.

    Raises:
        InputError: the YAML file is broken or has no class names.
    """
    if location.is_file():
        return _from_yaml(location) if location.suffix.lower() in (".yaml", ".yml") else None
    for file in (location / "data.yaml", location / "data.yml", location / "dataset.yaml"):
        if file.is_file():
            return _from_yaml(file)
    for name in ("classes.txt", "obj.names", "labels/classes.txt"):
        file = location / name
        sources = _discover(location)
        if file.is_file() and sources:
            lines = _read_lines(file)
            return YoloLayout(location, _distinct(lines, file), sources)
    return None


def _from_yaml(file: Path) -> YoloLayout:
    import yaml  # type: ignore[import-untyped]

    try:
        # Only strings, lists and mappings: a class called "no" stays a name.
        data = yaml.load(file.read_bytes(), Loader=yaml.BaseLoader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        line = " ".join(str(error).split())
        raise InputError(f"{file}: not a YAML file that can be read ({line})") from error
    if not isinstance(data, dict):
        raise InputError(f"{file}: not a YOLO data set's file (no 'names' in it)")
    bases = [file.parent]
    if isinstance(data.get("path"), str):
        bases.insert(0, file.parent / data["path"])
    sources = {
        split: tuple(_resolve(entry, bases) for key in keys for entry in _strings(data.get(key)))
        for split, keys in _SPLIT_KEYS.items()
    }
    sources = {split: paths for split, paths in sources.items() if paths}
    classes = _distinct(_names(data.get("names"), file), file)
    return YoloLayout(file.parent, classes, sources or _discover(file.parent))


def _names(names: Any, file: Path) -> list[str]:
    if isinstance(names, dict):
        try:
            numbered = {int(number): name for number, name in names.items()}
        except (TypeError, ValueError):
            numbered = {}
        if sorted(numbered) != list(range(len(names))):
            raise InputError(f"{file}: 'names' must number the classes from 0 without a gap")
        names = [numbered[number] for number in range(len(names))]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{file}: it must give the class names as a list or mapping 'names'")
    return names


def _distinct(names: list[str], file: Path) -> tuple[str, ...]:
    stripped = [name.strip() for name in names]
    if not stripped or not all(stripped):
        raise InputError(f"{file}: it has no class names, or an empty one")
    for name in stripped:
        if stripped.count(name) > 1:
            raise InputError(f"{file}: the class name {name!r} is there twice")
    return tuple(stripped)


def _strings(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [entry for entry in values if isinstance(entry, str) and entry]


def _resolve(entry: str, bases: list[Path]) -> Path:
    # Roboflow writes ../train/images for what lies beside the YAML file.
    candidates = [base / text for base in bases for text in (entry, entry.removeprefix("../"))]
    return next((path for path in candidates if path.exists()), candidates[0])


def _discover(folder: Path) -> dict[str, tuple[Path, ...]]:
    found: dict[str, tuple[Path, ...]] = {}
    for split, names in _SPLIT_KEYS.items():
        places = [place for name in names for place in (f"images/{name}", f"{name}/images", name)]
        place = next((path for path in (folder / name for name in places) if path.is_dir()), None)
        if place is not None:
            found[split] = (place,)
    if not found and (folder / "images").is_dir():
        found["all"] = (folder / "images",)
    if not found and any(path.suffix.lower() in PICTURE_SUFFIXES for path in folder.iterdir()):
        found["all"] = (folder,)
    return found


def _list_pictures(source: Path) -> list[Path]:
    if source.is_dir():
        paths = sorted(source.rglob("*"))
        return [path for path in paths if path.suffix.lower() in PICTURE_SUFFIXES]
    if not source.is_file():
        raise InputError(f"{source}: the data set names this folder, but it is missing")
    return [source.parent / line for line in _read_lines(source)]


def _read_lines(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from error
    return [stripped for line in lines if (stripped := line.strip())]


def _label_file(picture: Path) -> Path | None:
    parts = list(picture.parts)
    candidates = [picture.with_suffix(".txt")]
    if "images" in parts[:-1]:
        last = len(parts) - 2 - parts[-2::-1].index("images")
        candidates.insert(0, Path(*parts[:last], "labels", *parts[last + 1 :]).with_suffix(".txt"))
    return next((path for path in candidates if path.is_file()), None)


def _read_picture(
    path: Path, label: Path | None, classes: int, problems: DataProblems
) -> Picture | None:
    try:
        width, height = read_size(path)
        lines = _read_lines(label) if label else []
    except InputError as error:
        problems.fatal(path, str(error).removeprefix(f"{path}: "))
        return None
    boxes, labels = [], []
    for number, line in enumerate(lines, 1):
        try:
            category, (x1, y1, x2, y2) = _parse_line(line, classes)
        except ValueError as error:
            problems.fatal(f"{label}:{number}", str(error))
            continue
        labels.append(category)
        boxes.append((x1 * width, y1 * height, x2 * width, y2 * height))
    return make_picture(path, (width, height), boxes, labels, [False] * len(boxes), problems)


def _parse_line(line: str, classes: int) -> tuple[int, tuple[float, float, float, float]]:
    first, *rest = line.split()
    try:
        category, values = int(first), [float(word) for word in rest]
    except ValueError:
        raise ValueError(f"not 'class cx cy width height': {line!r:.60}") from None
    if not 0 <= category < classes:
        raise ValueError(f"the class number {category} is unknown (there are {classes} classes)")
    if not all(abs(value) <= _FARTHEST for value in values):
        raise ValueError(f"not fractions of the picture's size: {line!r:.60}")
    if len(values) == 4:
        x, y, width, height = values
        return category, (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if len(values) >= 6 and len(values) % 2 == 0:  # a polygon: take the box around it
        xs, ys = values[::2], values[1::2]
        return category, (min(xs), min(ys), max(xs), max(ys))
    raise ValueError(f"{len(values)} numbers after the class where 4 are expected")
