"""Laplacian, Canny, Gabor, HOG, SIFT, LBP: each finds what it is for."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from cnntasks_features.edges import canny, laplacian
from cnntasks_features.extract import extract
from cnntasks_features.hog import cell_picture, describe, hog
from cnntasks_features.settings import Settings
from cnntasks_features.sift import find_keypoints, match, sift
from cnntasks_features.texture import gabor, lbp
from PIL import Image

from cnntasks import InputError, Source

SAMPLES = Path(__file__).parents[3] / "samples"


def source(picture: np.ndarray) -> Source:
    return Source("p.png", PurePosixPath("p.png"), bytes, value=picture)


def square(side: int = 64) -> np.ndarray:
    picture = np.full((side, side, 3), 30, np.uint8)
    picture[side // 4 : 3 * side // 4, side // 4 : 3 * side // 4] = 220
    return picture


def stripes(wavelength: float, degrees: float, side: int = 64) -> np.ndarray:
    """A wave whose brightness changes in a direction; 0° is across."""
    rows, columns = np.mgrid[:side, :side]
    angle = np.deg2rad(degrees)
    phase = 2 * np.pi * (columns * np.cos(angle) + rows * np.sin(angle)) / wavelength
    grey = (127 + 100 * np.sin(phase)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.mark.parametrize("method", [canny, laplacian])
def test_edges_lie_on_the_outline_of_a_square(method: object) -> None:
    found = method(square(), Settings())  # type: ignore[operator]
    edges = found.arrays["edges"].astype(bool)
    rows, columns = np.nonzero(edges)
    distance = np.minimum.reduce(
        [np.abs(rows - 15.5), np.abs(rows - 47.5), np.abs(columns - 15.5), np.abs(columns - 47.5)]
    )
    assert edges.sum() > 4 * 25
    assert distance.max() <= 2.5
    assert found.summary["edge_pixels"] == edges.sum()
    assert not method(np.full((32, 32, 3), 99, np.uint8), Settings()).arrays["edges"].any()  # type: ignore[operator]


@pytest.mark.parametrize(("wavelength", "degrees"), [(4, 0), (8, 45), (16, 90), (8, 135)])
def test_the_gabor_bank_finds_a_wave(wavelength: float, degrees: float) -> None:
    found = gabor(stripes(wavelength, degrees), Settings(method="gabor"))
    assert found.summary["strongest"] == f"{wavelength:g} px, {degrees:g}°"
    assert found.arrays["responses"].shape == (24, 64, 64)


def test_hog_is_as_long_as_the_paper_says_and_its_cells_know_directions() -> None:
    # 64×128 pixels: 7×15 blocks of 2×2 cells and 9 directions.
    assert len(describe(np.zeros((128, 64), np.float32), 9, 8)) == 3780
    for degrees, number in ((0, 0), (45, 2), (90, 4), (135, 6)):
        found = hog(stripes(16, degrees), Settings(method="hog"))
        cells = found.arrays["cells"]
        assert cells.shape == (8, 8, 9)
        total = cells[1:-1, 1:-1].sum(axis=(0, 1))
        # Directions are unsigned: noise tells 0° from 180°, which are the first bin and the last.
        assert int(total.argmax()) in ((0, 8) if number == 0 else (number,))
    assert found.summary["length"] == 7 * 7 * 4 * 9 == len(found.arrays["descriptor"])
    with pytest.raises(InputError, match=r"12x12 pixels have not 2x2 cells of 8 pixels"):
        hog(square(12), Settings(method="hog"))


def test_the_cell_picture_draws_along_the_edge() -> None:
    cells = np.zeros((1, 1, 4))
    cells[0, 0, 0] = 1  # brightness grows at 22.5°, a little downwards: the edge is steep
    drawn = cell_picture(cells)[..., 0] > 100
    rows, columns = np.nonzero(drawn)
    slope = np.polyfit(rows, columns, 1)[0]
    assert slope == pytest.approx(-np.tan(np.pi / 8), abs=0.1)


def test_sift_finds_the_same_places_in_a_turned_picture() -> None:
    picture = np.asarray(Image.open(SAMPLES / "castle.webp").convert("RGB").resize((240, 160)))
    turned = np.ascontiguousarray(np.rot90(picture))
    found = match(picture, turned)
    assert found.summary["agreeing"] > 0.8 * found.summary["matches"] > 20
    places, others = found.arrays["positions"], found.arrays["other_positions"]
    pairs = found.arrays["matches"][found.arrays["agreeing"]]
    one, two = places[pairs[:, 0]], others[pairs[:, 1]]
    # Row r, column c goes to row 239 - c, column r.
    assert np.abs(two - np.stack([239 - one[:, 1], one[:, 0]], axis=1)).max() < 7
    affine = np.array(found.summary["affine"])
    assert affine[:, :2] == pytest.approx(np.array([[0, 1], [-1, 0]]), abs=0.02)
    alone = sift(picture)
    assert alone.summary["keypoints"] == len(places)
    assert alone.arrays["descriptors"].shape == (len(places), 128)


def test_nothing_to_find_is_no_error() -> None:
    flat = np.full((40, 40, 3), 128, np.uint8)
    assert len(find_keypoints(flat)) == 0
    assert sift(flat).summary["keypoints"] == 0
    assert match(flat, square()).summary["matches"] == 0
    for method in ("sobel", "laplacian", "canny", "gabor", "hog", "lbp"):
        found = extract(source(flat), Settings(method=method))  # type: ignore[arg-type]
        assert found.picture.dtype == np.uint8


def test_lbp_codes_count_lighter_neighbours_and_ignore_brightness() -> None:
    picture = np.random.default_rng(0).integers(20, 120, (32, 32), np.uint8)[..., None].repeat(3, 2)
    found = lbp(picture, Settings(method="lbp"))
    histogram = np.array(found.summary["histogram"])
    assert histogram.sum() == pytest.approx(1, abs=1e-4)
    assert len(histogram) == 10
    brighter = lbp((picture * 2).astype(np.uint8), Settings(method="lbp"))
    assert np.array_equal(found.arrays["codes"], brighter.arrays["codes"])
    dark = np.full((9, 9, 3), 200, np.uint8)
    dark[4, 4] = 0
    assert lbp(dark, Settings(method="lbp")).arrays["codes"][4, 4] == 8


def test_large_pictures_are_shrunk_and_tiny_ones_refused() -> None:
    found = extract(source(np.zeros((300, 900, 3), np.uint8)), Settings(size=120))
    assert (found.summary["width"], found.summary["height"]) == (120, 40)
    assert extract(source(np.zeros((3, 3, 3), np.uint8)), Settings()).summary["width"] == 3
    with pytest.raises(InputError, match=r"p\.png: 2x9 pixels are too few"):
        extract(source(np.zeros((9, 2, 3), np.uint8)), Settings())
    with pytest.raises(InputError, match=r"p\.png: 12x12 pixels have not 2x2 cells"):
        extract(source(np.zeros((12, 12, 3), np.uint8)), Settings(method="hog"))
