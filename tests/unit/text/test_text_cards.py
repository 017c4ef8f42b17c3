"""The models of the plugin: every folder there is, by the name of its card."""

from __future__ import annotations

from pathlib import Path

import pytest
from cnntasks_text import cards, register_models
from tiny_text import copy_model


def test_every_model_folder_is_an_entry(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b", "a"):
        copy_model(tiny_model, tmp_path / name, name=name)
    (tmp_path / "notes").mkdir()
    monkeypatch.setattr(cards, "_EMBEDDED", tmp_path)
    assert [entry.name for entry in register_models()] == ["a", "b"]
    assert [entry.folder for entry in register_models()] == [tmp_path / "a", tmp_path / "b"]
