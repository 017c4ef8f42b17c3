"""`--backbone timm:NAME` from the command line, and what registering costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cnntasks

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
        "import sys, runpy; sys.argv[1:] = ['backbones', '--format', 'json']\n"
        "try: runpy.run_module('cnntasks', run_name='__main__')\n"
        "finally: assert 'timm' not in sys.modules and 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "timm:NAME" in [row["name"] for row in json.loads(done.stdout)]


@pytest.mark.slow
def test_a_classifier_is_trained_and_predicts(tmp_path: Path) -> None:
    data, model = pictures(tmp_path / "data"), tmp_path / "mine"
    words = ("--backbone", "timm:test_convnext", "--size", "32", "--batch-size", "4", *EPOCH)
    cnntasks.run_lifecycle("train", "classify", [str(data), "-o", str(model), *words])
    assert cnntasks.read_card(model).network["backbone"] == "timm:test_convnext"
    found = [cnntasks.load("classify", model, engine=engine) for engine in ("onnx", "torch")]
    scores = [made(data / "dark" / "0.png").to_dict()["classes"][0]["score"] for made in found]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


def test_its_layers_are_told() -> None:
    rows = cnntasks.describe_network(cnntasks.create_backbone("timm:test_resnet"), (3, 64, 64))
    assert rows[0].output == (16, 32, 32)
    assert sum(row.parameters for row in rows) > 100_000


def test_a_name_that_timm_does_not_know_is_one_line(tmp_path: Path) -> None:
    words = ("-o", str(tmp_path / "m"), "--backbone", "timm:convnextt")
    with pytest.raises(cnntasks.UsageError, match="did you mean timm:convnext") as caught:
        cnntasks.run_lifecycle("train", "classify", [str(pictures(tmp_path / "data")), *words])
    assert "\n" not in str(caught.value)


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
    words = ("--backbone", "timm:test_convnext", "--weights", "none", "--size", "64",
             "--batch-size", "2", "--validation", "0.5", *EPOCH)  # fmt: skip
    model = tmp_path / "mine"
    cnntasks.run_lifecycle("train", "detect", [str(tmp_path / "data"), "-o", str(model), *words])
    assert cnntasks.read_card(model).network["backbone"] == "timm:test_convnext"
    found = cnntasks.load("detect", model)(tmp_path / "data" / "0.png")
    assert found.to_dict()["width"] == 64
