from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cnntasks_detect.data.check import check_detection_data
from detection_folders import (
    coco_document,
    voc_object,
    write_annotation,
    write_coco,
    write_json,
    write_label,
    write_picture,
    write_voc,
    write_yolo,
)

from cnntasks import DataReport, InputError


def write_pets(root: Path, boxes: list[list[float]] | None = None, **changes: Any) -> Path:
    """One picture with boxes of the only class, cat."""
    write_picture(root / "images/a.png")
    found = [(1, 1, box) for box in boxes or [[2, 3, 10, 20]]]
    write_json(root / "train.json", {**coco_document(boxes=found, names=["cat"]), **changes})
    return root


def messages(report: DataReport, severity: str) -> list[str]:
    return [f"{it.where}: {it.message}" for it in report.findings if it.severity == severity]


def only(report: DataReport, severity: str) -> str:
    """The one finding there is."""
    assert [finding.severity for finding in report.findings] == [severity], report.findings
    return messages(report, severity)[0]


@pytest.mark.parametrize("write", [write_coco, write_voc, write_yolo])
def test_sound_data_has_no_errors_and_plain_json_types(tmp_path: Path, write: Any) -> None:
    report = check_detection_data(write(tmp_path))
    assert messages(report, "error") == []
    assert json.loads(json.dumps([report.summary, report.table])) == [report.summary, report.table]


