"""What each input contributed to a class: guided back-propagation, integrated gradients, occlusion.

The last two are captum's (Kokhlikyan et al. 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnntasks import OpenNetwork, UsageError
from cnntasks_visualize.rules import BackwardRule
from cnntasks_visualize.targets import class_scores

Baseline = Literal["black", "mean"]
#: Inputs that go through the network together.
_BATCH = 8
_FEWEST_STEPS, _MOST_STEPS = 32, 128


@dataclass(frozen=True, slots=True)
class Attribution:
    """Values for every number of the input.

    Attributes:
        values: of the feed's shape without the batch.
        facts: what is to be said of them, plain numbers.
    """

    values: NDArray[np.float32]
    facts: dict[str, float]


def _score_of(
    opened: OpenNetwork,
    feeds: Mapping[str, Tensor],
    feed: str,
    target: int,
    advance: Callable[[], None] | None = None,
) -> Callable[[Tensor], Tensor]:
    """A batch of the looked-at feed to the scores of the class; the other feeds are repeated."""

    def score(x: Tensor) -> Tensor:
        others = {
            name: value.expand(len(x), *value.shape[1:])
            for name, value in feeds.items()
            if name != feed
        }
        if advance is not None:
            advance()
        return class_scores(opened, {**others, feed: x})[:, target]

    return score


def baseline_of(x: Tensor, kind: Baseline) -> Tensor:
    """An input without anything to see: `black` (of a spectrogram: its lowest value), or the mean.

    Args:
        x: 1×H×W×C, the mean is that of each colour; or 1×M×T.
    """
    if kind == "mean":
        middle = x.mean(dim=(1, 2), keepdim=True)
        return middle.expand_as(x).contiguous()
    lowest = torch.zeros((), device=x.device) if x.dim() == 4 else x.min()
    return lowest.expand_as(x).contiguous()


def _cover(x: Tensor) -> Tensor:
    """What an occluding window shows."""
    if x.dim() == 4:
        return baseline_of(x, "mean")
    quiet = x.quantile(0.1, dim=2, keepdim=True)
    return quiet.expand_as(x).contiguous()


def guided_backpropagation(
    opened: OpenNetwork, feeds: Mapping[str, Tensor], feed: str, target: int
) -> Attribution:
    """The gradient of a class, rectified on its way back at every ReLU (Springenberg et al. 2015).

    A network without rectifiers (LeNet-5's tanh) gives the plain gradient; `facts["rectifiers"]`
    tells how many there were.
    """
    tensors = {name: value.detach() for name, value in feeds.items()}
    x = tensors[feed] = tensors[feed].requires_grad_()
    rule = BackwardRule("guided")
    with rule:
        score = class_scores(opened, tensors)[0, target]
    (gradient,) = torch.autograd.grad(score, x)
    facts = {"rectifiers": float(rule.counts["rectifier"])}
    return Attribution(gradient[0].cpu().numpy().astype(np.float32), facts)


def integrated_gradients(
    opened: OpenNetwork,
    feeds: Mapping[str, Tensor],
    feed: str,
    target: int,
    *,
    baseline: Baseline = "black",
    steps: int | None = None,
) -> Attribution:
    """The gradient on the straight way from a baseline to the input, times that way.

    Sundararajan, Taly & Yan 2017, equation 1, by Gauss-Legendre quadrature. The values add up to
    the difference of the class score between the two (completeness); `facts` has that difference,
    the sum, what the quadrature missed, and its steps.

    Args:
        steps: places on the way where the gradient is taken; when None as many as it takes to miss
            at most 1% of the difference, from 32 to 128.
    """
    from captum.attr import IntegratedGradients

    x = feeds[feed].detach()
    start = baseline_of(x, baseline)
    score = _score_of(opened, feeds, feed, target)
    method = IntegratedGradients(score)
    with torch.no_grad():
        difference = float(score(x)[0] - score(start)[0])
    taken = steps or _FEWEST_STEPS
    while True:
        values = method.attribute(x, baselines=start, n_steps=taken, internal_batch_size=_BATCH)
        total = float(values.double().sum())
        close = abs(difference - total) <= 0.01 * abs(difference)
        if steps is not None or close or taken >= _MOST_STEPS:
            break
        taken *= 2
    missed = difference - total
    facts = {"score_difference": difference, "sum": total, "missed": missed, "steps": float(taken)}
    return Attribution(values[0].detach().cpu().numpy().astype(np.float32), facts)


def occlusion(
    opened: OpenNetwork,
    feeds: Mapping[str, Tensor],
    feed: str,
    target: int,
    *,
    window: int,
    stride: int,
    advance: Callable[[], None] | None = None,
) -> Attribution:
    """How much the class score falls where a window of one colour covers the input.

    The colour is the mean of the picture; a spectrogram is covered by what is quiet in each band,
    the 10% quantile, since a mean would be a sound of its own.

    Zeiler & Fergus 2014, section 4.2; each number is the mean over the windows that cover it.

    Args:
        window, stride: of the square, in numbers of the network's input; for a spectrogram the
            window is as wide and covers all bands.
        advance: called after every batch.

    Raises:
        UsageError: the window is larger than the input, or the stride than the window.
    """
    from captum.attr import Occlusion

    x = feeds[feed].detach()
    rows, columns = x.shape[1:3]
    spectrogram = x.dim() == 3
    if not 1 <= window <= min(columns, columns if spectrogram else rows):
        raise UsageError(f"--window must lie between 1 and {min(rows, columns)}, not {window}")
    if not 1 <= stride <= window:
        raise UsageError(f"--stride must lie between 1 and the window's {window}, not {stride}")
    shape = (rows, window) if spectrogram else (window, window, x.shape[3])
    steps = (rows, stride) if spectrogram else (stride, stride, x.shape[3])
    method = Occlusion(_score_of(opened, feeds, feed, target, advance))
    with torch.no_grad():
        values = method.attribute(
            x,
            sliding_window_shapes=shape,
            strides=steps,
            baselines=_cover(x),
            perturbations_per_eval=_BATCH,
        )
    drop = values[0].cpu().numpy().astype(np.float32)
    if not spectrogram:
        drop = drop / drop.shape[2]  # captum gives each colour the whole fall
    return Attribution(drop, {"largest_fall": float(values.max())})


def occlusion_batches(feeds: Mapping[str, Tensor], feed: str, window: int, stride: int) -> int:
    """How often `occlusion` runs the network."""
    x = feeds[feed]
    rows, columns = x.shape[1:3]

    def places(side: int) -> int:
        return -(-max(side - window, 0) // stride) + 1

    count = places(columns) * (1 if x.dim() == 3 else places(rows))
    return 1 + -(-count // _BATCH)
