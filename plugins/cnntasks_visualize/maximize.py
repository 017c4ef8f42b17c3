"""Activation maximisation: the input that a unit, a map or a class answers most.

Erhan et al. 2009; Qin et al. 2018, "How convolutional neural networks see the world", section 2,
whose regularisers these are: the parametrisation, jitter, total variation and decay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnntasks import OpenNetwork
from cnntasks_visualize.layers import Layer, run_to
from cnntasks_visualize.painting import Jitter, Painting, Parametrization, total_variation
from cnntasks_visualize.targets import class_scores

#: Of Adam, which makes every parameter's step about as long as that.
_RATE = 0.05
#: A spectrogram that is to be found starts here where no example is given: log-mel bands of quiet
#: sound, and how much they vary.
_LEVEL, _RANGE = -7.0, 3.0


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to become large.

    Attributes:
        name: for people.
        layer: None for a class.
        unit: the map of the layer, or the class.
        place: one place in the map; None for the mean over all.
    """

    name: str
    layer: Layer | None
    unit: int
    place: tuple[int, ...] | None = None

    def value(self, opened: OpenNetwork, feeds: Mapping[str, Tensor]) -> Tensor:
        """How much of it there is."""
        if self.layer is None:
            return class_scores(opened, feeds)[0, self.unit]
        maps = run_to(opened.network, self.layer, feeds)[0, self.unit]
        return maps.mean() if self.place is None else maps[self.place]


@dataclass(frozen=True, slots=True)
class Ascent:
    """How it is found.

    Attributes:
        iterations: steps of the optimiser.
        parametrization: see `Painting`.
        jitter: pixels; None for 2 and one in 37 of the longer side, 0 for no transformations.
        variation: weight of the total variation.
        decay: weight of the squared distance from the ground: the mean of the training data.
        seed: of everything random.
    """

    iterations: int = 200
    parametrization: Parametrization = "fourier"
    jitter: int | None = None
    variation: float = 400.0
    decay: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Maximum:
    """What was found.

    Attributes:
        values: of the feed's shape without the batch.
        start, end: of the goal, on the bare picture.
        trace: the goal in every iteration, of the jittered picture.
    """

    values: NDArray[np.float32]
    start: float
    end: float
    trace: tuple[float, ...]


def _ground(opened: OpenNetwork) -> float:
    """The mean brightness of what the network learned from, 0..1: neither ink nor paper."""
    mean = opened.card.preprocessing.get("mean")
    if not isinstance(mean, list | tuple) or not mean:
        return 0.5
    return min(max(sum(mean) / len(mean) / 255, 0.02), 0.98)


def maximize(
    opened: OpenNetwork,
    feeds: Mapping[str, Tensor],
    feed: str,
    goal: Goal,
    ascent: Ascent,
    advance: Callable[[], None] | None = None,
) -> Maximum:
    """Find the input that makes `goal` largest, from noise on.

    Args:
        feeds: an input of the wanted size; of a spectrogram also its level and range, unless it
            is blank.
        feed: the one that is looked for; the others stay.
        advance: called after every iteration.
    """
    x = feeds[feed]
    pixels = x.dim() == 4
    shape = (x.shape[3], *x.shape[1:3]) if pixels else (1, *x.shape[1:])
    ground = _ground(opened) if pixels else 0.0
    painting = Painting(shape, ascent.parametrization, pixels, ground or 0.5, ascent.seed).to(
        x.device
    )
    level, reach = _LEVEL, _RANGE
    if not pixels and float(x.std()) > 0:
        level, reach = float(x.mean()), float(x.std())
    side = max(shape[1:])
    shifts = round(2 + side / 37) if ascent.jitter is None else ascent.jitter
    # What is heard is neither turned nor scaled.
    jitter = Jitter(shifts, *((5.0, 0.06) if pixels else (0.0, 0.0)), ascent.seed)

    def as_feed(picture: Tensor) -> Tensor:
        if pixels:
            return picture.permute(0, 2, 3, 1) * 255
        return level + reach * picture[:, 0]

    def reached() -> float:
        with torch.no_grad():
            return float(goal.value(opened, {**feeds, feed: as_feed(painting())}))

    start = reached()
    optimizer = torch.optim.Adam(painting.parameters(), lr=_RATE)
    trace = []
    for _ in range(ascent.iterations):
        optimizer.zero_grad()
        picture = painting()
        value = goal.value(opened, {**feeds, feed: as_feed(jitter(picture))})
        penalty = ascent.decay * (picture - ground).square().mean()
        penalty = penalty + ascent.variation * total_variation(picture)
        (penalty - value).backward()
        optimizer.step()
        trace.append(float(value.detach()))
        if advance is not None:
            advance()
    end = reached()
    with torch.no_grad():
        values = as_feed(painting())[0].cpu().numpy().astype(np.float32)
    return Maximum(values, start, end, tuple(trace))
