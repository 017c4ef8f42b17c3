"""Further files of a model folder (a tokenizer): written, checked, copied and replaced with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from model_samples import Arrays

from cnntasks.errors import ModelError
from cnntasks.models.card import ModelCard, read_card
from cnntasks.models.folder import (
    folder_size,
    model_files,
    verify_folder,
    write_model_folder,
)
from cnntasks.models.store import import_model

WORDS = {"tokenizer.json": b'{"words": ["a", "b"]}', "notes.bin": bytes(range(256))}


@pytest.fixture
def folder(tmp_path: Path, card: ModelCard, weights: Arrays) -> Path:
    write_model_folder(tmp_path / "m", card, weights, None, files=WORDS)
    return tmp_path / "m"


def test_they_come_back_as_they_were_given(folder: Path) -> None:
    assert {name: (folder / name).read_bytes() for name in WORDS} == WORDS
    assert verify_folder(folder) == []
    assert set(WORDS) < set(model_files(folder))
    assert folder_size(folder) == sum(path.stat().st_size for path in folder.iterdir())


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_damage_is_a_problem(folder: Path, damage: str) -> None:
    path = folder / "tokenizer.json"
    if damage == "changed":
        path.write_bytes(b"{}")
    else:
        path.unlink()
    [problem] = verify_folder(folder)
    assert problem.startswith(f"{path}: ")
    assert ("is missing" if damage == "missing" else "has the SHA-256") in problem


def test_they_are_imported_with_their_model(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "diary.txt").write_text("private")
    copy = import_model(folder, {}, name="copied")
    assert read_card(copy).name == "copied"
    assert (copy / "tokenizer.json").read_bytes() == WORDS["tokenizer.json"]
    assert not (copy / "diary.txt").exists()
    assert verify_folder(copy) == []


def test_a_replaced_model_leaves_none_of_its_files_behind(
    folder: Path, card: ModelCard, weights: Arrays
) -> None:
    (folder / "diary.txt").write_text("private")
    changed = {"tokenizer.json": b"new"}
    write_model_folder(folder, replace(card, summary="second"), weights, None, files=changed)
    assert (folder / "tokenizer.json").read_bytes() == b"new"
    assert not (folder / "notes.bin").exists()
    assert (folder / "diary.txt").read_text() == "private"
    assert verify_folder(folder) == []


def test_a_new_file_takes_the_place_of_a_persons_of_that_name(
    folder: Path, card: ModelCard, weights: Arrays
) -> None:
    (folder / "vectors.txt").write_text("mine")
    write_model_folder(folder, card, weights, None, files={"vectors.txt": b"the model's"})
    assert (folder / "vectors.txt").read_bytes() == b"the model's"


@pytest.mark.parametrize(
    "name",
    ["card.json", "Graph.ONNX", "training", "../up", "a/b", "/root", "", ".", "..", ".x", "a\nb"],
)
def test_a_name_that_is_taken_or_not_plain_is_refused(
    tmp_path: Path, card: ModelCard, name: str
) -> None:
    with pytest.raises(ModelError, match="cannot be called"):
        write_model_folder(tmp_path / "m", card, {}, None, files={name: b""})
    assert list(tmp_path.iterdir()) == []


def test_a_strangers_checksums_reach_no_file_outside(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with (folder / "SHA256SUMS").open("a") as sums:
        sums.write(f"{'0' * 64}  ../secret\n{'0' * 64}  {secret}\n")
    assert not any("secret" in name for name in model_files(folder))
    problems = verify_folder(folder)
    assert len(problems) == 2
    assert all("is no file of a model" in problem for problem in problems)


def test_without_readable_checksums_the_usual_files_are_known(folder: Path) -> None:
    (folder / "SHA256SUMS").write_bytes(b"\xff\xfe")
    assert "weights.safetensors" in model_files(folder)
    assert "tokenizer.json" not in model_files(folder)
