"""Writes small detection data sets in the three formats, for the tests of their readers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Box = tuple[str, tuple[float, float, float, float]]


def write_picture(
    path: Path, size: tuple[int, int] = (40, 30), seed: int = 0, orientation: int | None = None
) -> Path:
    """A picture of noise; other seeds give other bytes. `size` is as stored."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    image.save(path, exif=exif)
    return path


def coco_document(
    files: Iterable[str] = ("a.png",),
    boxes: Iterable[tuple[int, int, list[float]]] = ((1, 1, [2, 3, 10, 20]),),
    names: Iterable[str] = ("cat", "dog"),
    size: tuple[int, int] = (40, 30),
) -> dict[str, list[dict[str, Any]]]:
    """A COCO document: pictures and categories count from 1; boxes are (picture, class, xywh)."""
    return {
        "categories": [{"id": i, "name": name} for i, name in enumerate(names, 1)],
        "images": [
            {"id": i, "file_name": name, "width": size[0], "height": size[1]}
            for i, name in enumerate(files, 1)
        ],
        "annotations": [
            {"id": i, "image_id": image, "category_id": category, "bbox": box}
            for i, (image, category, box) in enumerate(boxes, 1)
        ],
    }


def write_json(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def write_coco(root: Path) -> Path:
    """Our own layout: two training pictures, one for testing, classes cat and dog."""
    for number, name in enumerate(("a.png", "b.png", "c.png")):
        write_picture(root / "images" / name, seed=number)
    boxes = ((1, 1, [2.0, 3.0, 10.0, 20.0]), (1, 2, [0.0, 0.0, 40.0, 30.0]), (2, 2, [5, 5, 5, 5]))
    write_json(root / "train.json", coco_document(("a.png", "b.png"), boxes))
    write_json(root / "test.json", coco_document(("c.png",), ((1, 1, [1, 1, 8, 8]),)))
    return root


def voc_object(name: str, box: tuple[float, ...], difficult: int | None = None) -> str:
    corners = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=False)
    inside = "".join(f"<{key}>{value}</{key}>" for key, value in corners)
    flag = "" if difficult is None else f"<difficult>{difficult}</difficult>"
    return f"<object><name>{name}</name>{flag}<bndbox>{inside}</bndbox></object>"


def write_annotation(
    root: Path, stem: str, *objects: str, size: tuple[int, int] | None = (40, 30)
) -> Path:
    path = root / "Annotations" / f"{stem}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
    path.write_text(f"<annotation>{text}{''.join(objects)}</annotation>", encoding="utf-8")
    return path


def write_voc(root: Path) -> Path:
    """Three pictures: 1 and 2 in trainval (1 train, 2 val), 3 in test."""
    for number in (1, 2, 3):
        write_picture(root / "JPEGImages" / f"{number}.jpg", seed=number)
    write_annotation(
        root, "1", voc_object("sofa", (1, 1, 40, 30)), voc_object("dog", (3, 4, 12, 14), 1)
    )
    write_annotation(root, "2", voc_object("dog", (5, 5, 20, 20), 0))
    write_annotation(root, "3", voc_object("cat", (2, 2, 9, 9)))
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for split, ids in {"train": "1\n", "val": "2\n", "trainval": "1\n2\n", "test": "3\n"}.items():
        (lists / f"{split}.txt").write_text(ids)
    return root


def write_label(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_yolo(root: Path, yaml: str | None = None) -> Path:
    """One picture each for train and val, and a second for train that has no box."""
    write_picture(root / "images/train/a.png", seed=1)
    write_picture(root / "images/train/empty.png", seed=2)
    write_picture(root / "images/val/b.png", seed=3)
    write_label(root / "labels/train/a.txt", "0 0.5 0.5 0.5 0.2", "1 0.25 0.5 0.1 0.2")
    write_label(root / "labels/val/b.txt", "1 0.5 0.5 1 1")
    default = "path: .\ntrain: images/train\nval: images/val\nnames: [cat, dog]\n"
    (root / "data.yaml").write_text(default if yaml is None else yaml, encoding="utf-8")
    return root
