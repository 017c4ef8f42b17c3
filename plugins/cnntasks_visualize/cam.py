"""Grad-CAM (Selvaraju et al. 2017) and Grad-CAM++ (Chattopadhay et al. 2018)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnntasks import OpenNetwork, UsageError
from cnntasks_visualize.layers import Layer, recorded
from cnntasks_visualize.targets import class_scores


def class_activation_map(
    opened: OpenNetwork,
    feeds: Mapping[str, Tensor],
    feed: str,
    layer: Layer,
    target: int,
    plus: bool = False,
) -> NDArray[np.float32]:
    """Where a layer speaks for a class: ReLU of the sum over its maps A_k of w_k A_k.

    With g the gradient of the class score to the maps, w_k is the mean of g over the places
    (Grad-CAM, equation 1), or the sum of alpha · ReLU(g) with
    alpha = g² / (2 g² + sum(A_k) g³) (Grad-CAM++, equation 19: the score goes through an
    exponential, whose factor cancels where the map is brought to 0..1).

    Args:
        feed: the one that is looked at.
        layer: one whose units have places.
        target: index of the class.
        plus: Grad-CAM++.

    Returns:
        h×w of the layer's places (1×T for a network over time), not negative, not rescaled.

    Raises:
        UsageError: the layer has no places, or the class does not depend on it.
    """
    if not layer.places:
        raise UsageError(f"the layer {layer.name} has no maps, only numbers; choose one with maps")
    tensors = {name: value.detach() for name, value in feeds.items()}
    tensors[feed] = tensors[feed].requires_grad_()
    with recorded(opened.network, layer) as outputs:
        score = class_scores(opened, tensors)[0, target]
    maps = outputs[0]
    (gradient,) = torch.autograd.grad(score, maps, allow_unused=True)
    if gradient is None:
        raise UsageError(
            f"the score of a class does not depend on the layer {layer.name}; choose another"
        )
    maps, gradient = (value[0].detach().flatten(1) for value in (maps, gradient))
    if plus:
        # Scaled first: third powers of small gradients would vanish.
        gradient = gradient / gradient.abs().max().clamp(min=1e-30)
        square = gradient.square()
        divisor = 2 * square + maps.sum(dim=1, keepdim=True) * square * gradient
        alpha = torch.where(divisor != 0, square / divisor, torch.zeros_like(divisor))
        weights = (alpha * gradient.relu()).sum(dim=1)
    else:
        weights = gradient.mean(dim=1)
    heat = (weights[:, None] * maps).sum(dim=0).relu()
    places = layer.places if len(layer.places) == 2 else (1, layer.places[0])
    return heat.view(places).cpu().numpy().astype(np.float32)
