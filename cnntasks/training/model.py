"""`train_model`: from a learner to a finished model folder."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from cnntasks.engines.onnx import OnnxEngine
from cnntasks.errors import ModelError
from cnntasks.models.card import ModelCard
from cnntasks.models.folder import (
    RUN_FOLDER,
    check_target,
    graph_path,
    update_card,
    write_model_folder,
)
from cnntasks.models.weights import as_stored
from cnntasks.training.export import compare_outputs, export_graph
from cnntasks.training.fit import FitSettings, fit

#: How far torch and ONNX Runtime may differ on the scores of a model, 0..1.
TOLERANCE = 1e-3


def write_model(
    network: nn.Module, learner: Any, card: ModelCard, folder: Path, half: bool = True
) -> None:
    """Write a network as a model folder, export its graph and check it against torch.

    Args:
        network: trained; it ends with the weights as they are stored.
        learner: gives the graph's feeds by `graph()`.
        card: without `parameters`, which is filled in.
        folder: absent, empty, or a model folder, which is replaced.
        half: store weights in half precision.

    Raises:
        ModelError: the graph cannot be made, or does not agree with the network.
    """
    network.to("cpu").eval()
    card = replace(card, parameters=sum(p.numel() for p in network.parameters()))
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    # The graph is made from what is stored, so that nothing in it has another precision.
    rounded = as_stored(weights, half)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in rounded.items()})
    spec = learner.graph()
    write_model_folder(folder, card, weights, export_graph(network, spec), half=half)
    check_model(network, spec.feeds, folder)


@torch.inference_mode()
def check_model(network: nn.Module, feeds: Any, folder: Path) -> dict[str, float]:
    """Compare the graph of a folder with its network; returns the largest differences.

    Raises:
        ModelError: an output that is a score differs by more than `TOLERANCE`.
    """
    outputs = network(**{name: torch.from_numpy(np.asarray(v)) for name, v in feeds.items()})
    expected = {name: value.numpy() for name, value in outputs.items()}
    found = OnnxEngine(graph_path(folder)).run({name: np.asarray(v) for name, v in feeds.items()})
    differences = compare_outputs(expected, found)
    # Rankings of nearly equal entries may swap, and boxes and labels with them; scores may not.
    if "scores" in differences:
        differences = {"scores": differences["scores"]}
    worst = max(differences, key=lambda name: differences[name])
    if not differences[worst] <= TOLERANCE:
        raise ModelError(
            f"{folder}: its graph and its network differ by {differences[worst]:.2g} in {worst!r}"
        )
    return differences


def train_model(
    network: nn.Module,
    learner: Any,
    card: ModelCard,
    folder: Path,
    settings: FitSettings,
    *,
    device: str = "auto",
    resume: bool = False,
    progress: bool = True,
    evaluate: Callable[[Path], dict[str, float]] | None = None,
) -> ModelCard:
    """Train, export, measure, and write the model folder; checkpoints and logs stay in it.

    Args:
        network: with its starting weights.
        learner: see `cnntasks.Learner`.
        card: of the new model; metrics and recipe are completed here.
        folder: of the new model.
        settings: of the training loop.
        device, resume, progress: as for `fit`.
        evaluate: measures the written model folder; its metrics go into the card.

    Returns:
        The card as written.

    Raises:
        ModelError: the folder holds something else, the loss is not finite, the export fails.
        InputError: `resume` without a checkpoint.
    """
    check_target(folder)
    started = time.monotonic()
    measured = fit(
        network,
        learner,
        settings,
        folder / RUN_FOLDER,
        device=device,
        resume=resume,
        progress=progress,
    )
    recipe = {
        **card.recipe,
        "fit": settings.to_dict(),
        "epochs_run": int(measured["epochs"]),
        "minutes": round((time.monotonic() - started) / 60, 1),
        "versions": {
            name: version(name) for name in ("cnntasks", "torch", "torchvision", "lightning")
        },
        "python": platform.python_version(),
    }
    card = replace(card, recipe=recipe, metrics={f"validation_{learner.monitor}": measured["best"]})
    write_model(network, learner, card, folder)
    if evaluate is not None:
        metrics = {f"validation_{name}": round(v, 4) for name, v in evaluate(folder).items()}
        card = replace(card, metrics=metrics)
        update_card(folder, card)
    return card
