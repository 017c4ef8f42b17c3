"""Why a class won: what each feature adds to its logit in the last layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cnntasks import Classifier, OpenNetwork

#: Classes that are explained, and features of each that are named.
CLASSES, FEATURES = 5, 8


def class_evidence(
    classifier: Classifier, opened: OpenNetwork, feeds: dict[str, Tensor]
) -> list[dict[str, Any]]:
    """For each of the likeliest classes the features that add most to its logit.

    A logit is the sum of features times weights, plus a bias; `rest` is what all features
    together add that are not named. Empty where the last layer is no fully connected one.
    """
    _, last = next(iter(classifier.last_layers()))
    if not isinstance(last, nn.Linear):
        return []
    given: list[Tensor] = []
    handle = last.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0][0]))
    try:
        with torch.inference_mode():
            opened.network(**feeds)
    finally:
        handle.remove()
    features = given[0]
    products = last.weight * features
    none = products.new_zeros(len(products))
    bias = dict(last.named_parameters()).get("bias", none)
    logits = products.sum(dim=1) + bias
    found = []
    for label in logits.topk(min(CLASSES, len(logits))).indices.tolist():
        row = products[label]
        strongest = row.abs().topk(min(FEATURES, len(row))).indices
        named = [
            {
                "feature": place,
                "value": _short(features[place]),
                "weight": _short(last.weight[label, place]),
                "product": _short(row[place]),
            }
            for place in strongest.tolist()
        ]
        found.append(
            {
                "class": opened.card.classes[label],
                "logit": _short(logits[label]),
                "bias": _short(bias[label]),
                "rest": _short(row.sum() - row[strongest].sum()),
                "features": named,
            }
        )
    return found


def _short(value: Tensor) -> float:
    return float(f"{value.item():.5g}")
