"""The losses of Faster R-CNN where all is labelled, and where it is not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from cnntasks_detect.boxes import encode_boxes
from cnntasks_detect.losses import (
    Target,
    detection_losses,
    region_losses,
    rpn_losses,
    sample_regions,
)
from cnntasks_detect.network import ROI_WEIGHTS, RPN_WEIGHTS
from loss_targets import GRID, INDEX, PLACE, target
from small_detectors import noise, sizes_of, small_detector
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


def rpn_gradient(truth: Target, logits: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Gradients of the proposal network's losses on the grid: on logits, and on offsets."""
    values = torch.zeros(1, len(GRID)) if logits is None else logits
    values = values.clone().requires_grad_()
    offsets = torch.zeros(1, len(GRID), 4, requires_grad=True)
    losses = rpn_losses(GRID, values, offsets, [truth])
    torch.stack(list(losses.values())).sum().backward()
    assert values.grad is not None
    assert offsets.grad is not None
    return values.grad[0], offsets.grad[0]


def test_objectness_rises_on_the_object_and_falls_elsewhere() -> None:
    logits, offsets = rpn_gradient(target([[22, 40, 40, 60]], [0]))
    assert logits[INDEX] < 0  # descent raises it
    rest = torch.arange(len(GRID)) != INDEX
    assert bool((logits[rest] > 0).all())
    assert bool(offsets[INDEX].any())
    assert not bool(offsets[rest].any())


def test_proposals_learn_nothing_from_ignored_regions() -> None:
    logits, offsets = rpn_gradient(target(ignore=[PLACE]))
    assert float(logits[INDEX]) == 0
    assert int((logits > 0).sum()) == len(GRID) - 1
    assert not bool(offsets.any())


def test_objects_of_unwanted_classes_teach_what_an_object_is() -> None:
    logits, offsets = rpn_gradient(target(others=[[22, 40, 40, 60]]))
    assert float(logits[INDEX]) < 0
    assert int((logits > 0).sum()) == len(GRID) - 1
    assert bool(offsets[INDEX].any())


@pytest.mark.parametrize("known", [3, 2, 1])
def test_what_looks_like_an_object_is_left_alone_where_little_is_labelled(known: int) -> None:
    logits = torch.full((1, len(GRID)), -1.0)
    logits[0, INDEX] = 2.0
    labelled = [place < known for place in range(3)]
    gradient, _ = rpn_gradient(target(known=labelled), logits)
    assert (float(gradient[INDEX]) > 0) is (known > 1)
    assert int((gradient > 0).sum()) == len(GRID) - (known == 1)


def test_perfect_proposals_have_next_to_no_loss() -> None:
    box = torch.tensor([[23.0, 38.0, 42.0, 61.0]])
    logits = torch.full((1, len(GRID)), -20.0)
    logits[0, INDEX] = 20.0
    offsets = torch.zeros(1, len(GRID), 4)
    offsets[0, INDEX] = encode_boxes(box, GRID[INDEX : INDEX + 1], RPN_WEIGHTS)[0]

    losses = rpn_losses(GRID, logits, offsets, [target(box.tolist(), [0])])

    assert losses.keys() == {"rpn_objectness", "rpn_boxes"}
    assert all(float(value) < 1e-6 for value in losses.values())


def test_the_losses_of_a_batch_are_the_mean_of_its_pictures() -> None:
    first, second = target([PLACE], [0]), target([[0, 0, 20, 20], [61, 60, 80, 80]], [1, 1])
    logits = torch.randn(2, len(GRID), generator=torch.Generator().manual_seed(0))
    offsets = torch.randn(2, len(GRID), 4, generator=torch.Generator().manual_seed(1))

    together = rpn_losses(GRID, logits, offsets, [first, second])
    alone = [
        rpn_losses(GRID, logits[i : i + 1], offsets[i : i + 1], [truth])
        for i, truth in enumerate((first, second))
    ]

    for name, value in together.items():
        torch.testing.assert_close(value, (alone[0][name] + alone[1][name]) / 2)


def test_regions_get_the_classes_and_boxes_of_their_objects() -> None:
    box = [22.0, 41.0, 40.0, 60.0]
    truth = target([box], [2], ignore=[[80, 80, 100, 100]], others=[[60, 0, 80, 20]])

    regions, classes, boxes = sample_regions(
        GRID[None], torch.ones(1, len(GRID), dtype=torch.bool), [truth], 64
    )

    kinds = {tuple(r): int(c) for r, c in zip(regions[0].tolist(), classes[0], strict=True)}
    assert kinds[tuple(GRID[INDEX].tolist())] == 3  # label 2; 0 is the background
    assert kinds[tuple(box)] == 3  # the true box itself is a region too
    assert kinds[60.0, 0.0, 80.0, 20.0] == 0
    assert (80.0, 80.0, 100.0, 100.0) not in kinds
    positive = classes[0] == 3
    assert boxes[0][positive].tolist() == [box] * 2
    assert int((classes == 0).sum()) == len(GRID) - 2 + 1
    assert int((classes == -1).sum()) == 64 - 26


