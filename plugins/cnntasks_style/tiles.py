"""Tiles: a large picture's maps, part by part, exactly as if they were made at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnntasks_style.features import FeatureNetwork


@dataclass(frozen=True)
class Tile:
    """A part of the picture: what is computed, and the part of it that counts."""

    top: int
    left: int
    bottom: int
    right: int
    outer: tuple[int, int, int, int]


def cut(shape: Sequence[int], side: int, network: FeatureNetwork) -> Iterator[Tile]:
    """Tiles of about `side` pixels that cover a picture, each with all that its maps can see."""
    height, width = shape[2:]
    step = max(side // network.stride, 1) * network.stride
    # A place sees half of its field to each side, and a stride more where padding is uneven.
    reach = (network.field or 0) // 2 + network.stride
    margin = -(-reach // network.stride) * network.stride
    for top in range(0, height, step):
        for left in range(0, width, step):
            bottom, right = min(top + step, height), min(left + step, width)
            end, far = min(bottom + margin, height), min(right + margin, width)
            # A network that does not pad has no map of less than its field: what the last tile
            # lacks it takes from before.
            least = network.field or 0
            begin = min(top - margin, (end - least) // network.stride * network.stride)
            near = min(left - margin, (far - least) // network.stride * network.stride)
            yield Tile(top, left, bottom, right, (max(begin, 0), max(near, 0), end, far))


def window(picture: Tensor, tile: Tile) -> Tensor:
    top, left, bottom, right = tile.outer
    return picture[:, :, top:bottom, left:right].contiguous(memory_format=torch.channels_last)


def inner(maps: Tensor, tile: Tile, stride: int) -> Tensor:
    """The places of a tile's map that count."""
    above, before = tile.outer[:2]
    top, left = (tile.top - above) // stride, (tile.left - before) // stride
    bottom = -(-(tile.bottom - above) // stride)
    right = -(-(tile.right - before) // stride)
    return maps[:, :, top:bottom, left:right]


def part_of(values: Tensor, tile: Tile, stride: int) -> Tensor:
    """The places of a whole picture's map (its last two axes) that a tile counts."""
    bottom, right = -(-tile.bottom // stride), -(-tile.right // stride)
    return values[..., tile.top // stride : bottom, tile.left // stride : right]
