"""Where a training starts: a backbone with ImageNet weights, or another detector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from cnntasks import (
    ModelCard,
    carry_over,
    create_backbone,
    find_model,
    read_card,
    read_weights,
    successor_card,
)
from cnntasks_detect.network import FasterRCNN, build
from cnntasks_detect.settings import default_settings


def from_backbone(
    backbone: str, weights: str | Path | None, name: str, classes: Sequence[str], size: int
) -> tuple[FasterRCNN, ModelCard]:
    """A detector with a pre-trained backbone and everything behind it random.

    Raises:
        UsageError: there is no such backbone.
        ModelError: its weights cannot be read.
    """
    settings = default_settings(backbone)
    trunk = create_backbone(backbone, weights=weights)
    card = ModelCard(
        name=name,
        task="detect",
        network=settings.to_dict(),
        classes=tuple(classes),
        preprocessing=_preprocessing(size, trunk.mean, trunk.std),
        defaults={"threshold": 0.5, "iou": 0.5},
    )
    network = build(card)
    kept = network.backbone.state_dict().keys()
    state = {key: value for key, value in trunk.state_dict().items() if key in kept}
    network.backbone.load_state_dict(state)
    return network, card


def from_detector(
    model: str, name: str, classes: Sequence[str], size: int
) -> tuple[FasterRCNN, ModelCard]:
    """A detector that starts as `model`; classes that both have keep their outputs.

    Raises:
        ModelError: there is no such model, or it cannot be read.
    """
    folder = find_model("detect", model)
    old = read_card(folder)
    card = successor_card(
        old,
        name,
        classes,
        preprocessing={**old.preprocessing, "size": size},
        defaults={**old.defaults, "threshold": 0.5},
    )
    network = build(card)
    state = network.state_dict()
    stored = {key: torch.from_numpy(value) for key, value in read_weights(folder).items()}
    new, before = (("", *names) for names in (classes, old.classes))  # row 0 is the background
    for key, value in stored.items():
        kept = not key.startswith("box_predictor.")
        kept |= network.settings.shared_boxes and ".bbox_pred." in key
        if kept and state[key].shape == value.shape:
            state[key] = value
        elif key.startswith("box_predictor.cls_score."):
            state[key] = carry_over(state[key], value, new, before)
        else:
            boxes, old_boxes = (
                tensor.view(len(names), 4, *tensor.shape[1:])
                for tensor, names in ((state[key], new), (value, before))
            )
            state[key] = carry_over(boxes, old_boxes, new, before).view_as(state[key])
    network.load_state_dict(state)
    return network, card


def _preprocessing(size: int, mean: Sequence[float], std: Sequence[float]) -> dict[str, object]:
    return {
        "color": "RGB",
        "size": size,
        "multiple": 32,
        "interpolation": "bilinear, antialiased",
        "fill": [round(value) for value in mean],
        "mean": list(mean),
        "std": list(std),
    }
