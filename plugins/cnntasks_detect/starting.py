"""Where a training starts: a backbone with ImageNet weights, or another detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from cnntasks import ModelCard, create_backbone, find_model, read_card, read_weights
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
    card = replace(
        old,
        name=name,
        classes=tuple(classes),
        preprocessing={**old.preprocessing, "size": size},
        defaults={**old.defaults, "threshold": 0.5},
        metrics={},
        tables={},
        recipe={"from": old.name},
        notes=(),
        summary="",
        training_data="",
    )
    network = build(card)
    state = network.state_dict()
    stored = {key: torch.from_numpy(value) for key, value in read_weights(folder).items()}
    rows = _matching_rows(old.classes, classes)
    for key, value in stored.items():
        kept = not key.startswith("box_predictor.")
        kept |= network.settings.shared_boxes and ".bbox_pred." in key
        if kept and state[key].shape == value.shape:
            state[key] = value
        elif key.startswith("box_predictor.cls_score."):
            for new, previous in rows:
                state[key][new] = value[previous]
        else:
            new_boxes = state[key].view(len(classes) + 1, 4, *state[key].shape[1:])
            old_boxes = value.view(len(old.classes) + 1, 4, *value.shape[1:])
            for new, previous in rows:
                new_boxes[new] = old_boxes[previous]
    network.load_state_dict(state)
    return network, card


def _matching_rows(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Rows (new, old) of the classifier that mean the same; row 0 is the background."""
    places = {name: place for place, name in enumerate(old, start=1)}
    same = [(row, places[name]) for row, name in enumerate(new, start=1) if name in places]
    return [(0, 0), *same]


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
