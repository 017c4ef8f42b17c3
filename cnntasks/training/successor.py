"""What a training that begins with another model takes from it, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnntasks.models.card import ModelCard

if TYPE_CHECKING:
    from torch import Tensor


def successor_card(card: ModelCard, name: str, classes: Sequence[str], **changes: Any) -> ModelCard:
    """The card of a training that begins with another model.

    Network and preprocessing stay. What was measured or said of the other model does not: its
    metrics, tables, defaults, notes, summary, data and licence; the recipe says where it came from.

    Args:
        card: of the other model.
        name: of the new one.
        classes: of the new one, in the order of its outputs.
        changes: further fields.
    """
    told: dict[str, Any] = {
        "defaults": {},
        "metrics": {},
        "tables": {},
        "recipe": {"from": card.name},
        "notes": (),
        "summary": "",
        "training_data": "",
        "licence": "unknown",
    }
    return replace(card, name=name, classes=tuple(classes), **{**told, **changes})


def carry_over(fresh: Tensor, stored: Tensor, new: Sequence[str], old: Sequence[str]) -> Tensor:
    """The rows of an output layer for names that two models share, the others as they are.

    Args:
        fresh: N×..., weights or biases of the new layer, a row for each name.
        stored: M×..., those of the other model; kept in the type of `fresh`.
        new: N names.
        old: M names.

    Returns:
        N×..., a tensor of its own.
    """
    places = {name: place for place, name in enumerate(old)}
    result = fresh.clone()
    for row, name in enumerate(new):
        if name in places:
            result[row] = stored[places[name]].to(fresh.dtype)
    return result
