"""What an evaluation of a classifier measures, by torchmetrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCalibrationError,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

from cnntasks import Score
from cnntasks_classify.batches import Batch

#: Bins of the calibration error, as in Guo et al. 2017.
_BINS = 15


class ClassificationMetric:
    """Top-1 and top-5 accuracy, precision, recall and F1 of each class, calibration.

    Args:
        classes: names of the model's classes.
        figures: draw a confusion matrix.
    """

    def __init__(self, classes: Sequence[str], figures: bool = False) -> None:
        self.classes = tuple(classes)
        self.figures = figures
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._scores: list[Tensor] = []
        self._labels: list[Tensor] = []

    @torch.no_grad()
    def update(self, network: nn.Module, batch: Batch) -> None:
        """Classify one batch and remember scores and truth."""
        self.add(network(batch.pixels)["scores"], batch.labels)

    def add(self, scores: Tensor, labels: Tensor) -> None:
        """Remember B×K scores and B labels."""
        self._scores.append(scores.detach().cpu())
        self._labels.append(labels.detach().cpu())

    def compute(self) -> Score:
        """The means over pictures (`top1`, `top5`) and classes (`F1`), and a row per class.

        `calibration_error` is the expected one (Guo et al. 2017, equation 3): the mean distance,
        over 15 bins of the highest score, between that score and the accuracy. Classes without a
        picture have no row and do not count in the means over classes.
        """
        if not self._scores:
            return Score({"top1": 0.0})
        scores, labels = torch.cat(self._scores), torch.cat(self._labels)
        count = len(self.classes)
        matrix = _measure(MulticlassConfusionMatrix(count), scores, labels)
        support = matrix.sum(dim=1)
        present = support > 0
        each: dict[str, Tensor] = {
            "precision": _measure(MulticlassPrecision(count, average=None), scores, labels),
            "recall": _measure(MulticlassRecall(count, average=None), scores, labels),
            "F1": _measure(MulticlassF1Score(count, average=None), scores, labels),
        }
        table = [
            {
                "class": name,
                **{key: float(values[number]) for key, values in each.items()},
                "pictures": int(support[number]),
            }
            for number, name in enumerate(self.classes)
            if present[number]
        ]
        metrics = {"top1": float(matrix.diagonal().sum() / support.sum())}
        if count > 5:
            top5 = MulticlassAccuracy(count, top_k=5, average="micro")
            metrics["top5"] = float(_measure(top5, scores, labels))
        for key, values in each.items():
            metrics[f"mean_{key}"] = float(values[present].mean())
        calibration = MulticlassCalibrationError(count, n_bins=_BINS, norm="l1")
        # A score of 1, of which there are many, would get a bin of its own; one that rounding puts
        # beyond 1 would have all of them taken for logits.
        below = scores.clamp(max=1 - 2**-24)
        metrics["calibration_error"] = float(_measure(calibration, below, labels))
        drawings: dict[str, Callable[[Path], None]] = {}
        if self.figures:
            from cnntasks_classify.figures import confusion_picture

            drawings["confusion-matrix.png"] = confusion_picture(self.classes, matrix.numpy())
        return Score(metrics, table, drawings)


def _measure(metric: Any, scores: Tensor, labels: Tensor) -> Tensor:
    metric.update(scores, labels)
    value: Tensor = metric.compute()
    return value


@dataclass(frozen=True, slots=True)
class Mistake:
    """A picture that was taken for something else.

    Attributes:
        number: of the picture, in the order of the evaluation.
        name: of the picture.
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
    """Wrongly classified pictures, the most confident first.

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
