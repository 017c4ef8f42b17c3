"""`train_model`: from a learner to a finished model folder."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
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
from cnntasks.plugins import registry
from cnntasks.task import GraphSpec
from cnntasks.training.export import compare_outputs, export_graph
from cnntasks.training.fit import FitSettings, fit
from cnntasks.training.resume import RESUMABLE

#: How far torch and ONNX Runtime may differ, relative to the largest value of an output (or to 1).
TOLERANCE = 1e-3
#: Relative change of the weights that stands in for rounding: float32's last digits.
ROUNDING = 2.0**-22
#: How many times what such a change does to an output two correct programs may differ by.
LEEWAY = 4
#: Where they may differ by more than this, a comparison says nothing.
UNDECIDED = 0.1


def write_model(
    network: nn.Module,
    spec: GraphSpec,
    card: ModelCard,
    folder: Path,
    half: bool = True,
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Write a network as a model folder, with its graph, checked against torch.

    Args:
        network: trained; it ends with the weights as they are stored.
        spec: how the graph is exported.
        card: without `parameters`, which is filled in.
        folder: absent, empty, or a model folder, which is replaced once everything is well.
        half: store weights in half precision.
        files: further files of the model by their names, a tokenizer for example.

    Raises:
        ModelError: the graph cannot be made, or does not agree with the network.
    """
    network.to("cpu").eval()
    card = replace(card, parameters=sum(p.numel() for p in network.parameters()))
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    # The graph is made from what is stored, so that nothing in it has another precision.
    rounded = as_stored(weights, half)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in rounded.items()})
    graph = export_graph(network, spec)

    def check(written: Path) -> None:
        try:
            check_model(network, spec.feeds, written)
        except ModelError as error:
            raise ModelError(f"{folder}: not written: {error}") from error

    write_model_folder(folder, card, weights, graph, half=half, check=check, files=files)


@torch.inference_mode()
def check_model(network: nn.Module, feeds: Any, folder: Path) -> dict[str, float]:
    """Compare the graph of a folder with its network; returns the largest differences.

    They may differ by `TOLERANCE`, or by `LEEWAY` times what rounding its weights otherwise does
    to the network's own outputs: an ill-conditioned network amplifies rounding, and no two
    programs that sum in different orders agree any better.

    Raises:
        ModelError: an output (only `scores`, if there are any) differs by more, or rounding alone
            could make it differ by more than `UNDECIDED`.
    """
    tensors = {name: torch.from_numpy(np.asarray(value)) for name, value in feeds.items()}
    expected = _as_arrays(network(**tensors))
    found = OnnxEngine(graph_path(folder)).run({name: np.asarray(v) for name, v in feeds.items()})
    differences = _differences(expected, found)
    if all(difference <= TOLERANCE for difference in differences.values()):
        return differences
    for name, effect in _rounding_effects(network, tensors, expected).items():
        if LEEWAY * effect > UNDECIDED:
            raise ModelError(
                f"its graph cannot be checked: rounding alone changes {name!r} of this network by "
                f"{effect:.2g}; its weights are damaged or untrained"
            )
        if not differences[name] <= max(TOLERANCE, LEEWAY * effect):
            raise ModelError(
                f"its graph and its network differ by {differences[name]:.2g} in {name!r}, where "
                f"rounding explains {effect:.2g}; the exporter got it wrong, please report it"
            )
    return differences


def _as_arrays(outputs: Any) -> dict[str, Any]:
    return {name: value.numpy() for name, value in outputs.items()}


def _differences(expected: dict[str, Any], found: dict[str, Any]) -> dict[str, float]:
    """The largest difference of each output, relative to its largest value or to 1."""
    differences = compare_outputs(expected, found)
    # Rankings of nearly equal entries may swap, and boxes and labels with them; scores may not.
    names = ["scores"] if "scores" in differences else list(differences)
    return {
        name: differences[name] / max(1.0, float(np.abs(expected[name]).max(initial=0.0)))
        for name in names
    }


def _rounding_effects(
    network: nn.Module, tensors: dict[str, Any], expected: dict[str, Any]
) -> dict[str, float]:
    """How much each output changes, at most, when every weight is rounded otherwise."""
    generator = torch.Generator().manual_seed(0)
    largest: dict[str, float] = {}
    for _ in range(4):
        state = {}
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                sign = torch.randint(2, value.shape, generator=generator).to(value) * 2 - 1
                value = value * (1 + ROUNDING * sign)
            state[name] = value
        changed = _as_arrays(torch.func.functional_call(network, state, kwargs=tensors))
        for name, difference in _differences(expected, changed).items():
            largest[name] = max(difference, largest.get(name, 0.0))
    return largest


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
    files: Mapping[str, bytes] | None = None,
) -> ModelCard:
    """Train, export, measure, and write the model folder; checkpoints and logs stay in it.

    Args:
        network: with its starting weights.
        learner: see `cnntasks.Learner`.
        card: of the new model; metrics and recipe are completed here. Its recipe holds what
            determines the training: a resumed one has to have the same.
        folder: of the new model.
        settings: of the training loop.
        device, resume, progress: as for `fit`.
        evaluate: measures the written model folder; its metrics go into the card.
        files: further files of the model by their names.

    Returns:
        The card as written.

    Raises:
        ModelError: the folder holds something else, the loss is not finite, the export fails.
        InputError: `resume` without a checkpoint, with a damaged one, or with other settings.
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
        recorded={
            "recipe": card.recipe,
            "classes": card.classes,
            "network": card.network,
            "preprocessing": card.preprocessing,
        },
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
    card = replace(
        card,
        recipe=recipe,
        metrics={f"validation_{learner.monitor}": measured["best"]},
        parameters=sum(parameter.numel() for parameter in network.parameters()),
    )
    try:
        write_model(network, learner.graph(), card, folder, files=files)
        if evaluate is not None:
            metrics = {f"validation_{name}": round(v, 4) for name, v in evaluate(folder).items()}
            card = replace(card, metrics=metrics)
            update_card(folder, card)
        registry().announce("on_fit_end", task=card.task, folder=folder, card=card)
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(RESUMABLE) from interrupt
    return card
