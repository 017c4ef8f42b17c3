"""The deconvnet: what in a picture made a unit answer, and a folder's strongest answers.

Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks".
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnntasks import CnntasksError, OpenNetwork, Source
from cnntasks_visualize.layers import Layer, run_to
from cnntasks_visualize.rules import BackwardRule
from cnntasks_visualize.view import feeds_of

#: Patches that the paper shows of each unit.
PATCHES = 9


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the network's input: rows and columns, ends not included."""

    top: int
    left: int
    bottom: int
    right: int

    def crop(self, picture: NDArray[Any]) -> NDArray[Any]:
        """That part of H×W or H×W×C; at least one pixel."""
        rows, columns = picture.shape[:2]
        top, left = min(self.top, rows - 1), min(self.left, columns - 1)
        return picture[top : max(self.bottom, top + 1), left : max(self.right, left + 1)]


@dataclass(frozen=True, slots=True)
class Projection:
    """One answer of a unit, and what of the input it goes back to.

    Attributes:
        unit: of the layer.
        place: where in its map; empty where the unit is one number.
        activation: how strong it was.
        values: of the feed's shape without the batch.
        box: everything that the unit is connected to at this place.
        counts: rectifiers, switches and smooth activations that the signal passed.
    """

    unit: int
    place: tuple[int, ...]
    activation: float
    values: NDArray[np.float32]
    box: Box
    counts: Mapping[str, int]


def strongest_place(maps: Tensor, unit: int) -> tuple[int, ...]:
    """Where a unit answers most; `maps` are those of one input, units×places."""
    flat = int(maps[unit].argmax())
    return tuple(int(index) for index in np.unravel_index(flat, tuple(maps.shape[1:])))


class Projector:
    """Sends activations of a layer back to one input: unpooled, rectified, filters transposed.

    All other activations of the layer are set to 0 (section 2.1 of the paper). A mean instead of
    a maximum is spread evenly over its inputs; see `rules` for activations that do not rectify.

    Without any max pooling there are no switches, and what goes back by the paper's rule depends
    on the filters alone, whatever the picture. There the `guided` rule, made for such networks,
    is what `auto` takes (Springenberg et al. 2015, section 3.4).

    Args:
        feeds: of the one input.
        feed: the one that is looked at.
        rule: `deconvnet`, `guided` or `auto`.

    Attributes:
        rule: the one that was taken.
    """

    rule: Literal["deconvnet", "guided"]

    def __init__(
        self,
        opened: OpenNetwork,
        feeds: Mapping[str, Tensor],
        feed: str,
        layer: Layer,
        rule: Literal["auto", "deconvnet", "guided"] = "auto",
    ) -> None:
        self.rule = "guided" if rule == "guided" else "deconvnet"
        tensors = {name: value.detach() for name, value in feeds.items()}
        self._input = tensors[feed] = tensors[feed].requires_grad_()
        self._run(opened, tensors, layer)
        counts = self._counts
        if rule == "auto" and counts.get("rectifier") and not counts.get("switches"):
            self.rule = "guided"
            self._run(opened, tensors, layer)
        self._connected = _Connected(opened, feeds, feed, layer)

    def _run(self, opened: OpenNetwork, tensors: Mapping[str, Tensor], layer: Layer) -> None:
        mode = BackwardRule(self.rule)
        with mode:
            self._maps = run_to(opened.network, layer, tensors)
        self._counts = dict(mode.counts)

    def __call__(self, unit: int, place: tuple[int, ...] | None = None) -> Projection:
        """One unit's answer at a place in its map, the strongest by default."""
        if place is None:
            place = strongest_place(self._maps[0], unit)
        seed = torch.zeros_like(self._maps)
        index = (0, unit, *place)
        activation = self._maps[index].detach()
        seed[index] = activation
        (values,) = torch.autograd.grad(self._maps, self._input, seed, retain_graph=True)
        return Projection(
            unit=unit,
            place=place,
            activation=float(activation),
            values=values[0].cpu().numpy().astype(np.float32),
            box=self._connected(place),
            counts=self._counts,
        )


class _Connected:
    """The part of the input that a layer's place is connected to: its receptive field, cut to it.

    Found by going back with every activation taken for the identity and every maximum for a mean,
    so that no number can hide a connection.
    """

    def __init__(
        self, opened: OpenNetwork, feeds: Mapping[str, Tensor], feed: str, layer: Layer
    ) -> None:
        tensors = {name: value.detach() for name, value in feeds.items()}
        # Noise: a network may send equal inputs to zero.
        x = torch.randn(feeds[feed].shape, generator=torch.Generator().manual_seed(0))
        self._input = tensors[feed] = x.to(feeds[feed].device).requires_grad_()
        with BackwardRule("support"):
            maps = run_to(opened.network, layer, tensors)[0]
        # All units at once, each with its own weight: single connections may be 0, or cancel.
        generator = torch.Generator().manual_seed(1)
        weights = 0.5 + torch.rand(len(maps), generator=generator).to(maps)
        self._mixed = torch.einsum("u...,u->...", maps, weights)

    def __call__(self, place: tuple[int, ...]) -> Box:
        (gradient,) = torch.autograd.grad(self._mixed[place], self._input, retain_graph=True)
        reached = gradient[0].abs()
        reached = reached.sum(dim=2) if reached.dim() == 3 else reached
        rows, columns = (torch.nonzero(reached.sum(dim=dim)).flatten().tolist() for dim in (1, 0))
        if not rows or not columns:
            return Box(0, 0, *reached.shape)
        return Box(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)


@dataclass(frozen=True, slots=True)
class Answer:
    """How strongly a unit answered a source, and where."""

    activation: float
    unit: int
    place: tuple[int, ...]
    source: Source


def answers(
    opened: OpenNetwork, layer: Layer, sources: Iterable[Source]
) -> Iterator[tuple[Source, Tensor | None, CnntasksError | None]]:
    """The maps of a layer for each source, units×places; an error instead where it has none."""
    for source in sources:
        try:
            feeds = feeds_of(opened, source)
            with torch.no_grad():
                yield source, run_to(opened.network, layer, feeds)[0], None
        except CnntasksError as error:
            yield source, None, error


def strongest(
    found: Iterable[tuple[Source, Tensor]], unit: int | None, count: int = PATCHES
) -> list[Answer]:
    """The strongest answers of a unit, one for each source, best first.

    Args:
        unit: the one whose answer is the strongest of all when None.
        count: at most so many.
    """
    if unit is not None:
        best = [
            Answer(float(maps[unit].max()), unit, strongest_place(maps, unit), source)
            for source, maps in found
        ]
        return heapq.nlargest(count, best, key=lambda answer: answer.activation)
    tables: list[tuple[Source, Tensor, list[tuple[int, ...]]]] = []
    for source, maps in found:
        peaks = maps.reshape(len(maps), -1).max(dim=1)
        places = [
            tuple(int(it) for it in np.unravel_index(int(flat), tuple(maps.shape[1:])))
            for flat in peaks.indices
        ]
        tables.append((source, peaks.values, places))
    if not tables:
        return []
    chosen = int(torch.stack([values for _, values, _ in tables]).amax(dim=0).argmax())
    best = [
        Answer(float(values[chosen]), chosen, places[chosen], source)
        for source, values, places in tables
    ]
    return heapq.nlargest(count, best, key=lambda answer: answer.activation)
