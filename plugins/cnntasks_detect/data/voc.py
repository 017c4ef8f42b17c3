"""Pascal VOC folders (Everingham et al. 2010): one XML file a picture, lists of ids for splits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from cnntasks import DataProblems, InputError
from cnntasks_detect.data.records import DetectionData, Picture, make_picture, read_size

SPLITS = ("train", "val", "trainval", "test")


def find_voc(location: Path) -> VocLayout | None:
    """Recognise `VOC2007/`, the `VOCdevkit/` around it, or the folder around that.

    Raises:
        InputError: there are several years; the message names them.
    """
    for pattern in ("", "VOC*", "VOCdevkit/VOC*"):
        found = [
            folder
            for folder in (sorted(location.glob(pattern)) if pattern else [location])
            if (folder / "Annotations").is_dir() and (folder / "JPEGImages").is_dir()
        ]
        if len(found) > 1:
            names = ", ".join(folder.name for folder in found)
            raise InputError(f"{location}: it holds several data sets ({names}); name one of them")
        if found:
            return VocLayout(found[0])
    return None


@dataclass(slots=True)
class _Annotation:
    """One XML file as read; what is wrong with it waits until its split is asked for."""

    size: tuple[int, int] | None = None
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    difficult: list[bool] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class VocLayout:
    """A folder with `Annotations/` and `JPEGImages/`; read once, whatever the split."""

    format = "voc"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        lists = folder / "ImageSets" / "Main"
        self.lists = {split: path for split in SPLITS if (path := lists / f"{split}.txt").is_file()}

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there is a list for; `"all"` where there is none."""
        return tuple(self.lists) or ("all",)

    def read(self, split: str, problems: DataProblems) -> DetectionData:
        """Read one split. The classes are those of the whole folder, so that splits agree."""
        classes = sorted({name for entry in self._annotations.values() for name in entry.names})
        if not classes:
            raise InputError(f"{self.folder / 'Annotations'}: no XML file in it boxes anything")
        labels = {name: number for number, name in enumerate(classes)}
        pictures = (self._picture(stem, labels, problems) for stem in self._stems(split))
        return DetectionData(
            name=self.name,
            format="voc",
            split=split,
            classes=tuple(classes),
            pictures=tuple(picture for picture in pictures if picture is not None),
        )

    @cached_property
    def _annotations(self) -> dict[str, _Annotation]:
        files = sorted((self.folder / "Annotations").glob("*.xml"))
        return {file.stem: _read_annotation(file) for file in files}

    @cached_property
    def _files(self) -> dict[str, Path]:
        return {path.stem: path for path in sorted((self.folder / "JPEGImages").iterdir())}

    def _stems(self, split: str) -> Iterator[str]:
        if split not in self.lists:
            yield from self._annotations
            return
        try:
            lines = self.lists[split].read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{self.lists[split]}: cannot be read ({error})") from error
        yield from dict.fromkeys(stem for line in lines if (stem := line.strip()))

    def _picture(self, stem: str, labels: dict[str, int], problems: DataProblems) -> Picture | None:
        file = self.folder / "Annotations" / f"{stem}.xml"
        annotation, path = self._annotations.get(stem), self._files.get(stem)
        if annotation is None:
            problems.fatal(file, "the annotation of a listed picture is missing")
            return None
        for fault in annotation.faults:
            problems.fatal(file, fault)
        if path is None:
            problems.fatal(file, f"its picture {stem} is missing in {self.folder / 'JPEGImages'}")
            return None
        try:
            size = annotation.size or read_size(path)
        except InputError as error:
            problems.fatal(file, str(error))
            return None
        indices = [labels[name] for name in annotation.names]
        return make_picture(path, size, annotation.boxes, indices, annotation.difficult, problems)


def parse_xml(data: bytes) -> Element:
    """Parse XML that declares no document type, so that it can hold neither entities nor links.

    Raises:
        ValueError: it has a document type, or is not well-formed.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise ValueError("it has a document type (DTD), which is not accepted")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(f"not well-formed XML ({error})") from error
    return builder.close()


def _read_annotation(file: Path) -> _Annotation:
    annotation = _Annotation()
    try:
        root = parse_xml(file.read_bytes())
    except (OSError, ValueError) as error:
        annotation.faults.append(f"cannot be read: {error}")
        return annotation
    width, height = _number(root, "size/width"), _number(root, "size/height")
    if width and height and width > 0 and height > 0:
        annotation.size = (round(width), round(height))
    for thing in root.iter("object"):
        name = (thing.findtext("name") or "").strip()
        corners = [_number(thing, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")]
        x1, y1, x2, y2 = corners
        if not name:
            annotation.faults.append("an object has no name")
        elif x1 is None or y1 is None or x2 is None or y2 is None:
            annotation.faults.append(f"an object ({name}) has no complete bndbox")
        else:
            annotation.names.append(name)
            # Pixels are counted from 1, and the last one belongs to the box: its far edge is x2.
            annotation.boxes.append((x1 - 1, y1 - 1, x2, y2))
            annotation.difficult.append(bool(_number(thing, "difficult")))
    return annotation


def _number(element: Element, path: str) -> float | None:
    try:
        value = float(element.findtext(path) or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
