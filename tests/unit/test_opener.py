"""Tasks with an opener instead of a predictor: what `load` gives it, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cnntasks
from cnntasks import DeviceError, ModelCard, ModelError, PluginError, UsageError, plugins
from cnntasks.cli.root import main
from cnntasks.pipeline import open_pipeline, open_task

CODE = """
import click
import cnntasks

class Opened:
    def __init__(self, card, folder, choice, **options):
        self.card, self.folder, self.choice, self.options = card, folder, choice, options

    def __call__(self, left, right):
        return left + right

def nothing(card, folder, choice):
    return 3

@click.command("join")
@cnntasks.task_options()
def command(common):
    cnntasks.run_task("join", ["a.png"], common, {})

@cnntasks.hookimpl
def register_tasks():
    return [
        cnntasks.TaskSpec(
            "join", "Join two.", "joiner", "fake_join:command", opener="fake_join:Opened"),
        cnntasks.TaskSpec(
            "broken", "Opens badly.", "joiner", "fake_join:command", opener="fake_join:nothing"),
    ]
"""


@pytest.fixture
def model(
    install_plugin: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The plugin above, alone, and a model folder for its verb `join`."""
    install_plugin("join", CODE)
    monkeypatch.setenv("CNNTASKS_PLUGINS", "join")
    folder = tmp_path / "joiner"
    cnntasks.write_model_folder(folder, ModelCard("joiner", "join", {"name": "join"}), {}, None)
    return folder


def test_load_returns_what_the_opener_returns(model: Path) -> None:
    opened: Any = cnntasks.load("join", model, strength=3)
    assert opened("a", "b") == "ab"
    assert opened.card.name == "joiner"
    assert opened.folder == model
    assert opened.options == {"strength": 3}
    assert opened.choice == cnntasks.EngineChoice("torch", "cpu", "float32")


def test_torch_is_what_runs_it(model: Path) -> None:
    assert cnntasks.load("join", model, engine="torch", precision="bfloat16").choice == (
        cnntasks.EngineChoice("torch", "cpu", "bfloat16")
    )
    with pytest.raises(UsageError, match="join runs in torch only; use --engine torch"):
        cnntasks.load("join", model, engine="onnx")
    with pytest.raises(UsageError, match="there is no engine 'tvm'"):
        cnntasks.load("join", model, engine="tvm")
    with pytest.raises(UsageError, match="join works on one input at a time"):
        cnntasks.load("join", model, batch_size=4)


def test_an_absent_device_is_told_before_anything_is_opened(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(DeviceError, match="device 'cuda:0' is not available"):
        cnntasks.load("join", model, device="cuda")


def test_the_model_must_be_of_the_task(model: Path) -> None:
    with pytest.raises(ModelError, match="a model for `cnntasks join`, not for `cnntasks broken`"):
        cnntasks.load("broken", model)


def test_an_opener_returns_something_that_can_be_called(model: Path) -> None:
    choice = cnntasks.EngineChoice("torch", "cpu")
    with pytest.raises(PluginError, match="'fake_join:nothing' returned a int, which cannot be"):
        open_task(plugins.get_task("broken"), model, choice)


def test_neither_way_of_opening_is_taken_for_the_other(model: Path) -> None:
    choice = cnntasks.EngineChoice("torch", "cpu")
    with pytest.raises(PluginError, match="join: this task has no predictor"):
        open_pipeline(plugins.get_task("join"), model, choice)
    plain = cnntasks.TaskSpec("plain", "s", "m", "p:c", "p:P")
    with pytest.raises(PluginError, match="plain: this task has no opener"):
        open_task(plain, model, choice)


def test_run_task_is_for_pipelines(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["join", "--model", str(model)]) == 1
    assert "join: a task with an opener has no pipeline" in capsys.readouterr().err


def test_everything_that_lists_tasks_knows_it(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["--help"], ["plugins"], ["models", "verify", f"{model}/"]):
        assert main(words) == 0, words
    shown = capsys.readouterr().out
    assert "Join two." in shown
    assert "broken join" in shown
    assert "joiner: whole" in shown
    assert main(["train", "join"]) == 2
    assert "no such task 'join'" in capsys.readouterr().err
