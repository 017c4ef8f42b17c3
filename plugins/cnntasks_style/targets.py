"""What a picture is to match: the content's maps and the styles' Gram matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnntasks_style.features import FeatureNetwork
from cnntasks_style.losses import gram_matrix
from cnntasks_style.masks import resize_mask, share
from cnntasks_style.objective import Targets, Weights

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
) -> Targets:
    """The targets at one size.

    Args:
        network: gives the maps.
        content: 1×3×H×W.
        styles: 1×3×h×w each.
        regions: which style goes where.
        weights: whose layers are needed.
    """
    maps = network(content)
    kept = {layer: maps[layer] for layer in weights.content}
    seen = [network(style) for style in styles]
    if not regions.content:
        grams = [{layer: _mean_gram(it[layer]) for layer in weights.style} for it in seen]
        blended = {
            layer: torch.stack(
                [part * gram[layer] for part, gram in zip(regions.blend, grams, strict=True)]
            ).sum(dim=0)
            for layer in weights.style
        }
        return Targets(kept, [blended])
    height, width = content.shape[2:]
    masks = share([resize_mask(mask, width, height) for mask in regions.content])
    areas: list[Tensor | None] = []
    found = []
    for number, (mask, place) in enumerate(zip(masks, regions.places, strict=True)):
        areas.append(torch.from_numpy(mask)[None, None].to(content.device))
        of_style = regions.style[number] if regions.style else None
        found.append({layer: _region_gram(seen[place][layer], of_style) for layer in weights.style})
    return Targets(kept, found, areas)


def _mean_gram(maps: Tensor) -> Tensor:
    return gram_matrix(maps) / (maps.shape[2] * maps.shape[3])


def _region_gram(maps: Tensor, mask: Values | None) -> Tensor:
    if mask is None:
        return _mean_gram(maps)
    height, width = maps.shape[2:]
    weights = torch.from_numpy(resize_mask(mask, width, height)).to(maps.device).reshape(-1, 1)
    return gram_matrix(maps, weights / weights.sum().clamp_min(1e-12))
