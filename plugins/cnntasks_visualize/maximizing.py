"""The method `maximize`: which goals there are, and the sheet of what was found."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from cnntasks import OpenNetwork
from cnntasks_visualize.layers import Layer, check_unit, choose_layer, middle_map
from cnntasks_visualize.looking import chosen_place
from cnntasks_visualize.maximize import Ascent, Goal, maximize
from cnntasks_visualize.pictures import colored, enlarged, sheet, to_range
from cnntasks_visualize.result import Progress, Visualization
from cnntasks_visualize.settings import Settings
from cnntasks_visualize.targets import class_name, find_class
from cnntasks_visualize.view import InputView

#: All classes are shown where there are at most so many, else the first maps of a middle layer.
_CLASSES = 12
_UNITS = 4


def goals_of(opened: OpenNetwork, layers: list[Layer], settings: Settings) -> list[Goal]:
    """What is to be maximised.

    Raises:
        UsageError: a class, layer, unit or place that is not there.
    """
    few = 0 < len(opened.card.classes) <= _CLASSES
    if settings.classes or (few and not settings.layer and not settings.units):
        wanted = [find_class(opened, name) for name in settings.classes]
        numbers = wanted or range(len(opened.card.classes))
        return [Goal(class_name(opened, number), None, number) for number in numbers]
    layer = choose_layer(layers, settings.layer) if settings.layer else middle_map(layers)
    units = [check_unit(layer, unit) for unit in settings.units] or range(min(_UNITS, layer.units))
    place = None if settings.place is None else chosen_place(layer, settings.place)
    where = "" if place is None else f" at {','.join(map(str, place))}"
    return [Goal(f"{layer.name} {unit}{where}", layer, unit, place) for unit in units]


def show_maxima(
    opened: OpenNetwork,
    feeds: Mapping[str, Tensor],
    view: InputView,
    layers: list[Layer],
    settings: Settings,
    progress: Progress,
) -> Visualization:
    """What each goal answers most; a sheet where there are several."""
    goals = goals_of(opened, layers, settings)
    ascent = Ascent(
        iterations=settings.iterations,
        parametrization=settings.parametrization,
        jitter=settings.jitter,
        variation=settings.variation,
        decay=settings.decay,
        seed=settings.seed,
    )
    advance = progress(len(goals) * ascent.iterations, "steps")
    found = [maximize(opened, feeds, view.feed, goal, ascent, advance) for goal in goals]
    pictures = []
    for it in found:
        shown = {**feeds, view.feed: torch.from_numpy(it.values)[None]}
        picture = view.image(shown)
        if view.layout == "pixels" and it.values.shape[2] == 1:
            # A digit that is drawn faintly is answered as well as one in white.
            picture = colored(to_range(picture[..., 0]), "gray")
        pictures.append(picture)
    summary = {
        "maximized": [
            {"name": goal.name, "start": round(it.start, 4), "end": round(it.end, 4)}
            for goal, it in zip(goals, found, strict=True)
        ],
        "iterations": ascent.iterations,
        "parametrization": ascent.parametrization,
        "seed": ascent.seed,
    }
    arrays = {
        "inputs": np.stack([it.values for it in found]),
        "trace": np.array([it.trace for it in found], np.float32),
    }
    if len(found) == 1:
        return Visualization(enlarged(pictures[0]), arrays, summary)
    return Visualization(sheet(pictures, [goal.name for goal in goals]), arrays, summary)
