"""Accuracy and its relatives: against plain computations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from cnntasks_classify.batches import Batch
from cnntasks_classify.metrics import ClassificationMetric
from numpy.typing import NDArray
from torch import nn

from cnntasks import Score, worst_mistakes

Scores = NDArray[np.float32]
Labels = NDArray[np.int64]


def made_up(count: int, classes: int, seed: int = 0) -> tuple[Scores, Labels]:
    """Scores that sum to 1, and labels that they are right about now and then."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    logits = random.normal(0, 1.5, (count, classes))
    logits[np.arange(count), labels] += 2
    powers = np.exp(logits)
    return (powers / powers.sum(1, keepdims=True)).astype(np.float32), labels


def measured(scores: Scores, labels: Labels, parts: int = 1) -> Score:
    metric = ClassificationMetric([f"c{n}" for n in range(scores.shape[1])])
    for some, truth in zip(
        np.array_split(scores, parts), np.array_split(labels, parts), strict=True
    ):
        metric.add(torch.from_numpy(some), torch.from_numpy(truth))
    return metric.compute()


def by_class(scores: Scores, labels: Labels) -> list[dict[str, Any]]:
    found = scores.argmax(1)
    rows = []
    for k in range(scores.shape[1]):
        right = int(((found == k) & (labels == k)).sum())
        said, there = int((found == k).sum()), int((labels == k).sum())
        if there:
            precision, recall = right / said if said else 0.0, right / there
            total = precision + recall
            rows.append(
                {
                    "class": f"c{k}",
                    "precision": precision,
                    "recall": recall,
                    "F1": 2 * precision * recall / total if total else 0.0,
                    "pictures": there,
                }
            )
    return rows


def calibration_error(scores: Scores, labels: Labels, bins: int = 15) -> float:
    """Guo et al. 2017, equation 3."""
    confidence = scores.max(1).astype(np.float64)
    right = scores.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    error = 0.0
    for k in range(bins):
        inside = place == k
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            error += inside.mean() * gap
    return float(error)


@pytest.mark.parametrize(("count", "classes"), [(200, 8), (50, 3), (1, 2), (300, 40)])
def test_everything_is_as_computed_plainly(count: int, classes: int) -> None:
    scores, labels = made_up(count, classes, seed=count)
    score = measured(scores, labels, parts=min(count, 3))
    rows = by_class(scores, labels)
    assert score.metrics["top1"] == pytest.approx((scores.argmax(1) == labels).mean())
    if classes > 5:
        best = np.argsort(-scores, axis=1)[:, :5]
        right = (best == labels[:, None]).any(1).mean()
        assert score.metrics["top5"] == pytest.approx(right)
        assert score.metrics["top1"] < right < 1
    else:
        assert "top5" not in score.metrics
    for key in ("precision", "recall", "F1"):
        mean = sum(row[key] for row in rows) / len(rows)
        assert score.metrics[f"mean_{key}"] == pytest.approx(mean, abs=1e-6)
    expected = calibration_error(scores, labels)
    assert score.metrics["calibration_error"] == pytest.approx(expected, abs=1e-5)
    assert [tuple(row) for row in score.table] == [tuple(row) for row in rows]
    for found, row in zip(score.table, rows, strict=True):
        assert found == pytest.approx(row)


def test_a_class_without_a_picture_has_no_row_and_no_say() -> None:
    scores = np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], np.float32)
    score = measured(scores, np.array([0, 0, 2]))
    assert [row["class"] for row in score.table] == ["c0", "c2"]
    assert {score.metrics[f"mean_{key}"] for key in ("precision", "recall", "F1")} == {1.0}
    taken_for_it = measured(scores, np.array([1, 0, 0]))
    assert [row["class"] for row in taken_for_it.table] == ["c0", "c1"]
    assert taken_for_it.table[0]["recall"] == 0.5
    assert taken_for_it.metrics["mean_recall"] == 0.25


def test_a_score_of_one_belongs_to_the_last_bin() -> None:
    scores = np.array([[1.0, 0.0], [0.95, 0.05], [0.99, 0.01]], np.float32)
    labels = np.array([1, 0, 0])
    expected = (1.0 + 0.95 + 0.99) / 3 - 2 / 3
    found = measured(scores, labels).metrics["calibration_error"]
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_score_that_rounding_puts_beyond_one_is_a_score_still() -> None:
    scores = np.array([[np.nextafter(np.float32(1), np.float32(2)), 0.0], [0.6, 0.4]], np.float32)
    found = measured(scores, np.array([0, 0])).metrics["calibration_error"]
    assert found == pytest.approx(0.2, abs=1e-6)  # 0.4 off, for one of two


class Told(nn.Module):
    """Finds the class that the first pixel says."""

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"scores": torch.eye(3)[pixels[:, 0, 0, 0].long()]}


def test_a_metric_is_fed_by_a_network_and_forgets() -> None:
    metric = ClassificationMetric(["a", "b", "c"])
    assert metric.compute().metrics == {"top1": 0.0}
    pixels = torch.tensor([0, 1, 2, 2]).view(4, 1, 1, 1)
    labels = torch.tensor([0, 1, 2, 0])
    metric.update(Told(), Batch(pixels, labels, torch.eye(3)[labels]))
    assert metric.compute().metrics["top1"] == 0.75
    metric.reset()
    metric.update(Told(), Batch(pixels[:2], labels[:2], torch.eye(3)[labels[:2]]))
    assert metric.compute().metrics["top1"] == 1.0


def test_figures_are_drawn_only_where_asked_for() -> None:
    scores, labels = made_up(9, 3)
    assert measured(scores, labels).figures == {}
    metric = ClassificationMetric(["a", "b", "c"], figures=True)
    metric.add(torch.from_numpy(scores), torch.from_numpy(labels))
    assert list(metric.compute().figures) == ["confusion-matrix.png"]


def test_the_most_confident_mistakes_come_first() -> None:
    scores = np.array(
        [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]], dtype=np.float32
    )
    labels = np.array([1, 0, 0, 0, 1])
    names = [f"{n}.png" for n in range(5)]
    mistakes = worst_mistakes(names, labels, scores, ("cat", "dog"))
    assert [it.number for it in mistakes] == [0, 2, 1, 3]  # equal ones in their order
    first = mistakes[0]
    assert (first.name, first.truth, first.found) == ("0.png", "dog", "cat")
    assert first.score == pytest.approx(0.9)
    assert [it.number for it in worst_mistakes(names, labels, scores, ("a", "b"), most=2)] == [0, 2]
    assert worst_mistakes(names[4:], labels[4:], scores[4:], ("cat", "dog")) == []
