"""What an evaluation of a classifier measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

from cnntasks import ClassScores, Score, confusion_picture
from cnntasks_classify.batches import Batch


class ClassificationMetric(ClassScores):
    """Top-1 and top-5 accuracy, precision, recall and F1 of each class, calibration.

    Args:
        classes: names of the model's classes.
        figures: draw a confusion matrix.
    """

    def __init__(self, classes: Sequence[str], figures: bool = False) -> None:
        super().__init__(classes)
        self.figures = figures

    @torch.no_grad()
    def update(self, network: nn.Module, batch: Batch) -> None:
        """Classify one batch and remember scores and truth."""
        self.add(network(batch.pixels)["scores"], batch.labels)

    def compute(self) -> Score:
        """The means over pictures (`top1`, `top5`) and classes (`F1`), and a row per class.

        See `cnntasks.ClassMeasures`. Classes without a picture have no row and do not count in the
        means over classes.
        """
        found = self.measures()
        if found is None:
            return Score({"top1": 0.0})
        metrics = {"top1": found.accuracy}
        if found.top5 is not None:
            metrics["top5"] = found.top5
        for key, values in (
            ("precision", found.precision),
            ("recall", found.recall),
            ("F1", found.f1),
        ):
            metrics[f"mean_{key}"] = found.mean(values)
        metrics["calibration_error"] = found.calibration_error
        drawings: dict[str, Callable[[Path], None]] = {}
        if self.figures:
            drawings["confusion-matrix.png"] = confusion_picture(self.classes, found.matrix)
        return Score(metrics, found.rows(self.classes, "pictures"), drawings)
