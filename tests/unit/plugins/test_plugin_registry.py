"""What the registry offers: verbs, conflicts, models, and what the environment switches off."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cnntasks import PluginError, UsageError, plugins

Install = Callable[..., Path]

BACKBONE = """
import cnntasks

@cnntasks.hookimpl
def register_backbones():
    return {"tiny": "tiny_net:build"}
"""
COMMAND = """
import cnntasks

@cnntasks.hookimpl
def register_commands():
    return {"%s": ("Serve.", "serve_plugin:serve")}
"""
MODELS = """
import cnntasks
print("imported")
calls = []

@cnntasks.hookimpl
def register_models():
    calls.append(1)
    return [cnntasks.CatalogEntry(name=name, url="http://%s") for name in %s]
"""


def statuses() -> dict[str, str]:
    return {info.name: info.status for info in plugins.registry().plugins}


def test_a_plugin_is_described(install: Install, install_working: Install) -> None:
    install_working("zoom", distribution="acme-zoom", version="3.1")
    install("aside", COMMAND % "serve" + BACKBONE.replace("import cnntasks", ""))

    aside, zoom = plugins.registry().plugins
    assert zoom == plugins.PluginInfo(
        name="zoom",
        version="3.1",
        distribution="acme-zoom",
        verbs=("zoom",),
        hooks=("register_tasks",),
        status="ok",
        error=None,
    )
    assert aside.verbs == ("serve",)
    assert aside.hooks == ("register_backbones", "register_commands")
    assert plugins.registry().commands == {"serve": ("Serve.", "serve_plugin:serve")}
    assert plugins.registry().backbones == {"tiny": "tiny_net:build"}


def test_plugins_load_once_until_reset(install_working: Install) -> None:
    install_working("zoom")
    first = plugins.registry()
    assert plugins.registry() is first
    plugins.reset()
    assert plugins.registry() is not first


def test_get_task(install_working: Install) -> None:
    install_working("zoom")
    assert plugins.get_task("zoom").default_model == "zoom-small"


def test_an_unknown_task_names_near_ones(install_working: Install) -> None:
    install_working("zoom")
    with pytest.raises(UsageError, match="no task 'zom'; did you mean zoom"):
        plugins.get_task("zom")
    with pytest.raises(UsageError, match="no task 'quite-else'; known: zoom"):
        plugins.get_task("quite-else")


def test_a_task_named_like_a_failed_plugin_says_why(install: Install) -> None:
    install("zoom", "raise RuntimeError('broken')")
    with pytest.raises(PluginError, match=r"'zoom' \(zoom-dist 1.0\) is failed.*broken"):
        plugins.get_task("zoom")


def test_two_plugins_with_one_verb_both_lose_it(
    install_working: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install_working("zoom", distribution="first")
    install_working("zoom", name="other", distribution="second")
    install_working("works")

    loaded = plugins.registry()

    assert list(loaded.tasks) == ["works"]
    assert statuses() == {"other": "blocked", "works": "ok", "zoom": "blocked"}
    assert all("zoom" in info.verbs for info in loaded.plugins if info.status == "blocked")
    with pytest.raises(PluginError) as caught:
        plugins.get_task("zoom")
    for part in ("'zoom' (first 1.0)", "'other' (second 1.0)", "CNNTASKS_DISABLE_PLUGINS=other"):
        assert part in str(caught.value)
    assert capsys.readouterr().err == f"cnntasks: {caught.value}\n"


def test_the_advice_of_a_conflict_resolves_it(
    install_working: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both plugins have the name of the verb, as is natural: the name alone would disable both.
    install_working("zoom", distribution="first", module="first_zoom")
    install_working("zoom", distribution="second", module="second_zoom")
    assert "CNNTASKS_DISABLE_PLUGINS=second:zoom" in plugins.registry().conflicts["zoom"]

    monkeypatch.setenv("CNNTASKS_DISABLE_PLUGINS", "second:zoom")
    plugins.reset()
    found = {info.distribution: info.status for info in plugins.registry().plugins}
    assert found == {"first": "ok", "second": "disabled"}
    assert list(plugins.registry().tasks) == ["zoom"]


def test_the_other_names_of_a_blocked_plugin_work(
    install: Install, install_working: Install
) -> None:
    install_working("zoom")
    install("both", COMMAND % "zoom" + BACKBONE.replace("import cnntasks", ""))
    assert plugins.registry().backbones == {"tiny": "tiny_net:build"}
    assert not plugins.registry().commands


@pytest.mark.parametrize("verb", sorted(plugins.CORE_COMMANDS))
def test_a_core_command_cannot_be_taken(verb: str, install: Install) -> None:
    install("thief", COMMAND % verb)
    loaded = plugins.registry()
    assert not loaded.commands
    assert statuses() == {"thief": "blocked"}
    assert "cnntasks itself" in loaded.conflicts[verb]
    assert "'thief' (thief-dist 1.0)" in loaded.conflicts[verb]


def test_a_plugin_with_two_conflicts_tells_both(install: Install) -> None:
    install("thief", (COMMAND % "train").replace("return {", 'return {"data": ("D.", "d:d"), '))
    error = str(plugins.registry().plugins[0].error)
    assert "'train'" in error
    assert "'data'" in error


def test_two_backbones_of_one_name(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("one", BACKBONE)
    install("two", BACKBONE)
    assert not plugins.registry().backbones
    assert statuses() == {"one": "blocked", "two": "blocked"}
    assert "backbone 'tiny'" in capsys.readouterr().err


def test_only_the_named_plugins_load(
    install: Install, install_working: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_working("zoom")
    install_working("works")
    install("bad", "raise RuntimeError('must not even be imported')")
    monkeypatch.setenv("CNNTASKS_PLUGINS", " zoom , works-dist:works,")
    assert statuses() == {"bad": "disabled", "works": "ok", "zoom": "ok"}
    assert plugins.registry().plugins[0].error == "CNNTASKS_PLUGINS does not name it"


def test_a_named_plugin_that_is_not_there_is_told(
    install_working: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install_working("zoom")
    monkeypatch.setenv("CNNTASKS_PLUGINS", "zoom,zomo")
    plugins.registry()
    assert "CNNTASKS_PLUGINS names 'zomo'" in capsys.readouterr().err


def test_disabled_plugins_are_not_imported_but_listed(
    install: Install, install_working: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_working("works")
    install("bad", "raise RuntimeError('must not be imported')")
    monkeypatch.setenv("CNNTASKS_DISABLE_PLUGINS", "bad")
    monkeypatch.setenv("CNNTASKS_PLUGINS", "bad,works")  # disabling is stronger
    assert statuses() == {"bad": "disabled", "works": "ok"}
    assert "fake_bad" not in sys.modules
    with pytest.raises(PluginError, match=r"'bad' .* is disabled: CNNTASKS_DISABLE_PLUGINS"):
        plugins.get_task("bad")


@pytest.fixture
def folder(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one-file plugins, and no other plugin."""
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.setenv("CNNTASKS_PLUGINS_DIR", str(folder))
    return folder


