"""A convolution layer whose weights are given, not learned.

An edge detector of the textbooks is a convolution layer with one input channel and eight fixed
filters. It runs here in NumPy, so that an answer need not wait for torch; `torch_layer` is the
same layer in torch, and a test holds the two equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn


class FixedConvolution:
    """N filters over one channel, stride 1; the border is repeated, so maps are as large as input.

    As in every convolutional network the filters are not flipped (a cross-correlation).

    Args:
        weight: N×k×k, k odd.
    """

    def __init__(self, weight: NDArray[np.float32]) -> None:
        self.weight = weight

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """H×W to N×H×W.

        One shifted copy of the picture for each place of the filter: for small filters that is
        quicker than a matrix of all windows and takes less memory.
        """
        count, height, width = len(self.weight), *x.shape
        reach = self.weight.shape[1] // 2
        padded = np.pad(x, reach, mode="edge")
        maps = np.zeros((count, height, width), np.float32)
        for row in range(self.weight.shape[1]):
            for column in range(self.weight.shape[2]):
                window = padded[row : row + height, column : column + width]
                for unit in np.flatnonzero(self.weight[:, row, column]):
                    maps[unit] += self.weight[unit, row, column] * window
        return maps


def torch_layer(weight: NDArray[np.float32]) -> nn.Conv2d:
    """The same layer in torch: B×1×H×W to B×N×H×W, its weights fixed."""
    import torch
    from torch import nn

    size = weight.shape[1]
    layer = nn.Conv2d(1, len(weight), size, padding=size // 2, padding_mode="replicate", bias=False)
    layer.weight = nn.Parameter(torch.from_numpy(weight[:, None].copy()), requires_grad=False)
    return layer
