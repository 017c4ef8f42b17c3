from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from classification_folders import (
    noise,
    write_cifar10,
    write_csv,
    write_folders,
    write_idx,
    write_mnist,
    write_picture,
    write_pictures,
    write_table,
)
from cnntasks_classify.data.check import check_classification_data
from PIL import Image

from cnntasks import DataReport, InputError


def messages(report: DataReport, severity: str) -> list[str]:
    return [f"{it.where}: {it.message}" for it in report.findings if it.severity == severity]


def only(report: DataReport, severity: str) -> str:
    """The one finding there is."""
    assert [finding.severity for finding in report.findings] == [severity], report.findings
    return messages(report, severity)[0]


@pytest.mark.parametrize("write", [write_folders, write_csv, write_cifar10])
def test_sound_data_has_no_findings_and_plain_json_types(tmp_path: Path, write: Any) -> None:
    report = check_classification_data(write(tmp_path))
    assert report.findings == []
    assert json.loads(json.dumps([report.summary, report.table])) == [report.summary, report.table]


def test_counts_and_sizes(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "pets")
    write_picture(root / "train/cat/b.png", size=(90, 20), seed=1)
    (root / "train/cat/.hidden").write_text("")
    report = check_classification_data(root)
    assert report.summary == {
        "name": "pets",
        "format": "folders",
        "splits": {"train": 3, "val": 2},
        "classes": 2,
        "pictures": 5,
        "skipped": 1,
        "width": {"smallest": 12, "median": 12, "largest": 90},
        "height": {"smallest": 10, "median": 10, "largest": 20},
    }
    assert report.table == [
        {"class": "cat", "split": "train", "pictures": 2},
        {"class": "dog", "split": "train", "pictures": 1},
        {"class": "cat", "split": "val", "pictures": 1},
        {"class": "dog", "split": "val", "pictures": 1},
    ]


