"""The example projects, installed for real: each in an environment of its own, with its own tests.

An environment sees the packages of this one by a path file, since installing torch anew takes
minutes and a network; cnntasks itself and the project are installed into it, from wheels that are
built without isolation. So what a project needs beside its declared dependencies is not noticed
here, but whether its wheel is whole and its entry points are found is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
PROJECTS = sorted(path.parent for path in (ROOT / "samples" / "plugins").glob("*/pyproject.toml"))
OURS = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*", "dist", "build", "runs", "demo")


def run(*command: str | Path, folder: Path) -> str:
    """Run a command in `folder` with nothing of this environment; returns its standard output."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "CNNTASKS", "VIRTUAL_ENV", "PIP"))
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**environment, "CNNTASKS_CACHE": str(folder / "cache"), "PIP_NO_CACHE_DIR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of cnntasks as a stranger's clone has it."""
    tree = tmp_path_factory.mktemp("core") / "tree"
    tree.mkdir()
    for name in (".gitignore", "pyproject.toml", "LICENSE", "NOTICE", "README.md"):
        shutil.copy(ROOT / name, tree)
    for name in ("cnntasks", "plugins"):
        shutil.copytree(ROOT / name, tree / name, ignore=OURS)
    return tree


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_it_installs_and_its_own_tests_pass(project: Path, core: Path, tmp_path: Path) -> None:
    clone = tmp_path / project.name
    shutil.copytree(project, clone, ignore=OURS)
    venv.create(tmp_path / "venv", with_pip=False)
    layout = {"base": str(tmp_path / "venv"), "platbase": str(tmp_path / "venv")}
    site = Path(sysconfig.get_path("purelib", "venv", layout))
    folder = "Scripts" if sys.platform == "win32" else "bin"
    python = tmp_path / "venv" / folder / "python"
    # Its build backend lies in this environment, as do the dependencies.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps",
           "--no-index", "--no-build-isolation")  # fmt: skip
    run(*pip, core, folder=tmp_path)
    run(*pip, clone, folder=tmp_path)
    shutil.rmtree(next(clone.glob("cnntasks_*")))  # what is tested is the installed package

    shown = run(tmp_path / "venv" / folder / "cnntasks", "plugins", "--format", "json",
                folder=tmp_path)  # fmt: skip
    [found] = [info for info in json.loads(shown) if info["distribution"] == project.name]
    assert (found["status"], found["error"]) == ("ok", None)
    where = run(python, "-c", f"import cnntasks, cnntasks_{found['name']} as it; "
                "print(cnntasks.__file__, it.__file__)", folder=tmp_path)  # fmt: skip
    assert all(Path(file).is_relative_to(site) for file in where.split())
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", folder=clone)
