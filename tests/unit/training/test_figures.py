"""The pictures of an evaluation can be drawn for any number of classes with any names."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cnntasks import Mistake, confusion_picture, mistakes_table, reliability_picture
from cnntasks.training import figures


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


def test_both_names_of_a_mistake_keep_their_place_in_its_caption() -> None:
    assert figures.shortened("retriever", 12) == "retriever"
    assert figures.shortened("flat-coated retriever", 12) == "flat-c…iever"


def test_the_table_of_mistakes(tmp_path: Path) -> None:
    wrong = [
        Mistake(3, "a, b.png", 'say "dog"', "cat", 0.98765),
        Mistake(5, "caf\udce9.png", "cat", "dog", 0.5),
    ]
    mistakes_table(wrong, "picture")(tmp_path / "m.csv")
    with (tmp_path / "m.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["picture", "true", "found", "score"],
            ["a, b.png", 'say "dog"', "cat", "0.9877"],
            ["caf\\udce9.png", "cat", "dog", "0.5000"],
        ]


def test_the_bars_of_reliability_are_shares_of_right_answers() -> None:
    confidence = np.array([0.55, 0.58, 0.51, 0.95, 0.91, 1.0], np.float32)
    right = np.array([True, False, False, True, True, False])
    edges, accuracy, count = figures.reliability_bars(confidence, right)
    assert edges.tolist() == pytest.approx([n / 10 for n in range(10)])
    assert count.tolist() == [0, 0, 0, 0, 0, 3, 0, 0, 0, 3]
    assert accuracy[[5, 9]].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert accuracy[[0, 4, 8]].tolist() == [0, 0, 0]


def test_a_reliability_diagram_has_bars(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.5, 1, 500).astype(np.float32)
    right = random.uniform(size=500) < confidence
    picture = drawn(reliability_picture(confidence, right, 0.01), tmp_path / "r.png")
    blue = (picture[..., 2].astype(int) - picture[..., 0] > 60).mean()
    assert 0.1 < blue < 0.6
