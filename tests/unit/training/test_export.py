"""From a trained network to a model folder: the graph equals the network in every shape."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from small_pictures import CARD, SPEC, Picture, PictureLearner, feeds
from torch import Tensor, nn
from toy_learner import STEPS, KilledError, ToyLearner, ToyNetwork, same_weights

import cnntasks.training.model
from cnntasks.engines.base import EngineChoice
from cnntasks.engines.onnx import OnnxEngine
from cnntasks.engines.torch import TorchEngine, load_weights
from cnntasks.errors import InputError, ModelError
from cnntasks.models.card import ModelCard, read_card
from cnntasks.models.folder import graph_path, read_weights, verify_folder
from cnntasks.models.weights import WEIGHTS_FILE
from cnntasks.task import GraphSpec
from cnntasks.training.export import compare_outputs, export_graph
from cnntasks.training.fit import FitSettings
from cnntasks.training.model import train_model, write_model


def run_torch(network: nn.Module, values: dict[str, Any]) -> dict[str, Any]:
    with torch.no_grad():
        found = network(**{name: torch.from_numpy(value) for name, value in values.items()})
    return {name: value.numpy() for name, value in found.items()}


@pytest.fixture(scope="module")
def graph() -> bytes:
    return export_graph(Picture().eval(), SPEC)


@pytest.mark.parametrize("shape", [(2, 16, 24), (1, 4, 4), (3, 40, 8), (1, 100, 60)])
def test_the_graph_equals_the_network_in_every_shape(
    shape: tuple[int, int, int], graph: bytes
) -> None:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    values = feeds(*shape, seed=1)
    expected = run_torch(Picture().eval(), values)

    found = dict(zip(("scores", "mean"), session.run(["scores", "mean"], values), strict=True))

    differences = compare_outputs(expected, found)
    assert differences.keys() == {"scores", "mean"}
    assert max(differences.values()) < 1e-5


def test_inputs_outputs_axes_and_opset(graph: bytes) -> None:
    model = onnx.load_from_string(graph)
    onnx.checker.check_model(model)
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in model.graph.input
    }
    assert shapes["pixels"][0] == shapes["scale"][0] == "batch"
    assert shapes["pixels"][3] == 3
    assert [value.name for value in model.graph.output] == ["scores", "mean"]
    assert {entry.domain: entry.version for entry in model.opset_import}[""] == 18


def test_every_weight_is_in_the_graph_as_it_is(graph: bytes) -> None:
    """Nothing is folded: the graph of a model folder points into the weights file."""
    model = onnx.load_from_string(graph)
    found = {value.name: onnx.numpy_helper.to_array(value) for value in model.graph.initializer}
    for name, value in Picture().state_dict().items():
        if name != "norm.num_batches_tracked":
            np.testing.assert_array_equal(found[name], value.numpy(), err_msg=name)


class Undecided(nn.Module):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"y": x + 1 if x.sum() > 0 else x - 1}


def test_a_network_that_cannot_be_exported_gives_one_line() -> None:
    spec = GraphSpec({"x": np.ones((2, 3), np.float32)}, {"x": {0: "batch"}}, ("y",))
    with pytest.raises(ModelError, match="cannot be exported to ONNX") as caught:
        export_graph(Undecided(), spec)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_exporting_is_silent_and_leaves_the_loggers_alone(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    spec = GraphSpec({"input": np.ones((2, 4), np.float32)}, {"input": {0: "batch"}}, ("y",))
    export_graph(nn.Linear(4, 2).eval(), spec)
    assert capfd.readouterr() == ("", "")
    assert logger.level == before


def test_comparing_tells_the_largest_difference_of_each_output() -> None:
    first = {"a": np.array([1.0, 2.0]), "b": np.array([3], np.int64), "c": np.zeros((0, 4))}
    second = {"a": np.array([1.5, 2.1]), "b": np.array([1], np.int64), "c": np.zeros((0, 4))}
    assert compare_outputs(first, second) == {"a": 0.5, "b": 2, "c": 0}


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"b": np.zeros(2)}, r"outputs differ: \['a'\] and \['b'\]"),
        ({"a": np.zeros(3)}, r"output 'a': \(2,\) and \(3,\)"),
    ],
)
def test_comparing_what_cannot_be_compared(second: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        compare_outputs({"a": np.zeros(2)}, second)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    """A network and the folder that it was written to, in half precision."""
    folder = tmp_path_factory.mktemp("models") / "picture"
    network = Picture()
    write_model(network, PictureLearner().graph(), CARD, folder)
    return network, folder


def test_both_engines_agree_on_a_written_folder(model: tuple[nn.Module, Path]) -> None:
    _, folder = model
    network = Picture()
    load_weights(network, folder / WEIGHTS_FILE)
    values = feeds(3, 20, 32, seed=7)

    by_onnx = OnnxEngine(graph_path(folder)).run(values)
    by_torch = TorchEngine(network, EngineChoice("torch", "cpu")).run(values)

    assert max(compare_outputs(by_onnx, by_torch).values()) < 1e-5


def test_a_written_folder_is_whole(model: tuple[nn.Module, Path]) -> None:
    network, folder = model
    assert verify_folder(folder) == []
    card = read_card(folder)
    assert card.parameters == sum(p.numel() for p in network.parameters())
    assert card.recipe == {"data": "made up"}


def test_the_network_ends_with_the_weights_as_they_are_stored(
    model: tuple[nn.Module, Path],
) -> None:
    network, folder = model
    original = Picture().conv.weight
    assert not torch.equal(network.get_parameter("conv.weight"), original)  # rounded to half
    torch.testing.assert_close(network.get_parameter("conv.weight"), original, atol=1e-3, rtol=0)
    stored = read_weights(folder)
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(stored[name], value.numpy(), err_msg=name)


def test_full_precision_keeps_every_bit(
    graph: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cnntasks.training.model, "export_graph", lambda *_: graph)
    network = Picture()
    write_model(network, PictureLearner().graph(), CARD, tmp_path / "full", half=False)
    assert same_weights(network, Picture())


SETTINGS = FitSettings(epochs=3, rate=1e-2, seed=3)


def run(
    folder: Path,
    learner: ToyLearner | None = None,
    settings: FitSettings = SETTINGS,
    **options: Any,
) -> ModelCard:
    return train_model(
        ToyNetwork(),
        learner or ToyLearner(),
        CARD,
        folder,
        settings,
        device="cpu",
        progress=False,
        **options,
    )


def test_training_ends_with_a_model_folder(tmp_path: Path) -> None:
    asked: list[Path] = []

    def evaluate(folder: Path) -> dict[str, float]:
        asked.append(folder)
        assert verify_folder(folder) == []
        return {"quality": 0.123456}

    card = run(tmp_path / "toy", evaluate=evaluate)

    assert card == read_card(tmp_path / "toy")
    assert asked == [tmp_path / "toy"]
    assert card.metrics == {"validation_quality": 0.1235}
    assert card.recipe["data"] == "made up"
    assert card.recipe["fit"] == SETTINGS.to_dict()
    assert card.recipe["epochs_run"] == 3
    assert {"cnntasks", "torch", "lightning"} <= card.recipe["versions"].keys()
    assert (tmp_path / "toy" / "training" / "last.ckpt").is_file()
    assert verify_folder(tmp_path / "toy") == []


def test_an_interrupted_training_is_resumed_into_its_folder(tmp_path: Path) -> None:
    straight = run(tmp_path / "straight")
    with pytest.raises(KilledError):
        run(tmp_path / "cut", ToyLearner(die=STEPS + 3))
    assert [path.name for path in (tmp_path / "cut").iterdir()] == ["training"]

    resumed = run(tmp_path / "cut", resume=True)

    one, other = (read_weights(tmp_path / name) for name in ("straight", "cut"))
    assert all(np.array_equal(value, other[name]) for name, value in one.items())
    assert resumed.metrics == straight.metrics


def test_an_interrupted_training_may_be_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cnntasks.training.model, "write_model", lambda *_, **__: None)
    with pytest.raises(KilledError):
        run(tmp_path / "toy", ToyLearner(die=STEPS + 3))
    learner = ToyLearner()
    run(tmp_path / "toy", learner)
    assert learner.steps == 3 * STEPS


@pytest.mark.slow
def test_another_model_in_the_folder_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    run(folder)
    before = read_weights(folder)["first.weight"]
    run(folder, settings=FitSettings(epochs=1, seed=9))
    assert not np.array_equal(read_weights(folder)["first.weight"], before)
    assert verify_folder(folder) == []


def test_a_folder_of_something_else_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("It was a dark and stormy night.")
    learner = ToyLearner()

    with pytest.raises(ModelError, match=r"thesis: holds something other than a model"):
        run(tmp_path / "thesis", learner)

    assert learner.steps == 0
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter1.tex"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "toy").write_text("a file")
    with pytest.raises(ModelError, match="is there and is not a folder"):
        run(tmp_path / "toy")


def test_resuming_where_nothing_was_begun(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to resume"):
        run(tmp_path / "toy", resume=True)
    assert not (tmp_path / "toy").exists()
