"""`cnntasks style` with the model that comes along: the sample pictures, from file to file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detect_runs import SAMPLES, files
from numpy.typing import NDArray
from PIL import Image

import cnntasks
from cnntasks.cli.root import main
from cnntasks.models.folder import verify_folder

COMMAND = ["style", str(SAMPLES / "castle.webp"), str(SAMPLES / "starry_night.jpg"),
           "--size", "64", "--offline"]  # fmt: skip


def pixels(path: str) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> None:
    assert main([*COMMAND, "--iterations", "6", *args]) == 0


def test_a_picture_and_its_record(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    assert files(folder) == ["castle.style.json", "castle.style.png"]
    said = capsys.readouterr().err
    assert said.startswith("style-vgg on cpu: ")
    assert "castle.style.png (64x" in said
    painted = pixels("castle.style.png")
    assert max(painted.shape) == 64
    with Image.open(SAMPLES / "castle.webp") as image:
        given = np.asarray(image.convert("RGB").resize(painted.shape[1::-1]))
    assert 2 < np.abs(painted.astype(float) - given).mean() < 80  # changed, and still the castle

    record: dict[str, Any] = json.loads(Path("castle.style.json").read_text())
    assert record["model"] == "style-vgg"
    assert record["iterations_done"] == 6
    losses = [it["losses"] for it in record["losses"]]
    assert set(losses[0]) == {"style", "content", "variation"}
    assert losses[-1]["style"] < 0.9 * losses[0]["style"]
    defaults = cnntasks.load("style").card.defaults
    assert record["settings"]["style_layers"] == defaults["style_layers"]

    # The same again, from the record and from the options, is the same to the last bit.
    assert main(["style", "--settings", "castle.style.json", "-o", "again.png", "--offline"]) == 0
    assert "same" in capsys.readouterr().err
    run("-o", "once_more.png")
    for name in ("again.png", "once_more.png"):
        assert np.array_equal(pixels(name), painted)


def test_the_seed_decides_the_noise(folder: Path) -> None:
    for name, seed in (("one.png", "1"), ("two.png", "2")):
        run("-o", name, "--init", "noise", "--seed", seed, "-q")
    assert not np.array_equal(pixels("one.png"), pixels("two.png"))


def test_a_wrong_layer_gives_the_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--style-layers", "conv9_9"]) == 2
    assert "--style-layers conv9_9: no such layer; there are conv1_1, pool1" in (
        capsys.readouterr().err
    )
    assert files(folder) == []


def test_the_model_is_whole_and_its_graph_gives_the_maps_of_its_weights(folder: Path) -> None:
    import onnxruntime
    import torch
    from cnntasks_style.cards import entries
    from cnntasks_style.network import build, graph_spec

    (entry,) = [it for it in entries() if it.name == "style-vgg"]
    assert entry.folder is not None
    assert verify_folder(entry.folder) == []
    card = cnntasks.load("style").card
    network = build(card)
    state = cnntasks.read_weights(entry.folder)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    spec = graph_spec(card)
    with torch.no_grad():
        wanted = network(torch.from_numpy(spec.feeds["pixels"]))
    session = onnxruntime.InferenceSession(entry.folder / "graph.onnx")
    found = session.run(list(spec.outputs), dict(spec.feeds))
    assert list(spec.outputs) == list(wanted)
    for name, value in zip(spec.outputs, found, strict=True):
        scale = float(wanted[name].abs().max())
        np.testing.assert_allclose(value, wanted[name].numpy(), rtol=1e-3, atol=1e-5 * scale)
