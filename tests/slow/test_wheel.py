"""The wheel in a fresh environment outside the clone: models, plugins and entry points travel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EMBEDDED = "cnntasks_detect/models/detect-lite0"

pytestmark = pytest.mark.slow


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
        env={**environment, "CNNTASKS_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    return shown.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tree as a stranger's clone has it."""
    place = tmp_path_factory.mktemp("wheel")
    ours = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*", "dist", "runs", "demo")
    tree = place / "tree"
    tree.mkdir()
    for name in (".gitignore", "pyproject.toml", "LICENSE", "NOTICE", "README.md"):
        shutil.copy(ROOT / name, tree)
    for name in ("cnntasks", "plugins"):
        shutil.copytree(ROOT / name, tree / name, ignore=ours)
    # Without isolation: building needs no network then.
    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", place)
    run(sys.executable, *build, folder=tree)
    [built] = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def fresh(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `venv/`, into which the wheel is installed.

    It sees the packages of this environment, as installing torch anew takes minutes and a
    network, but not this clone: path files, which make it importable here, are not followed
    from a folder that a path file names.
    """
    place = tmp_path_factory.mktemp("fresh")
    venv.create(place / "venv", with_pip=False)
    layout = {"base": str(place / "venv"), "platbase": str(place / "venv")}
    site = Path(sysconfig.get_path("purelib", "venv", layout))
    pip = (sys.executable, "-m", "pip", "--python", program(place, "python"))
    run(*pip, "install", "--no-deps", "--no-index", wheel, folder=place)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    shutil.copy(ROOT / "samples/cat.webp", place)
    return place


def program(fresh: Path, name: str) -> Path:
    folder = "Scripts" if sys.platform == "win32" else "bin"
    return fresh / "venv" / folder / name


def test_the_wheel_holds_what_is_needed_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        points = next(name for name in names if name.endswith("entry_points.txt"))
        text = archive.read(points).decode()
    assert "cnntasks = cnntasks.cli.root:main" in text
    assert "detect = cnntasks_detect" in text
    for file in ("card.json", "weights.safetensors", "graph.onnx", "SHA256SUMS"):
        assert f"{EMBEDDED}/{file}" in names
    assert {"cnntasks/py.typed", "cnntasks_detect/py.typed"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "cnntasks",
        "cnntasks_classify",
        "cnntasks_detect",
        "cnntasks_features",
        "cnntasks_speech",
        "cnntasks_style",
        "cnntasks_text",
        "cnntasks_visualize",
    }


def test_nothing_comes_from_the_clone(fresh: Path) -> None:
    code = "import cnntasks, cnntasks_detect; print(cnntasks.__file__, cnntasks_detect.__file__)"
    for file in run(program(fresh, "python"), "-c", code, folder=fresh).split():
        assert Path(file).is_relative_to(fresh)


def test_the_plugin_is_registered_once_and_works(fresh: Path) -> None:
    shown = run(program(fresh, "cnntasks"), "plugins", "--format", "json", folder=fresh)
    [plugin] = [it for it in json.loads(shown) if it["name"] == "detect"]
    assert plugin["distribution"] == "cnntasks"
    assert plugin["status"] == "ok"
    assert plugin["error"] is None
    assert "detect" in plugin["verbs"]


def test_the_embedded_model_is_whole(fresh: Path) -> None:
    shown = run(program(fresh, "cnntasks"), "models", "--format", "json", folder=fresh)
    [model] = [it for it in json.loads(shown) if it["name"] == "detect-lite0"]
    assert model["state"] == "embedded"
    assert Path(model["folder"]).is_relative_to(fresh)
    run(program(fresh, "cnntasks"), "models", "verify", "detect-lite0", folder=fresh)


def test_it_detects(fresh: Path) -> None:
    command = (program(fresh, "cnntasks"), "detect", "cat.webp", "--format", "json", "--offline")
    [line] = run(*command, folder=fresh).splitlines()
    assert json.loads(line)["detections"][0]["class"] == "cat"
    assert (fresh / "cat.detect.jpg").stat().st_size > 10_000


def test_the_pages_of_explore_travel_too(fresh: Path) -> None:
    run(program(fresh, "cnntasks"), "explore", "-o", "lenet.html", folder=fresh)
    page = (fresh / "lenet.html").read_text(encoding="utf-8")
    assert "class LeNet" in page
    assert page.rstrip().endswith("</html>")


def test_the_torch_engine_travels_too(fresh: Path) -> None:
    command = (program(fresh, "cnntasks"), "detect", "cat.webp", "--no-picture")
    [by_torch] = run(*command, "--format", "json", "--engine", "torch", folder=fresh).splitlines()
    assert json.loads(by_torch)["detections"][0]["class"] == "cat"
