"""Plugins for these tests are the only ones: the real ones of the environment are hidden."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from textwrap import dedent

import pytest

#: A working plugin; `{verb}` is to be replaced.
WORKING = """
import cnntasks

@cnntasks.hookimpl
def register_tasks():
    return [cnntasks.TaskSpec(
        name="{verb}", summary="Do {verb}.", default_model="{verb}-small",
        command="{verb}_plugin:command", predictor="{verb}_plugin:Predictor")]
"""


@pytest.fixture
def install(
    install_plugin: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """`install_plugin`, with the environment's own plugins hidden."""
    find = metadata.distributions
    monkeypatch.setattr(metadata, "distributions", lambda: find(path=[str(tmp_path / "site")]))
    return install_plugin


@pytest.fixture
def install_working(install: Callable[..., Path]) -> Callable[..., Path]:
    """`install_working(verb, **install options)` installs a plugin that works."""

    def working(verb: str, name: str | None = None, **options: str) -> Path:
        return install(name or verb, dedent(WORKING.replace("{verb}", verb)), **options)

    return working
