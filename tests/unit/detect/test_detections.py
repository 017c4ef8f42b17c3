"""What detect found in one picture: as JSON, as rows, as crops, drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cnntasks_detect.predictor import Detections, DetectPredictor
from numpy.typing import NDArray

import cnntasks

CLASSES = ("cat", "dog", "Traffic Light")


def blank(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 200, np.uint8)


@pytest.fixture
def found() -> Detections:
    return Detections(
        boxes=np.array([[10.26, 20, 30.04, 50], [0, 0, 100, 80]], np.float32),
        scores=np.array([0.98765432, 0.5], np.float32),
        labels=np.array([2, 0]),
        classes=CLASSES,
        width=100,
        height=80,
    )


def test_to_dict_is_plain_json(found: Detections) -> None:
    described = found.to_dict()
    assert json.loads(json.dumps(described)) == described
    assert described == {
        "width": 100,
        "height": 80,
        "detections": [
            {"class": "Traffic Light", "score": 0.9877, "box": [10.3, 20.0, 30.0, 50.0]},
            {"class": "cat", "score": 0.5, "box": [0.0, 0.0, 100.0, 80.0]},
        ],
    }


def test_rows_have_the_columns_that_the_predictor_announces(found: Detections) -> None:
    rows = found.to_rows()
    assert [tuple(row) for row in rows] == [tuple(DetectPredictor.columns)] * 2
    assert rows[0] == {
        "class": "Traffic Light",
        "score": 0.9877,
        "x0": 10.3,
        "y0": 20.0,
        "x1": 30.0,
        "y1": 50.0,
    }


def test_crops_are_what_lies_in_the_boxes(found: Detections) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)
    first, second = found.crops(pixels)
    np.testing.assert_array_equal(first, pixels[20:50, 10:31])
    np.testing.assert_array_equal(second, pixels)


@pytest.mark.parametrize(
    "box", [(100, 80, 100, 80), (50, 40, 50, 40), (0, 0, 0, 0), (99.5, 79.5, 100, 80)]
)
def test_a_crop_has_at_least_one_pixel(box: tuple[float, ...]) -> None:
    found = Detections(
        np.array([box], np.float32),
        np.ones(1, np.float32),
        np.zeros(1, np.int64),
        CLASSES,
        width=100,
        height=80,
    )
    [crop] = found.crops(blank(80, 100))
    assert crop.shape == (1, 1, 3)


def test_drawing_leaves_the_picture_itself_alone(found: Detections) -> None:
    pixels = blank(80, 100)
    before = pixels.copy()
    drawn = found.draw(pixels)
    np.testing.assert_array_equal(pixels, before)
    assert drawn.shape == pixels.shape
    assert drawn.dtype == np.uint8
    changed = (drawn != pixels).any(axis=2)
    assert changed.any()
    # Each class has its own colour.
    for label in found.labels:
        assert (drawn == cnntasks.class_color(int(label))).all(axis=2).any()
