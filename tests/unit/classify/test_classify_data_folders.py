from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from classification_folders import write_folders, write_picture, write_pictures
from cnntasks_classify.data import available_splits, read_classification_data
from PIL import Image

from cnntasks import InputError


def test_reads_classes_and_labels_of_a_split(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "pets")
    data = read_classification_data(root, "train")
    assert (data.name, data.format, data.split) == ("pets", "folders", "train")
    assert data.classes == ("cat", "dog")
    assert [(it.name, it.label) for it in data.examples] == [
        ("train/cat/a.png", 0),
        ("train/cat/b.png", 0),
        ("train/dog/c.png", 1),
    ]
    assert data.examples[2].path == root / "train/dog/c.png"
    assert data.examples[2].pixels is None


def test_folders_without_splits(tmp_path: Path) -> None:
    write_pictures(tmp_path, "cat/a.png", "dog/b.png")
    assert available_splits(tmp_path) == ["all"]
    assert [it.name for it in read_classification_data(tmp_path).examples] == [
        "cat/a.png",
        "dog/b.png",
    ]


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Valid"])
def test_names_of_the_validation_split(tmp_path: Path, name: str) -> None:
    root = write_folders(tmp_path)
    (root / "val").rename(root / name)
    assert available_splits(root) == ["train", "val"]
    for wanted in (read_classification_data(root, name), read_classification_data(root, "val")):
        assert [wanted.split, *(it.name for it in wanted.examples)] == [
            "val",
            f"{name}/cat/d.png",
            f"{name}/dog/e.png",
        ]


