"""Formats that break the contract in one way each fail the check meant for it, and only it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cnntasks.testing import ContractError, WriterContract

Install = Callable[..., Path]

LINES = """
import cnntasks

@cnntasks.hookimpl
def register_writers():
    return {"lines": (".lines", "MODULE:LinesWriter")}

runs = 0

class LinesWriter:
    def __init__(self, stream, columns):
        global runs
        runs += 1
        self.stream, self.columns = stream, columns
    def write(self, outcome):
        rows = outcome.result.to_rows()
        for row in rows:
            self.stream.write(f"{outcome.source.name} {row}\\n")
        self.stream.flush()
    def close(self):
        self.stream.flush()
"""
#: Way of breaking it: the check that must fail, part of its message, what to replace by what.
BROKEN = {
    "loses-rows": (
        "test_every_record_is_written_in_order",
        "loses a row",
        ("for row in rows:", "for row in rows[:1]:"),
    ),
    "fails-on-nothing": (
        "test_nothing_found_is_no_error",
        "IndexError",
        ("rows = outcome.result.to_rows()", "rows = outcome.result.to_rows(); rows[0]"),
    ),
    "keeps-back": (
        "test_a_record_is_written_when_it_comes",
        "keeps a record back",
        (
            'self.stream.write(f"{outcome.source.name} {row}\\n")',
            'self.kept = getattr(self, "kept", "") + f"{outcome.source.name} {row}\\n"',
        ),
        (
            "def close(self):",
            'def close(self):\n        self.stream.write(getattr(self, "kept", ""))',
        ),
    ),
    "never-the-same": (
        "test_the_command_line_writes_it",
        "writes something else",
        ("{outcome.source.name} {row}", "{outcome.source.name} {row} {runs}"),
    ),
}


def failures(work: Path) -> dict[str, str]:
    """The checks of the contract that fail for the format `lines`."""

    class Lines(WriterContract):
        name = "lines"

    contract = Lines()
    checks = [name for name in dir(contract) if name.startswith("test_")]
    assert len(checks) == 4
    found = {}
    for name in checks:
        check = getattr(contract, name)
        try:
            if name == "test_the_command_line_writes_it":
                check(work)
            else:
                check()
        except ContractError as violation:
            found[name] = str(violation)
    return found


def install(install_plugin: Install, name: str, *replacements: tuple[str, str]) -> None:
    code = LINES
    for old, new in replacements:
        assert old in code
        code = code.replace(old, new)
    module = f"lines_{name.replace('-', '_')}"
    install_plugin("lines", code.replace("MODULE", module), module=module)


def test_a_format_as_it_should_be_keeps_the_contract(
    install_plugin: Install, tmp_path: Path
) -> None:
    install(install_plugin, "whole")
    assert failures(tmp_path / "work") == {}


@pytest.mark.parametrize("way", BROKEN)
def test_a_broken_format_fails_the_check_that_is_meant_for_it(
    way: str, install_plugin: Install, tmp_path: Path
) -> None:
    check, message, *replacements = BROKEN[way]
    install(install_plugin, way, *replacements)
    found = failures(tmp_path / "work")
    assert list(found) == [check], found
    assert message in found[check]


def test_a_format_that_is_not_there_is_a_violation() -> None:
    class Lines(WriterContract):
        name = "lines"

    with pytest.raises(ContractError, match="no plugin that works registers the format 'lines'"):
        Lines().test_nothing_found_is_no_error()
