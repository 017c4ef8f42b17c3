"""The models of the plugin: every folder there is, by the name of its card."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cnntasks_speech import cards, register_models


def test_every_model_folder_is_an_entry(
    tmp_path: Path, tones: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b", "a"):
        shutil.copytree(tones, tmp_path / name)
    (tmp_path / "notes").mkdir()
    monkeypatch.setattr(cards, "_EMBEDDED", tmp_path)
    assert [entry.name for entry in register_models()] == ["a", "b"]
    assert [entry.folder for entry in register_models()] == [tmp_path / "a", tmp_path / "b"]
