"""A VGG-19 with random weights as torchvision publishes it, down to conv3_4."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from torch import Tensor, nn

WIDTHS = ((3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 256))
#: The places of the eight convolutions in torchvision's `features`.
PLACES = (0, 2, 5, 7, 10, 12, 14, 16)


@functools.cache
def published_state(half: bool = True) -> dict[str, Tensor]:
    """Weights whose answers lie near few directions, as those of a trained network do."""
    state = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for place, (inputs, outputs) in zip(PLACES, WIDTHS, strict=True):
            weight = torch.empty(outputs, inputs, 3, 3)
            nn.init.kaiming_normal_(weight, nonlinearity="relu")
            mixing = torch.linalg.qr(torch.randn(outputs, outputs))[0] * torch.logspace(
                0, -2, outputs
            )
            mixed = torch.einsum("op,pixy->oixy", mixing / mixing.square().mean().sqrt(), weight)
            state[f"features.{place}.weight"] = mixed / outputs**0.5
            state[f"features.{place}.bias"] = 0.05 * torch.randn(outputs)
    return {name: value.half() if half else value for name, value in state.items()}


def write_teacher(file: Path, without: str = "") -> Path:
    """The state as a file; without what begins with `without`."""
    state = {name: value for name, value in published_state().items()
             if not without or not name.startswith(without)}  # fmt: skip
    torch.save(state, file)
    return file
