"""Temperatures: found where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from cnntasks import find_temperature


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_logits_that_are_too_large_are_found_out(temperature: float) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 1.5, (40_000, 3))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (chances.cumsum(axis=1) < random.random((len(logits), 1))).sum(axis=1)
    found = find_temperature(logits * temperature, labels)
    assert found == pytest.approx(temperature, rel=0.04)


def test_it_stays_within_bounds() -> None:
    logits = np.array([[5.0, 0.0], [0.0, 5.0]])
    assert find_temperature(logits, np.array([0, 1])) == pytest.approx(0.25, rel=1e-3)
    assert find_temperature(logits, np.array([1, 0])) == pytest.approx(8, rel=1e-3)
