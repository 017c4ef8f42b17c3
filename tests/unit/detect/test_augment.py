"""Boxes follow the pixels: a painted rectangle is found again where the transformed box says."""

from __future__ import annotations

import pytest
import torch
from cnntasks_detect.augment import (
    IGNORE,
    OTHER,
    Augmentation,
    Sample,
    crop,
    fit_longer_side,
    flip,
    mosaic,
    resize,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

GREEN = (0, 255, 0)
few = settings(max_examples=40, deadline=None)


def painted(
    height: int = 120,
    width: int = 160,
    box: tuple[int, int, int, int] = (40, 30, 90, 100),
    label: int = 1,
    known: tuple[bool, ...] = (True, True),
) -> Sample:
    """A green rectangle on grey, and its box."""
    pixels = torch.full((3, height, width), 90, dtype=torch.uint8)
    x0, y0, x1, y1 = box
    pixels[:, y0:y1, x0:x1] = torch.tensor(GREEN, dtype=torch.uint8)[:, None, None]
    return Sample(pixels, torch.tensor([box]).float(), torch.tensor([label]), torch.tensor(known))


def green_bounds(pixels: Tensor) -> list[float]:
    """The bounds of what is more green than grey."""
    red, green, _ = pixels.int()
    rows, columns = torch.nonzero(green - red > 80, as_tuple=True)
    assert len(rows), "the rectangle is gone"
    return [
        float(value) for value in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    ]


def assert_box_on_green(sample: Sample, tolerance: float = 1.5) -> None:
    assert sample.boxes.shape == (1, 4)
    found = green_bounds(sample.pixels)
    assert sample.boxes[0].tolist() == pytest.approx(found, abs=tolerance)


sides = st.integers(40, 200)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    height, width = draw(sides), draw(sides)
    x0, y0 = draw(st.integers(0, width - 12)), draw(st.integers(0, height - 12))
    box = (x0, y0, draw(st.integers(x0 + 12, width)), draw(st.integers(y0 + 12, height)))
    return painted(height, width, box)


@few
@given(samples())
def test_flip(sample: Sample) -> None:
    flipped = flip(sample)
    assert_box_on_green(flipped, 0)
    again = flip(flipped)
    assert torch.equal(again.pixels, sample.pixels)
    assert torch.equal(again.boxes, sample.boxes)


@few
@given(samples(), sides, sides)
def test_resize(sample: Sample, height: int, width: int) -> None:
    small = resize(sample, height, width)
    assert tuple(small.pixels.shape) == (3, height, width)
    assert small.pixels.dtype == torch.uint8
    assert_box_on_green(small)


@pytest.mark.parametrize(
    ("shape", "expected"), [((100, 50), (64, 32)), ((50, 100), (32, 64)), ((1000, 3), (64, 1))]
)
def test_the_longer_side_fits(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    pixels = torch.zeros(3, *shape, dtype=torch.uint8)
    sample = Sample(pixels, torch.zeros(0, 4), torch.zeros(0).long(), torch.tensor([True]))
    assert tuple(fit_longer_side(sample, 64).pixels.shape[1:]) == expected


@few
@given(samples(), st.data())
def test_crop(sample: Sample, data: st.DataObject) -> None:
    rows, columns = sample.pixels.shape[1:]
    x0, y0, x1, y1 = (int(value) for value in sample.boxes[0])
    # A window that keeps at least 8 by 8 pixels of the rectangle.
    top, left = data.draw(st.integers(0, y1 - 8)), data.draw(st.integers(0, x1 - 8))
    height = data.draw(st.integers(max(y0 + 8 - top, 8), rows - top))
    width = data.draw(st.integers(max(x0 + 8 - left, 8), columns - left))

    cut = crop(sample, top, left, height, width)

    assert tuple(cut.pixels.shape[1:]) == (height, width)
    assert_box_on_green(cut, 0)
    left_over = (cut.boxes[0, 2:] - cut.boxes[0, :2]).prod() / ((x1 - x0) * (y1 - y0))
    if abs(float(left_over) - 1 / 3) > 1e-3:
        assert int(cut.labels[0]) == (1 if left_over > 1 / 3 else IGNORE)


def test_cropping_makes_what_is_hardly_visible_a_region_to_ignore() -> None:
    pixels = torch.zeros(3, 100, 100, dtype=torch.uint8)
    boxes = torch.tensor(
        [[0, 0, 20, 20], [0, 40, 30, 60], [50, 50, 70, 70], [0, 70, 14, 90], [0, 0, 11, 8.0]]
    )
    labels = torch.tensor([0, 1, 1, OTHER, IGNORE])
    sample = Sample(pixels, boxes, labels, torch.tensor([True, True]))

    cut = crop(sample, 0, 10, 90, 90)

    # half of the first is left, two thirds of the second, all of the third; the others stay
    # what they were, except that of the last next to nothing is left
    assert cut.labels.tolist() == [0, 1, 1, OTHER, IGNORE]
    assert crop(sample, 0, 15, 90, 80).labels.tolist() == [IGNORE, 1, 1]
    assert crop(sample, 0, 21, 90, 70).labels.tolist() == [IGNORE, 1]
    assert crop(sample, 0, 10, 45, 90).labels.tolist() == [0, IGNORE, IGNORE]
    assert crop(sample, 0, 31, 90, 60).labels.tolist() == [1]


@few
@given(samples())
def test_mosaic_puts_each_picture_into_its_quarter(sample: Sample) -> None:
    for place in range(4):
        parts = [Sample(torch.full((3, 60, 80), 90, dtype=torch.uint8), torch.zeros(0, 4),
                        torch.zeros(0).long(), sample.known)] * 4  # fmt: skip
        parts[place] = sample

        whole = mosaic(parts, 128, fill=127)

        assert tuple(whole.pixels.shape) == (3, 128, 128)
        assert_box_on_green(whole)
        left, top = 64 * (place % 2), 64 * (place // 2)
        x0, y0, x1, y1 = whole.boxes[0].tolist()
        assert left <= x0 < x1 <= left + 64.01
        assert top <= y0 < y1 <= top + 64.01


def test_a_class_of_a_mosaic_is_known_where_all_four_know_it() -> None:
    parts = [painted(known=(True, True)) for _ in range(4)]
    parts[2] = painted(label=0, known=(True, False))

    whole = mosaic(parts, 64, fill=127)

    assert whole.known.tolist() == [True, False]
    assert whole.labels.tolist() == [1, 1, 0, 1]
    assert parts[0].known.tolist() == [True, True]  # the parts are left as they were
    assert int(whole.pixels[0, 31, 63]) == 127  # what no part covers has the fill


@pytest.mark.parametrize("seed", range(40))
def test_the_whole_augmentation_keeps_boxes_on_their_pixels(seed: int) -> None:
    sample = painted(180, 240, (60, 50, 150, 140))
    augment = Augmentation(size=160, scale=(0.5, 2.0), color=0.2)

    made = augment(sample, torch.Generator().manual_seed(seed))

    assert max(made.pixels.shape[1:]) <= 160
    assert_box_on_green(made, 2)
    assert made.known.tolist() == [True, True]


def test_the_augmentation_uses_its_whole_range() -> None:
    sample = painted(180, 240, (60, 50, 150, 140))
    augment = Augmentation(size=160, scale=(0.5, 2.0))
    made = [augment(sample, torch.Generator().manual_seed(seed)) for seed in range(60)]
    width = torch.stack([one.boxes[0, 2] - one.boxes[0, 0] for one in made])
    assert float(width.min()) < 90 * 160 / 240 * 0.6
    assert float(width.max()) > 90 * 160 / 240 * 1.7
    brightness = torch.tensor([float(one.pixels[0, 0, 0]) for one in made])
    assert float(brightness.std()) > 2


def test_what_is_zoomed_beyond_the_input_is_cropped_around_an_object() -> None:
    """A small object in a corner, zoomed: its centre, a quarter of it at least, is still there."""
    sample = painted(200, 200, (180, 4, 192, 16))
    augment = Augmentation(size=100, scale=(4.0, 4.0), flip=0.0, color=0.0)
    for seed in range(20):
        made = augment(sample, torch.Generator().manual_seed(seed))
        assert tuple(made.pixels.shape[1:]) == (100, 100)
        assert_box_on_green(made, 2)


@pytest.mark.parametrize("mode", ["flip", "none"])
def test_flips_happen_as_often_as_asked(mode: str) -> None:
    probability = 1.0 if mode == "flip" else 0.0
    augment = Augmentation(size=160, scale=(1.0, 1.0), flip=probability, color=0.0)
    made = augment(painted(120, 160, (0, 0, 20, 20)), torch.Generator().manual_seed(0))
    assert made.boxes[0].tolist() == ([140, 0, 160, 20] if mode == "flip" else [0, 0, 20, 20])


def test_the_same_seed_gives_the_same_sample_and_another_another() -> None:
    sample, augment = painted(), Augmentation(size=96)

    one, same, other = (augment(sample, torch.Generator().manual_seed(s)) for s in (7, 7, 8))

    assert torch.equal(one.pixels, same.pixels)
    assert torch.equal(one.boxes, same.boxes)
    assert one.pixels.shape != other.pixels.shape or not torch.equal(one.pixels, other.pixels)


def test_the_original_is_left_as_it_was() -> None:
    sample = painted()
    before = sample.pixels.clone(), sample.boxes.clone()
    Augmentation(size=96)(sample, torch.Generator().manual_seed(3))
    assert torch.equal(sample.pixels, before[0])
    assert torch.equal(sample.boxes, before[1])


def test_pictures_without_boxes_and_tiny_pictures_pass() -> None:
    for shape in ((3, 1, 1), (3, 300, 2), (3, 50, 40)):
        sample = Sample(
            torch.zeros(shape, dtype=torch.uint8),
            torch.zeros(0, 4),
            torch.zeros(0).long(),
            torch.tensor([True]),
        )
        made = Augmentation(size=64)(sample, torch.Generator().manual_seed(0))
        assert made.boxes.shape == (0, 4)
        assert 1 <= max(made.pixels.shape[1:]) <= 64


def test_a_crop_looks_for_the_classes_in_focus() -> None:
    both = torch.tensor([[5.0, 5.0, 25.0, 25.0], [370.0, 370.0, 395.0, 395.0]])
    pixels = torch.zeros(3, 400, 400, dtype=torch.uint8)
    sample = Sample(pixels, both, torch.tensor([0, 1]), torch.tensor([True, True]))
    for focus, expected in (((1.0, 0.0), {0}), ((0.0, 1.0), {1}), ((), {0, 1})):
        augmentation = Augmentation(128, (2.0, 2.0), focus, flip=0, color=0)
        random = torch.Generator().manual_seed(0)
        seen: set[int] = set()
        for _ in range(12):
            seen |= set(augmentation(sample, random).labels.tolist()) - {IGNORE}
        assert seen == expected


def test_a_crop_has_all_of_an_object_wherever_it_lies() -> None:
    augmentation = Augmentation(128, (2.0, 2.0), flip=0, color=0)
    random = torch.Generator().manual_seed(0)
    for corner in ((0, 0), (385, 0), (190, 370), (385, 385), (60, 200)):
        x, y = corner
        sample = painted(400, 400, (x, y, x + 15, y + 15))
        starts = set()
        for _ in range(8):
            cropped = augmentation(sample, random)
            sides = (cropped.boxes[0, 2:] - cropped.boxes[0, :2]).tolist()
            assert sides == pytest.approx([15 * 0.64] * 2, abs=0.1)
            starts.add(tuple(cropped.boxes[0].tolist()))
        assert len(starts) > 1 or 0 in corner or 385 in corner


def test_a_crop_of_a_larger_object_shows_nothing_else() -> None:
    augmentation = Augmentation(128, (2.0, 2.0), flip=0, color=0)
    sample = painted(400, 400, (40, 60, 360, 390))
    random = torch.Generator().manual_seed(0)
    for _ in range(8):
        assert augmentation(sample, random).boxes[0].tolist() == [0, 0, 128, 128]
