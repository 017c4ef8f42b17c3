from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cnntasks_detect.data import available_splits, read_detection_data
from detection_folders import coco_document, write_coco, write_json, write_picture

from cnntasks import InputError


def broken(root: Path, **changes: Any) -> Path:
    """A data set whose training file has been tampered with."""
    write_coco(root)
    return write_json(root / "train.json", {**coco_document(), **changes})


def test_reads_boxes_as_corners_and_labels_as_indices(tmp_path: Path) -> None:
    data = read_detection_data(write_coco(tmp_path / "pets"), "train")
    assert (data.name, data.format, data.split, data.classes) == (
        "pets",
        "coco",
        "train",
        ("cat", "dog"),
    )
    first, second = data.pictures
    assert first.path == tmp_path / "pets/images/a.png"
    assert (first.width, first.height) == (40, 30)
    np.testing.assert_array_equal(first.boxes, [[2, 3, 12, 23], [0, 0, 40, 30]])
    np.testing.assert_array_equal(first.labels, [0, 1])
    np.testing.assert_array_equal(second.boxes, [[5, 5, 10, 10]])
    assert (first.boxes.dtype, first.labels.dtype, first.ignore.dtype) == (
        np.float32,
        np.int64,
        np.bool_,
    )
    assert not first.ignore.any()


