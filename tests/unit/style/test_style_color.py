"""Preserving colour: what the two ways keep, as properties of random pictures."""

from __future__ import annotations

import numpy as np
import pytest
from cnntasks_style import color
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

Pixels = NDArray[np.float32]


def picture(seed: int, height: int = 12, width: int = 17, spread: float = 0.08) -> Pixels:
    """Correlated colours around a random one, far enough from 0 and 1 that nothing is cut."""
    generator = np.random.default_rng(seed)
    mixing = np.eye(3) + 0.5 * generator.uniform(-1, 1, (3, 3))
    values = generator.uniform(0.4, 0.6, 3) + spread * (
        generator.uniform(-1, 1, (height, width, 3)) @ mixing
    )
    return values.astype(np.float32)


seeds = st.integers(0, 10_000)


@given(seeds)
@settings(max_examples=25)
def test_yiq_is_inverted(seed: int) -> None:
    pixels = picture(seed, spread=0.3)
    np.testing.assert_allclose(color.yiq_to_rgb(color.rgb_to_yiq(pixels)), pixels, atol=1e-6)


def test_yiq_of_known_colours() -> None:
    white, red = color.rgb_to_yiq(np.array([[[1, 1, 1], [1, 0, 0]]]))[0]
    np.testing.assert_allclose(white, [1, 0, 0], atol=1e-3)
    np.testing.assert_allclose(red, [0.299, 0.596, 0.212], atol=1e-3)


@given(seeds)
@settings(max_examples=25)
def test_luminance_is_matched_in_mean_and_deviation(seed: int) -> None:
    style, content = picture(seed), picture(seed + 1, 9, 20)
    matched = color.match_luminance(style, content)
    wanted = color.luminance(content)
    assert matched.shape == style.shape
    assert matched.mean() == pytest.approx(wanted.mean(), abs=1e-4)
    assert matched.std() == pytest.approx(wanted.std(), abs=1e-4)
    assert np.ptp(matched, axis=2).max() == 0  # grey
    # Affine: where the style was lighter it still is.
    before = color.luminance(style)[..., 0].ravel()
    assert np.corrcoef(before, matched[..., 0].ravel())[0, 1] == pytest.approx(1, abs=1e-4)


@given(seeds)
@settings(max_examples=25)
def test_chrominance_of_the_content_and_luminance_of_the_result(seed: int) -> None:
    result, content = picture(seed), picture(seed + 1)
    kept = color.rgb_to_yiq(color.keep_chrominance(result, content))
    np.testing.assert_allclose(kept[..., 0], color.rgb_to_yiq(result)[..., 0], atol=1e-5)
    np.testing.assert_allclose(kept[..., 1:], color.rgb_to_yiq(content)[..., 1:], atol=1e-5)


@given(seeds)
@settings(max_examples=25)
def test_colours_are_matched_in_mean_and_covariance(seed: int) -> None:
    style, content = picture(seed), picture(seed + 1, 9, 20)
    matched = color.match_colors(style, content).reshape(-1, 3).astype(np.float64)
    wanted = content.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(matched.mean(axis=0), wanted.mean(axis=0), atol=1e-4)
    covariance = np.cov(wanted.T, bias=True)
    np.testing.assert_allclose(np.cov(matched.T, bias=True), covariance, atol=2e-5)


def test_matching_a_picture_to_itself_changes_nothing() -> None:
    pixels = picture(3)
    np.testing.assert_allclose(color.match_colors(pixels, pixels), pixels, atol=1e-5)
    grey = color.luminance(pixels)
    np.testing.assert_allclose(color.match_luminance(pixels, pixels), grey, atol=1e-5)


def test_the_order_of_the_channels_does_not_matter() -> None:
    style, content = picture(5), picture(6)
    turned = color.match_colors(style[..., ::-1], content[..., ::-1])[..., ::-1]
    np.testing.assert_allclose(turned, color.match_colors(style, content), atol=1e-5)


def test_a_style_of_one_colour_becomes_the_contents_mean() -> None:
    flat, content = np.full((4, 4, 3), 0.3, np.float32), picture(7)
    mean = content.reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(color.match_colors(flat, content)[0, 0], mean, atol=1e-5)
    matched = color.match_luminance(flat, content)
    np.testing.assert_allclose(matched, color.luminance(content).mean(), atol=1e-5)


def test_a_grey_style_gets_no_coloured_noise() -> None:
    grey = color.luminance(picture(8, spread=0.3))
    noisy = grey + np.random.default_rng(1).normal(0, 1e-4, grey.shape).astype(np.float32)
    plain, disturbed = (color.match_colors(it, picture(9)) for it in (grey, noisy))
    assert np.abs(plain - disturbed).max() < 0.01


def test_results_stay_within_0_and_1() -> None:
    style = np.random.default_rng(0).uniform(0, 1, (8, 8, 3)).astype(np.float32)
    content = np.random.default_rng(1).choice([0, 1], (8, 8, 3)).astype(np.float32)
    for made in (
        color.match_colors(style, content),
        color.match_luminance(style, content),
        color.keep_chrominance(style, content),
    ):
        assert made.dtype == np.float32
        assert made.min() >= 0
        assert made.max() <= 1


def test_prepare_and_finish_go_together() -> None:
    content, style, result = picture(1), picture(2), picture(3)
    same_content, [same_style] = color.prepare(content, [style], "none")
    assert same_content is content
    assert same_style is style
    assert color.finish(result, content, "none") is result

    kept, [matched] = color.prepare(content, [style], "histogram")
    assert kept is content
    np.testing.assert_array_equal(matched, color.match_colors(style, content))
    assert color.finish(result, content, "histogram") is result

    grey, [matched] = color.prepare(content, [style], "luminance")
    np.testing.assert_array_equal(grey, color.luminance(content))
    np.testing.assert_array_equal(matched, color.match_luminance(style, content))
    finished = color.finish(result, content, "luminance")
    np.testing.assert_array_equal(finished, color.keep_chrominance(result, content))
