from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cnntasks import InputError, UsageError
from cnntasks.cli.data import data

PLUGIN = """
    from pathlib import Path
    import cnntasks

    def check(location: Path) -> cnntasks.DataReport:
        if location.name == "gone":
            raise cnntasks.InputError(f"{location}: there is no such folder")
        severities = {"good": [], "odd": ["warning"], "bad": ["error", "warning"]}
        kinds = severities.get(location.name) or ["error"] * 60 * (location.name == "awful")
        return cnntasks.DataReport(
            summary={"format": "toy", "splits": {"train": 3, "test": 1}, "names": ["a", "b"]},
            table=[{"class": "[red]cat", "boxes": 4}, {"class": "d\\x1bog", "boxes": 15}],
            findings=[
                cnntasks.Finding(kind, f"{i}.png", "looks\\nodd") for i, kind in enumerate(kinds)
            ],
        )

    @cnntasks.hookimpl
    def register_tasks():
        def spec(name, checker):
            return cnntasks.TaskSpec(name, "Toy.", "none", f"{__name__}:x", f"{__name__}:x",
                                     checker=checker)
        return [spec("toy", f"{__name__}:check"), spec("mute", None)]
"""


@pytest.fixture
def run(install_plugin: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("CNNTASKS_PLUGINS", "toys")
    install_plugin("toys", PLUGIN)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(data, ["check", *arguments])

    return invoke


@pytest.mark.parametrize(("name", "status"), [("good", 0), ("odd", 0), ("bad", 1)])
def test_only_errors_make_the_status_one(run: Any, name: str, status: int) -> None:
    assert run("toy", name).exit_code == status
    assert run("toy", "--format", "json", name).exit_code == status


def test_summary_table_and_findings_in_the_table_format(run: Any) -> None:
    lines = run("toy", "bad").stdout.splitlines()
    words = [line.split() for line in lines]
    assert ["splits", "train", "3,", "test", "1"] in words
    assert ["names", "a,", "b"] in words
    assert ["class", "boxes"] in words
    assert ["[red]cat", "4"] in words  # a class name is no markup
    assert ["d", "og", "15"] in words  # ... and sends no codes
    assert "error 0.png: looks odd" in lines
    assert lines[-1] == "1 error, 1 warning"


def test_long_lists_of_findings_are_cut_for_people_only(run: Any) -> None:
    lines = run("toy", "awful").stdout.splitlines()
    assert sum(line.startswith("error ") for line in lines) == 50
    assert lines[-2:] == ["... and 10 more; --format json lists them all", "60 errors, 0 warnings"]
    assert len(json.loads(run("toy", "awful", "--format", "json").stdout)["findings"]) == 60


def test_json_is_one_object_for_each_location(run: Any) -> None:
    lines = run("toy", "good", "bad", "--format", "json").stdout.splitlines()
    good, bad = map(json.loads, lines)
    assert (good["data"], bad["data"]) == ("good", "bad")
    assert good["findings"] == []
    assert bad["summary"]["splits"] == {"train": 3, "test": 1}
    assert bad["table"][0] == {"class": "[red]cat", "boxes": 4}
    assert bad["findings"][0] == {"severity": "error", "where": "0.png", "message": "looks\nodd"}


def test_one_location_that_cannot_be_read_does_not_stop_the_others(run: Any) -> None:
    result = run("toy", "gone", "good", "--format", "json")
    assert result.exit_code == 1
    assert result.stderr == "cnntasks: error: gone: there is no such folder\n"
    assert json.loads(result.stdout)["data"] == "good"


def test_a_task_without_a_check_names_those_with_one(run: Any) -> None:
    error = run("mute", "good").exception
    assert isinstance(error, UsageError)
    assert str(error) == "the task 'mute' has no check for its data; these have: toy"


def test_unknown_tasks_and_missing_arguments_are_wrong_usage(run: Any) -> None:
    assert isinstance(run("toyy", "good").exception, UsageError)
    assert run("toy").exit_code == 2


def test_input_errors_are_caught_and_nothing_else(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fake_toys

    def fail(location: Path) -> None:
        raise InputError("x: y") if location.name == "a" else RuntimeError("a bug")

    monkeypatch.setattr(fake_toys, "check", fail)
    assert run("toy", "a").exit_code == 1
    assert isinstance(run("toy", "b").exception, RuntimeError)


def test_importing_the_command_is_light() -> None:
    code = dedent("""
        import sys
        import cnntasks.cli.data
        heavy = {"torch", "numpy", "rich", "PIL", "onnxruntime"} & set(sys.modules)
        sys.exit(f"imported {heavy}" if heavy else 0)
    """)
    subprocess.run([sys.executable, "-c", code], check=True)
