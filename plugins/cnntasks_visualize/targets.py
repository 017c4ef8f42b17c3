"""What is explained: the score of a class, before anything squashes it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from cnntasks import ModelError, OpenNetwork, UsageError
from cnntasks_visualize.layers import listed

#: The score of a class that a detector did not find at all.
_ABSENT = 1e-6


def class_scores(opened: OpenNetwork, feeds: Mapping[str, Tensor]) -> Tensor:
    """The score of every class, B×K, with gradients to the feeds.

    - A classifier: its logits, from `logits(**feeds)` where its network has that, since a softmax
      that is sure lets no gradient through; else the logarithm of its probabilities.
    - A detector: log(p / (1 - p)) of the highest-scoring box of the class. The box itself is
      found anew for each input.
    - A transcribing network (`log_probs` B×T×(K+1), blank first): the highest of all times.

    Raises:
        ModelError: the network returns nothing of this kind.
    """
    network: Any = opened.network
    found: Mapping[str, Tensor] = (
        network.logits(**feeds) if hasattr(network, "logits") else network(**feeds)
    )
    if "logits" in found:
        return found["logits"].float()
    if {"boxes", "scores", "labels"} <= found.keys():
        best = found["scores"].new_full(
            (len(found["scores"]), max(len(opened.card.classes), 1)), _ABSENT
        )
        best = best.scatter_reduce(1, found["labels"], found["scores"], "amax")
        return torch.logit(best.clamp(_ABSENT, 1 - _ABSENT))
    if "log_probs" in found:
        return found["log_probs"][:, :, 1:].amax(dim=1)
    if "scores" in found and found["scores"].dim() == 2:
        return found["scores"].clamp(min=1e-12).log()
    raise ModelError(
        f"{opened.card.name}: its network returns {', '.join(found)}; a class can be explained "
        "where it returns logits or scores"
    )


def class_name(opened: OpenNetwork, index: int) -> str:
    """The name of a class, or its number where the card has none."""
    names = opened.card.classes
    return names[index] if index < len(names) else str(index)


def find_class(opened: OpenNetwork, wanted: str) -> int:
    """The index of a class by its name, in any case, or by its number.

    Raises:
        UsageError: there is no such class; the message names near ones, or all.
    """
    names = opened.card.classes
    folded = [name.casefold() for name in names]
    if wanted.strip().casefold() in folded:
        return folded.index(wanted.strip().casefold())
    if wanted.strip().isdecimal() and int(wanted) < len(names):
        return int(wanted)
    near = difflib.get_close_matches(wanted.casefold(), folded, n=3, cutoff=0.5)
    close = " or ".join(repr(names[folded.index(it)]) for it in near)
    hint = f"did you mean {close}? " if near else ""
    raise UsageError(
        f"{opened.card.name} has no class {wanted!r}; {hint}its classes are {listed(names)}"
    )
