"""The example projects use public names only, and have what a project has."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[3] / "samples" / "plugins"
PROJECTS = sorted(path.parent for path in SAMPLES.glob("*/pyproject.toml"))


def imports(file: Path) -> set[str]:
    """The modules that a file imports from, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_there_are_examples() -> None:
    assert {"cnntasks-fsspec", "cnntasks-segment", "cnntasks-timm"} <= {it.name for it in PROJECTS}


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_a_project_is_whole_and_its_package_uses_public_names_only(project: Path) -> None:
    about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert about["name"] == project.name
    for name in ("README.md", "LICENSE", "tests"):
        assert (project / name).exists(), name
    [package] = project.glob("cnntasks_*")
    assert list(about["entry-points"]["cnntasks"].values()) == [package.name]
    files = sorted(package.glob("**/*.py"))
    assert files
    for file in files:
        private = {it for it in imports(file) if it.startswith("cnntasks.")}
        assert not private, f"{file.name} uses {private}"
        others = {it.partition(".")[0] for it in imports(file)} - {package.name}
        assert not {it for it in others if it.startswith("cnntasks_")}, file.name

    for file in (project / "tests").glob("*.py"):
        private = {it for it in imports(file) if it.startswith("cnntasks.")}
        assert private <= {"cnntasks.testing"}, f"{file.name} uses {private}"


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_commands_on_its_page_name_its_own_verbs_and_options(project: Path) -> None:
    """Options that a README shows are in the package, in a command of the core, or in docs."""
    text = (project / "README.md").read_text(encoding="utf-8")
    known = "\n".join(
        [(SAMPLES.parents[1] / "docs" / "cli.md").read_text(encoding="utf-8")]
        + [file.read_text(encoding="utf-8") for file in project.glob("**/*.py")]
    )
    options = re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)
    assert options or project.name == "cnntasks-fsspec"
    for option in options:
        assert option in known, option
