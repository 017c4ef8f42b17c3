"""The command line's start, its help, and how anything that goes wrong is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import cnntasks
from cnntasks import plugins
from cnntasks.cli import root
from cnntasks.cli.root import main

Install = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[str]]

HEAVY = ("numpy", "torch", "onnxruntime", "PIL", "rich", "onnx", "lightning", "matplotlib")
START = "import sys; from cnntasks.cli.root import main; status = main(sys.argv[1:]); "

#: The verb `act`, in a module of its own as a real plugin has it.
ACT = """
import sys, warnings
import click
import cnntasks

class Panic(BaseException):
    pass

def out_of_gpu():
    class OutOfMemoryError(RuntimeError):
        pass
    raise OutOfMemoryError("CUDA out of memory")

def fail(error):
    raise error

ACTIONS = {
    "nothing": lambda: None,
    "status": lambda: 1,
    "true": lambda: True,
    "exit": lambda: click.get_current_context().exit(1),
    "system-exit": lambda: sys.exit(1),
    "system-exit-text": lambda: sys.exit("so long"),
    "input": lambda: fail(cnntasks.InputError("a.jpg: is no picture")),
    "usage": lambda: fail(cnntasks.UsageError("--a contradicts --b")),
    "click": lambda: fail(click.ClickException("Cannot do that.")),
    "value": lambda: fail(ValueError("two\\nlines \\x1b[31m")),
    "bare": lambda: fail(RuntimeError()),
    "memory": lambda: fail(MemoryError()),
    "gpu-memory": out_of_gpu,
    "eof": lambda: fail(EOFError("ran out of input")),
    "pipe": lambda: fail(BrokenPipeError(32, "a worker has gone")),
    "panic": lambda: fail(Panic("at the disco")),
    "interrupt": lambda: fail(KeyboardInterrupt()),
    "abort": lambda: fail(click.Abort()),
    "warn": lambda: warnings.warn("careful"),
    "flood": lambda: [print("x" * 1000) for _ in range(10_000)],
    "print": lambda: print("done"),
    "kill": lambda: __import__("signal").raise_signal(2),
}

@click.command()
@click.argument("action", type=click.Choice(list(ACTIONS)))
@click.option("--debug", is_flag=True)
def act(action, debug):
    return ACTIONS[action]()
"""
PLUGIN = """
import cnntasks

@cnntasks.hookimpl
def register_tasks():
    return [cnntasks.TaskSpec("act", "Act as told.", "m", "act_command:act", "act_command:P"),
            cnntasks.TaskSpec("absent", "Not there.", "m", "no_such_module:act", "p:P"),
            cnntasks.TaskSpec("unready", "Raises.", "m", "unready_module:act", "p:P"),
            cnntasks.TaskSpec("wrong", "No command.", "m", "act_command:ACTIONS", "p:P")]

@cnntasks.hookimpl
def register_commands():
    return {"serve": ("Serve it.", "act_command:act")}
