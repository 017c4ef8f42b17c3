"""From torchvision's published detectors to model folders of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from cnntasks import ModelCard, ModelError, convert_backbone, read_state, write_model
from cnntasks_detect.data.names import COCO_CATEGORIES
from cnntasks_detect.learner import graph_spec
from cnntasks_detect.network import build

# COCO numbers its 80 classes up to 90; torchvision's heads have an output for every number.
_OUTPUTS = 91


def convert(file: Path, card: ModelCard, folder: Path) -> None:
    """Write the model folder of one of torchvision's detectors.

    Args:
        file: the published `.pth`, read without running code.
        card: as in `published_entries`.
        folder: empty; filled here.

    Raises:
        ModelError: the file is damaged, or holds another network.
    """
    network = build(card)
    try:
        network.load_state_dict(rename(read_state(file), network.settings.backbone))
    except (RuntimeError, KeyError, IndexError) as error:
        line = " ".join(str(error).split())[:200]
        raise ModelError(f"{file}: not the weights of {card.name} ({line})") from error
    # In full precision: the metrics on the card were measured with these very weights.
    write_model(network, graph_spec(32), card, folder, half=False)


def rename(state: Mapping[str, Tensor], backbone: str) -> dict[str, Tensor]:
    """torchvision's state dict under our names, with the outputs of COCO's 80 classes only.

    Older files name some tensors differently (`rpn.head.conv.weight`); torchvision's own modules,
    which are part of our network, read both.

    Raises:
        RuntimeError, IndexError: the head has other outputs than COCO's 91 numbers.
    """
    rows = torch.tensor([0, *COCO_CATEGORIES.values()])
    body: dict[str, Tensor] = {}
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        if match := re.fullmatch(r"backbone\.body\.(.+)", key):
            mobile = backbone.startswith("mobilenet")
            body[f"features.{match[1]}" if mobile else match[1]] = value
        elif match := re.fullmatch(r"backbone\.fpn\.(.+)", key):
            renamed[f"pyramid.{match[1]}"] = value
        elif match := re.fullmatch(r"rpn\.head\.(.+)", key):
            renamed[f"rpn_head.{match[1]}"] = value
        elif match := re.fullmatch(r"roi_heads\.box_predictor\.cls_score\.(.+)", key):
            renamed[f"box_predictor.cls_score.{match[1]}"] = value[rows]
        elif match := re.fullmatch(r"roi_heads\.box_predictor\.bbox_pred\.(.+)", key):
            parts = value.view(_OUTPUTS, 4, *value.shape[1:])[rows]
            renamed[f"box_predictor.bbox_pred.{match[1]}"] = parts.flatten(0, 1)
        elif match := re.fullmatch(r"roi_heads\.(box_head\..+)", key):
            renamed[match[1]] = value
    for key, value in convert_backbone(backbone, body).items():
        renamed[f"backbone.{key}"] = value
    return _with_batch_counts(renamed)


def _with_batch_counts(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Frozen batch normalisation has no `num_batches_tracked`; ours does, and never reads it."""
    for key in [key for key in state if key.endswith(".running_mean")]:
        state.setdefault(key.replace("running_mean", "num_batches_tracked"), torch.tensor(0))
    return state
