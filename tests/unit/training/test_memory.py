"""Memory that stays with the process between steps."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from cnntasks.training.memory import keep_memory

# Page faults of ten blocks as large as a batch's activations, after the first ten.
FAULTS = """
import resource, sys
from cnntasks.training.memory import keep_memory
if sys.argv[1] == "keep":
    assert keep_memory()
def work():
    for _ in range(10):
        b"x" * 60_000_000
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_memory()


def test_freed_blocks_are_used_again_without_the_system() -> None:
    if platform.libc_ver()[0] != "glibc":
        assert not keep_memory()
        return
    faults = {
        how: int(subprocess.check_output([sys.executable, "-c", FAULTS, how], text=True))
        for how in ("keep", "leave")
    }
    assert faults["leave"] > 10_000
    assert faults["keep"] < 0.1 * faults["leave"]