def test_a_split_is_named_after_a_colon_and_all_are_read_without(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    assert len(read_classification_data(Path(f"{root}:val")).examples) == 2
    everything = read_classification_data(root)
    assert (everything.split, len(everything.examples)) == ("all", 5)
    assert available_splits(Path(f"{root}:val")) == ["train", "val"]
    with pytest.raises(InputError, match="no split 'test'; it has train, val"):
        read_classification_data(root, "test")


def test_a_folder_whose_name_has_a_colon(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "a:b")
    assert len(read_classification_data(root).examples) == 5


def test_labels_mean_the_same_in_every_split(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    write_picture(root / "val/bird/x.png")
    train, val = (read_classification_data(root, split) for split in ("train", "val"))
    assert train.classes == val.classes == ("bird", "cat", "dog")
    assert [it.label for it in val.examples] == [0, 1, 2]


def test_numbers_are_sorted_by_value(tmp_path: Path) -> None:
    write_pictures(tmp_path, "10/a.png", "9/a.png", "b/a.png", "100/a.png", "B/a.png")
    assert read_classification_data(tmp_path).classes == ("9", "10", "100", "B", "b")


def test_nested_pictures_belong_to_the_class(tmp_path: Path) -> None:
    write_pictures(tmp_path, "cat/2019/may/a.png", "cat/b.PNG", "dog/c.jpg")
    data = read_classification_data(tmp_path)
    assert [(it.name, it.label) for it in data.examples] == [
        ("cat/2019/may/a.png", 0),
        ("cat/b.PNG", 0),
        ("dog/c.jpg", 1),
    ]


def test_hidden_files_and_others_are_skipped_and_counted(tmp_path: Path) -> None:
    write_pictures(tmp_path, "cat/a.png", "dog/b.png", "cat/.c.png", ".git/d.png", "__MACOSX/e.png")
    for name in ("cat/Thumbs.db", "dog/notes.txt", "README"):
        (tmp_path / name).write_text("no picture")
    data = read_classification_data(tmp_path)
    assert (len(data.examples), data.skipped, data.classes) == (2, 6, ("cat", "dog"))


def test_trains_are_a_class_where_their_pictures_lie_in_the_folder_itself(tmp_path: Path) -> None:
    write_pictures(tmp_path, "bus/a.png", "train/b.png")
    assert read_classification_data(tmp_path).classes == ("bus", "train")
    write_pictures(tmp_path, "train/2019/c.png")
    assert read_classification_data(tmp_path).classes == ("bus", "train")


def test_other_folders_beside_the_splits_are_left_out(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    write_picture(root / "preview/sheet.png")
    assert available_splits(root) == ["train", "val"]
    assert read_classification_data(root).classes == ("cat", "dog")


def test_links_are_followed_and_loops_are_not_endless(tmp_path: Path) -> None:
    write_pictures(tmp_path / "real", "a.png")
    write_pictures(tmp_path / "pets", "dog/b.png")
    (tmp_path / "pets/cat").symlink_to(tmp_path / "real")
    (tmp_path / "pets/dog/again").symlink_to(tmp_path / "pets/dog")
    names = [it.name for it in read_classification_data(tmp_path / "pets").examples]
    assert names == ["cat/a.png", "dog/b.png"]


def test_pictures_are_loaded_as_rgb_and_turned(tmp_path: Path) -> None:
    write_picture(tmp_path / "cat/a.jpg", size=(12, 10), orientation=6)
    (tmp_path / "dog").mkdir()
    Image.new("L", (3, 2), 77).save(tmp_path / "dog/b.png")
    turned, grey = (it.load() for it in read_classification_data(tmp_path).examples)
    assert (turned.shape, turned.dtype) == ((12, 10, 3), np.uint8)
    assert grey.tolist() == [[[77] * 3] * 3] * 2


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"hello", "not a picture"), (None, "no such file")],
)
def test_loading_a_bad_picture_names_its_file(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    write_pictures(tmp_path, "cat/a.png", "dog/b.png")
    cat, _ = read_classification_data(tmp_path).examples
    assert cat.path is not None
    if content is None:
        cat.path.unlink()
    else:
        cat.path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        cat.load()
    assert str(caught.value).startswith(str(cat.path))


def test_one_class_only(tmp_path: Path) -> None:
    write_pictures(tmp_path, "cat/a.png", "cat/b.png")
    with pytest.raises(InputError, match=r"only the class 'cat'; a classifier needs at least two$"):
        read_classification_data(tmp_path)
    root = write_pictures(tmp_path / "split", "train/cat/a.png", "val/cat/b.png")
    with pytest.raises(InputError, match=r"at least two$"):
        read_classification_data(root)


def test_an_empty_class_folder_is_refused_for_training_only(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    (root / "val/bird").mkdir()
    assert len(read_classification_data(root, "val").examples) == 2
    (root / "train/bird").mkdir()
    (root / "train/bird/readme.txt").write_text("to be filled")
    with pytest.raises(InputError, match=":train: the class 'bird' has no picture here; add some"):
        read_classification_data(root, "train")


def test_an_empty_split(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    (root / "test").mkdir()
    with pytest.raises(InputError, match=r"\(test split\): there is no labelled picture in it"):
        read_classification_data(root, "test")
    assert len(read_classification_data(root).examples) == 5
    write_picture(root / "test/1.png")
    with pytest.raises(InputError, match=r"\(test split, 1 file left out\): there is no"):
        read_classification_data(root, "test")


def test_locations_that_are_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone: there is no such file or folder"):
        read_classification_data(tmp_path / "gone")
    with pytest.raises(InputError, match="not a classification data set; expected a folder for"):
        read_classification_data(tmp_path)
    (tmp_path / "cat").mkdir()
    with pytest.raises(InputError, match=r"no picture in its folders \(cat\)"):
        read_classification_data(tmp_path)
    write_picture(tmp_path / "a.png")
    for location, message in ((tmp_path, "lie in no class folder"), (tmp_path / "a.png", "not a")):
        with pytest.raises(InputError, match=message):
            read_classification_data(location)


def test_splits_without_class_folders(tmp_path: Path) -> None:
    write_pictures(tmp_path, "train/a.png", "test/b.png")
    with pytest.raises(InputError, match="lie in no class folder; move those of each class"):
        read_classification_data(tmp_path)


def test_stray_pictures_do_not_make_classes_of_splits(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    write_pictures(root, "train/sheet.png", "preview/sheet.png")
    assert read_classification_data(root).classes == ("cat", "dog")


def test_two_folders_for_one_split(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    write_picture(root / "validation/cat/x.png")
    with pytest.raises(InputError, match="val and validation are both its val split"):
        available_splits(root)


def test_a_class_name_that_is_not_utf8(tmp_path: Path) -> None:
    write_pictures(tmp_path, "cat/a.png", "dog/b.png")
    (tmp_path / "dog").rename(os.fsdecode(os.fsencode(tmp_path) + b"/d\xf6g"))
    with pytest.raises(InputError, match="not valid UTF-8; rename it"):
        read_classification_data(tmp_path)


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pictures(tmp_path, "cat/a.png", "dog/b.png")
    scan = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "dog":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"dog: cannot be read .*Permission denied.*check its"):
        read_classification_data(tmp_path)
