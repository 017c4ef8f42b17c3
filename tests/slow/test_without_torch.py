"""Prediction with an embedded model where torch is not installed at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).parents[2] / "samples" / "dog.webp"
# As if they were not installed: an import finds nothing.
BLOCKED = ("torch", "torchvision", "lightning", "torchmetrics", "onnx", "onnxscript", "matplotlib")
CODE = f"""
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Nothing())
from cnntasks.cli.root import main
sys.exit(main(sys.argv[1:]))
"""


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CODE, *args],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "CNNTASKS_PLUGINS": "detect"},
    )


def test_a_picture_is_predicted_drawn_and_cut(tmp_path: Path) -> None:
    done = run(tmp_path, "detect", str(SAMPLE), "--save-crops", "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert ",dog," in done.stdout
    assert (tmp_path / "dog.detect.jpg").is_file()
    assert (tmp_path / "crops" / "dog" / "dog-1.jpg").is_file()


@pytest.mark.parametrize("args", [["models"], ["plugins"], ["--help"], ["detect", "--help"]])
def test_what_only_tells_does_without(args: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, *args)
    assert done.returncode == 0, done.stderr
    assert "detect" in done.stdout


def test_what_needs_torch_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, "detect", str(SAMPLE), "--engine", "torch")
    assert done.returncode == 1
    assert "torch is not installed, which training and the torch engine need" in done.stderr
    assert "Traceback" not in done.stderr
