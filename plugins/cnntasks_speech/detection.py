"""How well words are spotted in long recordings: misses against false alarms, at every threshold.

The curve is the detection error tradeoff (Martin et al. 1997, "The DET Curve in Assessment of
Detection Task Performance"), with false alarms counted per hour, as a listener counts them. A word
that is found is right where the middle of it lies in a stretch in which that very word was said and
which no more confident find has taken.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnntasks_speech.results import Word

#: So far beyond its stretch the middle of a word may be found, in seconds.
SLACK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Said:
    """A stretch of a recording in which a word is said, in seconds."""

    word: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording with what was said in it and what was found.

    Attributes:
        said: the words that the model should find.
        found: with their confidences.
        seconds: length of the recording.
    """

    said: Sequence[Said]
    found: Sequence[Word]
    seconds: float


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """A point for each threshold, from the highest to the lowest.

    Attributes:
        thresholds: N, each the confidence of something that was found.
        misses: N, share of what was said that is not found at this threshold.
        alarms: N, false alarms per hour.
    """

    thresholds: NDArray[np.float64]
    misses: NDArray[np.float64]
    alarms: NDArray[np.float64]

    def misses_at(self, alarms: float) -> float:
        """The least share of misses with at most so many false alarms per hour."""
        within = self.misses[self.alarms <= alarms]
        return float(within.min()) if len(within) else 1.0


def are_right(found: Sequence[Word], said: Sequence[Said]) -> list[bool]:
    """Whether each found word was said, every stretch counting once."""
    free = set(range(len(said)))
    right = [False] * len(found)
    for number in sorted(range(len(found)), key=lambda it: -found[it].confidence):
        word = found[number]
        middle = (word.start + word.end) / 2
        fitting = [
            place
            for place in free
            if said[place].word == word.word
            and said[place].start - SLACK_SECONDS <= middle <= said[place].end + SLACK_SECONDS
        ]
        if fitting:
            nearest = min(fitting, key=lambda it: abs(said[it].start + said[it].end - 2 * middle))
            free.discard(nearest)
            right[number] = True
    return right


def trade_off(recordings: Sequence[Heard]) -> Tradeoff:
    """Misses and false alarms of all recordings together, whose `found` is of a low threshold."""
    pairs = [
        (word.confidence, right)
        for heard in recordings
        for word, right in zip(heard.found, are_right(heard.found, heard.said), strict=True)
    ]
    pairs.sort(key=lambda pair: -pair[0])
    confidence = np.array([pair[0] for pair in pairs], np.float64)
    right = np.array([pair[1] for pair in pairs], bool)
    # Of equal confidences only the last one is a threshold.
    last = np.append(confidence[1:] != confidence[:-1], True) if len(pairs) else right
    said = max(sum(len(heard.said) for heard in recordings), 1)
    hours = sum(heard.seconds for heard in recordings) / 3600
    misses = 1 - np.cumsum(right)[last] / said
    alarms = np.cumsum(~right)[last] / max(hours, 1e-9)
    return Tradeoff(confidence[last], misses, alarms)


def measure_spotting(recordings: Sequence[Heard]) -> dict[str, float]:
    """`miss_rate` and `false_alarms_per_hour` of what was found, and of how much."""
    said = sum(len(heard.said) for heard in recordings)
    hours = sum(heard.seconds for heard in recordings) / 3600
    right = [are_right(heard.found, heard.said) for heard in recordings]
    hits = sum(map(sum, right))
    false = sum(map(len, right)) - hits
    return {
        "miss_rate": 1 - hits / said if said else 0.0,
        "false_alarms_per_hour": false / hours if hours else 0.0,
        "hours": hours,
    }


def word_rows(recordings: Sequence[Heard], words: Sequence[str]) -> list[dict[str, Any]]:
    """For each word how often it was said, missed and falsely found."""
    counts = {word: {"said": 0, "missed": 0, "false_alarms": 0} for word in words}
    for heard in recordings:
        for said in heard.said:
            counts[said.word]["said"] += 1
            counts[said.word]["missed"] += 1
        for found, right in zip(heard.found, are_right(heard.found, heard.said), strict=True):
            counts[found.word]["missed" if right else "false_alarms"] += -1 if right else 1
    return [{"class": word, **counts[word]} for word in words]


def tradeoff_table(curve: Tradeoff) -> Callable[[Path], None]:
    """A function that writes the curve as CSV."""

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow(("threshold", "miss_rate", "false_alarms_per_hour"))
            columns = (curve.thresholds, curve.misses, curve.alarms)
            rows.writerows(zip(*(np.round(it, 6).tolist() for it in columns), strict=True))

    return write


def tradeoff_picture(curve: Tradeoff, threshold: float) -> Callable[[Path], None]:
    """A function that draws the curve, both axes logarithmic, and marks the model's threshold."""

    def draw(path: Path) -> None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5.2, 4.4), layout="constrained")
        axes = figure.add_subplot()
        # What is 0 has no place on a logarithmic axis; it stands at half of one event.
        least_alarm = _least(curve.alarms)
        least_miss = _least(curve.misses)
        alarms = np.maximum(curve.alarms, least_alarm / 2)
        misses = np.maximum(curve.misses, least_miss / 2)
        axes.step(alarms, 100 * misses, where="post", color="tab:blue")
        above = np.flatnonzero(curve.thresholds >= threshold)
        if len(above):
            place = above[-1]
            axes.plot(alarms[place], 100 * misses[place], "o", color="tab:red")
            axes.annotate(
                f"threshold {threshold:.2f}",
                (alarms[place], 100 * misses[place]),
                xytext=(8, 8),
                textcoords="offset points",
                fontsize="small",
            )
        if not len(alarms):
            axes.set(xlim=(0.1, 100), ylim=(1, 100))  # nothing was found at any threshold
        axes.set(xscale="log", yscale="log", xlabel="false alarms per hour", ylabel="misses (%)")
        axes.set_title("Detection error tradeoff", fontsize="medium")
        axes.grid(True, which="both", linewidth=0.3)
        figure.savefig(path, dpi=120)

    return draw


def _least(values: NDArray[np.float64]) -> float:
    """The smallest step of a curve."""
    above = values[values > 1e-12]
    return float(above.min()) if len(above) else 1.0
