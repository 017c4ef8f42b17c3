"""What is learned from and what validates, of one data set or of several."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from classification_folders import write_folders, write_idx, write_pictures
from cnntasks_classify.data import Example
from cnntasks_classify.parts import Parts, read_parts, write_split
from PIL import Image
from small_classifiers import pattern

from cnntasks import InputError, UsageError


def write_pets(root: Path, *, cats: int = 20, dogs: int = 10, cat: str = "cat") -> Path:
    names = [f"{cat}/{n}.png" for n in range(cats)] + [f"dog/{n}.png" for n in range(dogs)]
    return write_pictures(root, *names)


def names(examples: list[Example]) -> list[str]:
    return [it.name for it in examples]


def test_a_val_split_validates(tmp_path: Path) -> None:
    parts = read_parts([str(write_folders(tmp_path))], 0.5, 0)
    assert names(parts.train) == ["train/cat/a.png", "train/cat/b.png", "train/dog/c.png"]
    assert names(parts.validation) == ["val/cat/d.png", "val/dog/e.png"]
    assert parts.classes == ("cat", "dog")
    assert not parts.held_out
    assert [it.label for it in parts.validation] == [0, 1]


def test_a_part_of_each_class_is_held_out_where_there_is_none(tmp_path: Path) -> None:
    root = write_pets(tmp_path)
    parts = read_parts([str(root)], 0.2, 0)
    assert parts.held_out
    assert Counter(it.label for it in parts.validation) == {0: 4, 1: 2}
    everything = {*names(parts.train), *names(parts.validation)}
    assert len(everything) == len(parts.train) + len(parts.validation) == 30
    again, other = (read_parts([str(root)], 0.2, seed) for seed in (0, 1))
    assert again == parts
    assert names(other.validation) != names(parts.validation)


def test_a_test_split_is_not_touched(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "pets")
    (root / "val").rename(root / "test")
    parts = read_parts([str(root)], 0.5, 0)
    assert parts.held_out
    assert {it.name.split("/")[0] for it in (*parts.train, *parts.validation)} == {"train"}
    (root / "train").rename(root / "val")
    with pytest.raises(InputError, match=r"pets: has no train split \(it has val, test\); name"):
        read_parts([str(root)], 0.5, 0)


def test_only_a_test_split_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "digits"
    write_idx(folder / "t10k-images-idx3-ubyte", np.zeros((4, 8, 8), np.uint8))
    write_idx(folder / "t10k-labels-idx1-ubyte", np.array([0, 1, 0, 1], np.uint8))
    with pytest.raises(
        InputError, match=r"no train split \(it has test\); .*digits:test"
    ) as caught:
        read_parts([str(folder)], 0.5, 0)
    assert "\n" not in str(caught.value)
    parts = read_parts([f"{folder}:test"], 0.5, 0)  # who insists may
    assert (len(parts.train), len(parts.validation)) == (2, 2)


def test_a_split_that_is_named_is_learned_from(tmp_path: Path) -> None:
    root = write_folders(tmp_path)
    write_pictures(root, *(f"val/cat/x{n}.png" for n in range(5)))
    parts = read_parts([f"{root}:val"], 0.5, 0)
    assert {it.name.split("/")[0] for it in (*parts.train, *parts.validation)} == {"val"}
    assert parts.held_out
    with pytest.raises(InputError, match="no split 'test'; it has train, val"):
        read_parts([f"{root}:test"], 0.5, 0)
    with pytest.raises(InputError, match="there is no such file or folder"):
        read_parts([str(tmp_path / "lost")], 0.5, 0)


def test_several_data_sets_are_joined_by_the_names_of_their_classes(tmp_path: Path) -> None:
    first = write_folders(tmp_path / "first")
    second = write_pictures(
        tmp_path / "second", *(f"{k}/{n}.png" for k in ("dog", "Bird") for n in range(4))
    )
    parts = read_parts([str(first), str(second)], 0.25, 0)
    assert parts.classes == ("cat", "dog", "Bird")
    assert parts.held_out
    labelled = Counter(parts.classes[it.label] for it in parts.train)
    assert labelled == {"cat": 2, "dog": 1 + 3, "Bird": 3}
    assert Counter(it.label for it in parts.validation) == {0: 1, 1: 2, 2: 1}
    for example in (*parts.train, *parts.validation):
        assert f"/{parts.classes[example.label]}/" in f"/{example.name}"


def test_a_class_that_is_spelled_otherwise_is_the_same_class(tmp_path: Path) -> None:
    first = write_pets(tmp_path / "first", cats=4, dogs=4, cat="house cat")
    second = write_pets(tmp_path / "second", cats=4, dogs=4, cat="House_Cat")
    parts = read_parts([str(first), str(second)], 0.25, 0)
    assert sorted(parts.classes) == ["dog", "house cat"]
    assert Counter(it.label for it in parts.train) == {0: 6, 1: 6}


def write_letters(folder: Path, letters: str) -> Path:
    write_pictures(folder, *(f"{n}.png" for n in range(len(letters))))
    rows = [f"{n}.png,{letter}" for n, letter in enumerate(letters)]
    (folder / "labels.csv").write_text("\n".join(["path,label", *rows]))
    return folder


def test_letters_of_either_case_are_classes_of_their_own(tmp_path: Path) -> None:
    one, two = (write_letters(tmp_path / str(n), "AaBAaBAaB"[n:]) for n in range(2))
    capitals = write_letters(tmp_path / "capitals", "ABCABC")
    assert read_parts([str(one), str(two)], 0.25, 0).classes == ("A", "B", "a")
    assert read_parts([str(capitals), str(one)], 0.25, 0).classes == ("A", "B", "C", "a")


def test_one_picture_of_each_class_is_too_few(tmp_path: Path) -> None:
    write_pictures(tmp_path, "cat/a.png", "dog/b.png")
    with pytest.raises(UsageError, match="too few pictures to keep some for validation"):
        read_parts([str(tmp_path)], 0.5, 0)


def write_patterns(root: Path, scale: int = 1, tint: int = 0) -> Path:
    for number in range(8):
        grey = pattern(number % 2, number).repeat(scale, 0).repeat(scale, 1)
        rgb = np.repeat(grey[:, :, np.newaxis], 3, axis=2)
        rgb[5, 5, 0] ^= tint
        path = root / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb).save(path)
    return root


@pytest.mark.parametrize(
    ("scale", "tint", "small"), [(1, 0, True), (2, 0, True), (3, 0, False), (1, 9, False)]
)
def test_handwriting_is_small_and_grey(scale: int, tint: int, small: bool, tmp_path: Path) -> None:
    root = write_patterns(tmp_path, scale, tint)
    assert read_parts([str(root)], 0.25, 0).small_grey is small


def test_what_was_held_out_is_recorded(tmp_path: Path) -> None:
    parts = read_parts([str(write_pets(tmp_path / "pets", cats=5, dogs=4))], 0.25, 0)
    write_split(tmp_path / "model", parts)
    with (tmp_path / "model/training/split.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["picture"], row["class"], row["part"]) for row in rows] == [
        *((it.name, parts.classes[it.label], "train") for it in parts.train),
        *((it.name, parts.classes[it.label], "val") for it in parts.validation),
    ]
    assert {row["part"] for row in rows if row["class"] == "dog"} == {"train", "val"}


def test_a_split_of_the_data_set_itself_is_not_recorded(tmp_path: Path) -> None:
    parts = read_parts([str(write_folders(tmp_path / "pets"))], 0.5, 0)
    write_split(tmp_path / "model", parts)
    assert not (tmp_path / "model").exists()


def test_a_place_for_the_record_that_cannot_be_written(tmp_path: Path) -> None:
    example = Example("caf\udce9, a.png", 0)
    parts = Parts(("cat",), [example], [example], True, False)
    write_split(tmp_path, parts)
    assert '"caf\\udce9, a.png",cat,val' in (tmp_path / "training/split.csv").read_text("utf-8")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"split\.csv: cannot be written .*choose another --out"):
        write_split(tmp_path / "file", parts)
