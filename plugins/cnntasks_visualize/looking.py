"""The methods that show a layer: its filters, its maps, what its units answer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnntasks import CnntasksError, InputError, OpenNetwork, Source, UsageError
from cnntasks_visualize.deconvnet import PATCHES, Projection, Projector, answers, strongest
from cnntasks_visualize.layers import (
    Layer,
    check_unit,
    choose_layer,
    first_map,
    middle_map,
    run_to,
)
from cnntasks_visualize.maps import map_picture, strongest_units, vector_picture
from cnntasks_visualize.pictures import Picture, enlarged, sheet, side_by_side
from cnntasks_visualize.result import Progress, Visualization
from cnntasks_visualize.settings import CENTER, Settings
from cnntasks_visualize.view import InputView, feeds_of
from cnntasks_visualize.weights import filter_pictures, filters_of, first_filters

#: Pictures on a sheet unless --count says otherwise.
_FILTERS, _MAPS = 256, 64


def show_filters(opened: OpenNetwork, layers: list[Layer], settings: Settings) -> Visualization:
    """A sheet of the first layer's filters, or of another's."""
    if settings.layer:
        layer = choose_layer(layers, settings.layer)
        path, name = layer.path, layer.name
    else:
        path = first_filters(opened.network)
        name = next((it.name for it in layers if it.path == path), path)
    weights = filters_of(opened.network, path, name)
    chosen = weights
    if settings.units:
        known = Layer(name, path, "", (len(weights),))
        chosen = weights[[check_unit(known, unit) for unit in settings.units]]
    pictures, names = filter_pictures(chosen, settings.count or _FILTERS)
    summary = {
        "layer": name,
        "filters": len(weights),
        "channels": weights.shape[1],
        "size": list(weights.shape[2:]),
        "shown": len(pictures),
        "largest_weight": round(float(np.abs(weights).max()), 5),
    }
    columns = _columns(weights, len(pictures), settings)
    tiles = [enlarged(it, 96) for it in pictures]
    return Visualization(sheet(tiles, names, columns), {"weights": weights}, summary)


def _columns(weights: Any, shown: int, settings: Settings) -> int | None:
    """A row for each filter, where every input channel has a picture and there are few."""
    channels = int(weights.shape[1])
    return channels if channels not in (1, 3) and channels <= 32 and shown > channels else None


def show_activations(
    opened: OpenNetwork,
    feeds: Mapping[str, Tensor],
    view: InputView,
    layers: list[Layer],
    settings: Settings,
) -> Visualization:
    """A sheet of a layer's maps for one input; those that vary most where there are many."""
    layer = choose_layer(layers, settings.layer) if settings.layer else first_map(layers)
    with torch.no_grad():
        maps = run_to(opened.network, layer, feeds)[0].float().cpu().numpy()
    units = [check_unit(layer, unit) for unit in settings.units]
    if not units and not layer.is_map:
        units = [*range(layer.units)]
    elif not units:
        count = settings.count or _MAPS
        units = sorted(strongest_units(maps, count)) if count < len(maps) else [*range(len(maps))]
    summary = {
        "layer": layer.name,
        "kind": layer.kind,
        "units": layer.units,
        "places": list(layer.places),
        "shown": units if len(units) < layer.units else "all",
        "smallest": round(float(maps.min()), 5),
        "largest": round(float(maps.max()), 5),
    }
    if not layer.is_map:
        picture = vector_picture(maps.reshape(-1))
    elif len(units) == 1:
        own = enlarged(_upright(maps[units[0]], view))
        picture = side_by_side([enlarged(view.image(feeds)), own])
    else:
        tiles = [_upright(maps[unit], view) for unit in units]
        picture = sheet(tiles, [str(unit) for unit in units])
    return Visualization(picture, {"maps": maps}, summary)


def _upright(values: Any, view: InputView) -> Picture:
    """A map of a spectrogram has low frequencies at the bottom, as its picture."""
    if view.layout == "features" and values.ndim == 2:
        values = values[::-1]
    return map_picture(values)


def show_projections(
    opened: OpenNetwork,
    feeds: Mapping[str, Tensor],
    view: InputView,
    layers: list[Layer],
    settings: Settings,
) -> Visualization:
    """What of one input made units answer: one in full, or patches of those that answer most."""
    layer = choose_layer(layers, settings.layer) if settings.layer else middle_map(layers)
    with torch.no_grad():
        maps = run_to(opened.network, layer, feeds)[0]
    units = [check_unit(layer, unit) for unit in settings.units]
    if not units:
        peaks = maps.reshape(len(maps), -1).amax(dim=1)
        units = peaks.argsort(descending=True)[: settings.count or PATCHES].tolist()
    place = _place(layer, settings)
    projector = Projector(opened, feeds, view.feed, layer, settings.rule)
    found = [projector(unit, place) for unit in units]
    summary = {
        "layer": layer.name,
        "rule": projector.rule,
        "units": [_facts(it) for it in found],
        **_counted(found),
    }
    arrays = {"projections": np.stack([it.values for it in found])}
    if len(found) == 1:
        image, back = view.image(feeds), view.projection(found[0].values, feeds)
        return Visualization(side_by_side([enlarged(image), enlarged(back)]), arrays, summary)
    tiles = [_patch(it, feeds, view) for it in found]
    captions = [f"unit {it.unit}: {it.activation:.3g}" for it in found]
    return Visualization(sheet(tiles, captions, 3), arrays, summary)


