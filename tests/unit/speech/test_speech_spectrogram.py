"""The picture of a recording."""

from __future__ import annotations

import numpy as np
import pytest
from cnntasks_speech.features import LogMel, LogMelStream
from cnntasks_speech.results import Word
from cnntasks_speech.spectrogram import Spectrogram
from tiny_spotter import spoken

LOG_MEL = LogMel(16000)


def drawn(samples: np.ndarray, words: list[Word], block: int = 16000) -> np.ndarray:
    made, stream = Spectrogram(LOG_MEL), LogMelStream(LOG_MEL)
    for start in range(0, len(samples), block):
        made.add(stream.push(samples[start : start + block]), 0.0)
    return made.picture(words, len(samples) / 16000)


def test_tones_are_light_where_they_are() -> None:
    picture = drawn(spoken([("high", 1.0)], 3.0), [])
    height, width = picture.shape[:2]
    light = picture[30 : height - 30].astype(int).sum(axis=2) > 600
    columns, rows = light.any(axis=0), light.any(axis=1)
    assert columns.nonzero()[0].min() == pytest.approx(width / 3, abs=width * 0.02)
    assert columns.nonzero()[0].max() == pytest.approx(width / 2, abs=width * 0.02)
    # 2500 Hz are in the upper half of a mel scale to 8000 Hz.
    assert rows.nonzero()[0].mean() < light.shape[0] / 2


def test_words_are_framed_and_named() -> None:
    plain = drawn(spoken([("high", 1.0)], 3.0), [])
    framed = drawn(spoken([("high", 1.0)], 3.0), [Word("high", 1.0, 1.5, 0.93)])
    changed = (plain != framed).any(axis=2)
    assert changed[:30].any(), "the caption stands above"
    columns = changed[60:200].any(axis=0).nonzero()[0]
    width = plain.shape[1]
    assert columns.min() == pytest.approx(width / 3, abs=8)
    assert columns.max() == pytest.approx(width / 2, abs=8)


@pytest.mark.parametrize("block", [3000, 16000])
def test_a_long_recording_fits_and_memory_is_flat(block: int) -> None:
    made, stream = Spectrogram(LOG_MEL), LogMelStream(LOG_MEL)
    samples = spoken([], 10.0)
    widest = 0
    for _ in range(30):
        for start in range(0, len(samples), block):
            made.add(stream.push(samples[start : start + block]), 0.0)
            widest = max(widest, made._columns.shape[1])
    assert widest < 4800
    picture = made.picture([Word("high", 150.0, 160.0, 1.0)], 300.0)
    assert 2000 < picture.shape[1] <= 4800


def test_all_frames_count_after_halving() -> None:
    made = Spectrogram(LOG_MEL)
    ramp = np.arange(10001, dtype=np.float32)
    for start in range(0, len(ramp), 37):
        made.add(np.tile(ramp[start : start + 37], (40, 1)), 0.0)
    columns = made._columns[0]
    assert np.diff(columns) == pytest.approx(made._frames)
    assert columns[0] == pytest.approx((made._frames - 1) / 2)


def test_the_shortest_recordings_have_a_picture() -> None:
    for seconds in (0.1, 0.03):
        assert drawn(spoken([], seconds), []).shape[1] >= 720
    assert Spectrogram(LOG_MEL).picture([], 0.1).shape[1] >= 720
