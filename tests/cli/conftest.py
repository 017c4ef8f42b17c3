"""Fixtures of the tests of `cnntasks detect`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from detect_runs import SAMPLES, Detect, Shown

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
