"""What `cnntasks doctor` finds out. The engines are tried in processes of their own, because a
broken build may end its process, and because only `engines/torch.py` may import torch here."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cnntasks
from cnntasks.discovery import debugging
from cnntasks.engines.base import available_cores
from cnntasks.errors import ModelError
from cnntasks.plugins import registry

if TYPE_CHECKING:
    from cnntasks.task import TaskSpec

PACKAGES = ("onnxruntime", "numpy", "pillow", "torch", "torchvision", "lightning", "onnx",
            "safetensors", "click", "pluggy", "rich")  # fmt: skip
_TIMEOUT = 120
_GIGABYTE = 10**9

# One convolution, y = Conv(x, w), all 3x3: as bytes, since prediction needs no onnx package.
CONVOLUTION = (
    "CAg6awoPCgF4CgF3EgF5IgRDb252EgFnWhsKAXgSFgoUCAESEAoCCAEKAggBCgIIAwoCCANaGwoBdxIWChQIARIQ"
    "CgIIAQoCCAEKAggDCgIIA2IbCgF5EhYKFAgBEhAKAggBCgIIAQoCCAEKAggBQgQKABAN"
)
_ONNX_PROBE = """
import base64, json, sys, numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.log_severity_level = 4
session = onnxruntime.InferenceSession(
    base64.b64decode(sys.argv[1]), options, providers=["CPUExecutionProvider"])
ones = numpy.ones((1, 1, 3, 3), numpy.float32)
result = session.run(None, {"x": ones, "w": ones})[0].item()
assert result == 9, f"a convolution gave {result} instead of 9"
print(json.dumps({"detail": f"ONNX Runtime {onnxruntime.__version__}", "devices": {}}))
"""
_TORCH_PROBE = """
import json, sys, torch
def attempt(device, label):
    try:
        ones = torch.ones(1, 1, 3, 3, device=device)
        result = torch.nn.functional.conv2d(ones, ones).item()
        assert result == 9, f"a convolution gave {result} instead of 9"
        return {"works": True, "detail": label}
    except Exception as error:
        return {"works": False, "detail": f"{label}: {error}".splitlines()[0]}
devices = {"cpu": attempt("cpu", "always there")}
built = torch.version.cuda or torch.version.hip
for number in range(torch.cuda.device_count()):
    devices[f"cuda:{number}"] = attempt(f"cuda:{number}", torch.cuda.get_device_name(number))
if len(devices) == 1:
    reason = "no GPU or no driver found" if built else "this torch is built without CUDA"
    devices["cuda"] = {"works": False, "detail": reason}
if sys.platform == "darwin":
    devices["mps"] = attempt("mps", "Apple GPU")
assert devices["cpu"]["works"], devices["cpu"]["detail"]
fast = torch.backends.mkl.is_available() or torch.backends.mkldnn.is_available()
print(json.dumps({"detail": f"torch {torch.__version__}", "devices": devices,
                  "fast_cpu": fast, "gpu_build": bool(built)}))
"""


def examine() -> dict[str, Any]:
    """Everything that doctor reports, as plain JSON types; sizes in bytes.

    Takes some seconds: torch is imported in a process of its own.
    """
    onnx, torch = probe(_ONNX_PROBE, CONVOLUTION), probe(_TORCH_PROBE)
    loaded = registry()
    loaded.model_entries()
    report: dict[str, Any] = {
        "system": _system(),
        "packages": {name: _version(name) for name in PACKAGES},
        "engines": {
            name: {"works": found["works"], "detail": found["detail"]}
            for name, found in (("onnx", onnx), ("torch", torch))
        },
        "devices": torch.get("devices", {}),
        "cache": _cache(),
        "tasks": {verb: spec.default_model for verb, spec in loaded.tasks.items()},
    }
    engines = {_engine(spec) for spec in loaded.tasks.values()} - {None}
    report["prediction_works"] = any(report["engines"][name]["works"] for name in engines)
    report["remarks"] = [*_remarks(report, torch), *_plugin_remarks()]
    return report


def _engine(spec: TaskSpec) -> str | None:
    """What a prediction of the task runs in unless told otherwise; None where it has no model."""
    if spec.opener is not None:
        return "torch"
    return "onnx" if spec.predictor is not None else None


def probe(code: str, *arguments: str) -> dict[str, Any]:
    """Run a probe that prints one JSON object; `works` and `detail` say what became of it."""
    command = [sys.executable, "-P", "-c", code, *arguments]  # -P: no modules of this folder
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return {"works": False, "detail": f"no answer within {_TIMEOUT} s"}
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
        return {"works": False, "detail": lines[-1]}
    return {"works": True, **json.loads(done.stdout.splitlines()[-1])}


def _system() -> dict[str, Any]:
    return {
        "cnntasks": cnntasks.__version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "platform": platform.platform(),
        "cores": available_cores(),
        "memory_bytes": _memory(),
    }


def _memory() -> int | None:
    """Of the machine, or less where a container limits it; None where it cannot be told."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return None
    try:
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or "max"
        return total


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cache() -> dict[str, Any]:
    from cnntasks.models.store import cache_dir

    try:
        folder = cache_dir()
    except ModelError as error:
        return {"problem": str(error), "writable": False}
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return {
        "folder": str(folder),
        "size_bytes": _size(folder),
        "free_bytes": shutil.disk_usage(existing).free,
        "writable": existing.is_dir() and os.access(existing, os.W_OK | os.X_OK),
    }


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_size
            except OSError:  # gone meanwhile: another process cleans up
                continue
    return total


def _remarks(report: dict[str, Any], torch: dict[str, Any]) -> list[str]:
    remarks = [
        f"the {name} engine fails: reinstall {package}"
        for name, package in (("onnx", "onnxruntime"), ("torch", "torch"))
        if not report["engines"][name]["works"]
    ]
    if not torch["works"]:
        opened = sorted(verb for verb, spec in registry().tasks.items() if spec.opener)
        remarks += [f"cnntasks {verb} needs torch, which does not work here" for verb in opened]
    cores, memory = report["system"]["cores"], report["system"]["memory_bytes"]
    if cores == 1:
        remarks.append("one core: folders of inputs and training will be slow")
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdigit() and int(threads) < cores:
        remarks.append(f"OMP_NUM_THREADS={threads}: torch uses {threads} of {cores} cores")
    if memory is not None and memory < 2 * _GIGABYTE:
        remarks.append("less than 2 GB of memory: training may be killed by the system")
    if torch["works"] and not torch["fast_cpu"]:
        remarks.append("torch has neither MKL nor oneDNN: it is slow on the cpu")
    if torch["works"] and torch["gpu_build"] and "cuda" in torch["devices"]:
        remarks.append("torch is a build for GPUs and finds none: the build for the cpu is smaller")
    cache = report["cache"]
    if not cache["writable"]:
        where = cache.get("folder") or cache["problem"]
        remarks.append(f"the cache cannot be written ({where}): set CNNTASKS_CACHE to a folder")
    elif cache["free_bytes"] < _GIGABYTE:
        remarks.append("less than 1 GB is free where the cache lies: downloads may fail")
    if debugging():
        remarks.append("CNNTASKS_DEBUG is set: the first plugin that fails ends the program")
    if not report["tasks"]:
        remarks.append("no task is there: see `cnntasks plugins`")
    return remarks


def _plugin_remarks() -> list[str]:
    return [
        f"plugin {info.name!r} ({info.status}): {info.error}"
        for info in registry().plugins
        if info.status in ("failed", "blocked")
    ]
