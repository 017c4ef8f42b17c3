"""What a picture is to match: the content's maps and the styles' Gram matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnntasks_style.features import FeatureNetwork
from cnntasks_style.losses import gram_matrix
from cnntasks_style.masks import resize_mask, share
from cnntasks_style.objective import Targets, Weights
from cnntasks_style.tiles import Tile, cut, inner, part_of, window

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Regions:
    """Which style goes where.

    Attributes:
        content: masks of the content, H×W in 0..1, in any resolution; empty for one region that
            is everywhere.
        style: masks of the styles, one for each region, or empty.
        places: for each region the index of its style picture.
        blend: without regions, the part of each style picture; they sum to 1.
    """

    content: list[Values]
    style: list[Values]
    places: list[int]
    blend: tuple[float, ...]


def to_tensor(values: Values, device: torch.device) -> Tensor:
    """H×W×3 to 1×3×H×W with the channels last in memory."""
    tensor = torch.from_numpy(np.ascontiguousarray(values)).to(device)
    return tensor.permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def make_targets(
    network: FeatureNetwork,
    content: Tensor,
    styles: Sequence[Tensor],
    regions: Regions,
    weights: Weights,
    tile_for: Callable[[int], int] = lambda pixels: 0,
) -> Targets:
    """The targets at one size.

    Args:
        network: gives the maps.
        content: 1×3×H×W.
        styles: 1×3×h×w each.
        regions: which style goes where.
        weights: whose layers are needed.
        tile_for: the side of the tiles for a picture of so many pixels; 0 for none.
    """

    def gram(style: Tensor, mask: Values | None = None) -> dict[str, Tensor]:
        tile = tile_for(style.shape[2] * style.shape[3])
        return _grams(network, style, mask, list(weights.style), tile)

    tile = tile_for(content.shape[2] * content.shape[3])
    kept = _maps(network, content, list(weights.content), tile)
    if not regions.content:
        grams = [gram(style) for style in styles]
        blended = {
            layer: torch.stack(
                [part * found[layer] for part, found in zip(regions.blend, grams, strict=True)]
            ).sum(dim=0)
            for layer in weights.style
        }
        return Targets(kept, [blended])
    height, width = content.shape[2:]
    masks = share([resize_mask(mask, width, height) for mask in regions.content])
    areas: list[Tensor | None] = [
        torch.from_numpy(it)[None, None].to(content.device) for it in masks
    ]
    of_styles: list[Values | None] = [*regions.style] or [None] * len(masks)
    found = [
        gram(styles[place], mask) for place, mask in zip(regions.places, of_styles, strict=True)
    ]
    return Targets(kept, found, areas)


def _tiles(
    network: FeatureNetwork, picture: Tensor, tile: int
) -> Iterator[tuple[Tile, dict[str, Tensor]]]:
    """The maps of a picture part by part: a tile, and the places that it counts."""
    height, width = picture.shape[2:]
    if not tile or network.field is None:
        yield Tile(0, 0, height, width, (0, 0, height, width)), network(picture)
        return
    for part in cut(picture.shape, tile, network):
        maps = network(window(picture, part))
        yield part, {n: inner(it, part, network.stages[n].stride) for n, it in maps.items()}


def _maps(
    network: FeatureNetwork, picture: Tensor, layers: Sequence[str], tile: int
) -> dict[str, Tensor]:
    """The whole maps of some layers."""
    sizes = network.sizes(picture.shape[2], picture.shape[3])
    whole: dict[str, Tensor] = {}
    for part, maps in _tiles(network, picture, tile):
        for layer in layers:
            found = maps[layer]
            if layer not in whole:
                shape = (1, found.shape[1], *sizes[layer])
                whole[layer] = found.new_empty(shape).to(memory_format=torch.channels_last)
            part_of(whole[layer], part, network.stages[layer].stride).copy_(found)
    return whole


def _grams(
    network: FeatureNetwork,
    picture: Tensor,
    mask: Values | None,
    layers: Sequence[str],
    tile: int,
) -> dict[str, Tensor]:
    """Gram matrices per place, of the whole picture or of where its mask is white."""
    sizes = network.sizes(picture.shape[2], picture.shape[3])
    shares: dict[str, Tensor] = {}
    for layer in layers:
        height, width = sizes[layer]
        share_of = torch.ones(height, width)
        if mask is not None:
            share_of = torch.from_numpy(resize_mask(mask, width, height))
        shares[layer] = (share_of / share_of.sum().clamp_min(1e-12)).to(picture.device)
    grams: dict[str, Tensor] = {}
    for part, maps in _tiles(network, picture, tile):
        for layer in layers:
            weights = part_of(shares[layer], part, network.stages[layer].stride)
            found = gram_matrix(maps[layer], weights.reshape(-1, 1))
            grams[layer] = grams[layer] + found if layer in grams else found
    return grams
