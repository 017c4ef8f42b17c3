"""The task keeps the contract of cnntasks, and its verb writes overlays and masks."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from segment_shapes import CLASSES, write_shapes, write_untrained

import cnntasks
from cnntasks.testing import Subject, TaskContract
from cnntasks.testing.subject import run


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_untrained(tmp_path_factory.mktemp("models") / "untrained")


class TestSegment(TaskContract):
    task = "segment"
    trains = True
    made: ClassVar[Path]

    @pytest.fixture(autouse=True)
    def _model(self, untrained: Path) -> None:
        type(self).made = untrained

    def subject(self, work: Path) -> Subject:
        data = write_shapes(work / "shapes")
        train = (str(data), "--backbone", "resnet18", "--size", "64", "--batch-size", "4")
        return Subject(
            self.task, work, str(data / "train" / "images" / "000.png"), model=str(self.made),
            train=train, options=("--output", str(work / "out")),
        )  # fmt: skip


def test_the_verb_writes_overlays_and_masks(untrained: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name, shape in (("wide", (30, 90, 3)), ("high", (70, 20, 3))):
        pixels = random.integers(0, 255, shape, np.uint8)
        cnntasks.write_image(tmp_path / "in" / f"{name}.png", pixels)
    out = tmp_path / "out"
    verb = ("segment", str(tmp_path / "in"), "--model", str(untrained), "--output", str(out))
    done = run(*verb, "--masks", "--format", "csv", "-q")
    assert done.status == 0, done.err
    assert done.out.splitlines()[0] == "source,class,share,score"
    for name, size in (("wide", (90, 30)), ("high", (20, 70))):
        with Image.open(out / f"{name}.segment.jpg") as overlay:
            assert overlay.size == size
        with Image.open(out / f"{name}.segment.png") as mask:
            assert (mask.size, mask.mode) == (size, "P")
            assert np.asarray(mask).max() < len(CLASSES)


@pytest.mark.slow
@pytest.mark.parametrize("head", ["lraspp", "fcn"])
def test_it_learns_shapes(head: str, tmp_path: Path) -> None:
    """Far better than what always saying `ground` would score (a mIoU of at most 0.25)."""
    data = write_shapes(tmp_path / "shapes", pictures=48, size=96)
    model = tmp_path / "model"
    done = run(
        "train", "segment", str(data), "-o", str(model), "--head", head, "--size", "96",
        "--epochs", "20", "--ema", "0.9", "--device", "cpu", "-q",
    )  # fmt: skip
    assert done.status == 0, done.err
    done = run("evaluate", "segment", str(data), "--model", str(model), "-q", "--format", "json")
    assert done.status == 0, done.err
    assert cnntasks.read_card(model).metrics["mIoU"] > 0.5
