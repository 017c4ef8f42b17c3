"""The pictures of an evaluation can be drawn for any number of classes with any names."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from classification_folders import noise
from cnntasks_classify import figures
from cnntasks_classify.data import Example
from cnntasks_classify.figures import confusion_picture, mistakes_sheet, mistakes_table
from cnntasks_classify.metrics import Mistake
from numpy.typing import NDArray
from PIL import Image


def drawn(draw: object, path: Path) -> NDArray[np.uint8]:
    assert callable(draw)
    draw(path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def matrix(count: int) -> NDArray[np.int64]:
    random = np.random.default_rng(0)
    return random.poisson(0.3, (count, count)) + 10 * np.eye(count, dtype=np.int64)


@pytest.mark.parametrize(
    "names",
    [
        ("cat", "dog"),
        ("$x$ and $\\frac$", "50 $", "日本", "a_b^c"),
        ("German short-haired pointer " * 5, "x" * 300),
    ],
)
def test_a_matrix_is_a_picture_whatever_the_names(names: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    picture = drawn(confusion_picture(names, matrix(len(names))), path)
    assert min(picture.shape[:2]) > 300
    assert max(picture.shape[:2]) < 1000
    # Dark blue on the diagonal, white beside it: both fill a good part of the picture.
    blue = (picture[..., 2].astype(int) - picture[..., 0] > 60).mean()
    assert 0.02 < blue < 0.6


def test_of_many_classes_those_that_are_confused_most_are_drawn() -> None:
    large = 10 * np.eye(100, dtype=np.int64)
    pairs = [(n, n + 1) for n in range(0, 40, 2)]
    for row, column in pairs:
        large[row, column] = 3
    chosen = figures._shown(large).tolist()
    assert len(chosen) == 60
    assert set(range(40)) <= set(chosen)
    assert chosen == sorted(chosen)


def test_classes_that_play_no_part_are_left_out() -> None:
    small = np.zeros((5, 5), np.int64)
    small[1, 1], small[1, 3] = 4, 1
    assert figures._shown(small).tolist() == [1, 3]


def mistakes(count: int) -> list[Mistake]:
    return [Mistake(n, f"{n}.png", "hen-of-the-woods", "dog", 0.9) for n in range(count)]


@pytest.mark.parametrize(("count", "size"), [(1, (28, 28)), (7, (300, 200)), (3, (1, 1))])
def test_a_sheet_shows_every_mistake(count: int, size: tuple[int, int], tmp_path: Path) -> None:
    examples = [Example(f"{n}.png", 0, None, np.full((*size, 3), 80, np.uint8)) for n in range(20)]
    sheet = drawn(mistakes_sheet(mistakes(count), examples), tmp_path / "sheet.png")
    shown = (sheet == 80).all(2).sum()
    side = figures._TILE
    assert shown / count == pytest.approx(side * side * min(size) / max(size), rel=0.02)


def test_small_pictures_are_enlarged_in_whole_multiples() -> None:
    picture = noise(28, 20, 3)
    large = figures._enlarged(picture)
    assert large.shape == (224, 160, 3)
    np.testing.assert_array_equal(large[::8, ::8], picture)
    assert figures._enlarged(noise(300, 20, 3)).shape == (300, 20, 3)


def test_both_names_of_a_mistake_keep_their_place_in_its_caption() -> None:
    assert figures._shortened("retriever", 12) == "retriever"
    assert figures._shortened("flat-coated retriever", 12) == "flat-c…iever"


def test_the_table_of_mistakes(tmp_path: Path) -> None:
    wrong = [
        Mistake(3, "a, b.png", 'say "dog"', "cat", 0.98765),
        Mistake(5, "caf\udce9.png", "cat", "dog", 0.5),
    ]
    mistakes_table(wrong)(tmp_path / "m.csv")
    with (tmp_path / "m.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["picture", "true", "found", "score"],
            ["a, b.png", 'say "dog"', "cat", "0.9877"],
            ["caf\\udce9.png", "cat", "dog", "0.5000"],
        ]
