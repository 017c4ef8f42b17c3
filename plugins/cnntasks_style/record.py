"""OUT.json: what made a picture, so that it can be made again."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from cnntasks import InputError, UsageError, replacing
from cnntasks_style.pictures import read_bytes
from cnntasks_style.settings import StyleSettings

_KIND = "cnntasks style"
_VERSION = 1
#: Versions of these change a picture in its last bits, or more.
_PACKAGES = ("cnntasks", "torch", "numpy", "pillow")
#: The inputs of a transfer, each a list of files.
ROLES = ("content", "styles", "content_masks", "style_masks")


@dataclass(frozen=True, slots=True)
class Input:
    """One file that went into a picture: its name as it was given, and its SHA-256."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Record:
    """What makes a picture again.

    Attributes:
        model: as it was given, or its card's name.
        device: as it was given.
        settings: with the model's defaults filled in.
        inputs: for each of `ROLES` its files.
        pixels: SHA-256 of the picture's 8-bit pixels; empty for one that was interrupted.
    """

    model: str
    device: str
    settings: StyleSettings
    inputs: dict[str, tuple[Input, ...]]
    pixels: str = ""


def write_record(
    path: Path, record: Record, run: dict[str, Any], losses: Sequence[dict[str, Any]]
) -> None:
    """Write a record; whole or not at all.

    Args:
        path: an existing file is replaced.
        record: what makes the picture again.
        run: what else there is to tell of this run, in plain JSON types.
        losses: of each iteration, a line each.

    Raises:
        InputError: the file cannot be written.
    """
    values = {
        "record": _KIND,
        "record_version": _VERSION,
        "model": record.model,
        "device": record.device,
        "settings": record.settings.to_dict(),
        **{
            role: [{"name": it.name, "sha256": it.sha256} for it in record.inputs.get(role, ())]
            for role in ROLES
        },
        "pixels_sha256": record.pixels,
        **run,
        "versions": versions(),
    }
    try:
        with replacing(path) as temporary:
            # File names that are no text are kept, as JSON's escapes.
            text = json.dumps(values, indent=2).removesuffix("\n}")
            lines = ",\n".join(f"    {json.dumps(it)}" for it in losses)
            temporary.write_text(f'{text},\n  "losses": [\n{lines}\n  ]\n}}\n', encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another -o"
        ) from error


def read_record(path: Path) -> Record:
    """Read a record.

    Raises:
        InputError: it cannot be read, or is no record of a style transfer.
        UsageError: a setting in it is unknown or out of its range.
    """
    data = read_bytes(path)
    try:
        values = json.loads(data)
        if values["record"] != _KIND:
            raise ValueError("it is another kind of file")
        version = values["record_version"]
        if type(version) is not int or version > _VERSION:
            raise ValueError(f"version {version!r} is newer than {_VERSION}; upgrade cnntasks")
        inputs = {
            role: tuple(Input(str(it["name"]), str(it["sha256"])) for it in values[role])
            for role in ROLES
        }
        model, device, pixels = values["model"], values["device"], values["pixels_sha256"]
        if not all(isinstance(it, str) for it in (model, device, pixels)):
            raise TypeError("model, device and pixels_sha256 must be text")
        found = dict(values["settings"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise InputError(f"{path}: is no record of a style transfer ({reason})") from error
    try:
        settings = StyleSettings.from_dict(found)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    return Record(model, device, settings, inputs, pixels)


def check_record_place(path: Path) -> None:
    """Check that `path` holds nothing that a record would replace, other than a record.

    Raises:
        UsageError: it does.
    """
    if not os.path.lexists(path):
        return
    try:
        read_record(path)
    except (InputError, UsageError) as error:
        raise UsageError(
            f"{path}: is there, where the settings go, and is no record of a style transfer; "
            "choose another -o"
        ) from error


def versions() -> dict[str, str]:
    """Versions of what computes a picture, and the machine, whose cores share the sums."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {
        "python": platform.python_version(),
        "machine": platform.platform(),
        "cores": str(cores),
    }
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
