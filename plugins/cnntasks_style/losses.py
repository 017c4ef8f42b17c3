"""The losses of Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural
Networks" (CVPR): Gram matrices for style, squared differences for content, and total variation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Gram(torch.autograd.Function):
    """Gram matrix of rows, whose gradient is one product and keeps nothing but the rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weights: Tensor | None) -> Tensor:
        weighted = rows if weights is None else rows * weights
        ctx.save_for_backward(rows, weights)
        return weighted.T @ rows

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        rows, weights = ctx.saved_tensors
        (gradient,) = gradients
        found = rows @ (gradient + gradient.T)
        return (found if weights is None else found * weights), None


def gram_matrix(maps: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum over places of the products of channels: C×C.

    Args:
        maps: 1×C×H×W.
        weights: H·W×1, how much each place counts (squared guidance channels, Gatys et al. 2017,
            "Controlling Perceptual Factors in Neural Style Transfer", section 4); all 1 when None.

    Returns:
        The sum; divide by the number of places (or let `weights` sum to 1) for the paper's scale.
    """
    rows = maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])
    product: Tensor = _Gram.apply(rows, weights)
    return product


def total_variation(picture: Tensor) -> Tensor:
    """Mean over pixels and channels of the squared differences to the right and lower neighbours.

    Args:
        picture: 1×3×H×W in 0..1.

    After Mahendran & Vedaldi 2015, "Understanding Deep Image Representations by Inverting Them",
    section 3, with beta = 2.
    """
    down = (picture[:, :, 1:] - picture[:, :, :-1]).square()
    right = (picture[..., 1:] - picture[..., :-1]).square()
    return (down.sum() + right.sum()) / picture.numel()
