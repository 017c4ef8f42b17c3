"""The contract of an engine, and which one a request gets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cnntasks.errors import DeviceError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

ENGINES = ("auto", "onnx", "torch")
PRECISIONS = ("float32", "float16", "bfloat16")


class Engine(Protocol):
    """Runs one network: arrays in, arrays out, the first axis of each being the batch.

    Attributes:
        description: what runs where, for people.
        concurrency: how many `run` calls may go on at once in different threads.
    """

    description: str
    concurrency: int

    def run(self, feeds: Arrays) -> Arrays:
        """Outputs by name for feeds by name."""
        ...


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which engine on which device: `engine` is `onnx` or `torch`, `device` `cpu`, `cuda:0`, ..."""

    engine: str
    device: str
    precision: str = "float32"


def choose_engine(
    engine: str = "auto", device: str = "auto", precision: str = "float32"
) -> EngineChoice:
    """Decide what runs a prediction, from what was asked for alone.

    `auto` is ONNX Runtime on the CPU: it answers at once and gives the same on every machine. A
    GPU is used when it is asked for (`--device cuda`), through torch.

    Raises:
        UsageError: an unknown name, or a combination that does not exist.
    """
    if engine not in ENGINES:
        raise UsageError(f"there is no engine {engine!r}; choose one of {', '.join(ENGINES)}")
    if precision not in PRECISIONS:
        raise UsageError(f"no precision {precision!r}; choose one of {', '.join(PRECISIONS)}")
    kind, colon, number = device.partition(":")
    numbered = number.isascii() and number.isdecimal()
    if kind not in ("auto", "cpu", "cuda", "mps") or (colon and not numbered):
        raise UsageError(f"there is no device {device!r}; choose auto, cpu, cuda, cuda:N or mps")
    if number and kind != "cuda":
        raise UsageError(f"device {device!r}: only cuda devices have a number")
    if kind == "auto":
        device = "cpu"
    if engine == "auto":
        engine = "onnx" if device == "cpu" and precision == "float32" else "torch"
    if engine == "onnx" and device != "cpu":
        raise UsageError(f"the onnx engine runs on the cpu; for {device} use --engine torch")
    if engine == "onnx" and precision != "float32":
        raise UsageError(f"the onnx engine runs in float32; for {precision} use --engine torch")
    if device == "cpu" and precision == "float16":
        raise UsageError("float16 needs a GPU; on the cpu use float32 or bfloat16")
    return EngineChoice(engine, "cuda:0" if device == "cuda" else device, precision)


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def absent_device(device: str, reason: str) -> DeviceError:
    """The error for a device that was asked for and is not there."""
    return DeviceError(
        f"device {device!r} is not available: {reason}; `cnntasks doctor` tells more"
    )
