"""The weights of a layer as pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from cnntasks import UsageError
from cnntasks_visualize.pictures import Picture, colored


def first_filters(network: nn.Module) -> str:
    """The path of the first module whose weights are filters.

    Raises:
        UsageError: there is none.
    """
    for path, module in network.named_modules():
        if is_filter(module):
            return str(path)
    raise UsageError("this network has no convolution, so it has no filters to show")


def is_filter(module: nn.Module) -> bool:
    """Whether a module convolves: its own weights have at least three dimensions."""
    weight = getattr(module, "weight", None)
    return isinstance(weight, Tensor) and weight.dim() >= 3


def filters_of(network: nn.Module, path: str, name: str) -> NDArray[np.float32]:
    """The filters of the convolution at `path`, or of the first one within it: N×C×h×w.

    Filters over time have the height 1; single kernels without a channel (LeNet-5's C3, whose maps
    see only some of the others) are N×1×h×w.

    Raises:
        UsageError: there is no convolution in it.
    """
    module = network.get_submodule(path)
    inner = next((it for it in module.modules() if is_filter(it)), None)
    if inner is None:
        raise UsageError(f"the layer {name} has no filters; choose a convolution (--layer list)")
    weight: Tensor = inner.weight  # type: ignore[assignment]
    values = weight.detach().float().cpu().numpy()
    if values.ndim == 3:
        over_time = isinstance(inner, nn.Conv1d)
        values = values[:, :, np.newaxis] if over_time else values[:, np.newaxis]
    return np.asarray(values, np.float32)


def filter_pictures(weights: NDArray[np.float32], most: int) -> tuple[list[Picture], list[str]]:
    """One small picture of each filter, and its number.

    Filters on three channels in colour, others one picture for each input channel, dark where
    negative. Grey is 0; all of a layer on one scale.

    Args:
        weights: N×C×h×w.
        most: pictures at most.
    """
    reach = float(np.abs(weights).max()) or 1.0
    scaled = np.clip(0.5 + 0.5 * weights / reach, 0, 1)
    if weights.shape[1] == 3:
        pictures = [
            np.asarray((kernel.transpose(1, 2, 0) * 255).round(), np.uint8)
            for kernel in scaled[:most]
        ]
        return pictures, [str(number) for number in range(len(pictures))]
    several = weights.shape[1] > 1
    pairs = [(unit, channel) for unit in range(len(weights)) for channel in range(weights.shape[1])]
    pictures = [colored(scaled[pair], "gray") for pair in pairs[:most]]
    names = [f"{unit}, input {channel}" if several else str(unit) for unit, channel in pairs[:most]]
    return pictures, names
