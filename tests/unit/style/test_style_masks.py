"""Masks: reading, fitting to their picture, and sharing pixels between regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cnntasks_style.masks import pair_regions, read_mask, resize_mask, share
from cnntasks_style.pictures import Picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnntasks import InputError, UsageError


def of_size(width: int, height: int) -> Picture:
    return Picture("castle.jpg", np.zeros((height, width, 3), np.uint8))


def half(width: int, height: int) -> np.ndarray[Any, Any]:
    mask = np.zeros((height, width), np.uint8)
    mask[:, : width // 2] = 255
    return mask


def test_white_belongs_and_black_does_not(tmp_path: Path) -> None:
    Image.fromarray(half(30, 20)).save(tmp_path / "mask.png")
    for value in (tmp_path / "mask.png", str(tmp_path / "mask.png"), half(30, 20),
                  half(30, 20) > 0, half(30, 20) / 255, Image.fromarray(half(30, 20))):  # fmt: skip
        mask = read_mask(value, of_size(30, 20))
        assert mask.dtype == np.float32
        np.testing.assert_allclose(mask, half(30, 20) / 255, atol=1e-6)


def test_colours_count_by_their_luminance_and_transparency_is_black() -> None:
    pixels = np.zeros((20, 30, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[:, 10:20, 1] = 255  # green
    pixels[:, 20:, :3] = 255
    pixels[:, 25:, 3] = 0
    mask = read_mask(Image.fromarray(pixels), of_size(30, 20))
    np.testing.assert_allclose(mask[0, [0, 15, 22, 28]], [0, 0.587, 1, 0], atol=0.01)


@pytest.mark.parametrize(("width", "height"), [(30, 20), (60, 40), (301, 200), (15, 10), (45, 31)])
def test_a_mask_may_have_any_resolution_of_the_same_shape(width: int, height: int) -> None:
    assert read_mask(half(width, height), of_size(300, 200)).shape == (height, width)


@pytest.mark.parametrize(("width", "height"), [(20, 30), (30, 30), (600, 380)])
def test_another_shape_is_refused_with_both_sizes(width: int, height: int, tmp_path: Path) -> None:
    Image.fromarray(half(width, height)).save(tmp_path / "mask.png")
    with pytest.raises(InputError) as caught:
        read_mask(tmp_path / "mask.png", of_size(300, 200))
    for part in (str(tmp_path / "mask.png"), f"{width}x{height}", "castle.jpg", "300x200"):
        assert part in str(caught.value)


def test_a_mask_without_white_is_refused() -> None:
    with pytest.raises(InputError, match="no pixel of this mask is white"):
        read_mask(np.full((20, 30), 100, np.uint8), of_size(30, 20))


def test_a_mask_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_text("no")
    with pytest.raises(InputError, match=r"mask\.png: not a picture"):
        read_mask(tmp_path / "mask.png", of_size(30, 20))
    with pytest.raises(InputError, match=r"none\.png: no such file"):
        read_mask("none.png", of_size(30, 20))


def test_resizing_averages_areas() -> None:
    mask = np.zeros((4, 6), np.float32)
    mask[0, 0] = mask[1, 1] = mask[2:, 2:4] = 1
    np.testing.assert_allclose(resize_mask(mask, 3, 2), [[0.5, 0, 0], [0, 1, 0]])
    assert resize_mask(mask, 6, 4) is mask
    assert resize_mask(mask, 13, 9).shape == (9, 13)


@given(
    st.lists(st.lists(st.floats(0, 1, width=32), min_size=6, max_size=6), min_size=1, max_size=4)
)
def test_shares_of_a_pixel_never_exceed_it(values: list[list[float]]) -> None:
    masks = [np.array(value, np.float32).reshape(2, 3) for value in values]
    shared = share(masks)
    before, after = np.sum(masks, axis=0), np.sum(shared, axis=0)
    np.testing.assert_allclose(after, np.minimum(before, 1), atol=1e-5)
    for mask, part in zip(masks, shared, strict=True):
        np.testing.assert_allclose(part * np.maximum(before, 1), mask, atol=1e-5)


@pytest.mark.parametrize(
    ("counts", "indices"),
    [((0, 0, 1), []), ((0, 0, 3), []), ((1, 0, 1), [0]), ((3, 3, 1), [0, 0, 0]),
     ((2, 0, 2), [0, 1]), ((2, 2, 2), [0, 1])],
)  # fmt: skip
def test_each_region_has_its_style(counts: tuple[int, int, int], indices: list[int]) -> None:
    assert pair_regions(*counts) == indices


@pytest.mark.parametrize(
    ("counts", "blended", "message"),
    [
        ((0, 1, 1), False, "1 --style-mask for 0 --content-mask"),
        ((2, 1, 1), False, "1 --style-mask for 2 --content-mask"),
        ((1, 0, 2), False, "1 --content-mask for 2 style pictures; give one for each"),
        ((2, 2, 2), True, "--style-blend mixes the styles everywhere"),
    ],
)
def test_numbers_that_do_not_fit(counts: tuple[int, int, int], blended: bool, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        pair_regions(*counts, blended=blended)