def test_fillers_among_the_proposals_teach_nothing() -> None:
    real = torch.zeros(1, len(GRID), dtype=torch.bool)
    real[0, :3] = True
    _, classes, _ = sample_regions(GRID[None], real, [target()], 16)
    assert int((classes == 0).sum()) == 3
    assert int((classes == -1).sum()) == 13


def test_at_most_a_third_of_the_regions_are_objects() -> None:
    boxes = GRID.tolist()
    proposals = torch.cat([GRID, GRID + 100])[None]
    real = torch.ones(1, proposals.shape[1], dtype=torch.bool)
    _, classes, _ = sample_regions(proposals, real, [target(boxes, [0] * len(boxes))], 24)
    assert int((classes == 1).sum()) == 8
    assert int((classes == 0).sum()) == 16


def classes_loss(
    logits: Sequence[float], kind: int, known: Sequence[bool] = (True, True)
) -> tuple[float, list[float]]:
    """The classification loss of one region, and its gradient on the logits."""
    values = torch.tensor([[list(logits)]], requires_grad=True)
    regions = torch.tensor([[[0.0, 0.0, 10.0, 10.0]]])
    losses = region_losses(
        values,
        torch.zeros(1, 1, 1, 4),
        regions,
        torch.tensor([[kind]]),
        regions,
        torch.tensor([list(known)]),
    )
    losses["roi_classes"].backward()
    assert values.grad is not None
    return float(losses["roi_classes"].detach()), values.grad[0, 0].tolist()


def test_where_all_is_labelled_it_is_cross_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 4, generator=generator)
    classes = torch.tensor([[0, 1, 3, 0, 2], [2, 0, 0, 1, -1]])
    regions = torch.rand(2, 5, 4, generator=generator) + torch.tensor([0.0, 0, 5, 5])

    losses = region_losses(
        logits, torch.zeros(2, 5, 1, 4), regions, classes, regions, torch.ones(2, 3).bool()
    )

    expected = cross_entropy(logits.flatten(0, 1), classes.flatten(), ignore_index=-1)
    torch.testing.assert_close(losses["roi_classes"], expected)


def test_objects_of_a_class_count_by_its_weight() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 6, 4, generator=generator)
    classes = torch.tensor([[0, 1, 3, 0, 2, -1]])
    regions = torch.rand(1, 6, 4, generator=generator) + torch.tensor([0.0, 0, 5, 5])
    weights = torch.tensor([1.0, 2.0, 0.5])

    losses = region_losses(
        logits, torch.zeros(1, 6, 1, 4), regions, classes, regions,
        torch.ones(1, 3).bool(), weights,
    )  # fmt: skip

    each = cross_entropy(logits[0, :5], classes[0, :5], reduction="none")
    expected = (each * torch.tensor([1.0, 1.0, 0.5, 1.0, 2.0])).sum() / 5
    torch.testing.assert_close(losses["roi_classes"], expected)


def test_an_unlabelled_class_is_not_taught_as_background() -> None:
    """All probability on a class that the set does not label: nobody knows that it is wrong."""
    unsure = [0.0, 0.0, 20.0]
    loss, gradient = classes_loss(unsure, kind=0, known=(True, False))
    assert loss < 1e-6
    assert gradient == pytest.approx([0, 0, 0], abs=1e-6)

    loss, gradient = classes_loss(unsure, kind=0, known=(True, True))
    assert loss > 10
    assert gradient[2] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("logits", [[0.0, 0.0, 0.0], [3.0, -1.0, 0.5], [-2.0, 4.0, 1.0]])
def test_background_never_pushes_an_unlabelled_class_down(logits: list[float]) -> None:
    _, gradient = classes_loss(logits, kind=0, known=(True, False))
    assert gradient[2] <= 0  # descent does not lower it
    assert gradient[1] > 0  # the labelled class it does lower
    _, gradient = classes_loss(logits, kind=0, known=(True, True))
    assert gradient[2] > 0


def test_background_of_a_partly_labelled_set_is_the_sum_of_what_may_be_there() -> None:
    logits = [0.3, -0.2, 0.9]
    loss, _ = classes_loss(logits, kind=0, known=(False, True))
    probability = torch.tensor(logits).softmax(dim=0)
    assert loss == pytest.approx(-float((probability[0] + probability[1]).log()), abs=1e-6)


