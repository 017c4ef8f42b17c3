"""From a handful of pictures and a teacher's file to a model that paints, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_transfers import content, style, write_pictures
from teachers import write_teacher

import cnntasks
from cnntasks.cli.root import main
from cnntasks.models.folder import verify_folder

SETTINGS = ("--side", "32", "--batch-size", "2", "--validation", "2", "--rate", "0.0002",
            "--device", "cpu", "-q")  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `pictures/` and `vgg19.pth`, and `model/` trained on them."""
    root = tmp_path_factory.mktemp("imitation")
    write_pictures(root / "pictures", 6)
    write_teacher(root / "vgg19.pth")
    assert train(root, "--epochs", "1") == 0
    return root


def train(root: Path, *args: str, output: str = "model") -> int:
    command = ["train", "style", str(root / "pictures"), "--teacher", str(root / "vgg19.pth")]
    return main([*command, "-o", str(root / output), *SETTINGS, *args])


@pytest.mark.slow
def test_a_model_folder_that_is_whole(root: Path) -> None:
    """Its graph agrees with torch: no model is written otherwise."""
    assert verify_folder(root / "model") == []
    card = json.loads((root / "model" / "card.json").read_text())
    assert (card["task"], card["network"]["backbone"]) == ("style", "vgg19_lowrank")
    assert (card["recipe"]["pictures"], card["recipe"]["validation_pictures"]) == (4, 2)
    assert card["recipe"]["teacher"] == "vgg19.pth"  # the name alone
    (explained,) = [v for k, v in card["metrics"].items() if k.endswith("explained")]
    assert 0.3 < explained < 1


@pytest.mark.slow
def test_it_paints(root: Path) -> None:
    result = cnntasks.load("style", root / "model")(content(), style(), size=48, iterations=8)
    losses = [it["losses"] for it in result.trace]
    assert losses[-1]["style"] < losses[0]["style"]
    assert result.settings.style_layers == ("conv1_1", "conv2_1", "conv3_1", "conv3_4")


@pytest.mark.slow
def test_graph_and_torch_agree(root: Path) -> None:
    import onnxruntime
    import torch
    from cnntasks_style.network import build

    card = cnntasks.load("style", root / "model").card
    network = build(card)
    state = cnntasks.read_weights(root / "model")
    network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    pixels = np.random.default_rng(5).integers(0, 256, (1, 37, 50, 3), dtype=np.uint8)
    with torch.no_grad():
        wanted = network(torch.from_numpy(pixels))
    session = onnxruntime.InferenceSession(root / "model" / "graph.onnx")
    found = session.run(list(wanted), {"pixels": pixels})
    for name, value in zip(wanted, found, strict=True):
        scale = float(wanted[name].abs().max())
        np.testing.assert_allclose(value, wanted[name].numpy(), atol=1e-4 * scale, rtol=1e-3)


@pytest.mark.slow
def test_it_goes_on_where_it_was(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(root, "--epochs", "2", "--resume") == 0
    card = json.loads((root / "model" / "card.json").read_text())
    assert card["recipe"]["fit"]["epochs"] == 2
    assert train(root, "--epochs", "2", "--resume", "--side", "64") == 1
    assert "side 64 (was 32)" in capsys.readouterr().err


def test_what_is_wrong_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, teacher = tmp_path / "pictures", tmp_path / "vgg19.pth"
    write_pictures(pictures, 2)
    Image.fromarray(content()).save(teacher, "PNG")
    assert train(tmp_path) == 1
    said = capsys.readouterr().err
    assert "vgg19.pth: cannot read these weights" in said
    write_teacher(teacher)
    assert train(tmp_path) == 1
    said = capsys.readouterr().err
    assert "pictures: 2 pictures are too few to validate on 2" in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "model").exists()
