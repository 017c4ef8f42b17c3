"""Everything that can be wrong with a plugin, installed at once: each is named with what to do.

Whatever they do, the others' verbs, the core's commands and what is printed stay as they are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Install = Callable[..., Path]

TASK = """
import click
import cnntasks

@click.command("{verb}")
def command():
    click.echo("{verb} from {module}")

@cnntasks.hookimpl
def register_tasks():
    {first}
    return [cnntasks.TaskSpec("{verb}", "A verb.", None, "{module}:command")]
"""


def task(verb: str, module: str, first: str = "") -> str:
    return TASK.format(verb=verb, module=module, first=first)


#: Name of the plugin: its code, its status, and what is said of it, part by part.
TROUBLES = {
    "raises": (
        "raise RuntimeError('no such phase of the moon')", "failed",
        ("RuntimeError: no such phase of the moon", "CNNTASKS_DEBUG=1",
         "CNNTASKS_DISABLE_PLUGINS=raises"),
    ),
    "wrong": (
        "import cnntasks\n@cnntasks.hookimpl\ndef register_tasks():\n    return ['wrong']\n",
        "failed", ("a TaskSpec is expected", "CNNTASKS_DISABLE_PLUGINS=wrong"),
    ),
    "shadows-core": (
        task("models", "fake_shadows_core"), "blocked",
        ("the verb 'models' is registered by cnntasks itself (whose command stays)",
         "disable with CNNTASKS_DISABLE_PLUGINS=shadows-core"),
    ),
    "prints": (task("printing", "fake_prints", "print('Hello, world!')"), "ok",
               ("plugin 'prints' printed: Hello, world!",)),
    "hangs": (
        task("waiting", "fake_hangs", "import time; time.sleep(1.0)"), "ok",
        ("took 1.", "import heavy packages only on use", "CNNTASKS_DISABLE_PLUGINS=hangs"),
    ),
    "lacks": (
        "import surely_missing_package.inner", "failed",
        ("it needs the module 'surely_missing_package', which is not installed",
         "install the package that has it"),
    ),
    "later": ("CNNTASKS_API = 99\n" + task("later", "fake_later"), "failed",
              ("it needs version 99 of the plugin API", "upgrade cnntasks")),
}  # fmt: skip
#: Two plugins with one verb: neither's works.
RIVALS = ("rival-a", "rival-b")


@pytest.fixture
def troubled(install_plugin: Install, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line in a process of its own, with all of them and one that works."""
    for name, (code, _, _) in TROUBLES.items():
        site = install_plugin(name, code)
    for name in RIVALS:
        install_plugin(name, task("contested", f"fake_{name.replace('-', '_')}"))
    install_plugin("works", task("working", "fake_works"))
    names = [*TROUBLES, *RIVALS, "works"]
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "CNNTASKS_PLUGINS": ",".join(names)}

    def run(*arguments: str) -> tuple[int, str, str]:
        code = "import sys; from cnntasks.cli.root import main; sys.exit(main(sys.argv[1:]))"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True, text=True, check=False, env=environment, cwd=tmp_path,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return run


def test_each_is_named_with_what_to_do_and_the_rest_works(
    troubled: Callable[..., tuple[int, str, str]],
) -> None:
    status, out, err = troubled("working")
    assert (status, out) == (0, "working from fake_works\n")
    lines = err.splitlines()
    for name, (_, _, told) in TROUBLES.items():
        own = [line for line in lines if f"plugin '{name}'" in line or f"'{name}' (" in line]
        assert len(own) == 1, (name, lines)
        for part in told:
            assert part in own[0], name
    [clash] = [line for line in lines if "'contested'" in line]
    for name in RIVALS:
        assert f"'{name}' ({name}-dist 1.0)" in clash
        assert f"CNNTASKS_DISABLE_PLUGINS={name}" in clash
    # One line each, and none of anything else.
    assert len(lines) == len(TROUBLES) + 1

    status, out, _ = troubled("plugins", "--format", "json")
    assert status == 0
    found = {info["name"]: info["status"] for info in json.loads(out)}
    expected = {name: told for name, (_, told, _) in TROUBLES.items()}
    expected |= dict.fromkeys(RIVALS, "blocked") | {"works": "ok"}
    assert {name: found[name] for name in expected} == expected


def test_of_those_that_only_print_or_wait_the_verbs_work(
    troubled: Callable[..., tuple[int, str, str]],
) -> None:
    for verb, module in (("printing", "fake_prints"), ("waiting", "fake_hangs")):
        status, out, _ = troubled(verb)
        assert (status, out) == (0, f"{verb} from {module}\n")
    status, out, err = troubled("contested")
    assert (status, out) == (1, "")
    assert "error: the verb 'contested' is registered by" in err.splitlines()[-1]
