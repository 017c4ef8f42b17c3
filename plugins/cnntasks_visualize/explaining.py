"""The methods that explain why a class got its score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnntasks import OpenNetwork
from cnntasks_visualize.attribution import (
    guided_backpropagation,
    integrated_gradients,
    occlusion,
    occlusion_batches,
)
from cnntasks_visualize.cam import class_activation_map
from cnntasks_visualize.layers import Layer, choose_layer, last_map
from cnntasks_visualize.pictures import (
    Picture,
    Values,
    enlarged,
    heat_overlay,
    resized,
    side_by_side,
    signed_overlay,
)
from cnntasks_visualize.result import Progress, Visualization
from cnntasks_visualize.settings import Settings
from cnntasks_visualize.targets import class_name, class_scores, find_class
from cnntasks_visualize.view import InputView

#: Classes that a summary names.
_NAMED = 3


def explain(
    opened: OpenNetwork,
    feeds: Mapping[str, Tensor],
    view: InputView,
    layers: list[Layer],
    settings: Settings,
    progress: Progress,
) -> Visualization:
    """The input beside what of it speaks for a class."""
    with torch.no_grad():
        scores = class_scores(opened, feeds)[0]
    order = scores.argsort(descending=True)[:_NAMED].tolist()
    target = find_class(opened, settings.classes[0]) if settings.classes else order[0]
    summary: dict[str, Any] = {
        "class": class_name(opened, target),
        "score": round(float(scores[target]), 4),
        "likeliest": [
            {"class": class_name(opened, it), "score": round(float(scores[it]), 4)} for it in order
        ],
    }
    image = view.image(feeds)
    if settings.method in ("gradcam", "gradcam++"):
        layer = choose_layer(layers, settings.layer) if settings.layer else last_map(layers)
        plus = settings.method == "gradcam++"
        raw = class_activation_map(opened, feeds, view.feed, layer, target, plus)
        heat = _over_input(raw, feeds, view)
        summary["layer"] = layer.name
        arrays = {"map": raw, "heat": heat}
        picture = heat_overlay(image, heat)
    else:
        values, facts = _attribute(opened, feeds, view, settings, target, progress)
        flat = view.flat(values, feeds)
        summary.update({name: round(value, 5) for name, value in facts.items()})
        arrays = {"attribution": values, "heat": flat}
        if settings.method == "guided-backprop":
            picture = enlarged(view.projection(values, feeds))
        elif settings.method == "occlusion":
            picture = heat_overlay(image, _share(np.maximum(flat, 0)))
        else:
            picture = signed_overlay(image, flat)
    return Visualization(side_by_side([_as_large(image, picture), picture]), arrays, summary)


def _attribute(
    opened: OpenNetwork,
    feeds: Mapping[str, Tensor],
    view: InputView,
    settings: Settings,
    target: int,
    progress: Progress,
) -> tuple[Values, dict[str, float]]:
    if settings.method == "guided-backprop":
        found = guided_backpropagation(opened, feeds, view.feed, target)
    elif settings.method == "integrated-gradients":
        found = integrated_gradients(
            opened, feeds, view.feed, target, baseline=settings.baseline, steps=settings.steps
        )
    else:
        side = max(view.size(feeds)) if view.layout == "pixels" else view.size(feeds)[1]
        window = settings.window or max(1, round(side / 8))
        stride = settings.stride or max(1, window // 2)
        batches = occlusion_batches(feeds, view.feed, window, stride)
        found = occlusion(
            opened,
            feeds,
            view.feed,
            target,
            window=window,
            stride=stride,
            advance=progress(batches, "occlusion"),
        )
        found.facts.update(window=window, stride=stride)
    return found.values, found.facts


def _over_input(raw: Values, feeds: Mapping[str, Tensor], view: InputView) -> Values:
    """A coarse map in 0..1, stretched over the whole input and cut to what is shown of it."""
    rows, columns = feeds[view.feed].shape[1:3]
    full = resized(raw, rows, columns)
    full = full[..., np.newaxis] if view.layout == "pixels" else full
    return _share(view.flat(full, feeds))


def _share(values: Values) -> Values:
    """Divided by the largest; all 0 where nothing is above 0."""
    largest = float(values.max())
    return values / largest if largest > 0 else np.zeros_like(values)


def _as_large(image: Picture, other: Picture) -> Picture:
    """The input with its pixels as large as those of the picture beside it."""
    times = max(1, other.shape[0] // image.shape[0])
    return image.repeat(times, axis=0).repeat(times, axis=1)
