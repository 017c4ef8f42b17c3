"""Labelled texts in folders, and the folds of a cross-validation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from cnntasks_text.data import TextExample, available_splits, read_text_data
from cnntasks_text.data.folds import divide, rounds
from cnntasks_text.data.recognise import text_formats

from cnntasks import DataProblems, InputError, UsageError


def write(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of\n\n{name}\n")
    return root


def test_a_folder_for_each_class(here: Path) -> None:
    root = write(here / "films", "pos/b.txt", "pos/deep/a.txt", "neg/c.TXT", "neg/.hidden.txt")
    data = read_text_data(root)
    assert (data.classes, data.split, data.format) == (("neg", "pos"), "all", "folders")
    assert [(it.name, it.label) for it in data.examples] == [
        ("neg/c.TXT", 0),
        ("pos/b.txt", 1),
        ("pos/deep/a.txt", 1),
    ]
    assert data.examples[1].text == "text of\n\npos/b.txt\n"


def test_imdb_as_it_comes(here: Path) -> None:
    root = write(here / "aclImdb", *(f"{split}/{kind}/{n}_7.txt" for split in ("train", "test")
                                     for kind in ("pos", "neg") for n in (0, 1)))  # fmt: skip
    write(root, "train/unsup/0_0.txt", "README", "imdb.vocab", "train/urls_pos.txt")
    assert available_splits(root) == ["train", "test"]
    train = read_text_data(root, "train")
    assert (train.classes, len(train.examples)) == (("neg", "pos"), 4)
    problems = DataProblems()
    text_formats().read_for_check(root, problems)
    messages = {finding.where: finding.message for finding in problems.findings}
    assert messages[str(root / "train/unsup")] == "its texts have no class and are left out"
    assert messages[str(root / "train")].startswith("1 file left out")


def test_names_of_splits_are_the_usual_ones(here: Path) -> None:
    root = write(here / "d", "Training/x/a.txt", "Training/y/b.txt", "dev/x/c.txt", "more/z/d.txt")
    assert available_splits(root) == ["train", "val"]
    write(root, "train/x/a.txt")
    with pytest.raises(InputError, match="are both its train split"):
        read_text_data(root)


def test_a_class_may_be_called_like_a_split(here: Path) -> None:
    root = write(here / "d", "test/a.txt", "other/b.txt")
    assert read_text_data(root).classes == ("other", "test")


def test_texts_in_no_class_folder_are_told(here: Path) -> None:
    with pytest.raises(InputError, match="its texts lie in no class folder"):
        read_text_data(write(here / "d", "a.txt", "b.txt"))


def test_blank_and_broken_files(here: Path) -> None:
    root = write(here / "d", "x/a.txt", "y/b.txt")
    (root / "x" / "blank.txt").write_text(" \n")
    data = read_text_data(root)
    assert (len(data.examples), data.skipped) == (2, 1)
    (root / "y" / "bad.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"bad\.txt:1: byte 4 \(0xe9\) is not utf-8"):
        read_text_data(root)


def test_a_class_folder_without_texts_cannot_be_learned(here: Path) -> None:
    root = write(here / "d", "x/a.txt", "y/b.txt")
    (root / "z").mkdir()
    with pytest.raises(InputError, match="the class 'z' has no text here"):
        read_text_data(root)


def examples(count: int, folds: int = 0) -> list[TextExample]:
    return [
        TextExample(f"t{n}", n % 3, f"f:{n}", str(n % folds) if folds else "") for n in range(count)
    ]


def test_the_folds_of_a_column_are_held_out_in_turn() -> None:
    texts = examples(33, folds=11)
    names = rounds(texts)
    found = list(divide(texts, names))
    assert [name for name, _, _ in found] == [str(n) for n in range(11)]
    for name, kept, held in found:
        assert {it.fold for it in held} == {name}
        assert name not in {it.fold for it in kept}
        assert len(kept) + len(held) == 33


@pytest.mark.parametrize(("count", "folds"), [(30, 10), (31, 10), (10, 10), (100, 3)])
def test_folds_that_are_made_share_every_class(count: int, folds: int) -> None:
    texts = examples(count)
    names = rounds(texts, folds)
    sizes = Counter(names)
    assert len(sizes) == folds
    assert max(sizes.values()) - min(sizes.values()) <= 1
    for label in range(3):
        shares = Counter(n for it, n in zip(texts, names, strict=True) if it.label == label)
        counts = [shares[str(fold)] for fold in range(folds)]
        assert max(counts) - min(counts) <= 1
    held = [it for _, _, part in divide(texts, names) for it in part]
    assert sorted(held, key=lambda it: it.name) == sorted(texts, key=lambda it: it.name)


def test_folds_are_the_same_for_the_same_seed() -> None:
    texts = examples(60)
    names = rounds(texts, 5)
    assert rounds(texts, 5) == names
    assert rounds(texts, 5, seed=1) != names


def test_folds_that_cannot_be_are_told() -> None:
    for folds in (0, 1, 61):
        with pytest.raises(UsageError, match="give at least 2 folds"):
            rounds(examples(60), folds)
    with pytest.raises(InputError, match=r"f:0: has no fold; fill in the column, or have folds"):
        rounds(examples(9))
    with pytest.raises(InputError, match="all texts are in one fold"):
        rounds(examples(9, folds=1))
