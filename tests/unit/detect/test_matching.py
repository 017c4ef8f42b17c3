"""Which places learn from which object: matching, sampling, sharing out."""

from __future__ import annotations

import pytest
import torch
from cnntasks_detect.losses import (
    IGNORED,
    NEGATIVE,
    POSITIVE,
    Target,
    match,
    sample,
    shared_out,
)
from loss_targets import GRID, target
from torch import Tensor


def assign(
    boxes: Tensor, truth: Target, high: float, low: float, allow_low: bool
) -> tuple[Tensor, Tensor]:
    return match(boxes, truth.boxes, truth.ignore, high, low, allow_low)


def test_boxes_are_matched_by_their_overlap() -> None:
    boxes = torch.tensor(
        [[0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 5], [0, 0, 10, 2], [50, 50, 60, 60.0]]
    )
    truth = target([[0, 0, 10, 10], [100, 100, 120, 120]], [1, 2])

    index, status = assign(boxes, truth, 0.7, 0.3, allow_low=False)

    assert status.tolist() == [POSITIVE, POSITIVE, IGNORED, NEGATIVE, NEGATIVE]
    assert index[:2].tolist() == [0, 0]


def test_every_object_gets_its_best_anchor_however_small_the_overlap() -> None:
    boxes = torch.tensor([[0, 0, 10, 10], [100, 100, 110, 110.0], [102, 102, 112, 112]])
    truth = target([[0, 0, 10, 10], [90, 90, 104, 104]], [0, 1])

    index, status = assign(boxes, truth, 0.7, 0.3, allow_low=True)

    assert status.tolist() == [POSITIVE, POSITIVE, NEGATIVE]
    assert index[:2].tolist() == [0, 1]
    assert assign(boxes, truth, 0.7, 0.3, allow_low=False)[1].tolist()[1] == NEGATIVE


def test_an_object_that_no_anchor_touches_makes_none_positive() -> None:
    _, status = assign(GRID, target([[500, 500, 600, 600]], [0]), 0.7, 0.3, allow_low=True)
    assert set(status.tolist()) == {NEGATIVE}


def test_boxes_mostly_inside_an_ignored_region_are_ignored_unless_they_match() -> None:
    boxes = torch.tensor([[0, 0, 10, 10], [20, 0, 30, 10], [26, 0, 36, 10], [60, 0, 70, 10.0]])
    truth = target([[0, 0, 10, 10]], [0], ignore=[[0, 0, 30, 30]])
    _, status = assign(boxes, truth, 0.5, 0.5, allow_low=False)
    assert status.tolist() == [POSITIVE, IGNORED, NEGATIVE, NEGATIVE]


def test_a_picture_without_anything_is_all_negative() -> None:
    index, status = assign(GRID, target(), 0.7, 0.3, allow_low=True)
    assert set(status.tolist()) == {NEGATIVE}
    assert index.tolist() == [0] * len(GRID)


def test_sampling_takes_at_most_the_fraction_of_positives_and_fills_with_negatives() -> None:
    status = torch.tensor([POSITIVE] * 10 + [NEGATIVE] * 10 + [IGNORED] * 10)
    priority = torch.linspace(1, 0, 30)  # the last ones first

    chosen = sample(status, 8, 0.25, priority)

    assert chosen.tolist() == [9, 8, 19, 18, 17, 16, 15, 14]


def test_sampling_never_takes_an_ignored_box_even_where_others_are_short() -> None:
    status = torch.tensor([POSITIVE, IGNORED, NEGATIVE, IGNORED])
    assert sorted(sample(status, 50, 0.5, torch.rand(4)).tolist()) == [0, 2]
    assert sample(torch.full((4,), IGNORED), 50, 0.5, torch.rand(4)).tolist() == []


def test_the_places_to_learn_from_are_shared_out_among_the_objects() -> None:
    index = torch.tensor([0] * 90 + [1] * 6 + [2] * 4 + [0] * 10)
    status = torch.tensor([POSITIVE] * 100 + [NEGATIVE] * 10)
    torch.manual_seed(0)
    for wanted, expected in ((3, [1, 1, 1]), (9, [3, 3, 3]), (15, [6, 5, 4]), (20, [10, 6, 4])):
        chosen = sample(status, 2 * wanted, 0.5, shared_out(index, status))
        objects = index[chosen[status[chosen] == POSITIVE]]
        assert objects.bincount(minlength=3).tolist() == pytest.approx(expected, abs=0)


def test_which_of_an_objects_places_are_taken_is_random() -> None:
    index, status = torch.zeros(50, dtype=torch.long), torch.full((50,), POSITIVE)
    torch.manual_seed(0)
    seen = {int(shared_out(index, status).argmin()) for _ in range(40)}
    assert len(seen) > 20
