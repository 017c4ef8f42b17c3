"""The alignment of a transcript against every path that stands for it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from cnntasks_speech.ctc.alignment import align
from numpy.typing import NDArray


def some_log_probs(frames: int, units: int, seed: int) -> NDArray[np.float32]:
    logits = np.random.default_rng(seed).normal(0, 2, (frames, units + 1))
    return (logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).astype(np.float32)


def likeliest_path(log_probs: NDArray[np.float32], units: list[int]) -> tuple[int, ...]:
    paths = itertools.product(range(log_probs.shape[1]), repeat=len(log_probs))
    fitting = [p for p in paths if [u for u, _ in itertools.groupby(p) if u] == units]
    return max(fitting, key=lambda p: sum(log_probs[t, unit] for t, unit in enumerate(p)))


@pytest.mark.parametrize("units", [[1], [1, 2], [2, 2], [1, 2, 1], [2, 1, 1]])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_likeliest_path(units: list[int], seed: int) -> None:
    log_probs = some_log_probs(7, 2, seed)
    best = likeliest_path(log_probs, units)
    spans = align(log_probs, units)
    assert [span.unit for span in spans] == units
    path = np.zeros(7, int)
    for span in spans:
        assert span.start < span.stop
        path[span.start : span.stop] = span.unit
        assert span.score == pytest.approx(log_probs[span.start : span.stop, span.unit].max())
    assert tuple(path) == best


def test_units_that_just_fit_have_a_frame_each() -> None:
    spans = align(some_log_probs(5, 3, 0), [1, 1, 2, 3])
    assert [(span.start, span.stop) for span in spans] == [(0, 1), (2, 3), (3, 4), (4, 5)]


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        align(some_log_probs(3, 2, 0), [1, 1, 2])


def test_nothing_said_has_no_spans() -> None:
    assert align(some_log_probs(3, 2, 0), []) == []
