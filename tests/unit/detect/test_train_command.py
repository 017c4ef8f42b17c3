"""`cnntasks train detect` up to the point where the training loop takes over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from detection_folders import coco_document, write_json, write_picture
from torch import Tensor

import cnntasks
from cnntasks.cli.root import main

Begin = Callable[..., dict[str, Tensor]]


class StoppedError(Exception):
    """Instead of hours of training."""


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """`begin(*args)` starts a training and returns the weights that it begins with."""
    found: dict[str, Tensor] = {}

    def stop(network: Any, *_: Any, **__: Any) -> None:
        found.update({name: value.clone() for name, value in network.state_dict().items()})
        raise StoppedError

    monkeypatch.setattr(cnntasks, "train_model", stop, raising=False)
    data = tmp_path / "data"
    names = [f"{number}.png" for number in range(1, 9)]
    for number, name in enumerate(names):
        write_picture(data / "images" / name, seed=number)
    boxes = [(number, 1 + number % 2, [2.0, 3.0, 10.0, 20.0]) for number in range(1, 9)]
    write_json(data / "train.json", coco_document(names, boxes))

    def run(*args: str) -> dict[str, Tensor]:
        torch.rand(3)  # what was drawn before must not matter
        command = ["train", "detect", str(data), "-o", str(tmp_path / "model"), "-q"]
        command += ["--backbone", "resnet18", "--weights", "none", "--validation", "0.5"]
        assert main([*command, *args]) == 1
        return dict(found)

    return run


def test_the_seed_decides_the_weights_that_a_training_begins_with(begin: Begin) -> None:
    first, again, other = begin("--seed", "3"), begin("--seed", "3"), begin("--seed", "4")
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    for name in ("backbone.parts.stem.0.weight", "rpn_head.conv.0.0.weight"):
        assert not torch.equal(first[name], other[name])
