"""Optimisers that can be watched: one iteration at a time, and back from where they went astray."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from cnntasks import ModelError

Evaluate = Callable[[Tensor], tuple[dict[str, float], Tensor]]

#: A sum of losses worse than the best one by so many times its losses' magnitude means that a step
#: went astray. The magnitude, as a loss of the user's own may be negative.
_ASTRAY = 9.0
_ADAM_RATE = 0.02
_HISTORY = 10


def minimize(
    evaluate: Evaluate, picture: Tensor, iterations: int, method: str, history: int = _HISTORY
) -> Iterator[dict[str, float]]:
    """Optimise `picture` in place; yields the losses at the start of each iteration.

    L-BFGS (Liu & Nocedal 1989) takes its unit step without a line search, so that an iteration is
    one evaluation: on these losses a search finds the unit step good nearly always, at 1.25
    evaluations a step or more. Where a step goes astray all the same, the optimisation returns to
    the best picture so far with half the step and an empty memory. The last step is looked at as
    well, by one evaluation more: the best picture is what remains.

    Args:
        evaluate: picture to its losses by name and the gradient of their sum.
        picture: 1×3×H×W.
        iterations: how many.
        method: `lbfgs` or `adam`.
        history: pairs of steps and gradients that L-BFGS keeps.

    Raises:
        ModelError: the losses are not finite, whatever the step.
    """
    rate = 1.0
    optimizer = _optimizer(picture, method, rate, history)
    best, magnitude, kept = math.inf, 0.0, picture.clone()
    seen: dict[str, float] = {}

    def closure() -> float:
        losses, gradient = evaluate(picture)
        seen.clear()
        seen.update(losses)
        picture.grad = gradient.contiguous()  # L-BFGS flattens it without a copy
        return sum(losses.values())

    def astray(total: float) -> bool:
        return not math.isfinite(total) or total > best + _ASTRAY * magnitude

    for number in range(1, iterations + 1):
        before = picture.clone()
        optimizer.step(closure)
        total = sum(seen.values())
        if astray(total):
            if best == math.inf or rate < 1e-3:
                raise ModelError(
                    "the losses are not finite; use smaller weights or --optimizer adam"
                )
            picture.copy_(kept)
            rate /= 2
            optimizer = _optimizer(picture, method, rate, history)
        elif total < best:
            best, magnitude = total, sum(map(abs, seen.values()))
            kept = before
        found = dict(seen)
        if number == iterations and not closure() <= best:  # not a number, too
            picture.copy_(kept)
        yield found


def _optimizer(picture: Tensor, method: str, rate: float, history: int) -> torch.optim.Optimizer:
    if method == "adam":
        return torch.optim.Adam([picture], lr=rate * _ADAM_RATE)
    return torch.optim.LBFGS(
        [picture],
        lr=rate,
        max_iter=1,
        history_size=history,
        tolerance_grad=0,
        tolerance_change=0,
    )