def test_one_split_where_it_is_named(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    assert check_classification_data(Path(f"{root}:val")).summary["splits"] == {"val": 2}
    with pytest.raises(InputError, match="no split 'test'"):
        check_classification_data(Path(f"{root}:test"))


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("content", ["empty", "truncated", "text"])
def test_pictures_that_do_not_decode(tmp_path: Path, suffix: str, content: str) -> None:
    root = write_folders(tmp_path)
    path = write_picture(root / f"train/dog/x.{suffix}", size=(120, 90))
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "truncated": whole[: len(whole) // 2], "text": b"hi"}[content])
    text = only(check_classification_data(root), "error")
    reason = {"empty": "the file is empty", "truncated": "damaged or cut", "text": "not a picture"}
    assert text.startswith(f"{path}: ")
    assert reason[content] in text


def test_a_link_to_nothing(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    (root / "val/dog/x.png").symlink_to(root / "gone.png")
    assert "x.png: no such file" in only(check_classification_data(root), "error")


def test_missing_files_of_a_table_are_all_listed(tmp_path: Path) -> None:
    root = write_csv(tmp_path)
    for name in ("a.png", "c.png"):
        (root / "images" / name).unlink()
    found = messages(check_classification_data(root), "error")
    assert [text.split(";")[0] for text in found[:2]] == [
        f"{root / 'train.csv'}:2: the picture images/a.png is missing",
        f"{root / 'val.csv'}:2: the picture images/c.png is missing",
    ]


def test_copies_within_a_split_are_a_warning(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    # The same pixels in another file format are a copy, too.
    Image.open(root / "train/cat/a.png").save(root / "train/cat/z.bmp")
    text = only(check_classification_data(root), "warning")
    assert (
        text == f"{root}/train/cat/z.bmp: the same picture as train/cat/a.png; remove one of them"
    )


def test_copies_across_splits_are_an_error(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    shutil.copy(root / "train/cat/a.png", root / "val/cat/x.png")
    text = only(check_classification_data(root), "error")
    assert text.startswith(f"{root}/val/cat/x.png: the same picture as train/cat/a.png, in val ")
    assert text.endswith("remove it from one of them")


def test_a_picture_under_two_labels_is_an_error(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    shutil.copy(root / "train/cat/a.png", root / "train/dog/x.png")
    text = only(check_classification_data(root), "error")
    assert text == (
        f"{root}/train/dog/x.png: the same picture as train/cat/a.png, but labelled 'dog' here "
        "and 'cat' there; keep one of them"
    )


def test_a_row_that_is_there_twice(tmp_path: Path) -> None:
    root = write_csv(tmp_path)
    file = root / "train.csv"
    lines = file.read_text().splitlines()
    write_table(file, *lines, lines[1])
    text = only(check_classification_data(root), "warning")
    assert text.endswith("a.png: this picture is listed twice; remove one of them")
    write_table(file, *lines, "images/a.png,dog")
    assert "twice, but labelled 'dog' here" in only(check_classification_data(root), "error")


def test_equal_bytes_of_other_shape_are_no_copies(tmp_path: Path) -> None:
    write_pictures(tmp_path, "cat/a.png", "dog/b.png")
    for name, size in (("cat/c.png", (20, 10)), ("cat/d.png", (10, 20))):
        Image.new("RGB", size, "red").save(tmp_path / name)
    assert check_classification_data(tmp_path).findings == []


def test_classes_that_are_missing_in_one_split(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "pets")
    write_picture(root / "train/bird/x.png", seed=7)
    write_picture(root / "val/cow/y.png", seed=8)
    report = check_classification_data(root)
    assert messages(report, "error") == [
        "pets:train: the class 'cow' has no picture here; add some or remove the class"
    ]
    assert messages(report, "warning") == [
        "pets:val: the class 'bird' has no picture here; add some or remove the class"
    ]


def test_an_empty_class_folder_is_said_once(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    (root / "train/cow").mkdir()
    report = check_classification_data(root)
    assert len(messages(report, "error")) == len(messages(report, "warning")) == 1


def test_an_empty_split_and_a_single_class(tmp_path: Path) -> None:
    root = write_pictures(tmp_path / "pets", "train/cat/a.png", "val/cat/b.png")
    (root / "test").mkdir()
    assert messages(check_classification_data(root), "error") == [
        "pets: it has only the class 'cat'; a classifier needs at least two",
        "pets:test: there is no labelled picture in this split; add some or remove it",
    ]


def test_names_that_differ_in_case_or_spacing(tmp_path: Path) -> None:
    write_pictures(tmp_path, "Hot Dog/a.png", "hot_dog/b.png", "hound/c.png")
    text = only(check_classification_data(tmp_path), "warning")
    assert "'Hot Dog' and 'hot_dog' differ in case or spacing alone" in text


def test_heavy_imbalance(tmp_path: Path) -> None:
    write_pictures(tmp_path, "dog/x.png", *(f"cat/{number}.png" for number in range(1, 10)))
    assert check_classification_data(tmp_path).findings == []
    write_picture(tmp_path / "cat/10.png", seed=10)
    text = only(check_classification_data(tmp_path), "warning")
    assert "10 pictures of 'cat' but 1 of 'dog'" in text


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((8, 80), None),
        ((8, 81), "8x81 pixels are a mere strip"),
        ((7, 20), "only 7x20 pixels"),
    ],
)
def test_odd_sizes(tmp_path: Path, size: tuple[int, int], message: str | None) -> None:
    root = write_folders(tmp_path)
    path = write_picture(root / "val/dog/x.png", size, seed=9)
    report = check_classification_data(root)
    if message is None:
        assert report.findings == []
    else:
        assert only(report, "warning").startswith(f"{path}: {message}")


def test_files_that_are_left_out_are_told(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    write_picture(root / "train/stray.png", seed=8)
    write_picture(root / "more/x.png", seed=9)
    for name in ("a.heic", "b.heic", "notes"):
        (root / "train/dog" / name).write_text("no picture")
    report = check_classification_data(root)
    assert messages(report, "error") == []
    found = messages(report, "warning")
    assert [text.split(": ")[1].split(";")[0] for text in found] == [
        "this folder belongs to no split and is left out",
        "1 picture beside the class folders left out",
        "3 files left out as no pictures (2 .heic, 1 without suffix)",
    ]
    assert report.summary["skipped"] == 4


def test_a_split_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    root = write_mnist(tmp_path)
    (root / "t10k-labels-idx1-ubyte.gz").unlink()
    report = check_classification_data(root)
    assert report.summary["splits"] == {"train": 10}
    assert "t10k-labels-idx1-ubyte.gz: the labels" in only(report, "error")


def test_pictures_in_arrays(tmp_path: Path) -> None:
    root = write_mnist(tmp_path / "digits", "")
    images, test = noise(10, 8, 9), noise(2, 8, 9, seed=1)
    images[4], test[0] = images[2], images[3]
    write_idx(root / "train-images-idx3-ubyte", images)
    write_idx(root / "t10k-images-idx3-ubyte", test)
    write_idx(root / "t10k-labels-idx1-ubyte", np.array([3, 77], np.uint8))
    report = check_classification_data(root)
    assert [text.split(";")[0] for text in messages(report, "error")] == [
        f"{root}/t10k-images-idx3-ubyte[1]: the label 77 is beyond the 10 classes (so are 1 of 2 "
        "labels)",
        "digits/train-images-idx3-ubyte[4]: the same picture as train-images-idx3-ubyte[2], but "
        "labelled '4' here and '2' there",
        "digits/t10k-images-idx3-ubyte[0]: the same picture as train-images-idx3-ubyte[3], in "
        "test here and in train there: results would look better than they are",
    ]
    assert len(messages(report, "warning")) == 9  # the digits that are not among the test's
    assert report.summary["width"] == {"smallest": 9, "median": 9, "largest": 9}


def test_small_pictures_in_arrays_are_told_once_for_each_split(tmp_path: Path) -> None:
    root = write_mnist(tmp_path)
    write_idx(root / "train-images-idx3-ubyte.gz", noise(10, 6, 9))
    found = messages(check_classification_data(Path(f"{root}:train")), "warning")
    assert [text.split(": ")[1] for text in found] == [
        "only 9x6 pixels; is that a picture? replace it"
    ]


def test_pictures_without_pixels(tmp_path: Path) -> None:
    root = write_mnist(tmp_path)
    write_idx(root / "train-images-idx3-ubyte.gz", noise(10, 0, 9))
    report = check_classification_data(Path(f"{root}:train"))
    assert len(messages(report, "error")) == 10
    assert "no pixels" in messages(report, "error")[0]
    assert "width" not in report.summary


def test_missing_batches_are_told(tmp_path: Path) -> None:
    root = write_cifar10(tmp_path, {1: 0, 2: 1, 5: 0})
    text = only(check_classification_data(root), "warning")
    assert "data_batch_3.bin, data_batch_4.bin missing" in text


def test_no_data_set_at_all_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a classification data set"):
        check_classification_data(tmp_path)
