"""What detect does around its network, without one: sizes, padding, filters, results."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
from cnntasks_detect.predictor import DetectPredictor, Picture, input_size
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import cnntasks
from cnntasks import InputError, ModelCard, Source, UsageError

CARD = ModelCard(
    name="toy",
    task="detect",
    network={"name": "faster_rcnn"},
    classes=("cat", "dog", "Traffic Light"),
    preprocessing={"size": 320, "multiple": 32, "fill": [10, 20, 30]},
    defaults={"threshold": 0.4, "iou": 0.6},
)
Pixels = NDArray[np.uint8]


def blank(height: int, width: int, value: int = 200) -> Pixels:
    return np.full((height, width, 3), value, np.uint8)


def decoded(predictor: DetectPredictor, pixels: Pixels) -> Picture:
    source = Source("array", PurePosixPath("array"), lambda: b"", value=pixels)
    return predictor.decode(source)


def raw(*found: tuple[tuple[float, float, float, float], float, int]) -> dict[str, Any]:
    """Outputs of a network: boxes, scores, labels."""
    return {
        "boxes": np.array([box for box, _, _ in found], np.float32).reshape(-1, 4),
        "scores": np.array([score for _, score, _ in found], np.float32),
        "labels": np.array([label for _, _, label in found], np.int64),
    }


# ---- the size at which the network sees a picture


@pytest.mark.parametrize(
    ("height", "width", "size", "shorter", "expected"),
    [
        (480, 640, 320, None, (240, 320)),
        (640, 480, 320, None, (320, 240)),
        (100, 100, 320, None, (320, 320)),
        (320, 320, 320, None, (320, 320)),
        (1, 1, 320, None, (320, 320)),
        (100, 20000, 320, None, (2, 320)),
        (1, 20000, 320, None, (1, 320)),
        (20000, 100, 320, None, (320, 2)),
        # As torchvision: the shorter side 800 unless the longer one would exceed 1333.
        (480, 640, 1333, 800, (800, 1067)),
        (600, 1800, 1333, 800, (444, 1333)),
        (100, 20000, 1333, 800, (7, 1333)),
    ],
)
def test_input_size(
    height: int, width: int, size: int, shorter: float | None, expected: tuple[int, int]
) -> None:
    assert input_size(height, width, size, shorter) == expected


@given(
    st.integers(1, 30_000),
    st.integers(1, 30_000),
    st.integers(32, 4096),
    st.none() | st.floats(32, 2000),
)
def test_the_longer_side_is_never_exceeded_and_the_shape_is_kept(
    height: int, width: int, size: int, shorter: float | None
) -> None:
    shown = input_size(height, width, size, shorter)
    assert min(shown) >= 1
    assert max(shown) <= size
    if shorter is None:
        assert max(shown) == size
    if min(shown) > 1:
        # Each side is rounded to a whole pixel.
        assert abs(shown[0] * width - shown[1] * height) <= 0.51 * (width + height)


def test_the_ratio_of_both_sides_follows_the_size() -> None:
    published = ModelCard(
        name="frcnn",
        task="detect",
        network={"name": "faster_rcnn"},
        classes=("cat",),
        preprocessing={"size": 1333, "shorter": 800, "multiple": 32, "fill": [0, 0, 0]},
    )
    assert DetectPredictor(published).shorter == 800
    assert DetectPredictor(published, size=666).shorter == pytest.approx(800 * 666 / 1333)


def test_the_feeds_are_padded_at_the_right_and_below() -> None:
    predictor = DetectPredictor(CARD)
    item = decoded(predictor, blank(250, 330))
    feeds = predictor.preprocess(item)
    assert (item.height, item.width) == (242, 320)
    assert feeds["pixels"].shape == (256, 320, 3)
    assert feeds["pixels"].dtype == np.uint8
    assert (feeds["pixels"][:242] == 200).all()
    assert (feeds["pixels"][242:] == (10, 20, 30)).all()
    assert feeds["sizes"].dtype == np.float32
    assert feeds["sizes"].tolist() == [242, 320]


def test_a_picture_of_the_right_size_is_neither_resized_nor_padded() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (320, 64, 3), np.uint8)
    predictor = DetectPredictor(CARD)
    np.testing.assert_array_equal(
        predictor.preprocess(decoded(predictor, pixels))["pixels"], pixels
    )


@pytest.mark.parametrize(
    ("shape", "padded"),
    [((1, 1), (320, 320)), ((100, 20000), (32, 320)), ((20000, 100), (320, 32))],
)
def test_extreme_pictures(shape: tuple[int, int], padded: tuple[int, int]) -> None:
    predictor = DetectPredictor(CARD)
    pixels = blank(*shape)
    item = decoded(predictor, pixels)
    feeds = predictor.preprocess(item)
    assert feeds["pixels"].shape == (*padded, 3)
    height, width = shape
    whole = (0.0, 0.0, float(item.width), float(item.height))
    found = predictor.postprocess(raw((whole, 0.9, 1)), item)
    np.testing.assert_allclose(found.boxes, [[0, 0, width, height]], rtol=1e-5)
    [crop] = found.crops(pixels)
    assert crop.shape == (height, width, 3)
    assert found.draw(pixels).shape == pixels.shape


# ---- from the network's outputs to detections


def test_boxes_come_back_in_pixels_of_the_original() -> None:
    predictor = DetectPredictor(CARD)
    item = decoded(predictor, blank(500, 1000))  # seen as 160×320
    found = predictor.postprocess(raw(((32, 16, 160, 80), 0.75, 1)), item)
    np.testing.assert_allclose(found.boxes, [[100, 50, 500, 250]], rtol=1e-6)
    assert (found.width, found.height) == (1000, 500)
    assert found.names == ["dog"]
    assert (found.boxes.dtype, found.scores.dtype, found.labels.dtype) == (
        np.dtype(np.float32),
        np.dtype(np.float32),
        np.dtype(np.int64),
    )


def test_the_threshold_is_the_models_unless_another_is_given() -> None:
    outputs = raw(*(((40.0 * n, 0, 40.0 * n + 30, 30), s, 0) for n, s in enumerate(SCORES)))
    for given_threshold, expected in ((None, 2), (0.4, 2), (0.0, 3), (0.39, 3), (0.9, 1), (1, 0)):
        predictor = DetectPredictor(CARD, threshold=given_threshold)
        item = decoded(predictor, blank(320, 320))
        found = predictor.postprocess(outputs, item)
        # A score of 0 fills up the network's fixed number of outputs: it is never a detection.
        assert len(found) == expected, given_threshold
        assert (np.diff(found.scores) <= 0).all()


SCORES = (0.9, 0.4, 0.39, 0.0)


def test_overlapping_boxes_of_one_class_are_suppressed() -> None:
    outputs = raw(
        ((0, 0, 100, 100), 0.8, 0),
        ((0, 0, 100, 70), 0.9, 0),  # overlap 0.7 with the first
        ((0, 0, 100, 100), 0.7, 1),  # another class
        ((200, 0, 300, 100), 0.6, 0),
    )

    def names_and_scores(**options: Any) -> list[tuple[str, float]]:
        predictor = DetectPredictor(CARD, **options)
        found = predictor.postprocess(outputs, decoded(predictor, blank(320, 320)))
        return [(n, round(float(s), 2)) for n, s in zip(found.names, found.scores, strict=True)]

    three = [("cat", 0.9), ("dog", 0.7), ("cat", 0.6)]
    four = [("cat", 0.9), ("cat", 0.8), ("dog", 0.7), ("cat", 0.6)]
    assert names_and_scores() == three  # the card's 0.6
    assert names_and_scores(iou=0.69) == three
    assert names_and_scores(iou=0.71) == four
    assert names_and_scores(max_detections=2) == three[:2]
    assert names_and_scores(classes=["dog"]) == [("dog", 0.7)]


def test_a_model_may_suppress_softly_and_an_overlap_undoes_it() -> None:
    card = replace(CARD, defaults={**CARD.defaults, "threshold": 0.3, "soft_nms": 0.5})
    outputs = raw(((0, 0, 100, 100), 0.8, 0), ((0, 0, 100, 70), 0.9, 0), ((9, 0, 99, 99), 0.4, 0))

    def scores(**options: Any) -> list[float]:
        predictor = DetectPredictor(card, **options)
        found = predictor.postprocess(outputs, decoded(predictor, blank(320, 320)))
        return [round(float(score), 3) for score in found.scores]

    softer = round(0.8 * math.exp(-(0.7**2) / 0.5), 3)
    assert scores() == [0.9, softer]  # of the third less than the threshold is left
    assert scores(soft_nms=0.0) == scores(iou=0.6) == [0.9]
    assert scores(iou=0.75) == [0.9, 0.8]
    assert scores(soft_nms=5.0)[:2] == [0.9, round(0.8 * math.exp(-(0.7**2) / 5), 3)]


def test_other_classes_take_no_place_of_the_wanted_ones() -> None:
    predictor = DetectPredictor(CARD, classes=["dog"], max_detections=1)
    outputs = raw(((0, 0, 50, 50), 0.99, 0), ((0, 0, 50, 50), 0.5, 1))
    found = predictor.postprocess(outputs, decoded(predictor, blank(320, 320)))
    assert found.names == ["dog"]


def test_classes_are_found_whatever_their_case() -> None:
    predictor = DetectPredictor(CARD, classes=["CAT", " traffic light "])
    assert predictor.wanted.tolist() == [True, False, True]


def test_nothing_found_is_an_empty_result() -> None:
    predictor = DetectPredictor(CARD)
    pixels = blank(40, 30)
    for outputs in (raw(), raw(((0, 0, 9, 9), 0.1, 0))):
        found = predictor.postprocess(outputs, decoded(predictor, pixels))
        assert len(found) == 0
        assert found.boxes.shape == (0, 4)
        assert found.to_dict() == {"width": 30, "height": 40, "detections": []}
        assert found.to_rows() == []
        assert found.crops(pixels) == []
        np.testing.assert_array_equal(found.draw(pixels), pixels)


def test_a_card_without_defaults_has_the_usual_ones() -> None:
    bare = ModelCard(
        name="bare",
        task="detect",
        network=CARD.network,
        classes=("cat",),
        preprocessing=CARD.preprocessing,
    )
    predictor = DetectPredictor(bare)
    assert (predictor.threshold, predictor.iou, predictor.size) == (0.5, 0.5, 320)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": -0.1}, r"threshold must lie between 0 and 1, not -0\.1"),
        ({"threshold": 1.5}, r"threshold must lie between 0 and 1, not 1\.5"),
        ({"threshold": float("nan")}, "threshold must lie between 0 and 1, not nan"),
        ({"iou": 2}, "iou must lie between 0 and 1, not 2"),
        ({"soft_nms": -1}, "soft-nms must lie between 0 and 10, not -1"),
        ({"max_detections": 0}, "max-detections must be at least 1, not 0"),
        ({"size": 31}, "size must lie between 32 and 4096 pixels, not 31"),
        ({"size": 5000}, "size must lie between 32 and 4096 pixels, not 5000"),
        ({"classes": ["cat", "unicorn"]}, "toy does not know 'unicorn'; its classes are cat, dog"),
        ({"classes": [""]}, "toy does not know ''"),
    ],
    ids=str,
)
def test_values_out_of_range_and_unknown_classes(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DetectPredictor(CARD, **options)


def test_an_option_that_does_not_exist_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="tresholt"):
        DetectPredictor(CARD, tresholt=0.5)  # type: ignore[call-arg]


def test_a_picture_is_turned_upright_before_it_is_measured() -> None:
    exif = Image.Exif()
    exif[274] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (60, 20), "red").save(buffer, "JPEG", exif=exif)
    source = Source("a.jpg", PurePosixPath("a.jpg"), buffer.getvalue)
    predictor = DetectPredictor(CARD)
    item = predictor.decode(source)
    assert item.pixels.shape == (60, 20, 3)
    assert (item.height, item.width) == (320, 107)


def test_what_is_no_picture_is_an_input_error() -> None:
    source = Source("a.jpg", PurePosixPath("a.jpg"), lambda: b"no picture")
    with pytest.raises(InputError, match=r"a\.jpg"):
        DetectPredictor(CARD).decode(source)


def test_pictures_are_searched_for_by_the_suffixes_of_pictures() -> None:
    assert DetectPredictor.suffixes == cnntasks.IMAGE_SUFFIXES
