"""The command line as a process of its own: statuses, pipes, completion, speed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from acting import HEAVY, START, Install, Run


def test_statuses_of_the_process(run: Run) -> None:
    for action, status in (("print", 0), ("input", 1), ("usage", 2), ("kill", 130)):
        done = run("act", action)
        assert done.returncode == status, done.stderr
    assert done.stderr == "cnntasks: interrupted\n"


def test_a_warning_does_not_reach_the_person(run: Run) -> None:
    assert run("act", "warn", PYTHONWARNINGS="").stderr == ""
    assert "careful" in run("act", "warn", "--debug", PYTHONWARNINGS="").stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes of a POSIX shell")
@pytest.mark.parametrize("action", ["flood", "print"])
@pytest.mark.parametrize("unbuffered", ["1", ""])
def test_a_reader_that_has_gone_is_no_error(action: str, unbuffered: str, act: Path) -> None:
    code = f"{START}sys.exit(status)"
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        [sys.executable, "-c", code, "act", action],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(act), "PYTHONUNBUFFERED": unbuffered},
    )
    os.close(writer)
    _, error = process.communicate(timeout=60)
    assert error == ""
    assert process.returncode == 128 + signal.SIGPIPE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_told(act: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-c", f"{START}sys.exit(status)", "act", "print"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(act), "PYTHONUNBUFFERED": ""},
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("cnntasks: error: cannot write the output")


@pytest.mark.parametrize(
    ("words", "position", "expected", "unexpected"),
    [
        ("cnntasks ", 1, {"act", "serve", "models"}, {"--help"}),
        ("cnntasks ac", 1, {"act"}, {"serve", "absent"}),
        ("cnntasks --pl", 1, {"--plugins-dir"}, {"act"}),
        ("cnntasks act fl", 2, {"flood"}, {"print"}),
        ("cnntasks act --de", 2, {"--debug"}, {"flood"}),
    ],
)
def test_completion(
    words: str, position: int, expected: set[str], unexpected: set[str], run: Run
) -> None:
    done = run(
        code="print('\\n' + ' '.join(sys.modules))",
        COMP_WORDS=words,
        COMP_CWORD=str(position),
        _CNNTASKS_COMPLETE="bash_complete",
    )
    *lines, modules = done.stdout.splitlines()
    offered = {line.partition(",")[2] for line in lines}
    assert expected <= offered
    assert not unexpected & offered
    assert not set(modules.split()) & set(HEAVY)
    assert ("act_command" in modules.split()) == (position == 2)


@pytest.mark.parametrize("words", ["cnntasks nothing-like-it x", "cnntasks absent x"])
def test_completion_is_silent_whatever_goes_wrong(
    words: str, run: Run, install_plugin: Install
) -> None:
    install_plugin("bad", "raise RuntimeError('broken')")
    done = run(
        COMP_WORDS=words,
        COMP_CWORD="2",
        _CNNTASKS_COMPLETE="bash_complete",
        CNNTASKS_PLUGINS="act,bad",
    )
    assert done.stderr == ""
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_of_each_shell(shell: str, run: Run) -> None:
    done = run(_CNNTASKS_COMPLETE=f"{shell}_source")
    if shell == "bash" and not done.stdout:
        pytest.skip("no bash here that click can ask for its version")
    assert done.returncode == 0
    assert "_CNNTASKS_COMPLETE" in done.stdout


def test_help_is_quick(run: Run) -> None:
    # Five times what it takes on a quiet machine: catches an import that does not belong.
    best = min(_seconds(run) for _ in range(3))
    assert best < 0.75


def _seconds(run: Run) -> float:
    start = time.perf_counter()
    run("--help")
    return time.perf_counter() - start
