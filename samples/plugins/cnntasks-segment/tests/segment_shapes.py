"""A tiny data set and an untrained model, made when tests want them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import cnntasks

PROJECT = Path(__file__).parents[1]
CLASSES = ("ground", "disc", "box", "triangle")


def script() -> Any:
    """The script that draws the data set."""
    spec = importlib.util.spec_from_file_location("make_shapes", PROJECT / "make_shapes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_shapes(folder: Path, pictures: int = 4, size: int = 48) -> Path:
    """A data set of that many pictures to learn from."""
    script().write(folder, pictures, size)
    return folder


def write_untrained(folder: Path, head: str = "lraspp", size: int = 64) -> Path:
    """A model with random weights: what it says means nothing."""
    import torch
    from cnntasks_segment.network import build, choose_stages, graph_spec

    backbone = cnntasks.create_backbone("resnet18")
    network = {
        "name": "segmentation",
        "backbone": "resnet18",
        "head": head,
        "stages": list(choose_stages(backbone, "resnet18", size)),
    }
    preprocessing = {"size": size, "fill": 124}
    card = cnntasks.ModelCard("untrained", "segment", network, CLASSES, preprocessing)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        cnntasks.write_model(build(card), graph_spec(card), card, folder)
    return folder
