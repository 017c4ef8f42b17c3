"""What an iteration costs: measured on a small picture, and from there by the number of pixels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cnntasks_style.features import FeatureNetwork
from cnntasks_style.losses import gram_matrix

#: Python, torch and the weights.
_FIXED = 500e6
#: Side of the picture that is measured on.
_SIDE = 128
#: Activations of so many bytes are computed in tiles. Fixed, and not by the memory that happens to
#: be free: tiles round differently, and the same command is to give the same picture.
_WHOLE = 1.2e9
#: Side of the tiles, without what they overlap by.
TILE = 512
#: Numbers per pixel of L-BFGS, of copies of the picture, and of what the allocator keeps besides;
#: from the peaks of runs at 1024 and 2048 pixels.
_NUMBERS = 3 * 44


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a network.

    Attributes:
        bytes: of activations that wait for the backward pass, per pixel.
        seconds: per iteration and million pixels.
        overlap: pixels that tiles overlap by; None where there can be no tiles.
    """

    bytes: float
    seconds: float
    overlap: int | None

    def tile(self, pixels: int) -> int:
        """The side of the tiles for a picture of so many pixels; 0 for none."""
        return TILE if self.overlap is not None and pixels * self.bytes > _WHOLE else 0

    def peak(self, pixels: int) -> int:
        """Bytes at the peak for a picture of so many pixels."""
        tile = self.tile(pixels)
        at_once = pixels if not tile else min(pixels, (tile + 2 * (self.overlap or 0)) ** 2)
        return round(_FIXED + self.bytes * at_once + 4 * _NUMBERS * pixels)


@torch.enable_grad()
def measure_cost(network: FeatureNetwork, device: torch.device) -> Cost:
    """Run one iteration on a small grey picture."""
    picture = torch.full((1, 3, _SIDE, _SIDE), 0.5, device=device)
    picture = picture.contiguous(memory_format=torch.channels_last)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.numel() > 64 * 64:  # not the weights of 1×1 convolutions and the like
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    def iterate() -> None:
        leaf = picture.clone().requires_grad_()
        maps = network(leaf)
        total = torch.stack([gram_matrix(it).square().sum() for it in maps.values()]).sum()
        torch.autograd.grad(total, leaf)

    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, _same):
        iterate()
    begun = time.perf_counter()
    iterate()
    seconds = time.perf_counter() - begun
    activations = sum(size for place, size in kept.items() if place not in weights)
    pixels = _SIDE * _SIDE
    # The backward pass holds gradients beside the activations: a half as much again.
    return Cost(1.5 * activations / pixels, 1e6 * seconds / pixels, network.field)


def _same(value: Any) -> Any:
    return value
