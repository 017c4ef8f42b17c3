"""The model made by hand, written once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_text import write_tiny_model

import cnntasks


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def load_tiny(tiny_model: Path) -> Callable[..., cnntasks.Pipeline]:
    """`load_tiny(**options)` loads that model."""

    def load(**options: object) -> cnntasks.Pipeline:
        return cnntasks.load("text", tiny_model, **options)  # type: ignore[arg-type]

    return load


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
