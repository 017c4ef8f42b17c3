from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cnntasks_detect.data import available_splits, read_detection_data
from cnntasks_detect.data.voc import parse_xml
from detection_folders import voc_object, write_annotation, write_picture, write_voc

from cnntasks import InputError


@pytest.mark.parametrize("where", ["VOC2007", "VOCdevkit/VOC2007", "x/VOCdevkit/VOC2007"])
def test_recognised_from_the_folder_or_those_around_it(tmp_path: Path, where: str) -> None:
    write_voc(tmp_path / where)
    location = tmp_path / where.split("/")[0]
    assert available_splits(location) == ["train", "val", "trainval", "test"]
    data = read_detection_data(location, "train")
    assert (data.format, data.name, data.split) == ("voc", "VOC2007", "train")


def test_pixels_count_from_one_and_the_last_one_belongs_to_the_box(tmp_path: Path) -> None:
    (picture,) = read_detection_data(write_voc(tmp_path), "train").pictures
    np.testing.assert_array_equal(picture.boxes, [[0, 0, 40, 30], [2, 3, 12, 14]])


def test_difficult_objects_are_to_be_ignored(tmp_path: Path) -> None:
    data = read_detection_data(write_voc(tmp_path))
    assert [picture.ignore.tolist() for picture in data.pictures] == [
        [False, True],
        [False],
        [False],
    ]


def test_classes_are_those_of_the_whole_folder_in_every_split(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    for split in available_splits(root):
        assert read_detection_data(root, split).classes == ("cat", "dog", "sofa")
    assert read_detection_data(root, "train").pictures[0].labels.tolist() == [2, 1]


def test_splits_follow_the_lists(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    stems = {
        split: [picture.path.stem for picture in read_detection_data(root, split).pictures]
        for split in ("train", "val", "trainval", "test", "all")
    }
    assert stems == {
        "train": ["1"],
        "val": ["2"],
        "trainval": ["1", "2"],
        "test": ["3"],
        "all": ["1", "2", "3"],
    }


def test_without_lists_every_annotation_counts(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    for file in (root / "ImageSets/Main").iterdir():
        file.unlink()
    assert available_splits(root) == ["all"]
    assert len(read_detection_data(root).pictures) == 3


def test_sizes_come_from_the_turned_picture_where_the_annotation_has_none(tmp_path: Path) -> None:
    write_annotation(tmp_path, "1", voc_object("cat", (1, 1, 99, 99)), size=None)
    write_picture(tmp_path / "JPEGImages/1.jpg", size=(40, 30), orientation=8)
    (picture,) = read_detection_data(tmp_path).pictures
    np.testing.assert_array_equal(picture.boxes, [[0, 0, 30, 40]])


def test_boxes_of_parts_are_not_objects(tmp_path: Path) -> None:
    head = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    person = voc_object("person", (1, 1, 9, 9)).replace("</object>", head + "</object>")
    write_annotation(tmp_path, "1", person)
    write_picture(tmp_path / "JPEGImages/1.png")
    data = read_detection_data(tmp_path)
    assert data.classes == ("person",)
    assert len(data.pictures[0].boxes) == 1


def test_several_years_are_not_guessed_between(tmp_path: Path) -> None:
    write_voc(tmp_path / "VOC2007")
    write_voc(tmp_path / "VOC2012")
    with pytest.raises(InputError, match=r"several data sets \(VOC2007, VOC2012\); name one"):
        read_detection_data(tmp_path)


def test_missing_pictures_and_annotations_are_named(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    (root / "JPEGImages/1.jpg").unlink()
    (root / "Annotations/2.xml").unlink()
    with pytest.raises(InputError, match=r"1\.xml: its picture 1 is missing in .*JPEGImages"):
        read_detection_data(root, "train")
    with pytest.raises(InputError, match=r"2\.xml: the annotation of a listed picture is missing"):
        read_detection_data(root, "val")
    assert len(read_detection_data(root, "test").pictures) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>", "not well-formed"),
        ("", "not well-formed"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "document type"),
        (f"<a>{voc_object('', (1, 1, 9, 9))}</a>", "no name"),
        (f"<a>{voc_object('cat', (1, 1, 9))}</a>", "no complete bndbox"),
        ("<a><object><name>cat</name></object></a>", r"\(cat\) has no complete bndbox"),
        (f"<a>{voc_object('cat', (1, 1, 9, float('nan')))}</a>", "no complete bndbox"),
    ],
)
def test_broken_annotations_are_named(tmp_path: Path, text: str, message: str) -> None:
    root = write_voc(tmp_path)
    (root / "Annotations/1.xml").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_detection_data(root, "train")
    assert "1.xml" in str(caught.value)


def test_nothing_boxed_is_an_error(tmp_path: Path) -> None:
    write_annotation(tmp_path, "1")
    (tmp_path / "JPEGImages").mkdir()
    with pytest.raises(InputError, match="Annotations: no XML file in it boxes anything"):
        read_detection_data(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_cannot_be_smuggled_in(tmp_path: Path, encoding: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("inside")
    xml = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'
    with pytest.raises(ValueError, match="document type"):
        parse_xml(xml.encode(encoding))


def test_xml_in_other_encodings_is_read() -> None:
    assert parse_xml("<a><b>Käse</b></a>".encode("utf-16")).findtext("b") == "Käse"
