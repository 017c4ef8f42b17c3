"""Which detections count as right, which objects as missed, and what the sheets show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from cnntasks_detect.batches import Entry
from cnntasks_detect.data import Picture
from cnntasks_detect.judging import Judged, calibration, judge
from cnntasks_detect.sheets import choose, sheets
from PIL import Image

Found = tuple[int, float, Sequence[float]]
BOX, FAR = (10.0, 10.0, 60.0, 60.0), (100.0, 20.0, 140.0, 70.0)


def judged(
    found: Sequence[Found],
    truth: Sequence[tuple[int, Sequence[float]]],
    ignore: Sequence[Sequence[float]] = (),
    number: int = 0,
) -> Judged:
    return judge(
        number,
        np.array([box for _, _, box in found], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in found], np.float32),
        np.array([label for label, _, _ in found], np.int64),
        np.array([box for _, box in truth], np.float32).reshape(-1, 4),
        np.array([label for label, _ in truth], np.int64),
        np.array(ignore, np.float32).reshape(-1, 4),
    )


def test_the_best_detection_of_an_object_is_right_and_the_others_are_not() -> None:
    nearly = (12.0, 10.0, 60.0, 60.0)
    it = judged([(0, 0.4, BOX), (0, 0.9, nearly), (0, 0.7, FAR)], [(0, BOX)])
    assert it.scores.tolist() == pytest.approx([0.9, 0.7, 0.4])
    assert it.right.tolist() == [True, False, False]
    assert it.found.tolist() == [0]
    assert it.counts(0.5) == (1, 1, 0)
    assert it.f1(0.5) == pytest.approx(2 / 3)
    assert it.counts(0.95) == (0, 0, 1)


def test_another_class_does_not_find_it() -> None:
    assert judged([(1, 0.9, BOX)], [(0, BOX)]).counts(0.5) == (0, 1, 1)


def test_too_little_overlap_does_not_find_it() -> None:
    assert judged([(0, 0.9, (40.0, 10.0, 90.0, 60.0))], [(0, BOX)]).counts(0.5) == (0, 1, 1)


def test_what_lies_in_a_region_to_ignore_is_neither_right_nor_wrong() -> None:
    it = judged([(0, 0.9, BOX), (0, 0.8, FAR)], [(0, BOX)], ignore=[(90, 0, 200, 200)])
    assert it.counted.tolist() == [True, False]
    assert it.counts(0.5) == (1, 0, 0)


def test_nothing_found_where_nothing_is_is_perfect() -> None:
    assert judged([], []).f1(0.5) == 1.0
    assert judged([], [(0, BOX)]).f1(0.5) == 0.0


def test_calibration_compares_scores_with_how_often_they_are_right() -> None:
    pictures = [judged([(0, 0.8, BOX)], [(0, BOX)] if n < 4 else [(0, FAR)]) for n in range(10)]
    scores, right, error = calibration(pictures)
    assert (len(scores), int(right.sum())) == (10, 4)
    assert error == pytest.approx(0.4, abs=1e-6)
    assert calibration(pictures, least=0.9)[2] == 0.0


def pictures() -> list[Judged]:
    """Forty pictures of one object; the first ten are found, and the last ten have mistakes."""
    made = []
    for number in range(40):
        found: list[Found] = [(0, 0.9, BOX)] if number < 10 else []
        if number < 20:
            found.append((0, 0.6, FAR))
        if number >= 30:
            found += [(1, 0.8, FAR)] * (number - 29)
        made.append(judged(found, [(0, BOX)], number=number))
    return [*made, judged([(0, 0.9, BOX)], [], number=40)]


def test_the_best_and_the_worst_are_chosen_at_the_threshold() -> None:
    chosen = choose(pictures(), 0.7)
    assert {name: len(them) for name, them in chosen.items()} == dict.fromkeys(chosen, 12)
    assert {it.number for it in chosen["best"][:10]} == set(range(10))
    assert [it.number for it in chosen["worst"][:10]] == list(range(39, 29, -1))
    assert all(it.number != 40 for them in chosen.values() for it in them)


def test_sheets_colour_right_wrong_and_missed(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    Image.new("RGB", (160, 90), (128, 128, 128)).save(path)
    nothing = np.zeros((0, 4), np.float32)
    picture = Picture(path, 160, 90, nothing, np.zeros(0, np.int64), np.zeros(0, bool))
    entry = Entry(picture, np.zeros(0, np.int64), np.ones(2, bool), "set")
    found = judged([(0, 0.9, BOX), (1, 0.8, (70.0, 5.0, 95.0, 80.0))], [(0, BOX), (0, FAR)])
    drawn = sheets([found], [entry], ("cat", "dog"), 0.5)
    assert sorted(drawn) == ["best.jpg", "typical.jpg", "worst.jpg"]
    drawn["worst.jpg"](tmp_path / "worst.png")
    pixels = np.asarray(Image.open(tmp_path / "worst.png")).reshape(-1, 3).astype(int)
    for color in ((0, 150, 60), (215, 40, 40), (245, 165, 0)):
        assert (np.abs(pixels - color).sum(axis=1) < 30).sum() > 50, color
    hidden = judged([(1, 0.8, (70.0, 5.0, 95.0, 80.0))], [(0, FAR)], ignore=[(60, 0, 99, 90)])
    sheets([hidden], [entry], ("cat", "dog"), 0.5)["best.jpg"](tmp_path / "hidden.png")
    pixels = np.asarray(Image.open(tmp_path / "hidden.png")).reshape(-1, 3).astype(int)
    assert not (np.abs(pixels - (215, 40, 40)).sum(axis=1) < 30).any()
    assert sheets([judged([], [])], [entry], ("cat", "dog"), 0.5) == {}
