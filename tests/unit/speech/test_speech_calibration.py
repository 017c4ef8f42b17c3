"""Temperature and threshold of a spotter."""

from __future__ import annotations

import numpy as np
import pytest
from cnntasks_speech.calibration import find_threshold, probabilities_of

from cnntasks import find_temperature


def test_the_temperature_undoes_a_factor() -> None:
    random = np.random.default_rng(0)
    true = random.normal(0, 2, (4000, 5))
    odds = probabilities_of(true, 1.0)
    labels = np.array([random.choice(5, p=row) for row in odds])
    assert find_temperature(3.0 * true, labels) == pytest.approx(3.0, rel=0.08)
    assert find_temperature(0.5 * true, labels) == pytest.approx(0.5, rel=0.08)


def test_probabilities_add_up_to_one() -> None:
    found = probabilities_of(np.array([[1000.0, 999.0], [0.0, 0.0]]), 2.0)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found[0, 0] == pytest.approx(1 / (1 + np.exp(-0.5)))


def test_the_threshold_lies_between_right_and_wrong() -> None:
    """Words at 0.9 and 0.8 are right; at 0.6 an unknown one is taken for a word."""
    probabilities = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.6, 0.1, 0.3], [0.1, 0.2, 0.7]])
    labels = np.array([0, 1, 2, 2])
    threshold, f1 = find_threshold(probabilities, labels, rejects=[2])
    assert 0.6 < threshold <= 0.8
    assert f1 == 1.0


def test_misses_count_as_well() -> None:
    """Above the wrong word at 0.7 there is one right one of three; below there are all."""
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.55, 0.45], [0.7, 0.3]])
    labels = np.array([0, 0, 0, 1])
    threshold, f1 = find_threshold(probabilities, labels, rejects=[1])
    assert threshold <= 0.55
    assert f1 == pytest.approx(6 / 7)
