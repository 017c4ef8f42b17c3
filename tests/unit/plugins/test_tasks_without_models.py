"""Verbs that bring no model: `default_model=None`, and those that are a command only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import cnntasks
from cnntasks import PluginError, UsageError, plugins
from cnntasks.cli import examination
from cnntasks.cli.root import main

CODE = """
import click
import cnntasks

@click.command()
def command():
    click.echo("measured")

def spec(name, model, **more):
    return cnntasks.TaskSpec(name, "A verb.", model, "fake_rulers:command", **more)

@cnntasks.hookimpl
def register_tasks():
    return [spec("ruler", None), spec("lens", "far", accepts=("classify",))]
"""


@pytest.fixture
def rulers(install_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin above, alone."""
    install_plugin("rulers", CODE)
    monkeypatch.setenv("CNNTASKS_PLUGINS", "rulers")
    plugins.reset()


@pytest.mark.usefixtures("rulers")
def test_it_is_listed_completed_and_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (["--help"], ["plugins"], ["models"], ["models", "--task", "ruler"], ["ruler"]):
        assert main(words) == 0, words
    shown = capsys.readouterr().out
    assert "lens ruler" in shown
    assert shown.rstrip().endswith("measured")
    monkeypatch.setenv("_CNNTASKS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "cnntasks ru")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert main([]) == 0
    assert "ruler" in capsys.readouterr().out


@pytest.mark.usefixtures("rulers")
def test_doctor_says_that_there_is_no_model(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    works = {"works": True, "detail": "fine", "devices": {}, "fast_cpu": True, "gpu_build": False}
    monkeypatch.setattr(examination, "probe", lambda code, *_: works)
    main(["doctor"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["ruler", "no", "model"] in lines
    assert ["lens", "far"] in lines
    assert examination.examine()["tasks"] == {"ruler": None, "lens": "far"}


@pytest.mark.usefixtures("rulers")
def test_there_is_nothing_to_load() -> None:
    with pytest.raises(UsageError, match="ruler has no model of its own; name one with --model"):
        cnntasks.find_model("ruler")
    for task in ("ruler", "lens"):
        with pytest.raises(PluginError, match=f"it is a command: `cnntasks {task}`"):
            cnntasks.load(task)
