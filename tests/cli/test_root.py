"""The command line's start, its help, and how anything that goes wrong is told."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import click
import pytest
from acting import HEAVY, PLUGIN, Install, Run

import cnntasks
from cnntasks import plugins
from cnntasks.cli import root
from cnntasks.cli.root import main


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
        (["zzz"], 2, "error: there is no verb 'zzz'; known: absent, act, backbones"),
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
