"""`cnntasks models`: listing, showing, pulling, verifying and importing, as a person sees it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnntasks import plugins
from cnntasks.catalog import CatalogEntry
from cnntasks.cli.errors import run_guarded
from cnntasks.cli.models import models
from cnntasks.models.card import ModelCard
from cnntasks.models.folder import write_model_folder
from cnntasks.output.downloads import PullDisplay

PUBLISHED = b"published weights" * 100
CONVERTER = """
import numpy as np
from cnntasks.models.folder import write_model_folder

def convert(file, card, folder):
    weights = {"bytes": np.frombuffer(file.read_bytes(), dtype=np.uint8)}
    write_model_folder(folder, card, weights, None)
"""
CARD = ModelCard(
    name="small",
    task="detect",
    network={"name": "faster-rcnn", "backbone": "efficientnet-lite0"},
    classes=("cat", "dog"),
    summary="Finds cats and dogs.",
    licence="Apache-2.0",
    metrics={"mAP@50": 0.5537, "mAP": 0.31},
    notes=("Made for daylight.", "Fails on paintings."),
)


def run(*args: str) -> int:
    """`cnntasks models ARGS` without the discovery of plugins; returns the exit status."""
    return run_guarded(
        lambda: models.main(list(args), "cnntasks models", standalone_mode=False), debug=False
    )


@pytest.fixture(autouse=True)
def entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, CatalogEntry]:
    """One embedded and one published model; the cache is empty."""
    write_model_folder(tmp_path / "small", CARD, {"w": np.ones(5, np.float32)}, None)
    (tmp_path / "published_converter.py").write_text(CONVERTER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("CNNTASKS_CACHE", str(tmp_path / "cache"))
    published = CatalogEntry(
        name="monet",
        card=replace(CARD, name="monet", task="style", classes=(), metrics={}, licence="MIT"),
        url="http://127.0.0.1:9/monet.pth",
        sha256=hashlib.sha256(PUBLISHED).hexdigest(),
        size=len(PUBLISHED),
        convert="published_converter:convert",
    )
    known = {"small": CatalogEntry(name="small", folder=tmp_path / "small"), "monet": published}
    monkeypatch.setattr(plugins, "model_entries", lambda: known)
    return known


@pytest.fixture
def published(tmp_path: Path) -> Path:
    file = tmp_path / "monet.pth"
    file.write_bytes(PUBLISHED)
    return file


def test_without_a_subcommand_it_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    shown = capsys.readouterr()
    header, *rows = [line.split() for line in shown.out.splitlines()]
    assert header == ["name", "task", "classes", "size", "licence", "metric", "state"]
    assert rows[0][:3] == ["small", "detect", "2"]
    assert rows[0][-4:] == ["Apache-2.0", "mAP@50", "0.554", "embedded"]
    assert rows[1] == ["monet", "style", "0", "1.7", "kB", "MIT", "to", "download"]
    assert shown.err == ""
    assert run("list") == 0
    assert capsys.readouterr().out == shown.out


def test_options_of_the_list_work_without_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--task", "style", "--format", "json") == 0
    [row] = json.loads(capsys.readouterr().out)
    assert row == {
        "name": "monet",
        "task": "style",
        "classes": [],
        "size": len(PUBLISHED),
        "licence": "MIT",
        "metric": {},
        "state": "to download",
        "folder": None,
    }


def test_csv_has_sizes_in_bytes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run("list", "--format", "csv") == 0
    small, monet = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert int(small["size"]) == sum(it.stat().st_size for it in (tmp_path / "small").iterdir())
    assert (small["metric"], small["classes"]) == ("mAP@50 0.554", "2")
    assert (monet["size"], monet["state"]) == (str(len(PUBLISHED)), "to download")


def test_help_and_wrong_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("list", "show", "pull", "verify", "import"))
    assert run("lisst") == 2
    assert run("--format", "yaml") == 2


def test_show_tells_everything(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run("show", "small") == 0
    shown = capsys.readouterr().out
    for part in (
        "Finds cats and dogs.",
        '["cat", "dog"]',
        "Apache-2.0",
        '"mAP": 0.31',
        "efficientnet-lite0",
        "Made for daylight.",
        str(tmp_path / "small"),
    ):
        assert part in shown
    assert run("show", "small", "--format", "json") == 0
    described = json.loads(capsys.readouterr().out)
    assert described["card"]["metrics"] == {"mAP@50": 0.5537, "mAP": 0.31}
    assert described["folder"] == str(tmp_path / "small")


def test_show_knows_folders_and_published_models(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("show", str(tmp_path / "small")) == 0
    assert "folder" in capsys.readouterr().out
    assert run("show", "monet") == 0
    assert "http://127.0.0.1:9/monet.pth" in capsys.readouterr().out
    assert run("show", "smal") == 1
    assert "did you mean small?" in capsys.readouterr().err


def test_pull_from_a_file_prints_the_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, published: Path
) -> None:
    assert run("pull", "monet", "--from", str(published)) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{tmp_path / 'cache' / 'models' / 'monet'}\n"
    assert shown.err == "converting monet\n"
    assert run("--task", "style", "--format", "json") == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["state"], row["folder"]) == ("here", str(tmp_path / "cache" / "models" / "monet"))
    assert run("verify", "monet") == 0


def test_a_failed_pull_is_one_line_after_the_announcement(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert run("pull", "monet") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    announcement, error = shown.err.splitlines()
    assert announcement == (
        "downloading monet (1.7 kB, licence: MIT) from http://127.0.0.1:9/monet.pth"
    )
    assert "monet.pth: cannot be reached" in error


def test_verify_checks_what_is_here(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run("verify") == 0
    assert capsys.readouterr().out == "small: whole\n"
    weights = tmp_path / "small" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert run("verify", str(tmp_path / "small")) == 1
    assert "small: " in capsys.readouterr().out
    assert run("verify", "--format", "json") == 1
    [report] = json.loads(capsys.readouterr().out)
    assert (report["name"], len(report["problems"])) == ("small", 2)
    assert run("verify", "monet") == 1
    assert "`cnntasks models pull monet`" in capsys.readouterr().err


def test_an_imported_model_is_listed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run("import", str(tmp_path / "small"), "--name", "mine") == 0
    shown = capsys.readouterr()
    assert shown.out == f"{tmp_path / 'cache' / 'models' / 'mine'}\n"
    assert "--model mine" in shown.err
    assert run("--format", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"]: row["state"] for row in rows}["mine"] == "imported"
    assert run("import", str(tmp_path / "small")) == 1
    assert "choose another with --name" in capsys.readouterr().err


def test_a_broken_card_is_listed_as_such(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "small" / "card.json").write_text("{")
    assert run() == 0
    assert "unreadable" in capsys.readouterr().out
    assert run("show", "small") == 1
    assert "cannot be read" in capsys.readouterr().err
    assert run("verify") == 1


def test_a_strangers_card_sends_nothing_to_the_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nasty = "\x1b[31mred\x07\x9b2J[bold]"
    card = replace(
        CARD, task=nasty, licence=nasty, summary=nasty, notes=(nasty,), metrics={nasty: 1.0}
    )
    write_model_folder(tmp_path / "small", card, {}, None)
    for command in ([], ["--format", "csv"], ["--format", "json"], ["show", "small"], ["verify"]):
        assert run(*command) == 0
        shown = capsys.readouterr()
        assert all(char == "\n" or char.isprintable() for char in shown.out + shown.err)
        assert "red" in shown.out or command == ["verify"]
        assert "[bold]" in shown.out or command == ["verify"]


def test_progress_is_drawn_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def download() -> str:
        with PullDisplay() as display:
            display.log("downloading")
            for done in (0, 500_000, 1_000_000):
                display.progress(done, 1_000_000)
            display.log("converting")
        shown = capsys.readouterr()
        assert shown.out == ""
        return shown.err

    assert download() == "downloading\nconverting\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    shown = download()
    assert "1.0/1.0 MB" in shown
    assert shown.index("1.0/1.0 MB") < shown.index("converting")
