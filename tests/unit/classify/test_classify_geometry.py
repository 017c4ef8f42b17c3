"""How pictures become squares: against torchvision's transforms, and card by card."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from classification_folders import noise
from cnntasks_classify.geometry import Framing
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from small_classifiers import pattern_card
from torchvision.transforms import v2

from cnntasks import ModelError

FEW = settings(max_examples=40, deadline=None, derandomize=True)
SIDES = st.integers(1, 80)


def by_torchvision(picture: NDArray[np.uint8], framing: Framing) -> NDArray[np.uint8]:
    """Pillow's pictures through torchvision's published evaluation transform."""
    mode = v2.InterpolationMode.BICUBIC if framing.bicubic else v2.InterpolationMode.BILINEAR
    if framing.longer:
        resize = v2.Resize(None, mode, max_size=framing.resize)
    else:
        resize = v2.Resize(framing.resize, mode)
    steps = v2.Compose([resize, v2.CenterCrop(framing.crop)])
    image = Image.fromarray(picture)
    if framing.grey:
        image = image.convert("L")
    return np.asarray(steps(image)).reshape(framing.crop, framing.crop, -1)


def assert_near(found: NDArray[np.uint8], expected: NDArray[np.uint8], limit: int = 1) -> None:
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= limit


@FEW
@given(height=SIDES, width=SIDES, resize=st.integers(1, 60), crop=st.integers(1, 60),
       bicubic=st.booleans(), grey=st.booleans())  # fmt: skip
def test_resizing_and_cutting_are_torchvisions(
    height: int, width: int, resize: int, crop: int, bicubic: bool, grey: bool
) -> None:
    picture = noise(height, width, 3, seed=height)
    framing = Framing(resize, crop, bicubic=bicubic, grey=grey)
    # Pillow rounds between its two passes, the order of which depends on what is cut out.
    assert_near(framing(picture), by_torchvision(picture, framing), limit=2)


@pytest.mark.parametrize("size", [(256, 256), (480, 640), (640, 479), (225, 1000), (224, 224)])
@pytest.mark.parametrize("bicubic", [False, True])
def test_photos_of_the_usual_sizes(size: tuple[int, int], bicubic: bool) -> None:
    picture = noise(*size, 3, seed=1)
    framing = Framing(256, 224, bicubic=bicubic)
    assert_near(framing(picture), by_torchvision(picture, framing))


@FEW
@given(height=st.integers(20, 80), width=st.integers(20, 80), resize=st.integers(8, 40),
       crop=st.integers(1, 50))  # fmt: skip
def test_the_longer_side_is_resized_where_nothing_may_be_cut_off(
    height: int, width: int, resize: int, crop: int
) -> None:
    picture = noise(height, width, 3, seed=width)
    framing = Framing(resize, crop, longer=True)
    assert_near(framing(picture), by_torchvision(picture, framing), limit=2)


@pytest.mark.parametrize(("height", "width"), [(40, 10), (10, 40), (1, 300), (300, 1)])
def test_all_of_a_long_picture_is_kept_and_the_rest_padded(height: int, width: int) -> None:
    framing = Framing(28, 32, longer=True, fill=90)
    square = framing(np.full((height, width, 3), 200, np.uint8))
    rows, columns = (np.flatnonzero((square == 200).all(2).any(axis)) for axis in (1, 0))
    shown = (len(rows), len(columns))
    assert shown == tuple(max(28 * side // max(height, width), 1) for side in (height, width))
    assert set(np.unique(square)) == {90, 200}
    assert rows[0] == (32 - shown[0]) // 2
    assert columns[0] == (32 - shown[1]) // 2


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (100, 20000), (20000, 100)])
def test_odd_shapes_are_framed_at_once(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 7, np.uint8)
    start = time.process_time()
    for longer in (False, True):
        square = Framing(256, 224, longer=longer, fill=7)(picture)
        assert (square == 7).all()
        assert square.shape == (224, 224, 3)
    assert time.process_time() - start < 1.0  # all of it resized would be 13 million pixels


@pytest.mark.parametrize("size", [(32, 32), (60, 40), (8, 9)])
@pytest.mark.parametrize("grey", [False, True])
def test_the_result_is_an_array_of_its_own(size: tuple[int, int], grey: bool) -> None:
    picture = noise(*size, 3)
    before = picture.copy()
    picture.setflags(write=False)
    square = Framing(32, 32, grey=grey)(picture)
    assert square.shape == (32, 32, 1 if grey else 3)
    assert square.dtype == np.uint8
    square[:] = 0
    np.testing.assert_array_equal(picture, before)


def test_grey_is_luma() -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    assert np.unique(Framing(8, 8, grey=True)(red)) == [76]  # 0.299 of 255, ITU-R 601-2


def ink(ground: int, stroke: int) -> NDArray[np.uint8]:
    picture = np.full((28, 28, 3), ground, np.uint8)
    picture[8:20, 12:16] = stroke
    return picture


@pytest.mark.parametrize("grey", [False, True])
def test_dark_handwriting_on_light_paper_is_inverted(grey: bool) -> None:
    framing = Framing(28, 32, longer=True, grey=grey, dark=True)
    on_paper, on_dark = framing(ink(250, 10)), framing(ink(5, 245))
    np.testing.assert_array_equal(on_paper, on_dark)
    assert on_paper[16, 15, 0] == 245
    assert on_paper[0, 0, 0] == 0
    plain = replace(framing, dark=False)
    assert plain(ink(250, 10))[16, 15, 0] == 10


def test_recolouring_leaves_the_shape() -> None:
    picture = np.concatenate([ink(250, 10), ink(250, 10)])
    assert Framing(28, 32).recolored(picture) is picture
    grey = Framing(28, 32, grey=True).recolored(picture)
    assert (grey.shape, grey[0, 0, 0], grey[10, 13, 0]) == ((56, 28, 1), 250, 10)
    dark = Framing(28, 32, grey=True, dark=True).recolored(picture)
    np.testing.assert_array_equal(dark, 255 - grey)
    negative = Framing(28, 32, grey=True, dark=True).recolored(255 - picture)
    np.testing.assert_array_equal(negative, dark)


@pytest.mark.parametrize(
    "framing",
    [
        Framing(256, 224),
        Framing(28, 32, longer=True, grey=True, dark=True),
        Framing(235, 224, bicubic=True, fill=127),
    ],
)
def test_a_card_gives_back_what_was_written(framing: Framing) -> None:
    card = replace(pattern_card(), preprocessing=framing.to_dict())
    assert Framing.from_card(card) == framing


def test_a_published_card_needs_no_more_than_the_usual() -> None:
    given = {"color": "RGB", "resize": 256, "crop": 224, "interpolation": "bilinear"}
    card = replace(pattern_card(), preprocessing=given)
    assert Framing.from_card(card) == Framing(256, 224)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("resize", None, r"preprocessing is incomplete or unknown \('resize'\)"),
        ("color", None, r"incomplete or unknown \('color'\)"),
        ("color", "CMYK", r"incomplete or unknown \('CMYK'\)"),
        ("color", ["L"], "incomplete or unknown"),
        ("interpolation", "nearest", "'nearest'"),
        ("fit", "both", r"unknown \('both'\)"),
        ("crop", "large", "'large'"),
        ("crop", float("inf"), "infinity"),
        ("crop", 0, "sizes must be at least 1 pixel"),
        ("resize", -3, "sizes must be at least 1 pixel"),
        ("fill", 256, "fill must lie between 0 and 255"),
        ("fill", -1, "fill must lie between 0 and 255"),
    ],
)
def test_a_card_that_makes_no_sense_is_one_line(key: str, value: Any, message: str) -> None:
    given = pattern_card().preprocessing
    given = {k: v for k, v in given.items() if k != key} if value is None else {**given, key: value}
    with pytest.raises(ModelError, match=message) as caught:
        Framing.from_card(replace(pattern_card(), preprocessing=given))
    assert str(caught.value).startswith("tiny: ")
    assert "\n" not in str(caught.value)