def test_counts_by_class_split_and_coco_size(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/a.png", size=(200, 200))
    boxes = [(1, 1, [0, 0, side, side]) for side in (31, 32, 95, 96, 150)]
    document = coco_document(
        boxes=[*boxes, (1, 2, [5, 5, 5, 5]), (1, 2, [9, 9, 9, 9])], size=(200, 200)
    )
    document["annotations"][5]["iscrowd"] = 1
    write_json(tmp_path / "train.json", document)
    report = check_detection_data(tmp_path)
    cat = {"class": "cat", "split": "train", "pictures": 1, "boxes": 5}
    dog = {"class": "dog", "split": "train", "pictures": 1, "boxes": 1}
    assert report.table == [
        {**cat, "small": 1, "medium": 2, "large": 2, "ignored": 0},
        {**dog, "small": 1, "medium": 0, "large": 0, "ignored": 1},
    ]
    assert report.summary == {
        "name": tmp_path.name,
        "format": "coco",
        "splits": {"train": 1},
        "classes": 2,
        "pictures": 1,
        "boxes": 6,
        "ignored": 1,
    }


def test_all_splits_are_counted_and_one_where_it_is_named(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    assert check_detection_data(root).summary["splits"] == {"train": 2, "test": 1}
    assert check_detection_data(Path(f"{root}:test")).summary["splits"] == {"test": 1}
    with pytest.raises(InputError, match="no split 'val'"):
        check_detection_data(Path(f"{root}:val"))


def test_trainval_is_not_a_leak_of_train(tmp_path: Path) -> None:
    report = check_detection_data(write_voc(tmp_path))
    assert report.summary["splits"] == {"train": 1, "val": 1, "test": 1}


def test_missing_pictures_are_all_listed(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    for name in ("a.png", "b.png"):
        (root / "images" / name).unlink()
    found = messages(check_detection_data(root), "error")
    assert [text.rpartition(": ")[2] for text in found[:2]] == [
        "the picture a.png is missing",
        "the picture b.png is missing",
    ]


@pytest.mark.parametrize("content", ["empty", "truncated", "text"])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_pictures_that_do_not_decode(tmp_path: Path, content: str, suffix: str) -> None:
    path = write_picture(tmp_path / f"images/a.{suffix}", size=(120, 90))
    write_json(tmp_path / "train.json", coco_document([path.name], names=["cat"], size=(120, 90)))
    assert check_detection_data(tmp_path).findings == []
    whole = path.read_bytes()
    half = whole[: len(whole) // 2]
    path.write_bytes({"empty": b"", "truncated": half, "text": b"hello"}[content])
    text = only(check_detection_data(tmp_path), "error")
    assert text.startswith(f"{path}: the picture cannot be read (")


def test_tiny_jpeg_pictures_are_no_trouble(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/a.jpg", size=(3, 2))
    document = coco_document(["a.jpg"], [(1, 1, [0, 0, 3, 2])], ["cat"], size=(3, 2))
    write_json(tmp_path / "train.json", document)
    assert check_detection_data(tmp_path).findings == []


def test_sizes_that_differ_from_the_picture(tmp_path: Path) -> None:
    write_pets(tmp_path)
    write_picture(tmp_path / "images/a.png", size=(80, 60))
    text = only(check_detection_data(tmp_path), "error")
    assert text.endswith("a.png: the labels say 40x30, the picture is 80x60")


def test_boxes_of_a_picture_that_exif_turns(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/a.jpg", orientation=6)
    write_json(tmp_path / "train.json", coco_document(["a.jpg"], names=["cat"]))
    text = only(check_detection_data(tmp_path), "error")
    assert "say 40x30, the picture is 30x40 after its EXIF orientation" in text


@pytest.mark.parametrize(
    ("boxes", "severity", "message"),
    [
        ([[30, 3, 10.9, 20]], None, ""),
        ([[30, 3, 15, 20]], "warning", "boxes reach up to 5 px outside the 40x30 picture"),
        ([[2, 3, 9, 9], [50, 3, 9, 9]], "error", "(50, 3, 59, 12) lies outside the picture"),
        ([[2, 3, 9, 9], [8, 8, -3, 5]], "error", "(8, 8, 5, 13) has its corners the wrong way"),
        ([[2, 3, 9, 9], [8, 8, 0.5, 1]], "warning", "(8, 8, 8.5, 9) is smaller than 1 px²"),
        ([[2, 3, 9, 9], [2, 3, 9, 9]], "warning", "1 of 2 boxes are there twice"),
    ],
)
def test_odd_boxes(
    tmp_path: Path, boxes: list[list[float]], severity: str | None, message: str
) -> None:
    report = check_detection_data(write_pets(tmp_path, boxes))
    if severity is None:
        assert report.findings == []
    else:
        assert message in only(report, severity)


def test_structural_faults_are_collected_not_raised(tmp_path: Path) -> None:
    document = coco_document(
        boxes=[(1, 1, [1, 1, 9, 9]), (1, 8, [1, 1, 9, 9]), (7, 1, [1, 1, 9, 9])]
    )
    document["images"] *= 2
    found = "\n".join(messages(check_detection_data(write_pets(tmp_path, **document)), "error"))
    for text in ("category id 8", "picture id 7", "picture id 1 is there twice (a.png)"):
        assert text in found


def test_a_picture_listed_under_two_ids(tmp_path: Path) -> None:
    document = coco_document(
        ["a.png", "a.png"], [(1, 1, [1, 1, 9, 9]), (2, 1, [2, 2, 9, 9])], ["cat"]
    )
    report = check_detection_data(write_pets(tmp_path, **document))
    assert "a.png is listed twice" in only(report, "error")


def test_a_split_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    (root / "test.json").write_text("{")
    report = check_detection_data(root)
    assert report.summary["splits"] == {"train": 2}
    assert "test.json: not valid JSON" in messages(report, "error")[0]


def test_the_same_bytes_in_two_splits_are_a_leak(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    shutil.copy(root / "images/a.png", root / "images/c.png")
    (text,) = messages(check_detection_data(root), "error")
    assert text.startswith(str(root / "images/c.png"))
    assert "the same picture is in train (a.png) and test" in text


def test_the_same_file_in_two_splits_is_a_leak(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    (root / "ImageSets/Main/test.txt").write_text("1\n3\n")
    (text,) = messages(check_detection_data(root), "error")
    assert "1.jpg: the same picture is in train (1.jpg) and test" in text


def test_the_same_bytes_within_a_split_are_a_warning(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    shutil.copy(root / "images/a.png", root / "images/b.png")
    report = check_detection_data(root)
    assert messages(report, "error") == []
    assert "the same picture as a.png" in " ".join(messages(report, "warning"))


def test_classes_and_pictures_without_boxes(tmp_path: Path) -> None:
    for number, name in enumerate(("a.png", "b.png")):
        write_picture(tmp_path / "images" / name, seed=number)
    document = coco_document(["a.png", "b.png"])
    document["annotations"].append({**document["annotations"][0], "category_id": 2, "iscrowd": 1})
    write_json(tmp_path / "train.json", document)
    name = f"{tmp_path.name}:train"
    assert messages(check_detection_data(tmp_path), "warning") == [
        f"{name}: the class 'dog' has no box",
        f"{name}: 1 of 2 pictures have no box; is that so?",
    ]


def test_an_empty_split(tmp_path: Path) -> None:
    root = write_pets(tmp_path)
    write_json(root / "test.json", coco_document((), (), ["cat"]))
    assert "no picture in this split" in only(check_detection_data(root), "error")


def test_splits_that_label_different_classes(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    document = coco_document(
        ["c.png"], [(1, 1, [1, 1, 9, 9]), (1, 2, [2, 2, 9, 9])], ["cat", "cow"]
    )
    write_json(root / "test.json", document)
    (text,) = messages(check_detection_data(root), "error")
    assert text.endswith(":test: other classes than in train: cow, dog")


@pytest.mark.parametrize(
    ("names", "alike"),
    [
        (["truck", "trcuk"], True),
        (["person", "Person "], True),
        (["aeroplane", "airplane"], True),
        (["traffic_light", "traffic light"], True),
        (["screw driver", "screwdriver"], True),
        (["cat", "car"], False),
        (["horse", "mouse"], False),  # both are COCO's
        (["lane 1", "lane 2"], False),
        (["RBC", "WBC"], False),
    ],
)
def test_class_names_that_look_alike(tmp_path: Path, names: list[str], alike: bool) -> None:
    write_picture(tmp_path / "images/a.png")
    boxes = [(1, 1, [1, 1, 9, 9]), (1, 2, [2, 2, 9, 9])]
    write_json(tmp_path / "train.json", coco_document(boxes=boxes, names=names))
    report = check_detection_data(tmp_path)
    if alike:
        assert f"{names[0]!r} and {names[1]!r} look alike" in only(report, "warning")
    else:
        assert report.findings == []


def test_errors_come_first(tmp_path: Path) -> None:
    write_pets(tmp_path, [[30, 3, 15, 20], [90, 90, 9, 9]])
    severities = [finding.severity for finding in check_detection_data(tmp_path).findings]
    assert severities == ["error", "warning"]


def test_faults_of_voc_and_yolo_are_collected_too(tmp_path: Path) -> None:
    voc, yolo = write_voc(tmp_path / "voc"), write_yolo(tmp_path / "yolo")
    write_annotation(voc, "1", voc_object("", (1, 1, 9, 9)))
    (voc / "Annotations/2.xml").unlink()
    found = messages(check_detection_data(voc), "error")
    assert ["no name" in found[0], "annotation of a listed" in found[1]] == [True, True]
    write_label(yolo / "labels/train/a.txt", "7 0.5 0.5 1 1", "0 0.5 0.5 1 1", "0 5 5 1 1")
    report = check_detection_data(yolo)
    assert [text.split(": ")[1][:16] for text in messages(report, "error")] == [
        "the class number",
        "not fractions of",
    ]
    assert report.summary["boxes"] == 2


def test_no_data_set_at_all_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a detection data set"):
        check_detection_data(tmp_path)
