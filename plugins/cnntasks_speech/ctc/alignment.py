"""When the units of a transcript were said: the likeliest path that stands for them (Viterbi).

The path goes through the units with blanks around them, `- a - b - b -`, one state a frame, never
back, and may leave out a blank between two different units (Graves et al. 2006, section 4.1, with
the maximum instead of the sum). NumPy only.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnntasks_speech.ctc.decoding import BLANK, LogProbs


@dataclass(frozen=True, slots=True)
class Span:
    """Where a unit lies.

    Attributes:
        unit: its index, from 1.
        start, stop: its frames; `stop` is the first one behind.
        score: its log-probability in the frame where it is the largest.
    """

    unit: int
    start: int
    stop: int
    score: float


def align(log_probs: LogProbs, units: Sequence[int]) -> list[Span]:
    """The frames of each unit on the likeliest path that stands for `units`.

    Args:
        log_probs: T×(K+1).
        units: indices from 1; may be empty.

    Raises:
        ValueError: there are fewer frames than a path for these units needs.
    """
    if not units:
        return []
    repeats = sum(one == two for one, two in itertools.pairwise(units))
    frames = len(log_probs)
    if frames < len(units) + repeats:
        raise ValueError(f"{frames} frames are too few for {len(units)} units")
    states = np.full(2 * len(units) + 1, BLANK)
    states[1::2] = units
    # From a unit to the next one, where they differ, without a blank between.
    skips = np.zeros(len(states), bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    emitted = log_probs[:, states].astype(np.float64)
    steps = np.zeros((frames, len(states)), np.int8)
    score = np.full(len(states), -np.inf)
    score[:2] = emitted[0, :2]
    for frame in range(1, frames):
        ways = np.full((3, len(states)), -np.inf)
        ways[0] = score
        ways[1, 1:] = score[:-1]
        ways[2, 2:] = np.where(skips[2:], score[:-2], -np.inf)
        steps[frame] = ways.argmax(axis=0)
        score = ways.max(axis=0) + emitted[frame]
    state = len(states) - 1 if score[-1] >= score[-2] else len(states) - 2
    path = np.empty(frames, np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= int(steps[frame, state])
    return [_span(path, number, unit, log_probs) for number, unit in enumerate(units)]


def _span(path: NDArray[np.int64], number: int, unit: int, log_probs: LogProbs) -> Span:
    start = int(np.searchsorted(path, 2 * number + 1, side="left"))
    stop = int(np.searchsorted(path, 2 * number + 1, side="right"))
    return Span(int(unit), start, stop, float(log_probs[start:stop, unit].max()))
