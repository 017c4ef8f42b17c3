"""Compass masks: eight directions, and a convolution layer that runs them."""

from __future__ import annotations

import numpy as np
import pytest
from cnntasks_features.convolution import FixedConvolution, torch_layer
from cnntasks_features.edges import compass
from cnntasks_features.masks import COMPASS, DIRECTIONS, EAST, compass_masks, gain
from cnntasks_features.settings import Settings

#: Of each direction, rows downwards.
STEPS = {"E": (0, 1), "NE": (-1, 1), "N": (-1, 0), "NW": (-1, -1), "W": (0, -1), "SW": (1, -1),
         "S": (1, 0), "SE": (1, 1)}  # fmt: skip


def ramp(direction: str, side: int = 15) -> np.ndarray:
    """Brightness that grows in a direction, H×W in 0..1."""
    down, across = STEPS[direction]
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    values = down * rows + across * columns
    return np.asarray((values - values.min()) / (values.max() - values.min()), np.float32)


@pytest.mark.parametrize("method", sorted(EAST))
def test_each_mask_answers_its_own_direction_most(method: str) -> None:
    layer = FixedConvolution(compass_masks(method))
    for number, direction in enumerate(DIRECTIONS):
        middle = layer(ramp(direction))[:, 7, 7]
        assert middle.argmax() == number, direction
        assert middle[(number + 4) % 8] == middle.min()


@pytest.mark.parametrize("method", sorted(EAST))
def test_masks_do_not_see_a_constant_and_differ(method: str) -> None:
    masks = compass_masks(method)
    assert masks.shape == (8, 3, 3)
    assert np.allclose(masks.sum(axis=(1, 2)), 0)
    assert len({mask.tobytes() for mask in masks}) == 8
    # Two turns by 45° are a quarter turn.
    assert np.array_equal(masks[2], np.rot90(masks[0]))
    assert np.array_equal(masks[3], np.rot90(masks[1]))
    assert gain(masks) > 0


def test_the_published_masks() -> None:
    north_west = DIRECTIONS.index("NW")
    assert compass_masks("kirsch")[2].tolist() == [[5, 5, 5], [-3, 0, -3], [-3, -3, -3]]
    assert compass_masks("robinson")[north_west].tolist() == [[2, 1, 0], [1, 0, -1], [0, -1, -2]]
    assert compass_masks("prewitt")[1].tolist() == [[0, 1, 1], [-1, 0, 1], [-1, -1, 0]]
    assert compass_masks("scharr")[0].tolist() == [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]


@pytest.mark.parametrize("method", ["kirsch", "sobel"])
def test_it_is_a_convolution_layer_of_torch(method: str) -> None:
    import torch

    masks = compass_masks(method)
    picture = np.random.default_rng(0).random((23, 31), np.float32)
    layer = torch_layer(masks)
    assert layer.weight.shape == (8, 1, 3, 3)
    assert not layer.weight.requires_grad
    expected = layer(torch.from_numpy(picture)[None, None])[0].numpy()
    assert np.allclose(FixedConvolution(masks)(picture), expected, atol=1e-5)


@pytest.mark.parametrize("method", sorted(EAST))
def test_a_step_from_black_to_white_is_an_edge_of_1(method: str) -> None:
    picture = np.zeros((20, 24, 3), np.uint8)
    picture[:, 12:] = 255
    found = compass(picture, Settings(method=method))  # type: ignore[arg-type]
    magnitude, direction = found.arrays["magnitude"], found.arrays["direction"]
    assert magnitude[5].max() == pytest.approx(1, abs=1e-5)
    assert magnitude[5].argmax() == 11
    assert magnitude[:, :11].max() == pytest.approx(0, abs=1e-5)
    assert direction[5, 11] == 0
    assert found.summary["strongest_direction"] == "E"
    assert found.arrays["responses"].shape == (8, 20, 24)
    assert len(found.summary["masks"]) == 8


def test_the_gradient_or_the_strongest_answer() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    for method in sorted(EAST):
        found = compass(picture, Settings(method=method))  # type: ignore[arg-type]
        answers = found.arrays["responses"]
        expected = answers.max(axis=0) if method in COMPASS else np.hypot(answers[0], answers[2])
        assert np.allclose(found.arrays["magnitude"], expected, atol=1e-6)


def test_sobel_is_scikit_images() -> None:
    from cnntasks_features.pictures import grey_of
    from skimage.filters import sobel_h, sobel_v

    picture = np.random.default_rng(2).integers(0, 256, (16, 18, 3), np.uint8)
    answers = compass(picture, Settings(method="sobel")).arrays["responses"]
    grey = grey_of(picture)
    inner = np.s_[1:-1, 1:-1]
    assert np.allclose(answers[0][inner], sobel_v(grey)[inner], atol=1e-6)
    assert np.allclose(answers[6][inner], sobel_h(grey)[inner], atol=1e-6)
