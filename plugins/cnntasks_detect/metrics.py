"""Mean average precision of detections, by torchmetrics, for data in which not all is labelled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchmetrics.detection import MeanAveragePrecision

from cnntasks import Score
from cnntasks_detect.batches import Batch
from cnntasks_detect.network import FasterRCNN
from cnntasks_detect.suppression import suppress_overlaps

#: Detections below this score do not change average precision noticeably, and cost time.
LOWEST_SCORE = 0.005


class DetectionMetric:
    """COCO's average precision (Lin et al. 2014), each class on the sets that label it.

    Detections of a class that a picture's data set does not label are left out: nobody knows
    whether they are right. Crowd and difficult regions are COCO's `iscrowd`: neither found nor
    missed.
    """

    def __init__(self, classes: Sequence[str], overlap: float, most: int = 100) -> None:
        self.classes = tuple(classes)
        self.overlap = overlap
        self.most = most
        self._metric = MeanAveragePrecision(
            iou_type="bbox",
            class_metrics=True,
            extended_summary=True,
            backend="faster_coco_eval",
        )
        self._metric.warn_on_many_detections = False
        self._pictures = 0

    def reset(self) -> None:
        """Forget everything."""
        self._metric.reset()
        self._pictures = 0

    @torch.no_grad()
    def update(self, network: FasterRCNN, batch: Batch) -> None:
        """Detect in one batch and remember detections and truth."""
        outputs = network(batch.pixels, batch.sizes)
        arrays = {name: value.cpu().numpy() for name, value in outputs.items()}
        for row, target in enumerate(batch.targets):
            scores, labels = arrays["scores"][row], arrays["labels"][row]
            known = target.known.cpu().numpy()
            keep = np.flatnonzero((scores >= LOWEST_SCORE) & known[labels])
            boxes, scores, labels = arrays["boxes"][row][keep], scores[keep], labels[keep]
            chosen = suppress_overlaps(boxes, scores, labels, self.overlap, self.most)
            self.add(
                boxes[chosen],
                scores[chosen],
                labels[chosen],
                target.boxes.cpu().numpy(),
                target.labels.cpu().numpy(),
                target.ignore.cpu().numpy(),
                known,
            )

    def add(
        self,
        boxes: np.ndarray[Any, Any],
        scores: np.ndarray[Any, Any],
        labels: np.ndarray[Any, Any],
        true_boxes: np.ndarray[Any, Any],
        true_labels: np.ndarray[Any, Any],
        ignore: np.ndarray[Any, Any],
        known: np.ndarray[Any, Any],
    ) -> None:
        """Remember one picture: its detections, its objects, its regions to ignore (M×4).

        An ignored region counts for every class that the picture's set labels.
        """
        kinds = np.flatnonzero(known)
        crowds = np.repeat(ignore, len(kinds), axis=0).reshape(-1, 4)
        crowd_labels = np.tile(kinds, len(ignore))
        truth = np.concatenate([true_boxes.reshape(-1, 4), crowds])
        is_crowd = np.concatenate([np.zeros(len(true_labels)), np.ones(len(crowds))])
        self._metric.update(
            [
                {
                    "boxes": torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4),
                    "scores": torch.as_tensor(scores, dtype=torch.float32),
                    "labels": torch.as_tensor(labels, dtype=torch.long),
                }
            ],
            [
                {
                    "boxes": torch.as_tensor(truth, dtype=torch.float32),
                    "labels": torch.as_tensor(np.concatenate([true_labels, crowd_labels])).long(),
                    "iscrowd": torch.as_tensor(is_crowd).long(),
                }
            ],
        )
        self._pictures += 1

    def compute(self) -> Score:
        """mAP@[.5:.95], mAP@50, mAP@75, by object size, and per class.

        Classes without a single object are left out of the means.
        """
        if not self._pictures:
            return Score({"mAP50": 0.0, "mAP": 0.0})
        result = self._metric.compute()
        # precision: IoU thresholds × recall levels × classes × areas × detection limits
        precision = result["precision"].numpy()[:, :, :, 0, -1]
        scores = result["scores"].numpy()[0, :, :, 0, -1]
        present = [int(label) for label in np.atleast_1d(result["classes"].numpy())]
        table = []
        curves: dict[str, Any] = {}
        for column, label in enumerate(present):
            values = precision[:, :, column]
            if (values < 0).all():
                continue
            name = self.classes[label]
            curves[name] = values[0]
            table.append({"class": name, "AP50": _mean(values[0]), "AP": _mean(values)})
        columns = [column for column, label in enumerate(present) if self.classes[label] in curves]
        threshold, best = best_threshold(precision[0][:, columns], scores[:, columns])
        table.sort(key=lambda row: self.classes.index(row["class"]))
        metrics = {
            "mAP50": float(np.mean([row["AP50"] for row in table])) if table else 0.0,
            "mAP": float(np.mean([row["AP"] for row in table])) if table else 0.0,
        }
        for name, key in (
            ("mAP75", "map_75"),
            ("mAP_small", "map_small"),
            ("mAP_medium", "map_medium"),
            ("mAP_large", "map_large"),
            ("mAR100", "mar_100"),
        ):
            value = float(result[key])
            if value >= 0:
                metrics[name] = value
        metrics.update(best_F1=best, best_threshold=threshold)
        return Score(metrics, table, {"precision-recall.png": _curve_plot(curves)})


def best_threshold(
    precision: np.ndarray[Any, Any], scores: np.ndarray[Any, Any]
) -> tuple[float, float]:
    """The score threshold with the highest F1, averaged over classes, and that F1; 0.5 if none has.

    Args:
        precision: R×K, at R equally spaced recalls from 0 to 1, for K classes.
        scores: R×K, the score of the detection that reaches each recall; 0 where none does.
    """
    recall = np.linspace(0, 1, len(precision))[:, None]
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    grid = np.arange(0.05, 0.96, 0.01)
    means = []
    for threshold in grid:
        # The deepest recall that is still reached by scores of at least the threshold.
        reached = (scores >= threshold) & (precision > 0)
        depth = np.where(reached.any(axis=0), len(recall) - 1 - reached[::-1].argmax(axis=0), 0)
        means.append(float(f1[depth, np.arange(f1.shape[1])].mean()) if f1.size else 0.0)
    if not max(means) > 0:
        return 0.5, 0.0
    # The highest of equally good ones: the curve does not show what lies between two right ones.
    best = len(means) - 1 - int(np.argmax(means[::-1]))
    return round(float(grid[best]), 2), means[best]


def restrict(score: Score, classes: Sequence[str]) -> Score:
    """The same measurement averaged over some of its classes (`mAP50` and `mAP`)."""
    table = [row for row in score.table if row["class"] in classes]
    metrics = {f"m{key}": _mean(np.array([row[key] for row in table])) for key in ("AP50", "AP")}
    return Score(metrics, table, score.figures)


def _mean(values: np.ndarray[Any, Any]) -> float:
    valid = values[values >= 0]
    return float(valid.mean()) if len(valid) else 0.0


def _curve_plot(curves: dict[str, Any]) -> Any:
    def draw(path: Path) -> None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 6), layout="constrained")
        axes = figure.add_subplot()
        recall = np.linspace(0, 1, 101)
        for number, (name, precision) in enumerate(sorted(curves.items())):
            style = ("-", "--", ":")[number // 10 % 3]
            axes.plot(recall, precision, style, label=f"{name} {_mean(precision):.2f}")
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        axes.set_title("Precision and recall at an overlap of 0.5")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
        figure.savefig(path, dpi=120)

    return draw
