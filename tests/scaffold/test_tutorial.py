"""docs/plugins.md builds a plugin that works: its files are written, its commands run."""

from __future__ import annotations

import importlib
import io
import os
import runpy
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from tutorial import Command, File, steps
from written_plugins import keep_contract, register

from cnntasks import plugins
from cnntasks.cli.root import main

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


class Both(io.TextIOWrapper):
    """One stream for standard output and standard error, as a terminal shows them."""

    def __init__(self) -> None:
        self.kept = io.BytesIO()
        super().__init__(self.kept, encoding="utf-8", write_through=True)


def run(words: list[str]) -> tuple[int, str]:
    """Run one command line of ours, or a Python program, in this process."""
    shown = Both()
    status = 0
    with redirect_stdout(shown), redirect_stderr(shown):
        if words[0] == "cnntasks":
            os.environ.pop("CNNTASKS_PLUGINS_DIR", None)  # what the command before set for itself
            plugins.reset()
            status = main(words[1:])
        elif words[:2] == ["python", "-m"]:
            runpy.run_module(words[2], run_name="__main__")
        else:
            assert words[0] == "python"
            runpy.run_path(words[1], run_name="__main__")
        shown.flush()
    return status, shown.kept.getvalue().decode()


def check(command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, left: list[str]) -> None:
    """Do what a line of the page says, and compare what it prints."""
    words = shlex.split(command.line)
    if words == ["pip", "install", "-e", "."]:
        register(folder, folder / "site", monkeypatch)
    elif words == ["pytest"]:
        checked = keep_contract(
            folder / "tests" / "test_contract.py", "TestStripes", folder / "work", left
        )
        # The page says how many there are.
        assert len(checked) + len(left) == 11
    else:
        status, printed = run(words)
        assert command.prints(printed), f"{command.line}\n{printed}"
        failing = any(line.startswith("cnntasks: error: ") for line in command.output)
        assert (status != 0) == failing, command.line


def follow(folder: Path, monkeypatch: pytest.MonkeyPatch, left: list[str]) -> int:
    """Do everything that the page says; returns how many steps there were."""
    everything = list(steps(PAGE))
    for step in everything:
        if isinstance(step, File):
            place = folder / step.path
            place.parent.mkdir(exist_ok=True)
            place.write_text(step.text, encoding="utf-8")
            importlib.invalidate_caches()
        else:
            check(step, folder, monkeypatch, left)
    return len(everything)


@pytest.mark.timeout(900)
def test_the_tutorial_works(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The trainings of the contract take long, and the page has trained already.
    assert follow(clean, monkeypatch, ["test_training_resumes"]) > 20


def test_the_code_of_the_page_is_clean(clean: Path) -> None:
    files = {step.path: step.text for step in steps(PAGE) if isinstance(step, File)}
    for name, text in files.items():
        place = clean / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, encoding="utf-8")
    rules = "E,F,W,I,UP,B,C4,SIM,RET,PTH,N,PIE,RUF,PT,PERF,TID"
    given = ("--select", rules, "--ignore", "RUF001,RUF002,RUF003,RUF012,UP037")
    for arguments in (("check", *given), ("format", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--isolated", "--no-cache",
             "--line-length", "100", *(name for name in files if name.endswith(".py"))],
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_its_plugin_keeps_the_whole_contract(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert follow(clean, monkeypatch, []) > 20


def test_a_page_is_read_in_order(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Say:\n\n```python\n# a/b.py\nx = 1\n```\n\n```\nno step\n```\n\n"
        "```console\n$ cnntasks a\nfound ... of 3\n$ cnntasks b\n```\n"
    )
    file, first, second = steps(page)
    assert file == File("a/b.py", "x = 1\n")
    assert first == Command("cnntasks a", ("found ... of 3",))
    assert second == Command("cnntasks b", ())
    assert isinstance(first, Command)
    assert first.prints("found 2 of 3\n")
    assert not first.prints("found 2 of 3\nand more\n")
    assert not first.prints("found 2 of 4\n")
    assert isinstance(second, Command)
    assert second.prints("")
    assert not second.prints("something\n")
