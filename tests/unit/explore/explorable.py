"""Classifiers with random weights, as `cnntasks.open_network` opens them, and pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cnntasks_classify.network import build
from cnntasks_classify.predictor import ClassifyPredictor
from numpy.typing import NDArray
from safetensors.torch import save_file

import cnntasks

LENET = Path(__file__).parents[3] / "plugins" / "cnntasks_classify" / "models" / "mnist-lenet5"
CLASSES = ("ant", "bee", "cat", "</script><b>")


def color_card(backbone: str, side: int, classes: tuple[str, ...] = CLASSES) -> cnntasks.ModelCard:
    """The card of a classifier of RGB pictures of side×side."""
    return cnntasks.ModelCard(
        name=f"tiny-{backbone}",
        task="classify",
        network={"name": "classifier", "backbone": backbone},
        classes=classes,
        preprocessing={
            "color": "RGB",
            "resize": side,
            "crop": side,
            "fit": "shorter",
            "interpolation": "bilinear",
            "mean": [120.0, 115.0, 105.0],
            "std": [60.0, 58.0, 59.0],
        },
    )


def opened(backbone: str, side: int) -> cnntasks.OpenNetwork:
    """A classifier with random weights."""
    card = color_card(backbone, side)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        network = build(card).eval().requires_grad_(False)
    predictor: Any = ClassifyPredictor(card, top=3)
    return cnntasks.OpenNetwork(card, network, predictor, torch.device("cpu"))


def write_folder(folder: Path, backbone: str = "lenet5", side: int = 32) -> cnntasks.OpenNetwork:
    """The model folder of such a classifier, without a graph of its own: explore needs none."""
    model = opened(backbone, side)
    shutil.copytree(LENET, folder)
    cnntasks.update_card(folder, model.card)
    state = {name: tensor.contiguous() for name, tensor in model.network.state_dict().items()}
    save_file(state, folder / "weights.safetensors")
    return model


def picture(height: int = 80, width: int = 70) -> NDArray[np.uint8]:
    """Noise: no two places are alike."""
    return np.random.default_rng(8).integers(0, 256, (height, width, 3), np.uint8)
