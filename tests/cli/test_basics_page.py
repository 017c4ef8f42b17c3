"""docs/cli-basics.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cnntasks.cli.errors import INTERRUPTED, OUTPUT_CLOSED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli-basics.md").read_text(encoding="utf-8")
SOURCES = [*(ROOT / "cnntasks").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]


def test_every_environment_variable_is_documented() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    read = set(re.findall(r"(?:environ(?:\.get)?|getenv|_names)[\[(]\s*\"(CNNTASKS_\w+)\"", code))
    documented = set(re.findall(r"^\| `(CNNTASKS_\w+)` \|", PAGE, re.MULTILINE))
    assert documented == read
    assert "CNNTASKS_PLUGINS_DIR" in read


def test_every_exit_status_is_documented() -> None:
    documented = {int(status) for status in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert documented == {0, 1, 2, INTERRUPTED, OUTPUT_CLOSED}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_documented_for_each_shell(shell: str) -> None:
    assert f"_CNNTASKS_COMPLETE={shell}_source cnntasks" in PAGE
