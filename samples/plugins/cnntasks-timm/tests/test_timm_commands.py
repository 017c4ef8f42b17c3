"""`--backbone timm:NAME` from the command line, and what registering costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cnntasks
from cnntasks.testing.subject import run

# Slow ones are trainings; they use networks that timm made for tests.
EPOCH = ("--epochs", "1", "--device", "cpu", "-q", "--seed", "1")


def pictures(folder: Path, size: int = 40) -> Path:
    random = np.random.default_rng(0)
    for place, name in enumerate(("dark", "light")):
        for number in range(4):
            pixels = random.integers(120 * place, 120 * place + 100, (size, size, 3), np.uint8)
            cnntasks.write_image(folder / name / f"{number}.png", pixels)
    return folder


def test_listing_networks_does_not_import_timm() -> None:
    code = (
        "import sys; from cnntasks.cli.root import main\n"
        "assert main(['backbones', '--format', 'json']) == 0\n"
        "assert 'timm' not in sys.modules and 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "timm:NAME" in [row["name"] for row in json.loads(done.stdout)]


@pytest.mark.slow
def test_a_classifier_is_trained_and_predicts(tmp_path: Path) -> None:
    data, model = pictures(tmp_path / "data"), tmp_path / "mine"
    done = run(
        "train", "classify", str(data), "-o", str(model), "--backbone", "timm:test_convnext",
        "--size", "32", "--batch-size", "4", *EPOCH,
    )  # fmt: skip
    assert done.status == 0, done.err
    assert cnntasks.read_card(model).network["backbone"] == "timm:test_convnext"
    found = [cnntasks.load("classify", model, engine=engine) for engine in ("onnx", "torch")]
    scores = [made(data / "dark" / "0.png").to_dict()["classes"][0]["score"] for made in found]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


def test_a_network_is_shown_layer_by_layer() -> None:
    done = run("backbones", "show", "timm:test_resnet", "--format", "json", "--features-only")
    assert done.status == 0, done.err
    assert json.loads(done.out)["layers"]


def test_a_name_that_timm_does_not_know_is_one_line(tmp_path: Path) -> None:
    data = pictures(tmp_path / "data")
    done = run(
        "train", "classify", str(data), "-o", str(tmp_path / "m"), "--backbone", "timm:convnextt"
    )
    assert done.status == 2
    assert len(done.err.splitlines()) == 1
    assert "timm:convnext" in done.err


@pytest.mark.slow
def test_a_detector_is_trained_on_it(tmp_path: Path) -> None:
    """As `cnntasks train detect --backbone timm:convnext_atto`, with a network for tests."""
    random = np.random.default_rng(0)
    images, boxes = [], []
    for number in range(4):
        pixels = random.integers(0, 60, (64, 64, 3), np.uint8)
        pixels[16:48, 16:48] = 220
        cnntasks.write_image(tmp_path / "data" / f"{number}.png", pixels)
        images.append({"id": number, "file_name": f"{number}.png", "width": 64, "height": 64})
        boxes.append({"id": number, "image_id": number, "category_id": 1, "iscrowd": 0,
                      "bbox": [16, 16, 32, 32], "area": 1024})  # fmt: skip
    table = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "box"}]}
    (tmp_path / "data" / "annotations.json").write_text(json.dumps(table))
    done = run(
        "train", "detect", str(tmp_path / "data"), "-o", str(tmp_path / "mine"), "--backbone",
        "timm:test_convnext", "--weights", "none", "--size", "64", "--batch-size", "2",
        "--validation", "0.5", *EPOCH,
    )  # fmt: skip
    assert done.status == 0, done.err
    found = run("detect", str(tmp_path / "data" / "0.png"), "--model", str(tmp_path / "mine"),
                "--no-picture", "--format", "json", "-q")  # fmt: skip
    assert found.status == 0, found.err
