"""Box arithmetic against torchvision's and against its own inverse."""

from __future__ import annotations

import math

import pytest
import torch
from cnntasks_detect.boxes import (
    MAX_LOG_SCALE,
    base_anchors,
    clip_boxes,
    decode_boxes,
    encode_boxes,
    grid_anchors,
    intersection_over_area,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList

corner = st.floats(0, 500, width=32)
side = st.floats(1, 400, width=32)
box = st.builds(lambda x, y, w, h: [x, y, x + w, y + h], corner, corner, side, side)
weights = st.sampled_from([(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)])
few = settings(max_examples=60, deadline=None)


@few
@given(st.lists(st.tuples(box, box), min_size=1, max_size=8), weights)
def test_decoding_inverts_encoding(
    pairs: list[tuple[list[float], list[float]]], factors: tuple[float, ...]
) -> None:
    boxes, anchors = (torch.tensor(rows) for rows in zip(*pairs, strict=True))
    # Beyond the largest step the size is held back on purpose.
    growth = (boxes[:, 2:] - boxes[:, :2]) / (anchors[:, 2:] - anchors[:, :2])
    boxes, anchors = (rows[(growth < 1000 / 16).all(dim=1)] for rows in (boxes, anchors))

    decoded = decode_boxes(encode_boxes(boxes, anchors, factors), anchors, factors)

    torch.testing.assert_close(decoded, boxes, atol=0.02, rtol=1e-4)


@few
@given(st.lists(st.tuples(box, box), min_size=1, max_size=8), weights)
def test_offsets_are_torchvisions(
    pairs: list[tuple[list[float], list[float]]], factors: tuple[float, ...]
) -> None:
    boxes, anchors = (torch.tensor(rows) for rows in zip(*pairs, strict=True))
    coder = BoxCoder(factors)

    offsets = encode_boxes(boxes, anchors, factors)

    torch.testing.assert_close(offsets, coder.encode_single(boxes, anchors), atol=1e-3, rtol=1e-4)
    expected = coder.decode_single(offsets, anchors)
    torch.testing.assert_close(
        decode_boxes(offsets, anchors, factors), expected, atol=0.02, rtol=1e-4
    )


def test_no_step_enlarges_without_bound() -> None:
    anchor = torch.tensor([[0.0, 0.0, 16.0, 16.0]])
    found = decode_boxes(torch.tensor([[0.0, 0.0, 50.0, 50.0]]), anchor, (1, 1, 1, 1))
    assert float(found[0, 2] - found[0, 0]) == pytest.approx(1000, rel=1e-4)
    assert math.exp(MAX_LOG_SCALE) == pytest.approx(1000 / 16)


def test_decoding_broadcasts_over_leading_axes() -> None:
    anchors = torch.tensor([[0.0, 0.0, 10.0, 20.0], [5.0, 5.0, 9.0, 9.0]])
    offsets = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0)) / 4
    together = decode_boxes(offsets, anchors, (1, 1, 1, 1))
    alone = torch.stack([decode_boxes(part, anchors, (1, 1, 1, 1)) for part in offsets])
    assert torch.equal(together, alone)


@pytest.mark.parametrize("shape", [(3, 4), (1, 1), (5, 2)])
def test_anchors_are_torchvisions_in_the_same_order(shape: tuple[int, int]) -> None:
    sizes, ratios, steps = (16.0, 26.0, 200.0), (0.5, 1.0, 2.0), (8, 16)
    generator = AnchorGenerator((tuple(sizes),), (ratios,))
    height, width = shape
    image = torch.zeros(1, 3, height * steps[0], width * steps[1])
    images = ImageList(image, [(image.shape[2], image.shape[3])])
    (expected,) = generator(images, [torch.zeros(1, 1, height, width)])

    found = grid_anchors(base_anchors(sizes, ratios), height, width, steps)

    assert torch.equal(found, expected)


def test_base_anchors_have_the_asked_areas_and_ratios() -> None:
    found = base_anchors([128.0, 256.0], [0.5, 1.0, 2.0])
    width, height = (found[:, 2:] - found[:, :2]).unbind(dim=1)
    torch.testing.assert_close(
        (width * height).sqrt(), torch.tensor([128.0, 256.0] * 3), rtol=0.02, atol=0
    )
    expected = torch.tensor([0.5, 0.5, 1.0, 1.0, 2.0, 2.0])
    torch.testing.assert_close(height / width, expected, rtol=0.02, atol=0)
    assert torch.equal(found[:, :2], -found[:, 2:])


def test_each_picture_is_clipped_to_its_own_size() -> None:
    boxes = torch.tensor([[[-5.0, -5.0, 50.0, 50.0]], [[10.0, 20.0, 90.0, 99.0]]])
    found = clip_boxes(boxes, torch.tensor([[30.0, 40.0], [60.0, 70.0]]))
    assert found.tolist() == [[[0, 0, 40, 30]], [[10, 20, 70, 60]]]


def test_intersection_over_area() -> None:
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 21.0, 21.0], [5.0, 5.0, 5.0, 5.0]])
    regions = torch.tensor([[5.0, 0.0, 30.0, 30.0], [0.0, 0.0, 2.0, 5.0]])
    found = intersection_over_area(boxes, regions)
    torch.testing.assert_close(found, torch.tensor([[0.5, 0.1], [1.0, 0.0], [0.0, 0.0]]))


@few
@given(st.lists(box, min_size=1, max_size=6), st.lists(box, min_size=1, max_size=6))
def test_intersection_over_area_is_a_fraction(
    boxes: list[list[float]], regions: list[list[float]]
) -> None:
    found: Tensor = intersection_over_area(torch.tensor(boxes), torch.tensor(regions))
    assert found.shape == (len(boxes), len(regions))
    assert bool(((found >= 0) & (found <= 1 + 1e-4)).all())
    whole = intersection_over_area(torch.tensor(boxes), torch.tensor([[0.0, 0.0, 1000.0, 1000.0]]))
    torch.testing.assert_close(whole, torch.ones_like(whole), rtol=1e-3, atol=0)
