"""Optimisers: where they arrive, one evaluation a step, and the way back from a bad step."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from cnntasks_style.optimization import Evaluate, minimize
from torch import Tensor

from cnntasks import ModelError


def start(size: int = 6) -> Tensor:
    return torch.zeros(1, 3, size, size)


def quadratic(condition: float = 1.0, lowest: float = 0.0) -> tuple[Evaluate, Tensor]:
    """Half the weighted square of the distance to a picture, in two terms, and that picture."""
    goal = torch.rand(start().shape, generator=torch.Generator().manual_seed(0))
    weights = torch.logspace(0, math.log10(condition), goal.numel()).reshape(goal.shape)

    def evaluate(picture: Tensor) -> tuple[dict[str, float], Tensor]:
        error = picture - goal
        return {
            "style": float((weights * error.square()).sum() / 2) + lowest,
            "content": 0.0,
        }, weights * error

    return evaluate, goal


@pytest.mark.parametrize("condition", [1.0, 100.0])
def test_lbfgs_reaches_the_minimum_of_a_quadratic(condition: float) -> None:
    evaluate, goal = quadratic(condition)
    picture = start()
    losses = [sum(it.values()) for it in minimize(evaluate, picture, 80, "lbfgs")]
    assert len(losses) == 80
    assert losses[0] == pytest.approx(sum(evaluate(start())[0].values()))
    assert losses[-1] < 1e-6 * losses[0]
    torch.testing.assert_close(picture, goal, atol=1e-3, rtol=0)


def test_adam_reaches_it_too() -> None:
    evaluate, goal = quadratic()
    picture = start()
    losses = [it["style"] for it in minimize(evaluate, picture, 120, "adam")]
    assert losses[-1] < 0.01 * losses[0]
    torch.testing.assert_close(picture, goal, atol=0.1, rtol=0)


def test_the_losses_are_those_before_the_step() -> None:
    evaluate, _ = quadratic()
    picture = start()
    seen: list[Tensor] = []

    def watched(it: Tensor) -> tuple[dict[str, float], Tensor]:
        seen.append(it.clone())
        return evaluate(it)

    losses = list(minimize(watched, picture, 5, "lbfgs"))
    assert len(seen) == 5 + 1  # one an iteration, and one that looks at the last step
    for given, found in zip(seen, losses, strict=False):
        assert evaluate(given)[0] == found
    assert torch.equal(seen[-1], picture)


def jolted(at: set[int], jolt: Callable[[Tensor], Tensor], lowest: float = 0.0) -> Evaluate:
    """A quadratic whose gradient is wrong at some evaluations (from 1), so that the step is."""
    evaluate, _ = quadratic(condition=30, lowest=lowest)
    count = 0

    def jolting(picture: Tensor) -> tuple[dict[str, float], Tensor]:
        nonlocal count
        count += 1
        losses, gradient = evaluate(picture)
        return losses, jolt(gradient) if count in at else gradient

    return jolting


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_a_step_that_went_astray_is_taken_back(method: str) -> None:
    evaluate = jolted({4}, lambda gradient: gradient * math.nan)
    picture = start()
    losses = [it["style"] for it in minimize(evaluate, picture, 120, method)]
    assert math.isnan(losses[4])  # after the fourth
    assert losses[5] == losses[2 if losses[2] < losses[3] else 3]  # from the best before it
    assert losses[-1] < 0.02 * losses[0]
    assert torch.isfinite(picture).all()


def test_a_large_step_is_taken_back() -> None:
    evaluate = jolted({6}, lambda gradient: -1e6 * gradient.sign())
    losses = [it["style"] for it in minimize(evaluate, start(), 60, "lbfgs")]
    assert losses[6] > 10 * losses[5]
    assert losses[7] == min(losses[:6])
    assert losses[-1] < 1e-6 * losses[0]


@pytest.mark.parametrize("iterations", [1, 3])
def test_the_last_step_is_looked_at_as_well(iterations: int) -> None:
    evaluate = jolted({iterations}, lambda gradient: gradient * math.nan)
    picture = start()
    found = list(minimize(evaluate, picture, iterations, "lbfgs"))
    assert torch.isfinite(picture).all()
    assert evaluate(picture)[0]["style"] == min(it["style"] for it in found)


def test_negative_losses_are_not_astray() -> None:
    """A term of the user's own may be negative, and rise a little now and then."""
    evaluate, goal = quadratic(condition=30, lowest=-3.0)
    picture = start()
    losses = [it["style"] for it in minimize(evaluate, picture, 80, "lbfgs")]
    assert losses[-1] == pytest.approx(-3.0, abs=1e-4)
    torch.testing.assert_close(picture, goal, atol=1e-2, rtol=0)

    evaluate = jolted({9}, lambda gradient: 3 * gradient, lowest=-3.0)
    losses = [it["style"] for it in minimize(evaluate, start(), 12, "lbfgs")]
    assert all(math.isfinite(it) for it in losses)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_losses_that_are_no_numbers_are_an_error(value: float) -> None:
    def evaluate(picture: Tensor) -> tuple[dict[str, float], Tensor]:
        return {"style": value}, torch.zeros_like(picture)

    with pytest.raises(ModelError, match="not finite; use smaller weights or --optimizer adam"):
        list(minimize(evaluate, start(), 3, "lbfgs"))


def test_a_loss_that_is_astray_whatever_the_step_is_an_error() -> None:
    count = 0

    def evaluate(picture: Tensor) -> tuple[dict[str, float], Tensor]:
        nonlocal count
        count += 1
        return {"style": 1.0 if count == 1 else math.nan}, torch.ones_like(picture)

    with pytest.raises(ModelError, match="not finite"):
        list(minimize(evaluate, start(), 100, "lbfgs"))
    assert count < 20
