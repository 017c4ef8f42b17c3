"""Fixtures of the tests of the command line, of `cnntasks detect` and of `cnntasks style`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from acting import ACT, PLUGIN, START, Install, Run
from detect_runs import SAMPLES, Detect, Shown
from style_runs import Style, ToyTransfer, write_given

from cnntasks.cli.root import main


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `cat.webp` and, in `farm/`, `cow.webp` and `dog.webp`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "farm").mkdir()
    shutil.copy(SAMPLES / "cat.webp", tmp_path)
    for name in ("cow.webp", "dog.webp"):
        shutil.copy(SAMPLES / name, tmp_path / "farm")
    return tmp_path


@pytest.fixture
def detect(pictures: Path, tiny_detector: Path, capfd: pytest.CaptureFixture[str]) -> Detect:
    """`detect(*args)` runs `cnntasks detect --model TINY ARGS` in the folder `pictures`."""

    def run(*args: str | Path) -> Shown:
        capfd.readouterr()
        status = main(["detect", "--model", str(tiny_detector), *map(str, args)])
        shown = capfd.readouterr()
        return Shown(status, shown.out, shown.err)

    return run


@pytest.fixture
def style(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Style:
    """`style(*args)` runs `cnntasks style ARGS` with a toy transfer, beside pictures and masks."""
    monkeypatch.chdir(tmp_path)
    write_given()
    toy = ToyTransfer()

    def load(task: str, model: str | None = None, **options: object) -> ToyTransfer:
        toy.loaded = {"task": task, "model": model, **options}
        return toy

    monkeypatch.setattr("cnntasks.load", load)
    return Style(tmp_path, toy, capfd)


@pytest.fixture
def act(install_plugin: Install, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The plugin above, alone; returns its folder."""
    site = install_plugin("act", PLUGIN)
    (site / "act_command.py").write_text(ACT, encoding="utf-8")
    (site / "unready_module.py").write_text("raise RuntimeError('not ready')", encoding="utf-8")
    monkeypatch.setenv("CNNTASKS_PLUGINS", "act")
    return site


@pytest.fixture
def run(act: Path) -> Run:
    """Run the command line with that plugin in a fresh interpreter."""

    def start(*args: str, code: str = "sys.exit(status)", **options: str) -> object:
        return subprocess.run(
            [sys.executable, "-c", START + code, *args],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(act), **options},
        )

    return start  # type: ignore[return-value]
