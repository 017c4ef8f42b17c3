"""What a transfer will need, what this machine has, and the largest size that fits."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Sizes that are proposed are multiples of this.
_STEP = 16
_SMALLEST = 32


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a transfer needs: bytes at its peak, and seconds, where they can be told."""

    bytes: int
    seconds: float | None


def estimate(
    sizes: Sequence[tuple[int, int]],
    iterations: Sequence[int],
    *,
    bytes_per_pixel: float,
    seconds_per_megapixel_iteration: float | None = None,
    fixed_bytes: int = 0,
) -> Estimate:
    """Estimate peak memory and time of an optimisation over scales.

    Both grow with the pixels of the result: the activations that wait for the backward pass, and
    the multiply-adds of the convolutions.

    Args:
        sizes: width and height at each scale.
        iterations: at each scale.
        bytes_per_pixel: of the result's pixels: activations, gradients, the optimiser's history.
        seconds_per_megapixel_iteration: of one step at 10⁶ pixels; None where nobody measured.
        fixed_bytes: what does not grow: the program, the weights.
    """
    largest = max((width * height for width, height in sizes), default=0)
    seconds = None
    if seconds_per_megapixel_iteration is not None:
        steps = sum(w * h * count for (w, h), count in zip(sizes, iterations, strict=True))
        seconds = seconds_per_megapixel_iteration * steps / 1e6
    return Estimate(fixed_bytes + round(bytes_per_pixel * largest), seconds)


def largest_size(
    needed: Callable[[int], float], available: float, *, most: int = 16384
) -> int | None:
    """The largest size of a result that fits into the memory.

    Args:
        needed: bytes for a size (the longer side in pixels); grows with it.
        available: bytes.
        most: the size above which nobody asks.

    Returns:
        A multiple of 16 from 32 up to `most`, or None where not even 32 pixels fit.
    """
    low, high = _SMALLEST // _STEP, most // _STEP
    if needed(low * _STEP) > available:
        return None
    while low < high:  # `low` fits
        middle = (low + high + 1) // 2
        if needed(middle * _STEP) <= available:
            low = middle
        else:
            high = middle - 1
    return low * _STEP


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that this process can still have without swapping; None where that cannot be told.

    On Linux what the kernel calls available, or what is left below the limit of a control group
    (a container) of this process; on macOS what is free, inactive or speculative; elsewhere all
    physical memory.

    Args:
        root: where `/proc` and `/sys` lie.
    """
    if sys.platform == "darwin":
        return _macos()
    found = [*_of_meminfo(root / "proc/meminfo"), *_of_groups(root)]
    return min(found) if found else _physical()


def format_bytes(count: float) -> str:
    """A number of bytes for people, in units of 10⁶ or 10⁹."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def format_seconds(seconds: float) -> str:
    """A duration for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _of_meminfo(path: Path) -> Iterator[int]:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in path.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024


def _of_groups(root: Path) -> Iterator[int]:
    """What is left below each limit on the path of this process's control group, if any."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            top, limit, usage = root / "sys/fs/cgroup", "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup/memory"
            limit, usage = "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        # Inside a container the group's path is the host's, and its files lie at the top.
        inner = top / group.lstrip("/")
        for folder in {inner, *(it for it in inner.parents if it.is_relative_to(top)), top}:
            with contextlib.suppress(OSError, ValueError):  # no such limit, or "max"
                most = int((folder / limit).read_text(encoding="ascii"))
                used = int((folder / usage).read_text(encoding="ascii"))
                yield max(0, most - used + _reclaimable(folder))


def _reclaimable(folder: Path) -> int:
    """Bytes of cached files that count as used and are given back when memory is short."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines():
            if line.split()[0] in ("inactive_file", "total_inactive_file"):
                return int(line.split()[1])
    return 0


def _physical() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _macos() -> int | None:
    try:
        told = subprocess.run(
            ["/usr/bin/vm_stat"], capture_output=True, text=True, check=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return _physical()
    return parse_vm_stat(told.stdout) or _physical()


def parse_vm_stat(text: str) -> int | None:
    """Bytes that are free, inactive or speculative, from what macOS' `vm_stat` prints."""
    first, *lines = text.splitlines() or [""]
    sizes = [int(word) for word in first.split() if word.isdigit()]
    counts = {}
    for line in lines:
        name, _, value = line.partition(":")
        if value.strip().rstrip(".").isdigit():
            counts[name] = int(value.strip().rstrip("."))
    wanted = [counts.get(f"Pages {kind}") for kind in ("free", "inactive", "speculative")]
    if not sizes or None in wanted:
        return None
    return sizes[0] * sum(count for count in wanted if count is not None)
