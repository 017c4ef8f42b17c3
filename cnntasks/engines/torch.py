"""torch: for GPUs, for other precisions, and wherever it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from cnntasks.engines.base import EngineChoice, absent_device
from cnntasks.errors import DeviceError, ModelError

if TYPE_CHECKING:
    from cnntasks.engines.base import Arrays

_DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def open_device(name: str) -> torch.device:
    """The torch device of that name.

    Raises:
        DeviceError: this machine, or this build of torch, does not have it.
    """
    kind, _, number = name.partition(":")
    if kind == "cuda":
        if not torch.cuda.is_available():
            built = torch.version.cuda
            why = "no usable NVIDIA GPU or driver" if built else "this torch is built without CUDA"
            raise absent_device(name, why)
        if int(number or 0) >= torch.cuda.device_count():
            raise absent_device(name, f"there are {torch.cuda.device_count()} CUDA devices")
    elif kind == "mps" and not torch.backends.mps.is_available():
        raise absent_device(name, "this needs a Mac with Apple silicon")
    return torch.device(name)


def load_weights(network: nn.Module, file: Path) -> None:
    """Load `weights.safetensors` into a network, whatever precision it is stored in.

    Raises:
        ModelError: the file is missing or damaged, or its tensors do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        network.load_state_dict(load_file(file))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{file}: cannot read these weights ({error})") from error
    except RuntimeError as error:
        line = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{file}: these weights do not fit their card's network ({line})"
        ) from error


class TorchEngine:
    """Runs a torch module whose `forward` takes and returns tensors by the feeds' names.

    Args:
        network: with its weights loaded.
        choice: device and precision.

    Raises:
        DeviceError: the device is absent.
    """

    concurrency = 1

    def __init__(self, network: nn.Module, choice: EngineChoice) -> None:
        self.device = open_device(choice.device)
        self.network = network.to(self.device).eval()
        self._dtype = _DTYPES.get(choice.precision)
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else ""
        where = f"{choice.device} ({name})" if name else choice.device
        self.description = f"torch {torch.__version__} on {where}, {choice.precision}"

    @torch.inference_mode()
    def run(self, feeds: Arrays) -> Arrays:
        """Outputs by name for feeds by name.

        Raises:
            DeviceError: the device's memory is too small for this batch.
        """
        tensors = {
            key: torch.from_numpy(np.ascontiguousarray(value)).to(self.device)
            for key, value in feeds.items()
        }
        try:
            with torch.autocast(
                self.device.type, dtype=self._dtype, enabled=self._dtype is not None
            ):
                outputs: dict[str, Any] = self.network(**tensors)
        except torch.OutOfMemoryError as error:
            raise DeviceError(
                f"{self.device}: not enough memory; use a smaller --batch-size or --size"
            ) from error
        return {
            key: (value.float() if value.is_floating_point() else value).cpu().numpy()
            for key, value in outputs.items()
        }
