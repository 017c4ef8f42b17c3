"""Activation maximisation: uphill, in Fourier space, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cnntasks_visualize.layers import choose_layer, find_layers
from cnntasks_visualize.maximize import Ascent, Goal, maximize
from cnntasks_visualize.painting import Jitter, Painting, total_variation
from small_networks import feeds_of, noise, opened, rectified_network
from torch import nn


def goal_of(name: str, unit: int, place: tuple[int, ...] | None = None) -> Goal:
    model = opened(rectified_network(5))
    layer = choose_layer(find_layers(model.network, feeds_of(noise(32, 32))), name)
    return Goal("g", layer, unit, place)


@pytest.mark.parametrize("place", [None, (4, 5)])
def test_the_gradient_of_a_unit_points_uphill(place: tuple[int, ...] | None) -> None:
    model, goal = opened(rectified_network(5)), goal_of("3", 1, place)
    x = feeds_of(noise(32, 32))["pixels"].requires_grad_()
    value = goal.value(model, {"pixels": x})
    (gradient,) = torch.autograd.grad(value, x)
    before = value.detach()
    assert gradient.abs().sum() > 0
    step = 0.05 * gradient / gradient.abs().max()
    after = goal.value(model, {"pixels": x.detach() + step})
    assert float(after) > float(before)
    # To first order by the squared length of the gradient.
    expected = float((gradient * step).sum())
    assert float(after - before) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("parametrization", ["fourier", "pixels"])
def test_the_goal_grows(parametrization: str) -> None:
    model = opened(rectified_network(5))
    feeds = feeds_of(noise(32, 32))
    ascent = Ascent(iterations=25, parametrization=parametrization, variation=0.0)  # type: ignore[arg-type]
    for goal in (goal_of("3", 1), goal_of("3", 1, (2, 3)), Goal("class", None, 0)):
        found = maximize(model, feeds, "pixels", goal, ascent)
        assert found.end > found.start
        assert found.values.shape == (32, 32, 1)
        assert found.values.min() >= 0
        assert found.values.max() <= 255
        assert len(found.trace) == 25
        shown = {"pixels": torch.from_numpy(found.values)[None]}
        assert float(goal.value(model, shown)) == pytest.approx(found.end, abs=1e-4)


def test_the_same_seed_finds_the_same_and_variation_smooths() -> None:
    model, feeds, goal = opened(rectified_network(5)), feeds_of(noise(32, 32)), goal_of("3", 1)

    def found(**options: float) -> np.ndarray:
        ascent = Ascent(iterations=15, **options)  # type: ignore[arg-type]
        return maximize(model, feeds, "pixels", goal, ascent).values

    rough = found(variation=0.0)
    assert np.array_equal(rough, found(variation=0.0))
    assert not np.array_equal(rough, found(variation=0.0, seed=1))
    smooth = found(variation=1e4)
    assert np.abs(np.diff(smooth, axis=1)).mean() < 0.5 * np.abs(np.diff(rough, axis=1)).mean()
    near = found(variation=0.0, decay=1e4)
    assert np.abs(near - 127.5).mean() < np.abs(rough - 127.5).mean()


def test_a_spectrogram_is_painted_around_its_own_level() -> None:
    class Bands(nn.Module):
        def forward(self, features: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"logits": torch.stack([features[:, 3].mean(1), -features[:, 3].mean(1)], 1)}

    model = opened(nn.Identity())
    object.__setattr__(model, "network", Bands())
    example = torch.randn(1, 8, 30, generator=torch.Generator().manual_seed(0)) * 2 - 6
    ascent = Ascent(iterations=20, variation=0.0)
    found = maximize(model, {"features": example}, "features", Goal("c0", None, 0), ascent)
    assert found.values.shape == (8, 30)
    assert found.start == pytest.approx(float(example.mean()), abs=0.5)
    assert found.end > found.start + 0.5
    assert found.values[3].mean() == pytest.approx(found.end, abs=1e-4)


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 17, 12), (3, 12, 17)])
def test_a_painting_begins_at_its_ground(shape: tuple[int, ...]) -> None:
    for parametrization in ("fourier", "pixels"):
        picture = Painting(shape, parametrization, ground=0.3)()  # type: ignore[arg-type]
        assert picture.shape == (1, *shape)
        assert float(picture.detach().mean()) == pytest.approx(0.3, abs=0.05)
        assert 0 < float(picture.detach().std()) < 0.2
        assert picture.requires_grad


def test_fourier_spreads_a_pixels_gradient() -> None:
    def touched(parametrization: str) -> float:
        painting = Painting((1, 16, 16), parametrization)  # type: ignore[arg-type]
        before = painting()[0, 0].detach()
        (gradient,) = torch.autograd.grad(painting()[0, 0, 8, 8], painting.values)
        with torch.no_grad():
            painting.values += 0.05 * gradient / gradient.abs().max()
        return float(((painting()[0, 0].detach() - before).abs() > 1e-5).float().mean())

    assert touched("pixels") == 1 / 256
    assert touched("fourier") > 0.9


def test_jitter_moves_by_whole_pixels_and_nothing_when_off() -> None:
    x = torch.rand(1, 1, 12, 20, generator=torch.Generator().manual_seed(0))
    assert Jitter(0)(x) is x
    shift = Jitter(3, turn=0, zoom=0, seed=1)
    seen = set()
    for _ in range(20):
        y = shift(x)
        found = [
            (down, across)
            for down in range(-3, 4)
            for across in range(-3, 4)
            if torch.allclose(
                y[..., 3:-3, 3:-3],
                x[..., 3 + down : 9 + down, 3 + across : 17 + across],
                atol=1e-4,
            )
        ]
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) > 5
    assert total_variation(torch.ones(1, 1, 4, 4)) == 0
