"""`cnntasks plugins`: the table and the JSON, for plugins that work and plugins that do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import click
import pytest

from cnntasks.cli.plugins import plugins as command
from cnntasks.cli.root import main

Install = Callable[..., Path]

GOOD = """
import cnntasks

@cnntasks.hookimpl
def register_commands():
    return {"serve": ("Serve.", "serve_plugin:serve")}
"""
BAD_MODELS = """
import cnntasks

@cnntasks.hookimpl
def register_models():
    raise OSError("no card")
"""


@pytest.fixture
def three(install_plugin: Install, monkeypatch: pytest.MonkeyPatch) -> Install:
    """One plugin that works, one that does not import, one whose models fail."""
    install_plugin("good", GOOD, distribution="acme", version="1.2")
    install_plugin("broken", "import surely_missing")
    install_plugin("shelf", BAD_MODELS)
    monkeypatch.setenv("CNNTASKS_PLUGINS", "good,broken,shelf")
    return install_plugin


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    assert main(["plugins", "--format", "json"]) == 0
    return {info["name"]: info for info in json.loads(capsys.readouterr().out)}


def test_json(three: Install, capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(capsys)
    assert found["good"] == {
        "name": "good",
        "version": "1.2",
        "distribution": "acme",
        "verbs": ["serve"],
        "hooks": ["register_commands"],
        "status": "ok",
        "error": None,
    }
    assert found["broken"]["status"] == "failed"
    assert "surely_missing" in found["broken"]["error"]
    assert list(found) == sorted(found)


def test_the_hook_for_models_is_tried_too(
    three: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf = listed(capsys)["shelf"]
    assert (shelf["status"], shelf["error"]) == ("failed", "OSError: no card")


def test_the_built_in_task_is_a_plugin_like_any_other(
    install_plugin: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    detect = listed(capsys)["detect"]
    assert detect["distribution"] == "cnntasks"
    assert (detect["status"], detect["error"]) == ("ok", None)
    assert detect["verbs"] == ["detect"]


def test_disabled_plugins_are_listed(
    three: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNTASKS_DISABLE_PLUGINS", "good")
    good = listed(capsys)["good"]
    assert (good["status"], good["verbs"]) == ("disabled", [])
    assert good["error"] == "CNNTASKS_DISABLE_PLUGINS names it"


@pytest.mark.parametrize("columns", ["200", "60"])
def test_table(
    columns: str,
    three: Install,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["plugins"]) == 0
    output = capsys.readouterr().out
    assert all(len(line) <= int(columns) for line in output.splitlines())
    if columns == "200":
        (row,) = (line.split() for line in output.splitlines() if line.startswith(" good"))
        assert row == ["good", "1.2", "acme", "serve", "register_commands", "ok"]
        assert "broken: it needs the module 'surely_missing', which is not installed" in output


def test_what_a_plugin_says_is_no_markup(
    install_plugin: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("CNNTASKS_PLUGINS", "odd")
    install_plugin("odd", "raise RuntimeError('[bold]text[/nonsense]')")
    assert main(["plugins"]) == 0
    assert "odd: RuntimeError: [bold]text[/nonsense]" in capsys.readouterr().out


def test_without_any_plugin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, install_plugin: Install
) -> None:
    monkeypatch.setattr(metadata, "distributions", list)
    assert main(["plugins"]) == 0
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "no plugin is installed\n")
    assert main(["plugins", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_subcommand_runs_without_the_list(
    three: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def new() -> None:
        click.echo("made")

    monkeypatch.setitem(command.commands, "new", new)
    assert main(["plugins", "new"]) == 0
    assert capsys.readouterr().out == "made\n"
