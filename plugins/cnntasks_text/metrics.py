"""What an evaluation of a text classifier measures."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from cnntasks import ClassScores, Score, confusion_picture, reliability_picture


class TextMetric(ClassScores):
    """Accuracy, precision, recall and F1 of each class and their means, calibration.

    Args:
        classes: names of the model's classes.
        figures: draw a confusion matrix and a reliability diagram.
    """

    def __init__(self, classes: tuple[str, ...], figures: bool = False) -> None:
        super().__init__(classes)
        self.figures = figures

    @torch.no_grad()
    def update(self, network: nn.Module, batch: Any) -> None:
        """Classify one batch, which has `tokens` B×L and `labels` B, and remember both."""
        self.add(network(batch.tokens)["logits"].softmax(dim=1), batch.labels)

    def compute(self) -> Score:
        """The share of right answers, means over the classes (`macro_F1`), and a row per class.

        See `cnntasks.ClassMeasures`. Classes without a text have no row and do not count in the
        means over classes.
        """
        found = self.measures()
        if found is None:
            return Score({"accuracy": 0.0})
        metrics = {
            "accuracy": found.accuracy,
            "macro_precision": found.mean(found.precision),
            "macro_recall": found.mean(found.recall),
            "macro_F1": found.mean(found.f1),
            "calibration_error": found.calibration_error,
        }
        score = Score(metrics, found.rows(self.classes, "texts"))
        if self.figures:
            best = self.scores().max(dim=1)
            right = best.indices == self.labels()
            score.figures["confusion-matrix.png"] = confusion_picture(self.classes, found.matrix)
            score.figures["reliability.png"] = reliability_picture(
                best.values.numpy(), right.numpy(), found.calibration_error
            )
        return score