def test_picture_without_boxes_has_empty_arrays_of_the_right_shape(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/a.png")
    write_json(tmp_path / "train.json", coco_document(boxes=()))
    (picture,) = read_detection_data(tmp_path).pictures
    assert picture.boxes.shape == (0, 4)
    assert picture.labels.shape == picture.ignore.shape == (0,)


def test_crowd_and_difficult_are_to_be_ignored(tmp_path: Path) -> None:
    document = coco_document(
        boxes=[(1, 1, [1, 1, 9, 9]), (1, 1, [2, 2, 9, 9]), (1, 1, [3, 3, 9, 9])]
    )
    document["annotations"][0]["iscrowd"] = 1
    document["annotations"][1]["difficult"] = 1
    document["annotations"][2].update(iscrowd=0, difficult=0)
    write_picture(tmp_path / "images/a.png")
    write_json(tmp_path / "train.json", document)
    (picture,) = read_detection_data(tmp_path).pictures
    assert picture.ignore.tolist() == [True, True, False]


def test_category_ids_need_not_be_in_order_or_without_gaps(tmp_path: Path) -> None:
    document = coco_document(boxes=[(1, 90, [1, 1, 9, 9]), (1, 7, [2, 2, 9, 9])])
    document["categories"] = [{"id": 90, "name": "toothbrush"}, {"id": 7, "name": "train"}]
    write_picture(tmp_path / "images/a.png")
    write_json(tmp_path / "train.json", document)
    data = read_detection_data(tmp_path)
    assert data.classes == ("toothbrush", "train")
    assert data.pictures[0].labels.tolist() == [0, 1]


def test_boxes_are_clipped_and_slivers_are_left_out(tmp_path: Path) -> None:
    boxes = [
        (1, 1, [-5, 20, 15, 50]),
        (1, 2, [5, 5, 0.5, 1]),
        (1, 2, [50, 5, 9, 9]),
        (1, 2, [5, 5, 0, 9]),
    ]
    write_picture(tmp_path / "images/a.png")
    write_json(tmp_path / "train.json", coco_document(boxes=boxes))
    (picture,) = read_detection_data(tmp_path).pictures
    np.testing.assert_array_equal(picture.boxes, [[0, 20, 10, 30]])
    assert picture.labels.tolist() == [0]
    assert picture.ignore.tolist() == [False]


def test_splits_are_joined_where_none_is_named(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    assert available_splits(root) == ["train", "test"]
    for data in (read_detection_data(root), read_detection_data(root, "all")):
        assert data.split == "all"
        assert [picture.path.name for picture in data.pictures] == ["a.png", "b.png", "c.png"]


def test_joined_splits_agree_on_the_labels_whatever_the_order_of_their_classes(
    tmp_path: Path,
) -> None:
    root = write_coco(tmp_path)
    write_json(
        root / "test.json", coco_document(["c.png"], [(1, 1, [1, 1, 8, 8])], names=["dog", "cat"])
    )
    data = read_detection_data(root)
    assert data.classes == ("cat", "dog")
    assert data.pictures[2].labels.tolist() == [1]


def test_splits_with_different_classes_cannot_be_joined(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    write_json(root / "test.json", coco_document(["c.png"], names=["cat", "cow"]))
    with pytest.raises(InputError, match=r"different classes \(cow, dog\); name one split"):
        read_detection_data(root)
    assert read_detection_data(root, "test").classes == ("cat", "cow")


def test_a_split_can_be_named_in_the_location(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    assert read_detection_data(Path(f"{root}:test")).split == "test"
    assert available_splits(Path(f"{root}:test")) == ["train", "test"]
    assert read_detection_data(Path(f"{root}:test"), "train").split == "train"
    with pytest.raises(InputError, match=r"there is no split 'val'; it has train, test"):
        read_detection_data(Path(f"{root}:val"))


def test_a_folder_with_a_colon_in_its_name_is_found(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "my:test")
    assert len(read_detection_data(root).pictures) == 3
    assert read_detection_data(Path(f"{root}:test")).split == "test"


def test_published_layout(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_picture(tmp_path / f"{split}2017/a.png")
        write_json(tmp_path / f"annotations/instances_{split}2017.json", coco_document())
        write_json(tmp_path / f"annotations/captions_{split}2017.json", {"images": []})
    assert available_splits(tmp_path) == ["train", "val"]
    data = read_detection_data(tmp_path, "val")
    assert data.name == tmp_path.name
    assert data.pictures[0].path == tmp_path / "val2017/a.png"
    direct = read_detection_data(tmp_path / "annotations/instances_train2017.json")
    assert (direct.name, direct.split) == (tmp_path.name, "train")
    assert direct.pictures[0].path == tmp_path / "train2017/a.png"


def test_pictures_below_images_and_the_published_name(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/val2017/a.png")
    write_json(tmp_path / "annotations/instances_val2017.json", coco_document())
    assert read_detection_data(tmp_path).pictures[0].path.parent.name == "val2017"


def test_two_files_for_one_split_are_not_guessed_between(tmp_path: Path) -> None:
    for year in (2014, 2017):
        write_json(tmp_path / f"annotations/instances_train{year}.json", coco_document())
    with pytest.raises(InputError, match="is the train split too; give the path of one"):
        read_detection_data(tmp_path)


def test_roboflow_layout_with_its_category_for_the_group(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        write_picture(tmp_path / split / "a.png")
        document = coco_document(boxes=[(1, 1, [2, 3, 10, 20])])
        document["categories"] = [
            {"id": 0, "name": "pets", "supercategory": "none"},
            {"id": 1, "name": "cat", "supercategory": "pets"},
        ]
        write_json(tmp_path / split / "_annotations.coco.json", document)
    assert available_splits(tmp_path) == ["train", "val", "test"]
    data = read_detection_data(tmp_path, "val")
    assert data.classes == ("cat",)
    assert data.pictures[0].path == tmp_path / "valid/a.png"
    direct = read_detection_data(tmp_path / "valid/_annotations.coco.json")
    assert (direct.name, direct.split) == (tmp_path.name, "val")


@pytest.mark.parametrize("name", ["labels.json", "my boxes.json"])
def test_a_single_file_beside_its_pictures(tmp_path: Path, name: str) -> None:
    write_picture(tmp_path / "a.png")
    write_json(tmp_path / name, coco_document())
    assert available_splits(tmp_path) == ["all"]
    for location in (tmp_path, tmp_path / name):
        data = read_detection_data(location)
        assert (data.split, data.name) == ("all", tmp_path.name)
        assert data.pictures[0].path == tmp_path / "a.png"


def test_sizes_come_from_the_picture_where_the_file_has_none(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/a.jpg", size=(40, 30), orientation=6)
    document = coco_document(["a.jpg"], [(1, 1, [0, 0, 100, 100])])
    del document["images"][0]["width"]
    write_json(tmp_path / "train.json", document)
    (picture,) = read_detection_data(tmp_path).pictures
    assert (picture.width, picture.height) == (30, 40)
    np.testing.assert_array_equal(picture.boxes, [[0, 0, 30, 40]])


def test_pictures_are_not_opened_where_the_file_has_their_sizes(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").write_bytes(b"")
    write_json(tmp_path / "train.json", coco_document())
    assert read_detection_data(tmp_path).pictures[0].width == 40


def test_missing_pictures_are_named_and_counted(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    (root / "images/a.png").unlink()
    (root / "images/b.png").unlink()
    with pytest.raises(
        InputError, match=r"train\.json: the picture a\.png is missing \(and 1 more"
    ):
        read_detection_data(root, "train")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotations": [{"image_id": 9, "category_id": 1}]}, "unknown picture id 9"),
        ({"annotations": [{"image_id": 1, "category_id": 5}]}, "unknown category id 5"),
        ({"annotations": [{"image_id": 1, "category_id": [1]}]}, "unknown category id None"),
        ({"annotations": [{"image_id": 1, "category_id": 1}]}, "has no box"),
        ({"annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3]}]}, "has no box"),
        ({"annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, "x"]}]}, "no box"),
        ({"annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1e999]}]}, "no box"),
        ({"annotations": [17]}, "unknown picture id None"),
        ({"images": [{"id": 1}]}, "no id or no file_name"),
        ({"images": [{"id": 1, "file_name": "a.png"}] * 2}, "picture id 1 is there twice"),
        ({"categories": [{"id": 1, "name": ""}]}, "no id or no name"),
        ({"categories": [{"id": 1, "name": "x"}, {"id": 2, "name": "x"}]}, "is there twice"),
        ({"categories": []}, "lists no categories"),
        ({"images": None}, "no list 'images'"),
    ],
)
def test_structural_faults_are_one_line_that_names_the_file(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    broken(tmp_path, **changes)
    with pytest.raises(InputError, match=message) as caught:
        read_detection_data(tmp_path, "train")
    assert "train.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe\xfa", b"[" * 100_000])
def test_files_that_are_no_coco_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train.json").write_bytes(content)
    with pytest.raises(InputError, match=r"train\.json: not "):
        read_detection_data(tmp_path)


def test_a_data_set_without_pictures_is_an_error(tmp_path: Path) -> None:
    write_json(tmp_path / "train.json", coco_document(files=(), boxes=()))
    with pytest.raises(InputError, match="there is no picture in it"):
        read_detection_data(tmp_path)


@pytest.mark.parametrize("split", [None, "train"])
def test_unrecognised_folders_are_told_what_is_expected(tmp_path: Path, split: str | None) -> None:
    write_picture(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"COCO .*Pascal VOC .*YOLO ") as caught:
        read_detection_data(tmp_path, split)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        read_detection_data(tmp_path / "nowhere")


def test_relative_locations_have_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_coco(tmp_path / "pets")
    monkeypatch.chdir(tmp_path / "pets")
    assert read_detection_data(Path(os.curdir)).name == "pets"
    assert read_detection_data(Path("train.json")).name == "pets"
