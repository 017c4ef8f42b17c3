"""Fixtures of the tests of `cnntasks plugins new` and of the tutorial."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from written_plugins import forget, register

from cnntasks import plugins
from cnntasks.scaffold.make import make_project


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, empty; whatever is imported from it is forgotten afterwards."""
    path = list(sys.path)
    monkeypatch.chdir(tmp_path)
    # Set and deleted, so that what `--plugins-dir` sets is undone as well.
    monkeypatch.setenv("CNNTASKS_PLUGINS_DIR", "")
    monkeypatch.delenv("CNNTASKS_PLUGINS_DIR")
    yield tmp_path
    sys.path[:] = path
    forget(tmp_path)


@pytest.fixture
def written(clean: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """`written(kind)` writes the project `try-out`, registers it, and returns its folder."""

    def write(kind: str) -> Path:
        project = make_project("try-out", kind).resolve()
        register(project, clean / "site", monkeypatch)
        [found] = [it for it in plugins.registry().plugins if it.name == "try-out"]
        assert found.status == "ok"
        return project

    return write
