"""`cnntasks.open_network`: any task's model as a torch network with gradients to its input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch

import cnntasks
from cnntasks import ModelCard, ModelError, Source, UsageError, plugins

PLUGIN = """
import numpy as np
import torch
from torch import nn
import cnntasks

class Sound:
    suffixes, columns = (".wav",), ()

    def __init__(self, card, loudness=1.0):
        self.loudness = loudness

    def decode(self, source):
        return source.value

    def preprocess(self, item):
        return {"features": self.loudness * item}

    def collate(self, feeds):
        longest = max(feed["features"].shape[1] for feed in feeds)
        return {"features": np.stack([
            np.pad(feed["features"], ((0, 0), (0, longest - feed["features"].shape[1])))
            for feed in feeds])}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, features):
        return {"scores": self.layer(features.mean(dim=2)).softmax(dim=1)}

def build(card):
    return Net()

@cnntasks.hookimpl
def register_tasks():
    spec = lambda name, **more: cnntasks.TaskSpec(
        name, "Hear.", "m", "fake_hear:command", "fake_hear:Sound", **more)
    return [spec("hear", network="fake_hear:build"), spec("graph-only")]
"""


@pytest.fixture
def folder(
    install_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """A model of a task whose feed is M×T features, with a plugin that knows it."""
    install_plugin("hear", PLUGIN)
    monkeypatch.setenv("CNNTASKS_PLUGINS", "hear,classify")
    plugins.reset()
    weights = {
        "layer.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
        "layer.bias": np.zeros(3, np.float32),
    }
    target = tmp_path / "ear"
    card = ModelCard("ear", "hear", {"name": "net"}, classes=("a", "b", "c"))
    cnntasks.write_model_folder(target, card, weights, None)
    return target


def source(value: object) -> Source:
    return Source("array", PurePosixPath("array"), bytes, value=value)


def test_features_of_any_shape_are_fed_and_have_gradients(folder: Path) -> None:
    opened = cnntasks.open_network(folder, loudness=2.0)
    assert opened.card.task == "hear"
    assert not opened.network.training
    items = [opened.decode(source(np.ones((4, length), np.float32))) for length in (5, 7)]
    feeds = opened.feeds(items)
    assert feeds["features"].shape == (2, 4, 7)
    assert feeds["features"].max() == 2
    feeds["features"].requires_grad_()
    opened.network(**feeds)["scores"][0, 1].backward()
    gradient = feeds["features"].grad
    assert gradient is not None
    assert gradient[0].abs().sum() > 0
    assert gradient[1].abs().sum() == 0
    assert all(parameter.grad is None for parameter in opened.network.parameters())


def test_pixels_become_numbers_that_a_gradient_flows_to() -> None:
    opened = cnntasks.open_network(cnntasks.find_model("classify", "mnist-lenet5"))
    picture = np.zeros((28, 28, 3), np.uint8)
    picture[6:22, 12:16] = 255
    feeds = opened.feeds([opened.decode(source(picture))])
    pixels = feeds["pixels"].requires_grad_()
    assert pixels.dtype == torch.float32
    assert pixels.shape == (1, 32, 32, 1)
    assert pixels.max() == 255
    scores = opened.network(**feeds)["scores"]
    with torch.no_grad():
        pipeline = cnntasks.load("classify", "mnist-lenet5", top=None, threshold=0.0)
        expected = pipeline(picture)
    assert expected.names[0] == opened.card.classes[int(scores.argmax())]
    # A softmax as sure as this one lets no gradient through: methods start at the logits.
    opened.network.logits(pixels)["logits"].max().backward()  # type: ignore[operator]
    assert pixels.grad is not None
    assert pixels.grad.abs().max() > 0


def test_what_is_needed_is_told(folder: Path, tmp_path: Path) -> None:
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"a graph without weights\.safetensors; train it or pull"):
        cnntasks.open_network(folder)
    for task, message in (
        ("graph-only", r"gradients need a torch network.* registers none \(TaskSpec.network\)"),
        ("hea", "gradients need the torch network of that task: .*did you mean hear"),
    ):
        other = tmp_path / task
        cnntasks.write_model_folder(other, ModelCard(task, task, {"name": "net"}), {}, None)
        with pytest.raises(ModelError, match=message):
            cnntasks.open_network(other)


def test_data_sets_are_read_by_another_plugin(tmp_path: Path) -> None:
    for name, value in (("dark", 0), ("light", 255)):
        for number in range(2):
            picture = np.full((8, 8, 3), value, np.uint8)
            cnntasks.write_image(tmp_path / name / f"{number}.png", picture)
    (part,) = cnntasks.data_formats("classify").read(tmp_path)
    assert part.classes == ("dark", "light")
    assert [example.load().max() for example in part.examples] == [0, 0, 255, 255]
    with pytest.raises(UsageError, match=r"detect does not tell how its data sets are read"):
        cnntasks.data_formats("detect")


def test_a_lifecycle_command_runs_within_the_process(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=r"cnntasks evaluate classify: No such option.*--nonsense"):
        cnntasks.run_lifecycle("evaluate", "classify", ["--nonsense"])
    with pytest.raises(UsageError, match="no such task 'style'; tasks that can"):
        cnntasks.run_lifecycle("evaluate", "style", [])
    for digit in "01":
        cnntasks.write_image(tmp_path / digit / "a.png", np.zeros((28, 28, 3), np.uint8))
    model = ["--model", "mnist-lenet5", "--format", "json"]
    cnntasks.run_lifecycle("evaluate", "classify", [str(tmp_path), *model, "-o", f"{tmp_path}/r"])
    assert '"top1"' in capsys.readouterr().out
    assert (tmp_path / "r" / "report.json").is_file()
