"""From torchvision's file, on a server or on this disk, to boxes: all that pulling a model is.

The files are torchvision's own networks with random weights, served from this machine.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cnntasks_detect.predictor import Detections
from cnntasks_detect.published import published_entries
from loopback import Site
from numpy.typing import NDArray
from torchvision.models import get_model_weights
from torchvision_detectors import HEIGHT, WIDTH, noise, old_names, torchvision_detector

import cnntasks
from cnntasks import CatalogEntry, pipeline, plugins
from cnntasks.cli.errors import run_guarded
from cnntasks.cli.models import models
from cnntasks.models.folder import verify_folder

ENTRIES = {entry.name: entry for entry in published_entries()}
SMALL = "fasterrcnn_mobilenet_v3_large_320_fpn"


def pull(*args: str) -> int:
    """`cnntasks models pull ARGS`; returns the exit status."""
    return run_guarded(
        lambda: models.main(["pull", *args], "cnntasks models", standalone_mode=False), debug=False
    )


def published_file(model: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(old_names(model.state_dict()), buffer)
    return buffer.getvalue()


@pytest.fixture
def offer(site: Site, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the loopback server offer a file as one of the published models."""

    def as_published(name: str, body: bytes) -> CatalogEntry:
        site.body = body
        digest = hashlib.sha256(body).hexdigest()
        entry = replace(ENTRIES[name], url=site.url, sha256=digest[:8], size=len(body))
        for module in (plugins, pipeline):
            monkeypatch.setattr(module, "model_entries", lambda: {name: entry})
        return entry

    return as_published


def detect(model: str | Path, picture: NDArray[np.uint8], engine: str, size: int) -> Detections:
    detector = cnntasks.load(
        "detect", model, engine=engine, device="cpu", offline=True, threshold=0.05, size=size
    )
    found = detector(picture)
    assert isinstance(found, Detections)
    return found


def assert_same(found: Detections, expected: Detections, pixels: float, score: float) -> None:
    """Every box of `expected` has its like, but for a few next to a threshold."""
    assert len(expected) >= 10
    missing = 0
    for box, value, name in zip(expected.boxes, expected.scores, expected.names, strict=True):
        close = np.abs(found.boxes - box).max(axis=1) < pixels
        close &= np.abs(found.scores - value) < score
        missing += name not in np.array(found.names)[close]
    assert missing <= 0.03 * len(expected)
    assert abs(len(found) - len(expected)) <= missing


def torchvision_detections(model: Any, picture: NDArray[np.uint8]) -> Detections:
    with torch.inference_mode():
        found = model([torch.tensor(picture).permute(2, 0, 1) / 255])[0]
    categories = get_model_weights(SMALL).COCO_V1.meta["categories"]  # type: ignore[attr-defined]
    names = tuple(categories)
    boxes, scores, labels = (found[key].numpy() for key in ("boxes", "scores", "labels"))
    return Detections(boxes, scores, labels, names, picture.shape[1], picture.shape[0])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_published_detector_is_pulled_and_detects(
    offer: Any,
    site: Site,
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = torchvision_detector(SMALL, sharpness=0.5)
    body = published_file(model)
    entry = offer(SMALL, body)
    site.cuts = [len(body) // 3]

    assert pull(SMALL) == 0
    shown = capsys.readouterr()
    folder = cache / "models" / SMALL
    assert shown.out == f"{folder}\n"
    assert f"downloading {SMALL} ({len(body) / 1e6:.1f} MB, licence: " in shown.err
    assert "the connection was cut" in shown.err
    assert site.requests[1]["range"] == f"bytes={len(body) // 3}-"
    assert verify_folder(folder) == []
    card = cnntasks.read_card(folder)
    assert (card.name, card.metrics) == (SMALL, {"published_mAP": 0.228})
    assert card.licence == entry.card.licence

    # At this size nothing is resized, so that torchvision sees the very same pixels.
    picture = noise(1).numpy()
    assert picture.shape == (HEIGHT, WIDTH, 3)
    model.transform.min_size, model.transform.max_size = (HEIGHT,), WIDTH
    expected = torchvision_detections(model, picture)
    by_engine = [detect(SMALL, picture, engine, size=448) for engine in ("onnx", "torch")]
    for found in by_engine:
        assert_same(found, expected, pixels=0.5, score=1e-3)

    file = tmp_path / "from-a-stick.pth"
    file.write_bytes(body)
    monkeypatch.setenv("CNNTASKS_CACHE", str(tmp_path / "elsewhere"))
    requests = len(site.requests)
    assert pull(SMALL, "--from", str(file)) == 0
    assert len(site.requests) == requests
    again = tmp_path / "elsewhere" / "models" / SMALL
    assert capsys.readouterr().out == f"{again}\n"
    first, second = (cnntasks.read_weights(it) for it in (folder, again))
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[key], second[key]) for key in first)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [name for name in ENTRIES if name != SMALL])
def test_every_other_one_is_converted_for_both_engines(
    offer: Any, cache: Path, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "published.pth"
    body = published_file(torchvision_detector(name, sharpness=0.3))
    file.write_bytes(body)
    offer(name, body)
    assert pull(name, "--from", str(file)) == 0
    assert verify_folder(cache / "models" / name) == []
    # Of a size that must be changed and padded.
    picture = np.ascontiguousarray(noise(1).numpy()[:200, :300])
    onnx, torch = (detect(name, picture, engine, size=320) for engine in ("onnx", "torch"))
    assert_same(onnx, torch, pixels=0.5, score=1e-3)


def test_a_file_of_another_network_is_refused_and_leaves_no_model(
    offer: Any, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    buffer = io.BytesIO()
    torch.save({"fc.weight": torch.zeros(10, 10)}, buffer)
    file = tmp_path / "resnet.pth"
    file.write_bytes(buffer.getvalue())
    offer(SMALL, file.read_bytes())
    assert pull(SMALL, "--from", str(file)) == 1
    *_, error = capsys.readouterr().err.splitlines()
    assert f"{file}: not the weights of {SMALL}" in error
    assert not (cache / "models" / SMALL).exists()


def test_a_file_that_was_not_published_is_refused_unread(
    offer: Any, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = offer(SMALL, b"published")
    file = tmp_path / "other.pth"
    file.write_bytes(b"tampered!")
    assert pull(SMALL, "--from", str(file)) == 1
    error = capsys.readouterr().err
    assert f"{entry.sha256} is published for {SMALL}" in error
    assert not (cache / "models" / SMALL).exists()
