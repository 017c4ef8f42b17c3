"""From probabilities of windows to words: maxima, their times, and what lies on each other."""

from __future__ import annotations

import numpy as np
import pytest
from cnntasks_speech import timeline
from cnntasks_speech.results import Word, without_overlap
from cnntasks_speech.timeline import RADIUS_SECONDS, Timeline, View, overlap, word_span

CLASSES = ("silence", "yes", "no", "unknown")
STEP, FRAMES, HOP = 0.01, 98, 0.1


def loudness(seconds: float, words: list[tuple[float, float]]) -> np.ndarray:
    """Frames of quiet, with loud stretches from start to end."""
    frames = np.full(round(seconds / STEP), -9.0, np.float32)
    frames += np.random.default_rng(0).normal(0, 0.2, len(frames)).astype(np.float32)
    for start, end in words:
        frames[round(start / STEP) : round(end / STEP)] = 2.0
    return frames


def windows(
    seconds: float, words: list[tuple[str, float, float]], peak: float = 0.95
) -> list[tuple[View, np.ndarray]]:
    """What a spotter would say: a word is likely within 0.3 s of its middle."""
    before = np.full(FRAMES // 2, -13.8, np.float32)
    frames = np.concatenate((before, loudness(seconds, [it[1:] for it in words]), before))
    found = []
    for place in range(0, len(frames) - FRAMES + 1, round(HOP / STEP)):
        start = (place - FRAMES // 2) * STEP
        middle = start + FRAMES * STEP / 2
        probabilities = np.array([1e-3, 1e-3, 1e-3, 1e-3])
        for word, begin, end in words:
            near = peak * np.exp(-((middle - (begin + end) / 2) ** 2) / (2 * 0.15**2))
            place_of = CLASSES.index(word)
            probabilities[place_of] = max(probabilities[place_of], near)
        probabilities[0] = max(1 - probabilities[1:].sum(), 0)
        found.append((View(start, frames[place : place + FRAMES], STEP), probabilities))
    return found


def run(views: list[tuple[View, np.ndarray]], threshold: float = 0.6) -> list[Word]:
    made = Timeline(CLASSES, ("silence", "unknown"), threshold, HOP)
    words = [word for view, probabilities in views for word in made.push(view, probabilities)]
    return words + made.finish()


def test_words_have_their_times() -> None:
    said = [("yes", 0.1, 0.5), ("no", 1.0, 1.6), ("no", 1.9, 2.4), ("yes", 4.62, 4.97)]
    found = run(windows(5.0, said))
    assert [word.word for word in found] == ["yes", "no", "no", "yes"]
    for word, (_, start, end) in zip(found, said, strict=True):
        assert word.start == pytest.approx(start, abs=0.04)
        assert word.end == pytest.approx(end, abs=0.04)
        assert 0.75 < word.confidence <= 0.95


def test_nothing_is_found_where_nothing_is_said() -> None:
    assert run(windows(5.0, [])) == []
    assert run(windows(5.0, [("unknown", 1.0, 1.5)])) == []
    assert run([]) == []
    assert run(windows(5.0, [])[:1]) == []


def test_the_threshold_is_of_the_averaged_probability() -> None:
    said = [("yes", 1.0, 1.5)]
    [word] = run(windows(3.0, said, peak=0.7), threshold=0.5)
    assert run(windows(3.0, said, peak=0.7), threshold=word.confidence + 0.001) == []
    assert run(windows(3.0, said, peak=0.7), threshold=word.confidence) == [word]


def test_a_plateau_is_one_word() -> None:
    views = [
        (view, np.array([0.0, 1.0, 0.0, 0.0])) for view, _ in windows(2.0, [("yes", 1.0, 1.5)])
    ]
    assert [word.word for word in run(views)] == ["yes"]


def test_one_sound_is_one_word_the_first_that_is_certain() -> None:
    """An "on" that becomes an "off" 0.3 s on: the same stretch of sound cannot be both."""
    views = windows(3.0, [("yes", 1.0, 1.5), ("no", 1.0, 1.8)])
    assert len(run(views)) == 1


@pytest.mark.parametrize("smoothed", [1, 3, 5])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_every_window_is_averaged_once(
    smoothed: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "SMOOTHED", smoothed)
    made = Timeline(CLASSES, (), 0.5, HOP)
    averaged: list[float] = []
    average = made._average

    def remember(place: int) -> object:
        scored = average(place)
        assert scored.view is not None
        averaged.append(scored.view.start)
        return scored

    monkeypatch.setattr(made, "_average", remember)
    for number in range(count):
        made.push(View(float(number), np.zeros(FRAMES, np.float32), STEP), np.eye(4)[0])
    made.finish()
    assert averaged == list(range(count))


def test_different_words_without_a_pause_between_them_are_two() -> None:
    found = run(windows(4.0, [("yes", 1.0, 1.5), ("no", 1.5, 2.0), ("yes", 2.0, 2.6)]))
    assert [word.word for word in found] == ["yes", "no", "yes"]
    starts = [word.start for word in without_overlap(found)]
    assert starts == pytest.approx([1.0, 1.5, 2.0], abs=0.11)
    ends = [word.end for word in without_overlap(found)]
    assert ends == pytest.approx([1.5, 2.0, 2.6], abs=0.11)


def test_a_word_comes_soon_after_the_window_around_it() -> None:
    made = Timeline(CLASSES, ("silence", "unknown"), 0.6, HOP)
    for view, probabilities in windows(5.0, [("yes", 2.0, 2.4)]):
        if made.push(view, probabilities):
            late = view.start + FRAMES * STEP / 2 - 2.2
            assert late <= RADIUS_SECONDS + 1.5 * HOP
            return
    pytest.fail("the word did not come before the end")


def test_memory_does_not_grow() -> None:
    made = Timeline(CLASSES, ("silence", "unknown"), 0.6, HOP)
    view = View(0.0, np.zeros(FRAMES, np.float32), STEP)
    for number in range(5000):
        made.push(view, np.eye(4)[number // 7 % 4])
    kept = vars(made)
    assert max(len(kept[name]) for name in ("_recent", "_scored", "_found")) < 10


def test_spans_bridge_the_silence_before_a_stop_consonant() -> None:
    frames = loudness(0.98, [(0.3, 0.5), (0.58, 0.65)])
    assert word_span(View(0.0, frames, STEP)) == pytest.approx((0.3, 0.65), abs=0.04)
    apart = loudness(0.98, [(0.3, 0.5), (0.75, 0.9)])
    assert word_span(View(0.0, apart, STEP)) == pytest.approx((0.3, 0.5), abs=0.04)


def test_spans_of_nothing_to_hear_are_short_and_inside() -> None:
    for frames in (np.full(FRAMES, -13.8, np.float32), np.full(FRAMES, 3.0, np.float32)):
        start, end = word_span(View(2.0, frames, STEP))
        assert 2.0 <= start < end <= 2.0 + FRAMES * STEP


def test_overlap() -> None:
    def word(start: float, end: float) -> Word:
        return Word("yes", start, end, 1.0)

    assert overlap(word(0, 1), word(0.5, 2)) == pytest.approx(0.5)
    assert overlap(word(0, 1), word(1, 2)) == 0
    assert overlap(word(0, 4), word(1, 2)) == 1
    assert overlap(word(0, 1), word(2, 3)) == 0
    assert overlap(word(1, 1), word(0, 2)) == 1
