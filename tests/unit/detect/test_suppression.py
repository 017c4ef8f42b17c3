"""Non-maximum suppression in NumPy and in torch, against torchvision's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cnntasks_detect.network import suppress
from cnntasks_detect.suppression import box_overlaps, soften_overlaps, suppress_overlaps
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import batched_nms, box_iou

# Whole pixels, distinct scores, thresholds exact in binary: every engine computes the same overlap.
whole = st.integers(0, 30)
box = st.builds(
    lambda x, y, w, h: [x, y, x + w, y + h], whole, whole, st.integers(1, 20), st.integers(1, 20)
)
threshold = st.sampled_from([0.25, 0.5, 0.75])


@st.composite
def crowds(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    boxes = draw(st.lists(box, min_size=1, max_size=25))
    order = draw(st.permutations(range(len(boxes))))
    groups = draw(st.lists(st.integers(0, 2), min_size=len(boxes), max_size=len(boxes)))
    scores = (torch.tensor(order) + 1.0) / (len(boxes) + 1)
    return torch.tensor(boxes, dtype=torch.float32), scores, torch.tensor(groups)


few = settings(max_examples=150, deadline=None)


@few
@given(crowds(), threshold)
def test_numpy_keeps_what_torchvision_keeps(
    crowd: tuple[torch.Tensor, torch.Tensor, torch.Tensor], overlap: float
) -> None:
    boxes, scores, labels = crowd
    expected = batched_nms(boxes, scores, labels, overlap).tolist()

    found = suppress_overlaps(boxes.numpy(), scores.numpy(), labels.numpy(), overlap, 100)

    assert found.tolist() == expected


@few
@given(crowds(), threshold)
def test_marking_keeps_what_torchvision_keeps(
    crowd: tuple[torch.Tensor, torch.Tensor, torch.Tensor], overlap: float
) -> None:
    boxes, scores, groups = crowd
    expected = sorted(batched_nms(boxes, scores, groups, overlap).tolist())

    found = suppress(boxes[None], scores[None], groups[None].float(), overlap)

    assert torch.nonzero(found[0]).squeeze(1).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(crowds(), crowds(), threshold)
def test_the_pictures_of_a_batch_do_not_suppress_each_other(
    one: tuple[torch.Tensor, ...], two: tuple[torch.Tensor, ...], overlap: float
) -> None:
    count = min(len(one[0]), len(two[0]))
    boxes, scores, groups = (
        torch.stack([a[:count], b[:count]]) for a, b in zip(one, two, strict=True)
    )

    found = suppress(boxes, scores, groups.float(), overlap)

    for row in range(2):
        alone = suppress(
            boxes[row : row + 1], scores[row : row + 1], groups[row : row + 1].float(), overlap
        )
        assert torch.equal(found[row : row + 1], alone)


@few
@given(st.lists(box, min_size=1, max_size=8), st.lists(box, min_size=1, max_size=8))
def test_overlaps_are_torchvisions(boxes: list[list[int]], others: list[list[int]]) -> None:
    found = box_overlaps(np.array(boxes, np.float32), np.array(others, np.float32))
    expected = box_iou(torch.tensor(boxes).float(), torch.tensor(others).float())
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-6)


def test_nothing_in_nothing_out() -> None:
    empty = np.zeros((0, 4), np.float32)
    found = suppress_overlaps(empty, np.zeros(0, np.float32), np.zeros(0, np.int64), 0.5, 10)
    assert found.shape == (0,)


def test_at_most_so_many_and_the_best_of_them() -> None:
    boxes = np.array([[10 * i, 0, 10 * i + 5, 5] for i in range(6)], np.float32)
    scores = np.array([0.1, 0.9, 0.3, 0.8, 0.2, 0.7], np.float32)
    found = suppress_overlaps(boxes, scores, np.zeros(6, np.int64), 0.5, 3)
    assert found.tolist() == [1, 3, 5]


def test_equal_boxes_of_different_classes_stay() -> None:
    boxes = np.array([[0, 0, 9, 9]] * 3, np.float32)
    scores = np.array([0.5, 0.9, 0.7], np.float32)
    assert suppress_overlaps(boxes, scores, np.array([0, 1, 2]), 0.5, 9).tolist() == [1, 2, 0]
    assert suppress_overlaps(boxes, scores, np.array([0, 0, 0]), 0.5, 9).tolist() == [1]


def test_a_suppressed_box_suppresses_no_other() -> None:
    """A chain: the middle one falls to the first, so the last, which only it touches, stays."""
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]], np.float32)
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    assert suppress_overlaps(boxes, scores, np.zeros(3, np.int64), 0.4, 9).tolist() == [0, 2]


def test_boxes_without_area_never_divide_by_zero() -> None:
    boxes = np.array([[1, 1, 1, 1], [1, 1, 1, 1]], np.float32)
    found = suppress_overlaps(boxes, np.array([0.5, 0.4], np.float32), np.array([0, 0]), 0.5, 9)
    assert found.tolist() == [0, 1]


def test_overlapping_boxes_of_a_class_lose_score_by_the_gaussian() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 10, 10], [50, 50, 60, 60.0]])
    scores = np.array([0.9, 0.8, 0.7, 0.3])
    labels = np.array([0, 0, 1, 0])
    order, found = soften_overlaps(boxes, scores, labels, 0.5, 100, 0.0)
    assert order.tolist() == [0, 2, 1, 3]
    assert found.tolist() == pytest.approx([0.9, 0.7, 0.8 * np.exp(-0.25 / 0.5), 0.3])
    assert soften_overlaps(boxes, scores, labels, 0.5, 2, 0.0)[0].tolist() == [0, 2]
    assert soften_overlaps(boxes, scores, labels, 0.5, 100, 0.5)[0].tolist() == [0, 2]


def test_softly_every_better_box_counts() -> None:
    boxes = np.array([[0, 0, 10, 10]] * 3, float)
    order, found = soften_overlaps(boxes, np.array([0.5, 0.9, 0.7]), np.zeros(3, int), 1.0, 9, 0.0)
    assert order.tolist() == [1, 2, 0]
    fall = np.exp(-1.0)
    assert found.tolist() == pytest.approx([0.9, 0.7 * fall, 0.5 * fall * fall])


def test_softly_nothing_in_nothing_out() -> None:
    empty = np.zeros((0, 4)), np.zeros(0), np.zeros(0, int)
    assert soften_overlaps(*empty, 0.5, 9, 0.0)[0].tolist() == []
