"""Misses and false alarms by hand; annotated and composed recordings."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from cnntasks_speech.annotated import find_annotated
from cnntasks_speech.detection import (
    Heard,
    Said,
    are_right,
    measure_spotting,
    trade_off,
    tradeoff_picture,
    tradeoff_table,
    word_rows,
)
from cnntasks_speech.longform import compose_long
from cnntasks_speech.results import Word
from PIL import Image
from recordings import encoded, tone

from cnntasks import InputError

SAID = (Said("yes", 1.0, 1.5), Said("no", 3.0, 3.5), Said("yes", 5.0, 5.5))
FOUND = (
    Word("yes", 1.1, 1.4, 0.9),  # right
    Word("yes", 1.0, 1.6, 0.8),  # the same stretch again
    Word("yes", 3.0, 3.5, 0.7),  # another word is said there
    Word("no", 3.4, 3.9, 0.6),  # right, its middle is 0.15 s beyond
    Word("no", 8.0, 8.4, 0.6),  # nothing is said there
)
HEARD = Heard(SAID, FOUND, 1800.0)


def test_finds_are_right_once_for_each_stretch() -> None:
    assert are_right(FOUND, SAID) == [True, False, False, True, False]
    assert are_right(FOUND[::-1], SAID) == [False, True, False, False, True]
    assert are_right((), SAID) == []
    assert are_right([Word("no", 3.6, 4.0, 1.0)], SAID) == [False]


def test_rates_by_hand() -> None:
    assert measure_spotting([HEARD, Heard((), (), 1800.0)]) == pytest.approx(
        {"miss_rate": 1 / 3, "false_alarms_per_hour": 3.0, "hours": 1.0}
    )
    assert word_rows([HEARD], ("yes", "no")) == [
        {"class": "yes", "said": 2, "missed": 1, "false_alarms": 2},
        {"class": "no", "said": 1, "missed": 0, "false_alarms": 1},
    ]


def test_the_curve_by_hand(tmp_path: Path) -> None:
    curve = trade_off([HEARD])
    assert curve.thresholds.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert curve.misses == pytest.approx([2 / 3, 2 / 3, 2 / 3, 1 / 3])
    assert curve.alarms == pytest.approx([0, 2, 4, 6])
    assert curve.misses_at(0.5) == pytest.approx(2 / 3)
    assert curve.misses_at(6) == pytest.approx(1 / 3)
    tradeoff_picture(curve, 0.75)(tmp_path / "det.png")
    with Image.open(tmp_path / "det.png") as picture:
        assert picture.width > 400
    tradeoff_table(curve)(tmp_path / "det.csv")
    with (tmp_path / "det.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["false_alarms_per_hour"]) for row in rows] == [0, 2, 4, 6]


def test_curves_of_nothing(tmp_path: Path) -> None:
    curve = trade_off([Heard(SAID, (), 60.0)])
    assert curve.misses_at(10) == 1.0
    tradeoff_picture(curve, 0.5)(tmp_path / "det.png")
    assert (tmp_path / "det.png").stat().st_size > 1000


def test_label_tracks_beside_recordings(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        (tmp_path / name).write_bytes(encoded(tone(0.2)))
    assert find_annotated(tmp_path) is None
    (tmp_path / "a.txt").write_text("1.0\t1.5\tyes\n\\\t100\t2000\n\n3\t3.5\tno\n")
    (tmp_path / "b.txt").write_text("")
    found = find_annotated(tmp_path)
    assert found is not None
    assert [(it.path.name, it.said) for it in found] == [("a.wav", SAID[:2]), ("b.wav", ())]
    (tmp_path / "b.txt").write_text("1.0 1.5 yes\n")
    with pytest.raises(InputError, match=r"b.txt:1: is no label"):
        find_annotated(tmp_path)


def test_records_with_words(tmp_path: Path) -> None:
    file = tmp_path / "truth.jsonl"
    file.write_text(
        '{"audio": "a.wav", "words": [{"word": "yes", "start": 1, "end": 1.5}]}\n\n'
        '{"source": "b.wav", "words": []}\n'
    )
    found = find_annotated(file)
    assert found is not None
    assert [(it.path, it.said) for it in found] == [
        (tmp_path / "a.wav", SAID[:1]),
        (tmp_path / "b.wav", ()),
    ]
    file.write_text('{"audio": "a.wav", "label": "yes"}\n')
    assert find_annotated(file) is None
    for text, message in (
        ("no\n", "is no JSON"),
        ('{"words": []}\n', "names no recording"),
        ('{"audio": "a.wav", "words": [{"word": "yes"}]}\n', "no list of objects"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=message):
            find_annotated(file)


def test_composed_recordings_say_what_is_in_them() -> None:
    rate = 1000
    clips = [("yes", lambda: tone(1.0, rate, 100)), (None, lambda: tone(0.5, rate, 200))]
    noise = [lambda: np.random.default_rng(1).normal(0, 1, 700).astype(np.float32)]
    found = list(compose_long(clips, noise, rate, 6.0, seed=3))
    assert [len(it.samples) for it in found] == [300 * rate, 60 * rate]
    again = list(compose_long(clips, noise, rate, 6.0, seed=3))
    np.testing.assert_array_equal(found[0].samples, again[0].samples)
    assert len(found[0].said) > 60
    for it in found:
        assert {said.word for said in it.said} == {"yes"}
        for one, two in zip(it.said, it.said[1:], strict=False):
            assert two.start - one.end >= 0.3
        said = it.said[len(it.said) // 2]
        stretch = it.samples[round(said.start * rate) : round(said.end * rate)]
        spectrum = np.abs(np.fft.rfft(stretch))
        assert spectrum.argmax() == 100
    assert next(compose_long(clips, [], rate, 1.0, seed=3)).samples.std() > 0.1
