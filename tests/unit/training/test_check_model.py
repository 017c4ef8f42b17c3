"""The check of a graph against its network: what is wrong is found, what is only rounded is not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_pictures import CARD, SPEC, Picture, PictureLearner
from torch import Tensor, nn

import cnntasks.training.model
from cnntasks.errors import ModelError
from cnntasks.models.folder import verify_folder
from cnntasks.training.export import export_graph
from cnntasks.training.model import TOLERANCE, check_model, write_model


class Chaotic(Picture):
    """Its scores go through the logistic map, each step of which doubles an error on average."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, pixels: Tensor, scale: Tensor) -> dict[str, Tensor]:
        scores = super().forward(pixels, scale)["scores"]
        for _ in range(self.steps):
            scores = 4 * scores * (1 - scores)
        return {"scores": scores, "mean": scores.mean(dim=(2, 3))}


def other_head(network: Picture) -> Picture:
    nn.init.normal_(network.head.weight)
    return network.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "picture"
    write_model(Picture(), PictureLearner().graph(), CARD, folder)
    return folder


def stored(network: Picture, folder: Path) -> Picture:
    """The network as `write_model` leaves it: with the weights of the folder."""
    from cnntasks.engines.torch import load_weights

    load_weights(network, folder / "weights.safetensors")
    return network.eval()


def test_a_right_graph_is_right(folder: Path) -> None:
    assert check_model(stored(Picture(), folder), SPEC.feeds, folder)["scores"] < 1e-5


def test_a_graph_of_other_weights_is_found_out(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"its graph and its network differ by .* in 'scores'"):
        check_model(other_head(Picture()), SPEC.feeds, folder)


def test_a_network_that_computes_nonsense_is_found_out(folder: Path) -> None:
    network = stored(Picture(), folder)
    nn.init.constant_(network.head.bias, float("nan"))
    with pytest.raises(ModelError, match="differ by nan"):
        check_model(network, SPEC.feeds, folder)


@pytest.fixture(scope="module")
def chaotic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A badly conditioned model: single precision cannot give its scores to two digits."""
    folder = tmp_path_factory.mktemp("models") / "chaotic"
    write_model(Chaotic(9), PictureLearner().graph(), CARD, folder)
    return folder


def test_a_right_graph_of_a_badly_conditioned_network_passes(chaotic: Path) -> None:
    found = check_model(stored(Chaotic(9), chaotic), SPEC.feeds, chaotic)
    assert TOLERANCE < found["scores"] < 0.1  # more than a well conditioned one may differ


def test_a_wrong_graph_of_a_badly_conditioned_network_fails(chaotic: Path) -> None:
    network = stored(Chaotic(9), chaotic)
    with torch.no_grad():
        network.head.bias += 1e-3
    with pytest.raises(ModelError, match=r"differ by .* in 'scores', where rounding explains"):
        check_model(network, SPEC.feeds, chaotic)


def test_what_rounding_decides_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be checked: rounding alone changes 'scores'"):
        write_model(Chaotic(40), PictureLearner().graph(), CARD, tmp_path / "noise")
    assert not (tmp_path / "noise").exists()


def test_a_failed_check_leaves_the_old_model_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    wrong = export_graph(other_head(Picture()), SPEC)
    monkeypatch.setattr(cnntasks.training.model, "export_graph", lambda *_: wrong)

    with pytest.raises(ModelError, match=r"picture: not written: its graph and its network differ"):
        write_model(Picture(), PictureLearner().graph(), CARD, folder)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["picture"]
    assert verify_folder(folder) == []