def test_an_object_of_a_labelled_class_is_taught_against_unlabelled_ones_too() -> None:
    _, gradient = classes_loss([0.0, 0.0, 0.0], kind=1, known=(True, False))
    assert gradient[1] < 0
    assert gradient[2] > 0


@pytest.mark.parametrize("columns", [1, 3])
def test_perfect_regions_have_next_to_no_loss(columns: int) -> None:
    regions = torch.tensor([[[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 40.0, 30.0]]])
    truth = torch.tensor([[[1.0, 1.0, 12.0, 9.0], [0.0, 0.0, 0.0, 0.0]]])
    classes = torch.tensor([[2, 0]])
    logits = torch.full((1, 2, 3), -20.0)
    logits[0, 0, 2] = logits[0, 1, 0] = 20.0
    offsets = torch.full((1, 2, columns, 4), 7.0)  # what no object uses may be anything
    offsets[0, 0, 2 if columns == 3 else 0] = encode_boxes(
        truth[0, :1], regions[0, :1], ROI_WEIGHTS
    )[0]

    losses = region_losses(
        logits, offsets, regions, classes, truth, torch.ones(1, 2, dtype=torch.bool)
    )

    assert losses.keys() == {"roi_classes", "roi_boxes"}
    assert all(abs(float(value)) < 1e-5 for value in losses.values())


def test_only_regions_on_objects_teach_boxes() -> None:
    regions = torch.tensor([[[0.0, 0.0, 10.0, 10.0]] * 3])
    offsets = torch.zeros(1, 3, 4, 4, requires_grad=True)
    losses = region_losses(
        torch.zeros(1, 3, 4),
        offsets,
        regions,
        torch.tensor([[0, 3, -1]]),
        regions + 1,
        torch.ones(1, 3, dtype=torch.bool),
    )
    losses["roi_boxes"].backward()
    assert offsets.grad is not None
    taught = offsets.grad.abs().sum(dim=3) > 0
    assert torch.nonzero(taught).tolist() == [[0, 1, 3]]


def gradients(truth: list[Target]) -> dict[str, float]:
    """Losses of a small detector; checks that every gradient is finite."""
    network = small_detector(classes=3)
    pixels = noise(96, 96, batch=len(truth))
    torch.manual_seed(0)
    losses = detection_losses(network, pixels, sizes_of(pixels), truth, 16, 32)
    torch.stack(list(losses.values())).sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is None or bool(parameter.grad.isfinite().all())
    return {name: float(value.detach()) for name, value in losses.items()}


def test_the_four_losses_of_a_batch() -> None:
    losses = gradients([target([[10, 10, 60, 70]], [1]), target([[30, 5, 90, 40]], [2])])
    assert losses.keys() == {"rpn_objectness", "rpn_boxes", "roi_classes", "roi_boxes"}
    assert all(value > 0 for value in losses.values())


def test_pictures_without_objects_teach_background_only() -> None:
    losses = gradients([target(), target()])
    assert losses["rpn_objectness"] > 0
    assert losses["roi_classes"] > 0
    assert losses["rpn_boxes"] == losses["roi_boxes"] == 0


def test_a_picture_that_is_all_ignored_teaches_nothing() -> None:
    losses = gradients([target(ignore=[[-200, -200, 300, 300]])])
    assert set(losses.values()) == {0.0}


def test_targets_move_between_devices() -> None:
    moved = target([[0, 0, 9, 9]], [1], ignore=[PLACE]).to(torch.device("meta"))
    parts = (moved.boxes, moved.labels, moved.ignore, moved.others, moved.known)
    assert {part.device.type for part in parts} == {"meta"}


def test_a_tiny_batch_is_learned_by_heart() -> None:
    network = small_detector(classes=3, seed=1)
    for layer in (network.rpn_head.cls_logits, network.box_predictor.cls_score):
        nn.init.normal_(layer.weight, 0, 0.01)
    pixels = noise(96, 96, batch=2)
    truth = [target([[16, 16, 64, 72]], [1]), target([[40, 8, 88, 48]], [2])]
    for row, color in enumerate(((250, 20, 20), (20, 20, 250))):
        x0, y0, x1, y1 = truth[row].boxes[0].int().tolist()
        pixels[row, y0:y1, x0:x1] = torch.tensor(color, dtype=torch.uint8)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    history = []
    for step in range(15):
        torch.manual_seed(step)
        losses = detection_losses(network, pixels, sizes_of(pixels), truth, 32, 32)
        total = torch.stack(list(losses.values())).sum()
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        history.append(float(total.detach()))
    assert sum(history[-3:]) < 0.5 * sum(history[:3]), history