def show_strongest(
    opened: OpenNetwork,
    sources: Iterable[Source],
    layers: list[Layer],
    settings: Settings,
    progress: Progress,
) -> Visualization:
    """The patches of a folder's inputs that one unit answers most, beside their projections.

    Raises:
        InputError: no input could be used.
    """
    layer = choose_layer(layers, settings.layer) if settings.layer else middle_map(layers)
    unit = check_unit(layer, settings.units[0]) if settings.units else None
    errors: list[CnntasksError] = []
    listed = list(sources)
    advance = progress(len(listed), "pictures")

    def maps() -> Iterable[tuple[Source, Tensor]]:
        for source, found, error in answers(opened, layer, listed):
            if advance is not None:
                advance()
            if error is not None:
                errors.append(error)
            elif found is not None:
                yield source, found.cpu()

    best = strongest(maps(), unit, settings.count or PATCHES)
    if not best:
        raise InputError(f"none of {len(listed)} inputs could be used; the first: {errors[0]}")
    tiles, found = [], []
    for answer in best:
        feeds = feeds_of(opened, answer.source)
        view = InputView.of(feeds, opened.card.name)
        projector = Projector(opened, feeds, view.feed, layer, settings.rule)
        it = projector(answer.unit, answer.place)
        found.append(it)
        tiles.append(_patch(it, feeds, view))
    names = [answer.source.relative.name for answer in best]
    summary = {
        "layer": layer.name,
        "rule": projector.rule,
        "unit": best[0].unit,
        "inputs": len(listed) - len(errors),
        "strongest": [
            {"input": answer.source.name, **_facts(it)}
            for answer, it in zip(best, found, strict=True)
        ],
        **_counted(found),
    }
    captions = [f"{name} {it.activation:.3g}" for name, it in zip(names, found, strict=True)]
    arrays = {"activations": np.array([answer.activation for answer in best], np.float32)}
    return Visualization(sheet(tiles, captions, 3), arrays, summary, tuple(errors))


def _place(layer: Layer, settings: Settings) -> tuple[int, ...] | None:
    """The place that was asked for; None for the strongest.

    Raises:
        UsageError: the layer's maps do not have it.
    """
    return chosen_place(layer, settings.place) if settings.place is not None else None


def chosen_place(layer: Layer, place: str | tuple[int, ...]) -> tuple[int, ...]:
    """`center` or the numbers of a place, checked.

    Raises:
        UsageError: the layer's maps do not have it.
    """
    if isinstance(place, str):
        assert place == CENTER
        return tuple(side // 2 for side in layer.places)
    inside = len(place) == len(layer.places) and all(
        0 <= index < side for index, side in zip(place, layer.places, strict=True)
    )
    if not inside:
        size = "×".join(map(str, layer.places)) or "no places"
        raise UsageError(
            f"the maps of {layer.name} have no place {','.join(map(str, place))}; they have {size}"
        )
    return place


def _patch(found: Projection, feeds: Mapping[str, Tensor], view: InputView) -> Picture:
    """What the unit sees beside what of it went back."""
    image, back = view.image(feeds), view.projection(found.values, feeds)
    if view.layout == "features":
        box = found.box
        columns = slice(box.left, max(box.right, box.left + 1))
        image, back = image[:, columns], back[:, columns]
    else:
        image, back = found.box.crop(image), found.box.crop(back)
    times = max(1, 160 // max(image.shape[:2]))
    return side_by_side(
        [it.repeat(times, axis=0).repeat(times, axis=1) for it in (image, back)], gap=3
    )


def _facts(found: Projection) -> dict[str, Any]:
    box = found.box
    return {
        "unit": found.unit,
        "place": list(found.place),
        "activation": round(found.activation, 5),
        "box": [box.left, box.top, box.right, box.bottom],
    }


def _counted(found: list[Projection]) -> dict[str, Any]:
    """Rectifiers and switches that a signal met on its way back."""
    counts = found[0].counts
    return {"rectifiers": counts.get("rectifier", 0), "switches": counts.get("switches", 0)}
