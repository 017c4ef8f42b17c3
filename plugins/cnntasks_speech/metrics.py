"""What an evaluation of a word spotter measures on single clips."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from cnntasks import ClassScores, Score


class SpotMetric(ClassScores):
    """Accuracy, precision, recall and F1 of each class and their means, calibration.

    Args:
        classes: names of the model's classes.
    """

    @torch.no_grad()
    def update(self, network: nn.Module, batch: Any) -> None:
        """Classify one batch, which has `features` B×M×T and `labels` B, and remember both."""
        self.add(network(batch.features)["logits"].softmax(dim=1), batch.labels)

    def compute(self) -> Score:
        """The share of right answers, means over the classes, and a row per class.

        See `cnntasks.ClassMeasures`. Classes without a recording have no row and do not count in
        the means over classes.
        """
        found = self.measures()
        if found is None:
            return Score({"accuracy": 0.0})
        metrics = {
            "accuracy": found.accuracy,
            "macro_recall": found.mean(found.recall),
            "macro_F1": found.mean(found.f1),
            "calibration_error": found.calibration_error,
        }
        return Score(metrics, found.rows(self.classes, "recordings"))
