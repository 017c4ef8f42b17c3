"""The first convolution of a network, which reads the picture: its sums can be shown exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from cnntasks import LayerRow, ModelCard
from cnntasks_visualize.explore.lenet import encode_floats


def first_filters(
    network: nn.Module,
    rows: Sequence[LayerRow],
    channels: NDArray[np.int64],
    card: ModelCard,
    pixels: NDArray[np.uint8],
    x: Tensor,
) -> dict[str, Any] | None:
    """The filters of the first layer as plain JSON types.

    None where the page could not compute with them: the layer is no plain convolution, or what
    the network normalises the picture by is not what its card says.

    Args:
        network: what the rows are of.
        rows: the first convolution and what belongs to its layer, in order.
        channels: of the output; those that the page keeps, in its order.
        card: with `mean` and `std` in its preprocessing.
        pixels: H×W×C, as the predictor gives them.
        x: C×H×W, what the network made of them: the convolution's input.
    """
    head = rows[0]
    layer = dict(network.named_modules()).get(head.name)
    given = card.preprocessing
    if not isinstance(layer, nn.Conv2d) or layer.groups != 1 or layer.dilation != (1, 1):
        return None
    if layer.padding_mode != "zeros" or head.padding is None or head.stride is None:
        return None
    mean, std = (np.array(given.get(key, ()), np.float32) for key in ("mean", "std"))
    if len(mean) != pixels.shape[2] or len(std) != pixels.shape[2]:
        return None
    if not np.allclose((pixels - mean) / std, x.permute(1, 2, 0).cpu().numpy(), atol=1e-4):
        return None
    weight = layer.weight.detach().cpu().numpy()[channels]
    bias = dict(layer.named_parameters()).get("bias")
    offsets = np.zeros(len(channels)) if bias is None else bias.detach().cpu().numpy()[channels]
    scale, shift = _normalisation(network, rows[1:], channels)
    return {
        "weights": encode_floats(weight),
        "kernel": list(weight.shape[2:]),
        "stride": list(head.stride),
        "padding": [before for before, _ in head.padding],
        "bias": _short(offsets),
        "scale": None if scale is None else _short(scale),
        "shift": None if shift is None else _short(shift),
        "mean": mean.tolist(),
        "std": std.tolist(),
    }


def _normalisation(
    network: nn.Module, rows: Sequence[LayerRow], channels: NDArray[np.int64]
) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """What a batch normalisation right after the convolution multiplies and adds."""
    layer = dict(network.named_modules()).get(rows[0].name) if rows else None
    if not isinstance(layer, nn.BatchNorm2d) or layer.running_var is None:
        return None, None
    assert layer.running_mean is not None
    scale = layer.weight / (layer.running_var + layer.eps).sqrt()
    shift = layer.bias - layer.running_mean * scale
    return scale.detach().cpu().numpy()[channels], shift.detach().cpu().numpy()[channels]


def _short(values: NDArray[Any]) -> list[float]:
    return [float(f"{value:.7g}") for value in values]
