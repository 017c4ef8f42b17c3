"""Sizes for people, and what a disk can answer."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cnntasks.errors import ModelError
from cnntasks.models.disk import disk_errors, format_size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (19_386_354, "19.4 MB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (2_500_000_000_000, "2500.0 GB"),
    ],
)
def test_sizes_are_in_decimal_units(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, r"m/x: the disk is full; 5\.0 MB are needed in m: .*CNNTASKS_CACHE"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EACCES, "m/x: cannot be written .*denied"),
    ],
)
def test_errors_of_the_disk_are_for_people(number: int, expected: str) -> None:
    with pytest.raises(ModelError, match=expected), disk_errors(Path("m/x"), 5_000_000):
        raise OSError(number, "denied")


def test_a_reader_who_has_gone_is_not_a_disk() -> None:
    with pytest.raises(BrokenPipeError), disk_errors(Path("m/x"), 0):
        raise BrokenPipeError
