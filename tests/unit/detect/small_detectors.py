"""Detectors and cards small enough for a test."""

from __future__ import annotations

from typing import Any

import torch
from cnntasks_detect.network import FasterRCNN
from cnntasks_detect.settings import Settings
from torch import Tensor, nn

from cnntasks import ModelCard

PREPROCESSING = {"size": 96, "multiple": 32, "fill": [127, 127, 127]}


def small_settings(**changes: Any) -> Settings:
    """EfficientNet-Lite0's three levels into a narrow pyramid; anchors for small pictures."""
    values: dict[str, Any] = {
        "backbone": "efficientnet_lite0",
        "levels": ("b4", "b10", "b15"),
        "pyramid": 16,
        "anchor_sizes": ((12.0,), (24.0,), (48.0,), (80.0,)),
        "rpn_candidates": 64,
        "proposals": 20,
        "roi_size": 5,
        "head": (32,),
        "detections": 40,
    }
    return Settings(**{**values, **changes})


def small_detector(classes: int = 3, seed: int = 0, **changes: Any) -> FasterRCNN:
    """With random weights, and outputs that differ from place to place and from class to class."""
    torch.manual_seed(seed)
    network = FasterRCNN(small_settings(**changes), classes)
    norms = [m for m in network.backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:  # or else the picture fades away from layer to layer
        norm.momentum = 1.0
    network.backbone.train()
    with torch.no_grad():
        network.features(noise(96, 96, batch=4, seed=seed))
    nn.init.normal_(network.rpn_head.cls_logits.weight, 0, 0.5)
    nn.init.normal_(network.box_predictor.cls_score.weight, 0, 2.0)
    return network.eval()


def small_card(classes: tuple[str, ...] = ("cat", "dog", "bird"), **changes: Any) -> ModelCard:
    network = small_settings(**changes).to_dict()
    return ModelCard("small", "detect", network, classes, dict(PREPROCESSING))


def noise(height: int, width: int, batch: int = 1, seed: int = 0) -> Tensor:
    """B×H×W×3 uint8 with structures of several pixels."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, height // 4 + 1, width // 4 + 1, generator=generator) * 255
    fine = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
    return fine[:, :, :height, :width].permute(0, 2, 3, 1).to(torch.uint8).contiguous()


def sizes_of(pixels: Tensor) -> Tensor:
    """The sizes of pictures that fill their batch."""
    return torch.tensor([list(pixels.shape[1:3])] * len(pixels), dtype=torch.float32)
