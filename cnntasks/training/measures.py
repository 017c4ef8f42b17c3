"""What an evaluation of any classifier measures, by torchmetrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCalibrationError,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

#: Bins of the calibration error, as in Guo et al. 2017.
CALIBRATION_BINS = 15


@dataclass(frozen=True, slots=True)
class ClassMeasures:
    """How good a classifier was on N examples of K classes.

    Attributes:
        matrix: K×K int64, the true class in rows, what was found in columns.
        accuracy: share of the examples whose likeliest class is the true one.
        top5: share whose true class is among the five likeliest; None for five classes or fewer.
        precision, recall, f1: K; those of a class without an example mean nothing.
        calibration_error: the expected one (Guo et al. 2017, equation 3): the mean distance, over
            15 bins of the highest score, between that score and the accuracy.
    """

    matrix: NDArray[np.int64]
    accuracy: float
    top5: float | None
    precision: NDArray[np.float32]
    recall: NDArray[np.float32]
    f1: NDArray[np.float32]
    calibration_error: float

    @property
    def support(self) -> NDArray[np.int64]:
        """K: how many examples each class has."""
        counts: NDArray[np.int64] = self.matrix.sum(axis=1)
        return counts

    def mean(self, values: NDArray[np.float32]) -> float:
        """The mean over the classes that have an example (the macro average)."""
        return float(values[self.support > 0].mean())

    def rows(self, classes: Sequence[str], noun: str) -> list[dict[str, Any]]:
        """For each class that has an example: name, precision, recall, F1, how many `noun`."""
        return [
            {
                "class": name,
                "precision": float(self.precision[number]),
                "recall": float(self.recall[number]),
                "F1": float(self.f1[number]),
                noun: int(self.support[number]),
            }
            for number, name in enumerate(classes)
            if self.support[number]
        ]


def measure_classes(scores: Tensor, labels: Tensor) -> ClassMeasures:
    """Compare scores with the truth.

    Args:
        scores: N×K probabilities, N at least 1.
        labels: N int64, the true classes.
    """
    count = scores.shape[1]
    matrix = _measure(MulticlassConfusionMatrix(count), scores, labels)
    calibration = MulticlassCalibrationError(count, n_bins=CALIBRATION_BINS, norm="l1")
    # A score of 1, of which there are many, would get a bin of its own; one that rounding puts
    # beyond 1 would have all of them taken for logits.
    below = scores.clamp(max=1 - 2**-24)
    top5 = None
    if count > 5:
        five = MulticlassAccuracy(count, top_k=5, average="micro")
        top5 = float(_measure(five, scores, labels))
    return ClassMeasures(
        matrix=matrix.numpy(),
        accuracy=float(matrix.diagonal().sum() / matrix.sum()),
        top5=top5,
        precision=_measure(MulticlassPrecision(count, average=None), scores, labels).numpy(),
        recall=_measure(MulticlassRecall(count, average=None), scores, labels).numpy(),
        f1=_measure(MulticlassF1Score(count, average=None), scores, labels).numpy(),
        calibration_error=float(_measure(calibration, below, labels)),
    )


def _measure(metric: Any, scores: Tensor, labels: Tensor) -> Tensor:
    metric.update(scores, labels)
    value: Tensor = metric.compute()
    return value


@dataclass(frozen=True, slots=True)
class Mistake:
    """An example that was taken for something else.

    Attributes:
        number: of the example, in the order of the evaluation.
        name: of the example.
        truth, found: class names.
        score: of what was found, 0..1.
    """

    number: int
    name: str
    truth: str
    found: str
    score: float


def worst_mistakes(
    names: Sequence[str],
    labels: NDArray[np.int64],
    scores: NDArray[np.float32],
    classes: Sequence[str],
    most: int | None = None,
) -> list[Mistake]:
    """Wrongly classified examples, the most confident first.

    Args:
        names: N.
        labels: N.
        scores: N×K.
        classes: K names.
        most: at most so many; all when None.
    """
    found = scores.argmax(axis=1)
    wrong = np.flatnonzero(found != labels)
    confidence = scores[wrong, found[wrong]]
    order = wrong[np.argsort(-confidence, kind="stable")][:most]
    return [
        Mistake(
            number=int(place),
            name=names[place],
            truth=classes[labels[place]],
            found=classes[found[place]],
            score=float(scores[place, found[place]]),
        )
        for place in order
    ]


class ClassScores:
    """Gathers the scores and labels of batches, for a learner's metric.

    Args:
        classes: names of the model's classes.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._scores: list[Tensor] = []
        self._labels: list[Tensor] = []

    def add(self, scores: Tensor, labels: Tensor) -> None:
        """Remember B×K probabilities and B labels."""
        self._scores.append(scores.detach().cpu())
        self._labels.append(labels.detach().cpu())

    def measures(self) -> ClassMeasures | None:
        """What came out so far; None before the first batch."""
        if not self._scores:
            return None
        return measure_classes(torch.cat(self._scores), torch.cat(self._labels))

    def scores(self) -> Tensor:
        """N×K, everything remembered."""
        return torch.cat(self._scores)

    def labels(self) -> Tensor:
        """N, everything remembered."""
        return torch.cat(self._labels)