"""


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


@pytest.mark.parametrize("args", [[], ["--help"], ["--version"]])
def test_the_start_imports_nothing_heavy(args: list[str], run: Run) -> None:
    done = run(*args, code="print('\\n' + ' '.join(sys.modules))", CNNTASKS_PLUGINS="")
    assert done.returncode == 0, done.stderr
    modules = set(done.stdout.splitlines()[-1].split())
    assert "click" in modules
    assert not modules & set(HEAVY)
    commands = {f"cnntasks.cli.{name}" for name in ("models", "data", "doctor", "options")}
    assert not modules & (commands | {"act_command", "asyncio"})


def test_help_lists_tasks_and_commands_apart(act: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    before, _, rest = output.out.partition("\nTasks:\n")
    tasks, _, commands = rest.partition("\nCommands:\n")
    assert "--plugins-dir DIR" in before
    assert [line.split()[0] for line in tasks.splitlines() if line] == [
        "absent",
        "act",
        "unready",
        "wrong",
    ]
    assert "act      Act as told." in tasks
    names = [line.split()[0] for line in commands.splitlines() if line]
    assert names == [*root.COMMANDS, "serve"]


def test_bare_is_help(act: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    expected = capsys.readouterr().out
    assert main([]) == 0
    assert capsys.readouterr().out == expected


def test_version(act: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"cnntasks {cnntasks.__version__}\n"


def test_no_plugin_can_have_the_name_of_a_command() -> None:
    assert set(root.COMMANDS) <= plugins.CORE_COMMANDS


@pytest.mark.parametrize("verb", root.COMMANDS)
def test_every_listed_command_is_there(verb: str, act: Path) -> None:
    with click.Context(root.cli) as ctx:
        command = root.cli.get_command(ctx, verb)
    assert command is not None
    assert command.name == verb


def test_verbs_and_commands_of_plugins_run(act: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["act", "print"]) == 0
    assert main(["serve", "print"]) == 0
    assert capsys.readouterr().out == "done\ndone\n"


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        (["act", "nothing"], 0, ""),
        (["act", "status"], 1, ""),
        (["act", "true"], 0, ""),
        (["act", "exit"], 1, ""),
        (["act", "system-exit"], 1, ""),
        (["act", "system-exit-text"], 1, "error: so long"),
        (["act", "input"], 1, "error: a.jpg: is no picture"),
        (["act", "usage"], 2, "error: --a contradicts --b"),
        (["act", "click"], 1, "error: Cannot do that"),
        (
            ["act", "value"],
            1,
            "error: unexpected ValueError: two lines  [31m (--debug shows the traceback)",
        ),
        (["act", "bare"], 1, "error: unexpected RuntimeError (--debug shows the traceback)"),
        (["act", "memory"], 1, "error: out of memory; use a smaller --batch-size"),
        (["act", "gpu-memory"], 1, "error: out of memory; use a smaller --batch-size"),
        (["act", "eof"], 1, "error: unexpected EOFError: ran out of input"),
        (["act", "pipe"], 1, "error: unexpected BrokenPipeError: [Errno 32] a worker has gone"),
        (["act", "panic"], 1, "error: unexpected Panic: at the disco"),
        (["act", "interrupt"], 130, "interrupted"),
        (["act", "abort"], 1, "aborted"),
        (["act", "warn"], 0, ""),
        (["act"], 2, "error: Missing argument '"),
        (["act", "nothing", "--odd"], 2, "error: No such option"),
        (["--odd"], 2, "error: No such option"),
        (["atc"], 2, "error: there is no verb 'atc'; did you mean act"),
        (["modles"], 2, "error: there is no verb 'modles'; did you mean models?"),
        (["zzz"], 2, "error: there is no verb 'zzz'; known: absent, act, data"),
        (["absent"], 1, "error: absent: cannot import 'no_such_module:act'"),
        (["unready"], 1, "error: unready: cannot import 'unready_module:act' (RuntimeError: not"),
        (["wrong"], 1, "error: wrong: 'act_command:ACTIONS' is not a click command"),
        (["--plugins-dir", "nowhere", "act"], 2, "error: nowhere: no such folder"),
    ],
)
def test_status_and_message(
    args: list[str],
    status: int,
    message: str,
    act: Path,
    capsys: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    warnings.simplefilter("default")  # as outside of tests
    assert main(args) == status
    output = capsys.readouterr()
    assert output.out == ""
    if message:
        (line,) = output.err.splitlines()
        assert line.startswith(f"cnntasks: {message}")
    else:
        assert output.err == ""


@pytest.mark.parametrize(
    "args", [["act", "value", "--debug"], ["--debug", "act", "value"], ["act", "value"]]
)
def test_debug_shows_the_traceback(
    args: list[str],
    act: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "--debug" not in args:
        monkeypatch.setenv("CNNTASKS_DEBUG", "1")
    assert main(args) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1].startswith("cnntasks: error: unexpected ValueError")


def test_debug_shows_warnings(act: Path, recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")
    shown = warnings.showwarning
    main(["act", "warn"])
    assert not recwarn.list
    main(["act", "warn", "--debug"])
    assert [str(w.message) for w in recwarn.list] == ["careful"]
    assert warnings.showwarning is shown


def test_a_failed_plugin_does_not_stop_the_others(
    act: Path,
    install_plugin: Install,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_plugin("bad", "import surely_missing")
    monkeypatch.setenv("CNNTASKS_PLUGINS", "act,bad")
    assert main(["act", "print"]) == 0
    output = capsys.readouterr()
    assert output.out == "done\n"
    assert len(output.err.splitlines()) == 1
    assert main(["bad"]) == 1
    assert "plugin 'bad' (bad-dist 1.0) is failed: it needs" in capsys.readouterr().err


def test_a_verb_of_two_plugins_is_an_error_and_the_rest_works(
    act: Path,
    install_plugin: Install,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_plugin("rival", PLUGIN.partition("@cnntasks.hookimpl\ndef register_commands")[0])
    monkeypatch.setenv("CNNTASKS_PLUGINS", "act,rival")
    assert main(["act", "print"]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "'act' (act-dist 1.0) and 'rival' (rival-dist 1.0)" in error
    assert "CNNTASKS_DISABLE_PLUGINS=rival" in error
    assert main(["serve", "print"]) == 0


def test_a_core_command_survives_a_plugin_that_wants_its_name(
    install_plugin: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import cnntasks\n@cnntasks.hookimpl\ndef register_commands():\n    return {'plugins': "
    install_plugin("thief", code + "('Mine.', 'm:c')}")
    monkeypatch.setenv("CNNTASKS_PLUGINS", "thief")
    assert main(["plugins", "--format", "json"]) == 0
    output = capsys.readouterr()
    (info,) = (i for i in json.loads(output.out) if i["name"] == "thief")
    assert info["status"] == "blocked"
    assert "cnntasks itself" in output.err


@pytest.mark.parametrize("order", [["--help"], ["serve", "print"]])
def test_plugins_dir(
    order: list[str], act: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = tmp_path / "mine"
    folder.mkdir()
    code = (
        "import click, cnntasks\n"
        "@click.command()\n"
        "@click.argument('what')\n"
        "def serve(what): print('served', what)\n"
        "@cnntasks.hookimpl\n"
        "def register_commands():\n"
        "    return {'serve': ('Homemade.', __name__ + ':serve')}\n"
    )
    (folder / "homemade.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv("CNNTASKS_PLUGINS", "homemade")
    assert main(["--plugins-dir", str(folder), *order]) == 0
    assert ("Homemade." if order == ["--help"] else "served print") in capsys.readouterr().out
    assert os.environ["CNNTASKS_PLUGINS_DIR"] == str(folder)  # for worker processes


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
