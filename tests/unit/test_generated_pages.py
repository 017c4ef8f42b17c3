"""docs/reference.md and docs/cli.md are what docs/generate.py writes now."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import cnntasks
from cnntasks import hookspecs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generate() -> Any:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_up_to_date(
    generate: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")  # the width of a terminal changes nothing
    assert generate.main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_page_is_told_and_then_written(
    generate: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "page.md").write_text("old")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "PAGES", {"page.md": lambda: "new"})
    assert generate.main(["--check"]) == 1
    assert "not up to date: page.md; run python docs/generate.py" in capsys.readouterr().err
    assert (tmp_path / "page.md").read_text() == "old"
    assert generate.main([]) == 0
    assert (tmp_path / "page.md").read_text() == "new"
    assert generate.main(["--check"]) == 0


def test_every_hook_and_every_public_name_is_on_the_page() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    for name in hookspecs.hook_names():
        assert f"\n### `{name}`\n" in text
    for name in cnntasks.__all__:
        if name != "__version__":
            assert f"\n### `cnntasks.{name}`\n" in text


def test_docstrings_become_lists(generate: Any) -> None:
    text = (
        "Do it.\n\nMore, in\ntwo lines.\n\nArgs:\n    one: first,\n        and more.\n"
        "    two: second.\n\nReturns:\n    What is\n    left.\n\nExample:\n\n    >>> do()"
    )
    assert generate._prose(text) == [
        "Do it.",
        "More, in two lines.",
        "Args:\n\n- `one`: first, and more.\n- `two`: second.",
        "Returns:\n\n- What is left.",
        "Example:",
        "```text\n>>> do()\n```",
    ]
