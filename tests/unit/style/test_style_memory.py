"""Estimates, and what a machine, a container or a Mac says of its memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from cnntasks_style.memory import (
    available_memory,
    estimate,
    format_bytes,
    format_seconds,
    largest_size,
    parse_vm_stat,
)
from hypothesis import given
from hypothesis import strategies as st


def test_memory_is_that_of_the_largest_scale_and_time_that_of_all() -> None:
    found = estimate(
        [(100, 50), (200, 100)],
        [10, 5],
        bytes_per_pixel=1000,
        seconds_per_megapixel_iteration=2,
        fixed_bytes=7,
    )
    assert found.bytes == 200 * 100 * 1000 + 7
    assert found.seconds == pytest.approx(2 * (0.005 * 10 + 0.02 * 5))
    assert estimate([(100, 50)], [1], bytes_per_pixel=1).seconds is None


@given(st.floats(1, 1e5), st.floats(1e5, 1e12))
def test_the_largest_size_is_the_last_that_fits(per_pixel: float, available: float) -> None:
    def needed(size: int) -> float:
        return per_pixel * size * size * 2 / 3

    size = largest_size(needed, available)
    if size is None:
        assert needed(32) > available
        return
    assert size % 16 == 0
    assert needed(size) <= available
    assert size == 16384 or needed(size + 16) > available


def linux(root: Path, groups: str = "0::/\n", available: int | None = 8_000_000) -> Path:
    """A `/proc` and an empty `/sys` under `root`; `available` in kB."""
    (root / "proc/self").mkdir(parents=True)
    (root / "sys/fs/cgroup").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    if available is not None:
        text = f"MemTotal:       16000000 kB\nMemAvailable:   {available} kB\n"
        (root / "proc/meminfo").write_text(text)
    return root


def limit(folder: Path, most: str, used: int, stat: str = "", old: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = ("limit_in_bytes", "usage_in_bytes") if old else ("max", "current")
    (folder / f"memory.{names[0]}").write_text(f"{most}\n")
    (folder / f"memory.{names[1]}").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(stat)


def test_linux_without_a_container(tmp_path: Path) -> None:
    assert available_memory(linux(tmp_path)) == 8_000_000 * 1024


def test_the_limit_of_a_container_counts(tmp_path: Path) -> None:
    root = linux(tmp_path)
    limit(root / "sys/fs/cgroup", "3000000000", 1_000_000_000, "anon 5\ninactive_file 400000\n")
    assert available_memory(root) == 2_000_400_000


def test_the_narrowest_group_counts(tmp_path: Path) -> None:
    root = linux(tmp_path, groups="0::/user.slice/job\n")
    limit(root / "sys/fs/cgroup/user.slice/job", "max", 10)
    limit(root / "sys/fs/cgroup/user.slice", "5000", 1000)
    assert available_memory(root) == 4000


def test_the_first_version_of_control_groups(tmp_path: Path) -> None:
    root = linux(tmp_path, groups="5:cpu,cpuacct:/x\n4:memory:/docker/abc\n")
    limit(root / "sys/fs/cgroup/memory", "9000", 8_000, "total_inactive_file 50\n", old=True)
    assert available_memory(root) == 1050
    limit(root / "sys/fs/cgroup/memory", "9000", 9_500, old=True)
    assert available_memory(root) == 0


def test_all_physical_memory_where_nothing_else_is_told(tmp_path: Path) -> None:
    found = available_memory(tmp_path)
    assert found is not None
    assert found > 10**8
    # This machine, whatever it is, has some, and not more than all.
    here = available_memory()
    assert here is not None
    assert 0 < here <= found


def test_what_a_mac_says() -> None:
    text = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
        "Pages free:                               10000.\n"
        "Pages active:                            500000.\n"
        "Pages inactive:                            2000.\n"
        "Pages speculative:                          300.\n"
        '"Translation faults":                  123456789.\n'
    )
    assert parse_vm_stat(text) == 12_300 * 16384
    assert parse_vm_stat("") is None
    assert parse_vm_stat("Mach (page size of 4096 bytes)\nPages free: 3.\n") is None


def test_for_people() -> None:
    assert [format_bytes(it) for it in (5e5, 812e6, 3.24e9)] == ["0 MB", "812 MB", "3.2 GB"]
    assert [format_seconds(it) for it in (0.4, 89, 600, 7200)] == ["0 s", "89 s", "10 min", "2.0 h"]
