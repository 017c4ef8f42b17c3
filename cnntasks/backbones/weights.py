"""Reading published weights and fitting them into a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cnntasks.errors import ModelError


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


def load_state(network: nn.Module, state: Mapping[str, Any], path: Path, name: str) -> None:
    """Load a renamed state dict, every tensor of it and no other.

    Raises:
        ModelError: its tensors do not fit; the message names the file `path` and the network.
    """
    try:
        network.load_state_dict(state)
    except (RuntimeError, ValueError) as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ModelError(f"{path}: these weights do not fit {name} ({first[:200]})") from error
