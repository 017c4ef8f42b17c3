"""A new model is called after its folder, by a name that its card may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnntasks import ModelCard
from cnntasks.cli.fitting import FitOptions
from cnntasks.training.fit import FitSettings


def named(output: Path) -> str:
    return FitOptions(output, FitSettings(), "cpu", resume=False, quiet=True).name


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("runs/pets-v2.1", "pets-v2.1"),
        ("my pets", "my-pets"),
        (".hidden", "hidden"),
        ("Hunde & Katzen (groß)", "Hunde-Katzen-gro"),
        ("日本", "model"),
    ],
)
def test_the_name_is_one_that_a_card_may_have(folder: str, name: str, tmp_path: Path) -> None:
    assert named(tmp_path / folder) == name
    card = ModelCard(name, "classify", {"name": "classifier"})
    assert ModelCard.from_json(card.to_json(), "card.json").name == name


def test_the_current_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pets").mkdir()
    monkeypatch.chdir(tmp_path / "pets")
    assert named(Path()) == "pets"
