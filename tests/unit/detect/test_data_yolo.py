from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cnntasks_detect.data import available_splits, read_detection_data
from detection_folders import write_label, write_picture, write_yolo

from cnntasks import InputError


def test_reads_fractions_as_corners_in_pixels(tmp_path: Path) -> None:
    data = read_detection_data(write_yolo(tmp_path / "pets"), "train")
    assert (data.format, data.name, data.classes) == ("yolo", "pets", ("cat", "dog"))
    first, empty = data.pictures
    np.testing.assert_allclose(first.boxes, [[10, 12, 30, 18], [8, 12, 12, 18]], atol=1e-4)
    assert first.labels.tolist() == [0, 1]
    assert not first.ignore.any()
    assert empty.boxes.shape == (0, 4)


def test_fractions_are_of_the_turned_picture(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    write_picture(root / "images/val/b.jpg", size=(40, 30), orientation=6)
    (root / "images/val/b.png").unlink()
    (picture,) = read_detection_data(root, "val").pictures
    np.testing.assert_array_equal(picture.boxes, [[0, 0, 30, 40]])


@pytest.mark.parametrize(
    "yaml",
    [
        "train: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n",
        "train: ./images/train\nval: [images/val]\ntest:\nnames: ['cat', \"dog\"]\nnc: 2\n",
        "train: ../images/train\nval: ../images/val\nnames:\n- cat\n- dog\n",
        "path: ../datasets/pets\ntrain: images/train\nvalid: images/val\nnames: [cat, dog]",
        "names: {1: dog, 0: cat}\n",
    ],
)
def test_forms_of_the_yaml_file(tmp_path: Path, yaml: str) -> None:
    root = write_yolo(tmp_path / "pets", yaml)
    assert available_splits(root) == ["train", "val"]
    assert read_detection_data(root, "val").classes == ("cat", "dog")
    assert len(read_detection_data(root / "data.yaml").pictures) == 3


def test_yaml_elsewhere_with_an_absolute_path(tmp_path: Path) -> None:
    root = write_yolo(tmp_path / "pets")
    file = tmp_path / "my.yaml"
    file.write_text(f"path: {root}\ntrain: images/train\nval: images/val\nnames: [cat, dog]\n")
    assert len(read_detection_data(file, "train").pictures) == 2


def test_names_stay_names_whatever_yaml_makes_of_them(tmp_path: Path) -> None:
    root = write_yolo(tmp_path, "train: images/train\nval: images/val\nnames: [no, 12]\n")
    assert read_detection_data(root, "val").classes == ("no", "12")


def test_text_files_that_list_pictures(tmp_path: Path) -> None:
    root = write_yolo(tmp_path, "train: some.txt\nval: images/val\nnames: [cat, dog]\n")
    (root / "some.txt").write_text("./images/train/a.png\n\nimages/val/b.png\n")
    data = read_detection_data(root, "train")
    assert [len(picture.boxes) for picture in data.pictures] == [2, 1]


def test_a_listed_picture_that_is_missing_is_named(tmp_path: Path) -> None:
    root = write_yolo(tmp_path, "train: some.txt\nnames: [cat, dog]\n")
    (root / "some.txt").write_text("./images/train/a.png\nimages/train/gone.png\n")
    with pytest.raises(InputError, match=r"gone\.png: the picture is missing"):
        read_detection_data(root)


def test_a_declared_split_that_is_missing_is_named(tmp_path: Path) -> None:
    root = write_yolo(tmp_path, "train: images/train\ntest: images/test\nnames: [cat, dog]\n")
    assert len(read_detection_data(root, "train").pictures) == 2
    with pytest.raises(InputError, match=r"images/test: .* missing"):
        read_detection_data(root, "test")


@pytest.mark.parametrize("names", ["classes.txt", "obj.names", "labels/classes.txt"])
def test_class_names_in_a_text_file(tmp_path: Path, names: str) -> None:
    root = write_yolo(tmp_path)
    (root / "data.yaml").unlink()
    (root / names).write_text("cat\ndog\n\n")
    assert available_splits(root) == ["train", "val"]
    assert len(read_detection_data(root, "all").pictures) == 3


def test_flat_folders_have_one_split(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/a.png")
    write_label(tmp_path / "labels/a.txt", "0 0.5 0.5 1 1")
    write_label(tmp_path / "classes.txt", "cat")
    (tmp_path / "notes.json").write_text("{}")  # Label Studio adds one
    data = read_detection_data(tmp_path)
    assert (data.split, len(data.pictures[0].boxes)) == ("all", 1)


def test_labels_beside_the_pictures(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    write_label(tmp_path / "a.txt", "0 0.5 0.5 1 1")
    write_label(tmp_path / "classes.txt", "cat")
    (picture,) = read_detection_data(tmp_path).pictures
    assert len(picture.boxes) == 1


def test_a_folder_called_images_around_the_data_set_does_no_harm(tmp_path: Path) -> None:
    root = write_yolo(tmp_path / "images/pets")
    assert len(read_detection_data(root, "train").pictures[0].boxes) == 2


def test_polygons_become_the_box_around_them(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    write_label(root / "labels/val/b.txt", "0 0.5 0 1 0.5 0.5 1 0.25 0.5")
    (picture,) = read_detection_data(root, "val").pictures
    np.testing.assert_allclose(picture.boxes, [[10, 0, 40, 30]])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2 0.5 0.5 1 1", r"class number 2 is unknown \(there are 2 classes\)"),
        ("-1 0.5 0.5 1 1", "class number -1 is unknown"),
        ("cat 0.5 0.5 1 1", "not 'class cx cy width height'"),
        ("0 0.5 0.5 1", "3 numbers after the class where 4 are expected"),
        ("0 0.5 0.5 1 1 0.9", "5 numbers"),
        ("0 120 80 40 40", "not fractions"),
        ("0 nan 0.5 1 1", "not fractions"),
    ],
)
def test_bad_lines_are_named_with_their_number(tmp_path: Path, line: str, message: str) -> None:
    root = write_yolo(tmp_path)
    write_label(root / "labels/val/b.txt", "0 0.5 0.5 1 1", line)
    with pytest.raises(InputError, match=message) as caught:
        read_detection_data(root, "val")
    assert "b.txt:2:" in str(caught.value)


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("train: [", "not a YAML file"),
        ("train: images/train\nnc: 2\n", "class names as a list or mapping 'names'"),
        ("names: {0: cat, 2: dog}", "without a gap"),
        ("names: {a: cat}", "without a gap"),
        ("names: []", "no class names"),
        ("names: [cat, cat]", "'cat' is there twice"),
        ("- cat", "no 'names'"),
        ("names: [[cat]]", "list or mapping"),
    ],
)
def test_bad_yaml_files(tmp_path: Path, yaml: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_detection_data(write_yolo(tmp_path, yaml))
    assert "data.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pictures_without_any_label_file_are_an_error(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    (root / "labels/val/b.txt").unlink()
    with pytest.raises(InputError, match="none of its pictures has a label file"):
        read_detection_data(root, "val")


def test_unreadable_pictures_are_named(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    (root / "images/val/b.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"b\.png: not a picture that can be read"):
        read_detection_data(root, "val")
