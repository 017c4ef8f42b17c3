"""A converter as a plugin brings one: reads the published file, writes a model folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from cnntasks.models.card import ModelCard
from cnntasks.models.folder import write_model_folder


def convert(file: Path, card: ModelCard, folder: Path) -> None:
    """The bytes of the file as weights; leaves a trace for tests that count."""
    assert list(folder.iterdir()) == []
    trace = os.environ.get("FAKE_CONVERTER_TRACE")
    if trace:
        with Path(trace).open("a") as lines:
            lines.write(f"{os.getpid()}\n")
        time.sleep(0.5)
    weights = {"bytes": np.frombuffer(file.read_bytes(), dtype=np.uint8)}
    write_model_folder(folder, card, weights, None)


def fail(file: Path, card: ModelCard, folder: Path) -> None:
    """As a converter does that finds no such key in a state dict."""
    (folder / "half-written").write_text("")
    raise KeyError("backbone.conv1.weight")


def write_nothing(file: Path, card: ModelCard, folder: Path) -> None:
    """Forget to write."""


def rename(file: Path, card: ModelCard, folder: Path) -> None:
    """Write under another name."""
    write_model_folder(
        folder, ModelCard(name="other", task=card.task, network=card.network), {}, None
    )
