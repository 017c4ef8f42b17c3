"""What `cnntasks plugins new` writes, in a fresh virtual environment: what its README says works.

The environment is fresh but for packages: installing torch anew takes minutes, a network and 5 GB.
A path file makes the packages of this environment, and cnntasks from this clone, importable there;
the plugin itself is really installed, by `pip install --no-deps --no-build-isolation -e .`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from cnntasks.scaffold.kinds import KINDS

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def run(*command: str | Path, folder: Path) -> str:
    """Run a command in `folder` with nothing of this environment; returns its standard output."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "CNNTASKS", "VIRTUAL_ENV", "PIP"))
    }
    shown = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, f"{command}\n{shown.stdout}\n{shown.stderr}"
    return shown.stdout


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The interpreter of a new environment."""
    place = tmp_path / "venv"
    venv.create(place, with_pip=False)
    site = sysconfig.get_path("purelib", "venv", {"base": str(place), "platbase": str(place)})
    paths = [ROOT, ROOT / "plugins", sysconfig.get_path("purelib")]
    (Path(site) / "packages.pth").write_text("".join(f"{path}\n" for path in paths))
    return place / ("Scripts" if sys.platform == "win32" else "bin") / "python"


def readme_commands(project: Path) -> list[list[str]]:
    """The words of each command in the first block of code of a project's README."""
    [block, *_] = re.findall(r"^```\n(.*?)^```", (project / "README.md").read_text(), re.S | re.M)
    return [shlex.split(line, comments=True) for line in block.splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_the_readme_says_works(kind: str, python: Path, tmp_path: Path) -> None:
    run(python, "-m", "cnntasks", "plugins", "new", "try-out", "--kind", kind, folder=tmp_path)
    project = tmp_path / "cnntasks-try-out"
    install, *commands = readme_commands(project)
    assert install == ["pip", "install", "-e", ".[dev]"]
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index")
    run(*pip, "--no-deps", "--no-build-isolation", "-e", ".", folder=project)
    printed = {}
    for program, *arguments in commands:
        before = () if program == "python" else ("-m", program)
        words = [program, *arguments]
        printed[" ".join(words)] = run(python, *before, *arguments, folder=project)
    assert commands[-1] == ["pytest"]
    if KINDS[kind].model:
        assert (project / "my-model" / "graph.onnx").is_file()
        [verb] = [
            text for line, text in printed.items() if line.startswith("cnntasks try-out tiny")
        ]
        assert KINDS[kind].fields["first"] in verb
    for tool in (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)):
        run(python, "-m", *tool, folder=project)
    shown = json.loads(run(python, "-m", "cnntasks", "plugins", "--format", "json", folder=project))
    [plugin] = [it for it in shown if it["name"] == "try-out"]
    assert (plugin["status"], plugin["distribution"]) == ("ok", "cnntasks-try-out")


def test_the_wheel_of_a_project_holds_its_model_and_no_checkpoint(
    python: Path, tmp_path: Path
) -> None:
    run(python, "-m", "cnntasks", "plugins", "new", "try-out", folder=tmp_path)
    project = tmp_path / "cnntasks-try-out"
    models = project / "src" / "cnntasks_try_out" / "models"
    (models / "try-out-untrained" / "training").mkdir()
    (models / "try-out-untrained" / "training" / "last.ckpt").write_bytes(b"0")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", folder=project)
    [wheel] = (project / "dist").glob("*.whl")
    names = run(sys.executable, "-m", "zipfile", "-l", wheel, folder=project)
    assert "cnntasks_try_out/models/try-out-untrained/graph.onnx" in names
    assert "cnntasks_try_out/py.typed" in names
    assert "last.ckpt" not in names