def test_one_file_plugins(folder: Path) -> None:
    path = folder / "homemade.py"
    path.write_text(COMMAND % "serve", encoding="utf-8")
    (folder / "_helper.py").write_text("raise RuntimeError", encoding="utf-8")
    (folder / "notes.txt").write_text("no plugin", encoding="utf-8")

    (info,) = plugins.registry().plugins
    assert (info.name, info.distribution, info.version) == ("homemade", str(path), "")
    assert info.status == "ok"
    assert "homemade" in sys.modules  # so that "homemade:serve" can be imported


@pytest.mark.parametrize("name", ["json.py", "my-plugin.py", "numpy.py", "a.b.py"])
def test_a_file_with_an_impossible_name_fails_alone(name: str, folder: Path) -> None:
    before = sys.modules.get(Path(name).stem)
    (folder / name).write_text(COMMAND % "serve", encoding="utf-8")
    (folder / "homemade.py").write_text(COMMAND % "serve", encoding="utf-8")
    found = statuses()
    assert found.pop(Path(name).stem) == "failed"
    assert found == {"homemade": "ok"}
    assert sys.modules.get(Path(name).stem) is before


def test_a_bad_file_fails_alone(folder: Path) -> None:
    (folder / "bad.py").write_text("def (", encoding="utf-8")
    (folder / "homemade.py").write_text(COMMAND % "serve", encoding="utf-8")
    assert statuses() == {"bad": "failed", "homemade": "ok"}
    plugins.reset()  # loading the same folder again changes nothing
    assert statuses() == {"bad": "failed", "homemade": "ok"}


def test_a_plugins_folder_that_is_not_there(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNTASKS_PLUGINS_DIR", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match=r"gone: no such folder \(--plugins-dir"):
        plugins.registry()


def test_models_are_asked_for_once_and_late(install: Install) -> None:
    install("zoo", MODELS % ("zoo", ["big", "small"]))
    plugins.registry()
    import fake_zoo  # type: ignore[import-not-found]

    assert fake_zoo.calls == []
    assert list(plugins.model_entries()) == ["big", "small"]
    assert plugins.model_entries() is plugins.registry().model_entries()
    assert fake_zoo.calls == [1]


def test_of_two_models_with_one_name_the_first_plugin_has_it(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("b-zoo", MODELS % ("b", ["big", "own"]))
    install("a-zoo", MODELS % ("a", ["big"]))
    entries = plugins.model_entries()
    assert {name: entry.url for name, entry in entries.items()} == {
        "big": "http://a",
        "own": "http://b",
    }
    error = capsys.readouterr().err
    assert "the model 'big' of plugin 'b-zoo' (b-zoo-dist 1.0) is left out" in error
    assert "'a-zoo' (a-zoo-dist 1.0) has one" in error


@pytest.mark.parametrize(
    ("result", "message"),
    [("1 / 0", "ZeroDivisionError"), ("['big']", "a str in its list"), ("{}", "returned a dict")],
)
def test_a_models_hook_that_fails_costs_only_its_models(
    result: str, message: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"import cnntasks\n@cnntasks.hookimpl\ndef register_models(): return {result}"
    install("bad", code)
    install("zoo", MODELS % ("zoo", ["big"]))
    plugins.registry()
    assert statuses() == {"bad": "ok", "zoo": "ok"}
    assert list(plugins.model_entries()) == ["big"]
    assert statuses() == {"bad": "failed", "zoo": "ok"}
    assert message in str(plugins.registry().plugins[0].error)
    assert capsys.readouterr().err.count("'bad'") == 1


def test_registration_is_quick_and_imports_nothing_heavy() -> None:
    # The real environment, in a fresh interpreter; five times the promise, for a busy machine.
    code = (
        "import sys, time, cnntasks.plugins as plugins\n"
        "start = time.perf_counter()\n"
        "plugins.registry()\n"
        "print(time.perf_counter() - start)\n"
        "print(*{'numpy', 'torch', 'onnxruntime', 'PIL', 'rich', 'click'} & set(sys.modules))\n"
    )
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert time.perf_counter() - started < 10
    seconds, heavy = done.stdout.split("\n")[:2]
    assert float(seconds) < 0.25
    assert heavy == ""
