"""What training for classification minimises: losses of logits and target probabilities."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cnntasks import PluginError, UsageError, import_attribute, map_criterion

#: B×K logits and B×K target probabilities to one loss for each picture, B.
Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """-sum_k t_k log softmax(y)_k for each picture, B."""
    return -(targets * logits.log_softmax(dim=1)).sum(dim=1)


def mean_squared_error(logits: Tensor, targets: Tensor) -> Tensor:
    """1/K sum_k (softmax(y)_k - t_k)^2 for each picture, B; K times less than Brier 1950.

    On probabilities rather than on raw outputs, so that a model's scores mean the same whatever
    it was trained with.
    """
    return (logits.softmax(dim=1) - targets).square().mean(dim=1)


LOSSES: dict[str, Loss] = {
    "cross-entropy": cross_entropy,
    "mse": mean_squared_error,
    "map": map_criterion,
}


def find_loss(name: str) -> Loss:
    """The loss that `--loss` names: `cross-entropy`, `mse`, `map`, or `package.module:function`.

    `map` is the criterion of LeCun et al. 1998 for outputs that are distances, as LeNet-5's.

    A function of one's own is called with B×K logits and B×K target probabilities and returns
    B losses or their mean. Its module may lie in the current folder.

    Raises:
        UsageError: there is no such loss, or it cannot be called.
    """
    if name in LOSSES:
        return LOSSES[name]
    if ":" not in name:
        raise UsageError(
            f"there is no loss {name!r}; choose {', '.join(LOSSES)}, or name a function of your "
            "own as package.module:function"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        loss = import_attribute(name)
    except PluginError as error:
        raise UsageError(f"--loss {name}: {error}") from error
    if not callable(loss):
        raise UsageError(f"--loss {name}: is a {type(loss).__name__}, not a function")
    return _checked(name, loss)


def _checked(name: str, loss: Callable[[Tensor, Tensor], Any]) -> Loss:
    def call(logits: Tensor, targets: Tensor) -> Tensor:
        value = loss(logits, targets)
        if isinstance(value, Tensor) and value.shape in ((), logits.shape[:1]):
            return value
        kind = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise UsageError(
            f"--loss {name}: returned {kind}; a tensor of one number for each picture, or of one "
            "for the batch, is expected"
        )

    return call


def smoothed(targets: Tensor, smoothing: float) -> Tensor:
    """Label smoothing (Szegedy et al. 2016, section 7): (1 - s) t + s / K."""
    return targets * (1 - smoothing) + smoothing / targets.shape[1] if smoothing else targets


def weighted_mean(losses: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """The mean loss, each picture counting as much as its classes do.

    Args:
        losses: B, or already a mean.
        targets: B×K.
        weights: K, or None for equal ones.
    """
    if weights is None or losses.ndim == 0:
        return losses.mean()
    share = targets @ weights
    return (losses * share).sum() / share.sum()


def balanced_weights(counts: Tensor) -> Tensor:
    """Weights inverse to the classes' frequencies, 1 on average over pictures; K.

    Args:
        counts: K, pictures of each class; one without any has weight 0.
    """
    present = counts > 0
    weights = torch.zeros(len(counts))
    weights[present] = counts.sum() / (present.sum() * counts[present].float())
    return weights


def auxiliary_losses(found: dict[str, Tensor], loss: Loss, targets: Tensor) -> dict[str, Tensor]:
    """0.3 times the loss of each auxiliary classifier (Szegedy et al. 2015, section 5)."""
    return {
        name: 0.3 * loss(value, targets)
        for name, value in found.items()
        if name.startswith("auxiliary_")
    }
