"""Average precision: against an independent computation, and where not all is labelled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cnntasks_detect.batches import Batch
from cnntasks_detect.losses import Target
from cnntasks_detect.metrics import LOWEST_SCORE, DetectionMetric, best_threshold
from PIL import Image
from torch import nn

CLASSES = ("cat", "dog", "bird")
ALL = (True, True, True)


def add(
    metric: DetectionMetric,
    found: list[tuple[int, float, list[float]]],
    truth: list[tuple[int, list[float]]],
    ignore: list[list[float]] | None = None,
    known: tuple[bool, ...] = ALL,
) -> None:
    """Add one picture: `found` is (class, score, box), `truth` is (class, box)."""
    metric.add(
        np.array([box for _, _, box in found], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in found], np.float32),
        np.array([label for label, _, _ in found], np.int64),
        np.array([box for _, box in truth], np.float32).reshape(-1, 4),
        np.array([label for label, _ in truth], np.int64),
        np.array(ignore or [], np.float32).reshape(-1, 4),
        np.array(known),
    )


def new(classes: tuple[str, ...] = CLASSES) -> DetectionMetric:
    return DetectionMetric(classes, overlap=0.5)


BOX, FAR = [10.0, 10.0, 60.0, 60.0], [200.0, 200.0, 260.0, 260.0]


def overlap(a: list[float], b: list[float]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (area - width * height)


def plain_average_precision(
    pictures: list[tuple[list[tuple[int, float, list[float]]], list[tuple[int, list[float]]]]],
    label: int,
    least: float,
) -> float | None:
    """AP by its definition (101 recalls), without any of the library: None without objects."""
    objects = sum(kind == label for _, truth in pictures for kind, _ in truth)
    if not objects:
        return None
    hits: list[tuple[float, bool]] = []
    for found, truth in pictures:
        left = [box for kind, box in truth if kind == label]
        ranked = sorted((d for d in found if d[0] == label), key=lambda d: -d[1])
        for _, score, box in ranked:
            best = max(left, key=lambda other: overlap(box, other), default=None)
            hit = best is not None and overlap(box, best) >= least
            if hit:
                left.remove(best)
            hits.append((score, hit))
    hits.sort(key=lambda pair: -pair[0])
    points, right = [], 0
    for count, (_, hit) in enumerate(hits, 1):
        right += hit
        points.append((right / objects, right / count))
    # (in single precision, as torchmetrics has them: 0.3 is not reached by 3 of 10)
    recalls = torch.linspace(0, 1, 101).tolist()
    return float(
        np.mean([max((p for r, p in points if r >= recall), default=0.0) for recall in recalls])
    )


def random_pictures(seed: int) -> list[Any]:
    """Objects, and detections that are near them, elsewhere, doubled or of another class."""
    rng = np.random.default_rng(seed)
    pictures = []
    scores = iter(rng.permutation(2000) / 2000)
    for _ in range(6):
        truth = []
        for number in range(int(rng.integers(0, 5))):
            x, y = 150.0 * number, float(rng.integers(0, 100))
            width, height = rng.integers(20, 120, 2)
            truth.append((int(rng.integers(0, 2)), [x, y, float(x + width), float(y + height)]))
        found = []
        for label, box in truth:
            for _ in range(int(rng.integers(0, 3))):
                moved = (np.array(box) + rng.normal(0, 8, 4)).tolist()
                kind = label if rng.random() < 0.8 else 1 - label
                found.append((kind, float(next(scores)), moved))
        for _ in range(int(rng.integers(0, 3))):
            x, y = rng.integers(0, 500, 2).tolist()
            box = [float(x), float(y), x + 50.0, y + 50.0]
            found.append((int(rng.integers(0, 2)), float(next(scores)), box))
        pictures.append((found, truth))
    return pictures


@pytest.mark.parametrize("seed", range(8))
def test_it_agrees_with_an_independent_computation(seed: int) -> None:
    pictures = random_pictures(seed)
    metric = new()
    for found, truth in pictures:
        add(metric, found, truth)

    score = metric.compute()

    rows = {row["class"]: row for row in score.table}
    expected = {}
    for label, name in enumerate(CLASSES):
        value = plain_average_precision(pictures, label, 0.5)
        if value is None:
            assert name not in rows
            continue
        expected[name] = value
        assert rows[name]["AP50"] == pytest.approx(value, abs=1e-3)
        steps = [plain_average_precision(pictures, label, t) for t in np.arange(0.5, 0.96, 0.05)]
        assert rows[name]["AP"] == pytest.approx(np.mean(steps), abs=1e-3)
    assert score.metrics["mAP50"] == pytest.approx(np.mean(list(expected.values())), abs=1e-3)


def test_perfect_detections_give_one() -> None:
    metric = new()
    truth = [(0, BOX), (1, FAR)]
    add(metric, [(label, 0.9, box) for label, box in truth], truth)
    add(metric, [(0, 0.8, FAR)], [(0, FAR)])

    score = metric.compute()

    assert score.metrics["mAP50"] == pytest.approx(1)
    assert score.metrics["mAP"] == pytest.approx(1)
    assert score.metrics["mAP75"] == pytest.approx(1)
    assert score.metrics["mAR100"] == pytest.approx(1)
    assert score.metrics["best_F1"] == pytest.approx(1)
    assert [row["class"] for row in score.table] == ["cat", "dog"]


def test_missing_everything_gives_zero() -> None:
    metric = new()
    add(metric, [], [(0, BOX)])
    assert metric.compute().metrics["mAP50"] == 0


def test_a_false_detection_before_the_right_one_costs_half() -> None:
    metric = new()
    add(metric, [(0, 0.9, FAR), (0, 0.5, BOX)], [(0, BOX)])
    assert metric.compute().metrics["mAP50"] == pytest.approx(0.5)


def test_detections_on_ignored_regions_are_neither_right_nor_wrong() -> None:
    metric = new()
    add(metric, [(0, 0.9, FAR), (0, 0.8, FAR), (0, 0.5, BOX)], [(0, BOX)], ignore=[FAR])
    assert metric.compute().metrics["mAP50"] == pytest.approx(1)


def test_an_ignored_region_counts_for_every_class_and_is_no_object() -> None:
    metric = new()
    inside = [210.0, 210.0, 240.0, 240.0]  # a crowd may hold many
    add(metric, [(1, 0.9, inside), (0, 0.5, BOX)], [(0, BOX), (1, BOX)], ignore=[FAR])
    rows = {row["class"]: row["AP50"] for row in metric.compute().table}
    assert rows == {"cat": pytest.approx(1), "dog": 0}


def test_a_class_with_ignored_regions_only_is_left_out() -> None:
    metric = new()
    add(metric, [(0, 0.9, BOX)], [(0, BOX)], ignore=[FAR])
    score = metric.compute()
    assert [row["class"] for row in score.table] == ["cat"]
    assert score.metrics["mAP50"] == pytest.approx(1)


def test_classes_without_objects_are_left_out_of_the_means() -> None:
    metric = new()
    add(metric, [(0, 0.9, BOX), (2, 0.99, FAR)], [(0, BOX)])
    score = metric.compute()
    assert score.metrics["mAP50"] == pytest.approx(1)
    assert [row["class"] for row in score.table] == ["cat"]


def test_classes_come_in_their_own_order() -> None:
    metric = new()
    for label in (2, 0, 1):
        add(metric, [(label, 0.9, BOX)], [(label, BOX)])
    assert [row["class"] for row in metric.compute().table] == list(CLASSES)


def test_without_pictures_there_is_nothing_to_measure() -> None:
    assert new().compute().metrics == {"mAP50": 0.0, "mAP": 0.0}


def test_pictures_without_objects_and_detections_are_no_error() -> None:
    metric = new()
    add(metric, [], [])
    assert metric.compute().metrics["mAP50"] == 0


def test_reset_forgets() -> None:
    metric = new()
    add(metric, [(0, 0.9, FAR)], [(0, BOX)])
    metric.reset()
    add(metric, [(0, 0.9, BOX)], [(0, BOX)])
    assert metric.compute().metrics["mAP50"] == pytest.approx(1)


class Says(nn.Module):
    """A network that always finds the same."""

    def __init__(self, *found: tuple[int, float, list[float]]) -> None:
        super().__init__()
        self.found = sorted(found, key=lambda one: -one[1])

    def forward(self, pixels: torch.Tensor, sizes: torch.Tensor) -> dict[str, torch.Tensor]:
        labels, scores, boxes = (torch.tensor(column) for column in zip(*self.found, strict=True))
        batch = len(pixels)
        return {
            "boxes": boxes.repeat(batch, 1, 1),
            "scores": scores.repeat(batch, 1),
            "labels": labels.repeat(batch, 1),
        }


def batch_of(*truth: tuple[int, list[float]], known: tuple[bool, ...] = ALL) -> Batch:
    boxes = torch.tensor([box for _, box in truth]).reshape(-1, 4)
    labels = torch.tensor([label for label, _ in truth]).long()
    none = torch.zeros(0, 4)
    target = Target(boxes, labels, none, none, torch.tensor(known))
    pixels = torch.zeros(1, 320, 320, 3, dtype=torch.uint8)
    return Batch(pixels, torch.tensor([[320.0, 320.0]]), [target])


def test_detections_of_classes_that_a_set_does_not_label_do_not_count() -> None:
    network: Any = Says((0, 0.9, BOX), (1, 0.95, FAR))
    metric = new()
    metric.update(network, batch_of((0, BOX), known=(True, False, True)))  # no dog is labelled here
    metric.update(network, batch_of((0, BOX), (1, FAR)))
    assert metric.compute().metrics["mAP50"] == pytest.approx(1)

    metric = new()
    metric.update(network, batch_of((0, BOX), known=ALL))  # here the dog is wrong
    metric.update(network, batch_of((0, BOX), (1, FAR)))
    assert metric.compute().metrics["mAP50"] == pytest.approx(0.75)


def test_update_suppresses_overlapping_detections_of_a_class() -> None:
    near = [12.0, 10.0, 62.0, 60.0]
    network: Any = Says((0, 0.9, BOX), (0, 0.8, near), (1, 0.7, near))
    metric = new()
    metric.update(network, batch_of((0, BOX), (1, near)))
    score = metric.compute()
    assert score.metrics["mAP50"] == pytest.approx(1)
    assert sum(len(found) for found in metric._metric.detection_scores) == 2


def test_update_leaves_out_what_has_next_to_no_score() -> None:
    network: Any = Says((0, 0.9, BOX), (0, LOWEST_SCORE / 2, FAR))
    metric = new()
    metric.update(network, batch_of((0, BOX)))
    assert [len(found) for found in metric._metric.detection_scores] == [1]


def test_the_precision_recall_picture_is_written(tmp_path: Path) -> None:
    metric = new(tuple(f"class {number}" for number in range(25)))
    for label in range(25):
        add(metric, [(label, 0.9, BOX)], [(label, BOX), (label, FAR)], known=(True,) * 25)
    (name, draw), *rest = metric.compute().figures.items()

    draw(tmp_path / name)

    assert (name, rest) == ("precision-recall.png", [])
    with Image.open(tmp_path / name) as picture:
        assert picture.size[0] > 800
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 20


def test_the_best_threshold_parts_right_from_wrong() -> None:
    metric = new()
    for score in (0.9, 0.8, 0.7):
        add(metric, [(0, score, BOX)], [(0, BOX)])
    for score in (0.3, 0.25, 0.2, 0.15):
        add(metric, [(0, score, FAR)], [])
    add(metric, [(0, 0.1, BOX)], [(0, BOX)])  # not worth the four wrong ones

    found = metric.compute().metrics

    assert 0.3 <= found["best_threshold"] <= 0.7
    assert found["best_F1"] == pytest.approx(2 * 0.75 / 1.75, abs=0.01)


def test_the_best_threshold_without_classes_is_no_error() -> None:
    assert best_threshold(np.zeros((101, 0)), np.zeros((101, 0))) == (0.5, 0.0)


def test_the_best_threshold_is_the_middle_where_nothing_was_right() -> None:
    metric = new()
    add(metric, [(0, 0.9, FAR)], [(0, BOX)])
    assert metric.compute().metrics["best_threshold"] == 0.5
