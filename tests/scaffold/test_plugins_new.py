"""`cnntasks plugins new`: names, folders, nothing half-written, and what is clean in a project."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnntasks.cli.root import main
from cnntasks.errors import UsageError
from cnntasks.scaffold import make
from cnntasks.scaffold.kinds import KINDS
from cnntasks.scaffold.make import LONGEST_NAME, Project, make_project, rendered

Install = Callable[..., Path]
NEW = ("plugins", "new")


def test_a_project_is_written_and_its_folder_printed(
    clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*NEW, "markdown", "--kind", "writer"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "cnntasks-markdown\n"
    assert "pip install -e cnntasks-markdown" in shown.err
    project = clean / "cnntasks-markdown"
    assert (project / ".github" / "workflows" / "test.yml").is_file()
    assert (project / ".gitignore").is_file()
    assert (
        '"cnntasks_markdown.writer:RecordWriter"'
        in (project / "src" / "cnntasks_markdown" / "__init__.py").read_text()
    )
    assert (
        "python-version: ${{ matrix.python }}"
        in (project / ".github" / "workflows" / "test.yml").read_text()
    )
    assert list(clean.iterdir()) == [project]


def test_an_empty_folder_is_filled(clean: Path) -> None:
    (clean / "here").mkdir()
    before = (clean / "here").stat().st_ino
    assert main([*NEW, "markdown", "--kind", "writer", "-o", "here"]) == 0
    assert (clean / "here" / "pyproject.toml").is_file()
    assert (clean / "here").stat().st_ino == before
    assert not list((clean / "here").glob("*.tmp"))
    assert main([*NEW, "html", "--kind", "writer", "-o", "deep/er"]) == 0
    assert (clean / "deep" / "er" / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("Shapes", "image", "'Shapes' is not a valid name; use lower-case letters"),
        ("my_shapes", "image", "is not a valid name"),
        ("shapes-", "image", "is not a valid name"),
        ("9lives", "image", "is not a valid name"),
        ("../up", "image", "is not a valid name"),
        ("x" * 31, "image", "is too long; at most 30 letters"),
        ("train", "image", "there is already a command 'train'"),
        ("detect", "audio", "there is already a verb 'detect'"),
        ("resnet18", "backbone", "there is already a backbone 'resnet18'"),
        ("json", "writer", "there is already a format 'json'"),
        ("detect", "writer", "a plugin named 'detect' is installed already (cnntasks)"),
    ],
)
def test_a_name_that_cannot_be_is_one_line(
    name: str, kind: str, message: str, clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*NEW, "--kind", kind, "--", name]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(clean.iterdir())


def test_names_of_other_plugins_are_taken(install_plugin: Install, tmp_path: Path) -> None:
    install_plugin(
        "other",
        """
        import cnntasks

        @cnntasks.hookimpl
        def register_writers():
            return {"xml": (".xml", "a:b")}

        @cnntasks.hookimpl
        def register_backbones():
            return {"tiny": "a:b"}

        @cnntasks.hookimpl
        def register_commands():
            return {"serve": ("Serve it.", "a:b")}
        """,
        module="cnntasks_sound",
    )
    for name, kind, word in (
        ("xml", "writer", "a format"),
        ("tiny", "backbone", "a backbone"),
        ("serve", "text", "a verb"),
        ("other", "text", "installed already"),
        ("sound", "text", "already a Python package 'cnntasks_sound'"),
    ):
        with pytest.raises(UsageError, match=word):
            make_project(name, kind, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_with_something_in_it_is_left_alone(
    clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (clean / "full").mkdir()
    (clean / "full" / "thesis.txt").write_text("mine")
    (clean / "file").write_text("mine")
    for folder in ("full", "file"):
        assert main([*NEW, "markdown", "--kind", "writer", "-o", folder]) in (1, 2)
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert sorted(path.name for path in clean.rglob("*")) == ["file", "full", "thesis.txt"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_is_left_of_a_project_that_could_not_be_finished(
    error: BaseException, clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Path, module: str) -> None:
        assert (source / module / "network.py").is_file()
        raise error

    monkeypatch.setattr(make, "_write_untrained", fail)
    assert main([*NEW, "shapes"]) != 0
    assert not list(clean.iterdir())


@pytest.mark.parametrize("name", ["a", "x" * LONGEST_NAME, "-".join("abcdefghijklmno")])
def test_projects_pass_ruff_with_our_settings_whatever_the_name(name: str, clean: Path) -> None:
    for kind in KINDS:
        for path, text in rendered(Project(name, kind)):
            place = clean / kind / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
    for arguments in (("check",), ("format", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_the_settings_of_ruff_are_ours() -> None:
    import tomllib

    def settings(text: str) -> Any:
        lint = tomllib.loads(text)["tool"]["ruff"]["lint"]
        return lint["select"], lint["ignore"]

    ours = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    written = dict(rendered(Project("shapes", "image")))[Path("pyproject.toml")]
    assert settings(written) == settings(ours)


def test_every_file_of_a_project_is_short() -> None:
    for kind in KINDS:
        for path, text in rendered(Project("shapes", kind)):
            assert len(text.splitlines()) < 200, path
