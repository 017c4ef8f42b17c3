"""From the class probabilities of overlapping windows to words with times, as the windows come.

A word sounds in all windows that it lies in, and most clearly in the one that has it in its middle.
So the probabilities of neighbouring windows are averaged, a word is a maximum of them over time,
its start and end are where the sound around that maximum rises out of the background and falls back
into it, and of words that lie on each other only one is kept (non-maximum suppression in time).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cnntasks_speech.results import Word

#: Windows whose probabilities are averaged: itself and its neighbours.
SMOOTHED = 3
#: A maximum is higher than what lies so many seconds around it. Words are not said faster, and
#: what is spoken live is printed so much later.
RADIUS_SECONDS = 0.2
#: Words that share more than this part of the shorter one are one word,
MOST_OVERLAP = 0.5
#: unless they are different ones whose maxima are so far apart: nobody paused between them.
APART_SECONDS = 0.35

#: Frames over which loudness is averaged before its rise and fall are looked for.
_SMOOTH_FRAMES = 5
#: How far from the background to the loudest frame a word begins.
_RISE = 0.3
#: The background is what windows of so many seconds before had, so that a window full of speech has
#: one too; of these the fifth that is the quietest counts, since noises come and go.
_BACKGROUND_SECONDS = 5.0
_QUIETEST = 20
#: The loudest frame of a word is looked for so many seconds around the middle of its window.
_MIDDLE_SECONDS = 0.25
#: Words have silent parts (before a `t`, say) that are no longer than this.
_GAP_SECONDS = 0.12
#: A word is at least so long.
_SHORTEST_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class View:
    """What of a window its probabilities do not tell.

    Attributes:
        start: seconds from the beginning of the recording to its first frame; may be negative.
        loudness: T, logarithm of the power of each frame.
        step: seconds from frame to frame.
    """

    start: float
    loudness: NDArray[np.float32]
    step: float

    @property
    def middle(self) -> float:
        """Seconds from the beginning of the recording to the middle of the window."""
        return self.start + len(self.loudness) * self.step / 2


@dataclass(frozen=True, slots=True)
class _Scored:
    """A window with the likeliest word in it."""

    view: View | None
    word: int
    score: float


_NOTHING = _Scored(None, -1, -1.0)


class Timeline:
    """Turns windows, in order, into words.

    Args:
        classes: K names.
        rejects: those that are no words.
        threshold: least averaged probability of a word.
        hop: seconds from window to window.
    """

    def __init__(
        self, classes: Sequence[str], rejects: Sequence[str], threshold: float, hop: float
    ) -> None:
        self.classes = tuple(classes)
        self.threshold = threshold
        self._is_word = np.array([name not in rejects for name in classes])
        self._radius = max(1, round(RADIUS_SECONDS / hop))
        self._recent: deque[tuple[View, NDArray[np.float64]]] = deque(maxlen=SMOOTHED)
        self._scored = deque([_NOTHING] * self._radius, maxlen=2 * self._radius + 1)
        self._found: deque[tuple[Word, float]] = deque(maxlen=4)
        self._backgrounds: deque[float] = deque(maxlen=max(1, round(_BACKGROUND_SECONDS / hop)))

    def push(self, view: View, probabilities: NDArray[np.floating]) -> list[Word]:
        """The next window; returns the words that are certain now."""
        self._backgrounds.append(background_of(view.loudness))
        self._recent.append((view, np.asarray(probabilities, np.float64)))
        half = SMOOTHED // 2
        if len(self._recent) <= half:
            return []
        # At the beginning there are fewer neighbours.
        return self._add(self._average(len(self._recent) - 1 - half))

    def finish(self) -> list[Word]:
        """No further window comes; returns the words that were not certain yet."""
        words = []
        half = SMOOTHED // 2
        # Those that have been averaged already have all their neighbours.
        done = max(len(self._recent) - half, 0)
        for _ in range(len(self._recent) - done):
            if done > half:
                self._recent.popleft()
                done -= 1
            words += self._add(self._average(done))
            done += 1
        for _ in range(self._radius):
            words += self._add(_NOTHING)
        return words

    def _average(self, place: int) -> _Scored:
        view = self._recent[place][0]
        mean = np.mean([probabilities for _, probabilities in self._recent], axis=0)
        mean[~self._is_word] = -1.0
        word = int(mean.argmax())
        return _Scored(view, word, float(mean[word]))

    def _add(self, scored: _Scored) -> list[Word]:
        self._scored.append(scored)
        if len(self._scored) < 2 * self._radius + 1:
            return []
        middle = self._scored[self._radius]
        if middle.view is None or middle.score < self.threshold:
            return []
        scores = [each.score for each in self._scored]
        # Of equal ones the first is the maximum.
        earlier, later = scores[: self._radius], scores[self._radius + 1 :]
        if max(earlier) >= middle.score or max(later) > middle.score:
            return []
        background = float(np.percentile(self._backgrounds, _QUIETEST))
        start, end = word_span(middle.view, background)
        word = Word(self.classes[middle.word], start, end, min(middle.score, 1.0))
        place = middle.view.middle
        for other, where in self._found:
            shared = overlap(word, other)
            one_sound = other.word == word.word or place - where < APART_SECONDS
            if shared > MOST_OVERLAP and one_sound:
                return []
            if shared:
                between = (place + where) / 2
                word = replace(word, start=min(max(word.start, between), word.end))
        self._found.append((word, place))
        return [word]


def overlap(one: Word, other: Word) -> float:
    """The part of the shorter word that both share."""
    shared = min(one.end, other.end) - max(one.start, other.start)
    shorter = min(one.end - one.start, other.end - other.start)
    return max(shared, 0.0) / shorter if shorter > 0 else float(shared >= 0)


def background_of(loudness: NDArray[np.float32]) -> float:
    """How loud it is where nobody speaks: the tenth of frames that is the quietest."""
    # Digital silence, as before the beginning of a recording, is no background.
    sounding = loudness[loudness > loudness.min() + 0.5]
    return float(np.percentile(sounding if len(sounding) else loudness, 10))


def word_span(view: View, background: float | None = None) -> tuple[float, float]:
    """Where the word in the middle of a window begins and ends, in seconds.

    From the loudest frame near the middle outwards, as long as the loudness stays above 30 % of
    the way from the background to that frame, over gaps of at most 0.12 s.

    Args:
        view: the window.
        background: loudness where nobody speaks; that of the window itself when None.
    """
    loud = np.convolve(view.loudness, np.full(_SMOOTH_FRAMES, 1 / _SMOOTH_FRAMES), "same")
    edge = _SMOOTH_FRAMES // 2  # the ends were averaged with zeros
    loud[:edge], loud[-edge:] = view.loudness[:edge], view.loudness[-edge:]
    count = len(loud)
    reach = max(1, round(_MIDDLE_SECONDS / view.step))
    first = max(count // 2 - reach, 0)
    peak = first + int(loud[first : count // 2 + reach + 1].argmax())
    if background is None or background > loud[peak]:
        background = background_of(view.loudness)
    above = loud > background + _RISE * (float(loud[peak]) - background)
    above[peak] = True
    gap = round(_GAP_SECONDS / view.step)
    begin, end = _reach(above[: peak + 1][::-1], gap), _reach(above[peak:], gap)
    lacking = max(0, round(_SHORTEST_SECONDS / view.step) - (begin + end + 1))
    start = max(peak - begin - lacking // 2, 0)
    stop = min(peak + end + 1 + (lacking + 1) // 2, count)
    return max(view.start + start * view.step, 0.0), max(view.start + stop * view.step, 0.0)


def _reach(above: NDArray[np.bool_], gap: int) -> int:
    """How far one comes from the first entry before more than `gap` false ones follow."""
    places = np.flatnonzero(above)
    breaks = np.flatnonzero(np.diff(places) > gap + 1)
    return int(places[breaks[0]] if len(breaks) else places[-1])
