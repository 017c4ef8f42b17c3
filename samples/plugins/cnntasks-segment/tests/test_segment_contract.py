"""The task keeps the contract of cnntasks, and its verb writes overlays and masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from cnntasks_segment.command import segment
from PIL import Image
from segment_shapes import CLASSES, write_shapes, write_untrained

import cnntasks
from cnntasks.testing import Subject, TaskContract


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


def test_the_verb_writes_overlays_and_masks(
    untrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    for name, shape in (("wide", (30, 90, 3)), ("high", (70, 20, 3))):
        pixels = random.integers(0, 255, shape, np.uint8)
        cnntasks.write_image(tmp_path / "in" / f"{name}.png", pixels)
    out = tmp_path / "out"
    words = [str(tmp_path / "in"), "--model", str(untrained), "--output", str(out), "--masks"]
    segment.main([*words, "--format", "csv", "-q"], standalone_mode=False)
    assert capsys.readouterr().out.splitlines()[0] == "source,class,share,score"
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
    words = ("--head", head, "--size", "96", "--epochs", "20", "--ema", "0.9", "--device", "cpu")
    cnntasks.run_lifecycle("train", "segment", [str(data), "-o", str(model), *words, "-q"])
    assert cnntasks.read_card(model).metrics["validation_mIoU"] > 0.5
    report = tmp_path / "report"
    words = ("--model", str(model), "--output", str(report), "-q")
    cnntasks.run_lifecycle("evaluate", "segment", [str(data), *words])
    assert json.loads((report / "report.json").read_text())["metrics"]["mIoU"] > 0.5
