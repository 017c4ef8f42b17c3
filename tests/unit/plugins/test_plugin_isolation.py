"""A plugin that fails costs itself only: one line on stderr, and everything else works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cnntasks import PluginError, hookspecs, plugins
from cnntasks.plugins import PluginInfo

Install = Callable[..., Path]

HOOK = "import cnntasks\n@cnntasks.hookimpl\n"
TASK = (
    "from cnntasks import TaskSpec\n"
    "def spec(**changes):\n"
    "    values = dict(name='bad', summary='s', default_model='m', command='p:c',"
    " predictor='p:P')\n"
    "    return TaskSpec(**{**values, **changes})\n"
)


def tasks(expression: str) -> str:
    return f"{TASK}{HOOK}def register_tasks():\n    return {expression}\n"


BAD = {
    "raises": ("raise RuntimeError('broken\\nin two lines')", "RuntimeError: broken in two lines"),
    "system-exit": ("import sys; sys.exit(3)", "tried to end the program (SystemExit: 3)"),
    "base-exception": ("class P(BaseException): pass\nraise P('panic')", "P: panic"),
    "syntax": ("def (", "SyntaxError"),
    "dependency": ("import surely_missing.sub", "needs the module 'surely_missing'"),
    "no-hooks": ("def register_tasks(): return []", "implements no hook"),
    "unknown-hook": (HOOK + "def register_task(): return []", "no hook 'register_task'"),
    "wrong-argument": (HOOK + "def register_tasks(extra): return []", "extra"),
    "hook-raises": (HOOK + "def register_tasks(): return 1 / 0", "ZeroDivisionError"),
    "hook-exits": (HOOK + "def register_backbones(): raise SystemExit('bye')", "bye"),
    "none": (HOOK + "def register_tasks(): pass", "register_tasks returned None"),
    "no-list": (tasks("spec()"), "returned a TaskSpec; a list is expected"),
    "wrong-type": (tasks("['detect']"), "a str in its list; a TaskSpec is expected"),
    "verb-upper-case": (tasks("[spec(name='Bad')]"), "'Bad' is not a valid verb"),
    "verb-option": (tasks("[spec(name='--bad')]"), "'--bad' is not a valid verb"),
    "verb-empty": (tasks("[spec(name='')]"), "'' is not a valid verb"),
    "verb-newline": (tasks("[spec(name='bad\\n')]"), "is not a valid verb"),
    "verb-number": (tasks("[spec(name=3)]"), "3 is not a valid verb"),
    "verb-twice": (tasks("[spec(), spec()]"), "registers the verb 'bad' twice"),
    "summary": (tasks("[spec(summary='a\\nb')]"), "summary of 'bad'"),
    "default-model": (tasks("[spec(default_model=3)]"), "default_model of 'bad'"),
    "command": (tasks("[spec(command='module')]"), "command of 'bad' is 'module'"),
    "command-none": (tasks("[spec(command=None)]"), "command of 'bad' is None"),
    "checker": (tasks("[spec(checker=print)]"), "checker of 'bad'"),
    "opener": (tasks("[spec(predictor=None, opener='module')]"), "opener of 'bad' is 'module'"),
    "predictor-and-opener": (tasks("[spec(opener='p:o')]"), "'bad' needs either a predictor or an"),
    "no-predictor": (tasks("[spec(predictor=None)]"), "'bad' needs either a predictor or an"),
    "task-and-command": (
        tasks("[spec()]") + HOOK + "def register_commands(): return {'bad': ('s', 'p:c')}",
        "both as a task and as a command",
    ),
    "command-no-tuple": (
        HOOK + "def register_commands(): return {'bad': 'p:c'}",
        "a tuple (summary, reference) is expected",
    ),
    "command-list": (HOOK + "def register_commands(): return ['bad']", "a dict is expected"),
    "command-summary": (
        HOOK + "def register_commands(): return {'bad': (None, 'p:c')}",
        "the summary of 'bad' is None",
    ),
    "backbone-name": (HOOK + "def register_backbones(): return {'a b': 'p:c'}", "'a b'"),
    "backbone-value": (HOOK + "def register_backbones(): return {'b': print}", "backbone 'b'"),
    "api-new": ("CNNTASKS_API = 99\n" + tasks("[spec()]"), "upgrade cnntasks"),
    "api-odd": ("CNNTASKS_API = '1'\n" + tasks("[spec()]"), "CNNTASKS_API is '1'"),
}


def info(name: str) -> PluginInfo:
    return next(info for info in plugins.registry().plugins if info.name == name)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_plugin_fails_alone(
    case: str, install: Install, install_working: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    code, message = BAD[case]
    install("bad", code, version="2.5")
    install_working("works")

    loaded = plugins.registry()
    plugins.registry()  # said once

    assert list(loaded.tasks) == ["works"]
    assert not loaded.commands
    assert not loaded.backbones
    assert [(i.name, i.status) for i in loaded.plugins] == [("bad", "failed"), ("works", "ok")]
    bad = info("bad")
    assert bad.error is not None
    assert message in bad.error
    assert (bad.version, bad.distribution, bad.verbs) == ("2.5", "bad-dist", ())
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert "'bad' (bad-dist 2.5)" in output.err
    assert bad.error in output.err


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no_such_module_at_all", "needs the module 'no_such_module_at_all'"),
        ("fake_bad:missing", "AttributeError"),
        ("fake_bad:thing", "names a int, not a module"),
        ("not a reference!", "Error"),
    ],
)
def test_an_entry_point_that_names_no_module(
    value: str, message: str, install: Install, install_working: Install
) -> None:
    install("bad", "thing = 3", value=value)
    install_working("works")

    assert list(plugins.registry().tasks) == ["works"]
    assert message in str(info("bad").error)


def test_a_long_error_is_cut(install: Install) -> None:
    install("bad", "raise ValueError('x' * 5000)")
    assert len(str(info("bad").error)) == 300


def test_damaged_metadata_of_a_stranger_is_passed_over(
    install_working: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    site = install_working("works")
    damaged = site / "damaged-1.0.dist-info"
    damaged.mkdir()
    (damaged / "METADATA").write_text("Name: damaged\nVersion: 1.0\n", encoding="utf-8")
    (damaged / "entry_points.txt").write_bytes(b"[cnntasks]\n\xff\xfe\n")

    assert list(plugins.registry().tasks) == ["works"]
    assert "damaged metadata" in capsys.readouterr().err


def test_the_first_distribution_of_a_name_on_the_path_counts(
    install_working: Install, tmp_path: Path
) -> None:
    install_working("works", distribution="Same_Dist", version="2.0")
    install_working("works", distribution="same-dist", version="1.0")
    assert len(plugins.registry().plugins) == 1


@pytest.mark.parametrize("when", ["import", "hook"])
def test_what_a_plugin_prints_goes_to_stderr_under_its_name(
    when: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = "print('hello'); print('no newline', end='')"
    code = f"{HOOK}def register_backbones():\n    {noise if when == 'hook' else ''};return {{}}\n"
    install("loud", (noise if when == "import" else "") + "\n" + code.replace("    ;", "    "))

    assert plugins.registry().plugins[0].status == "ok"
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines() == [
        "cnntasks: plugin 'loud' printed: hello",
        "cnntasks: plugin 'loud' printed: no newline",
    ]


def test_a_stream_kept_from_loading_still_reaches_stderr(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("loud", f"import sys\nkept = sys.stdout\n{HOOK}def register_backbones(): return {{}}")
    plugins.registry()
    import fake_loud  # type: ignore[import-not-found]

    fake_loud.kept.write("later\n")
    assert capsys.readouterr().err == "cnntasks: plugin 'loud' printed: later\n"


def test_a_slow_plugin_is_named(
    install_working: Install, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("slow", f"import time\ntime.sleep(0.6)\n{HOOK}def register_backbones(): return {{}}")
    install_working("works")
    plugins.registry()
    (line,) = capsys.readouterr().err.splitlines()
    assert "plugin 'slow' (slow-dist 1.0) took 0." in line


def test_a_wrapper_of_one_plugin_does_not_touch_another(
    install: Install, install_working: Install
) -> None:
    wrapper = (
        "import cnntasks\n"
        "@cnntasks.hookimpl(wrapper=True)\n"
        "def register_tasks():\n"
        "    yield\n"
        "    return []\n"
    )
    install("a-wrapper", wrapper)
    install_working("works")
    assert list(plugins.registry().tasks) == ["works"]


def test_a_plugin_for_a_version_that_ended_is_told_to_be_upgraded(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hookspecs, "HOOK_API_VERSION", 3)
    monkeypatch.setattr(hookspecs, "OLDEST_HOOK_API_VERSION", 2)
    for version in (1, 2, 3):
        install(f"v{version}", f"CNNTASKS_API = {version}\n" + tasks(f"[spec(name='v{version}')]"))
    assert [info(f"v{version}").status for version in (1, 2, 3)] == ["failed", "ok", "ok"]
    assert info("v1").error == (
        "it was written for version 1 of the plugin API, this cnntasks has 3 and takes plugins "
        "from version 2 on; upgrade v1-dist"
    )


def test_an_optional_hook_of_a_later_version_is_passed_over(install: Install) -> None:
    install(
        "future",
        "import cnntasks\n"
        "CNNTASKS_API = 1\n"
        "@cnntasks.hookimpl(optionalhook=True)\n"
        "def register_holograms(): return []\n",
    )
    assert info("future").status == "ok"


def test_debug_raises_again_and_names_the_plugin(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("bad", "raise LookupError('broken')")
    monkeypatch.setenv("CNNTASKS_DEBUG", "1")
    with pytest.raises(LookupError, match="broken") as caught:
        plugins.registry()
    assert "'bad' (bad-dist 1.0)" in caught.value.__notes__[0]


def test_debug_turns_an_attempt_to_exit_into_an_error(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("bad", "raise SystemExit(0)")
    monkeypatch.setenv("CNNTASKS_DEBUG", "1")
    with pytest.raises(PluginError, match=r"'bad' .*SystemExit: 0"):
        plugins.registry()


def test_debug_set_to_zero_is_off(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("bad", "raise LookupError('broken')")
    monkeypatch.setenv("CNNTASKS_DEBUG", "0")
    assert info("bad").status == "failed"


def test_control_c_while_loading_is_not_swallowed(install: Install) -> None:
    install("bad", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        plugins.registry()
