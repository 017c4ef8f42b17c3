"""Sizes from coarse to fine, and how the iterations are shared out."""

from __future__ import annotations

import pytest
from cnntasks_style.defaults import Method
from cnntasks_style.scales import plan_sizes, share_iterations
from hypothesis import given
from hypothesis import strategies as st

sides = st.integers(16, 5000)


@given(st.integers(1, 2000), st.integers(1, 9))
def test_shares(total: int, sizes: int) -> None:
    shares = share_iterations(total, sizes)
    assert len(shares) == sizes
    assert sum(shares) == total
    assert min(shares) >= 0
    if total >= sizes:
        assert min(shares) >= 1
    else:
        assert shares == sorted(shares)  # the finest sizes get what there is
    for number, share in enumerate(shares):
        wanted = total * (sizes - number) / sum(range(1, sizes + 1))
        # Rounding down, then one where there was none; the last takes the rest.
        assert share >= int(wanted) or total < sizes
        assert share <= wanted + sizes


def test_known_shares() -> None:
    assert share_iterations(200, 1) == [200]
    assert share_iterations(300, 3) == [150, 100, 50]
    assert share_iterations(3, 3) == [1, 1, 1]
    assert share_iterations(2, 3) == [0, 1, 1]
    assert share_iterations(1, 4) == [0, 0, 0, 1]


@given(sides, sides, st.integers(0, 6), st.integers(0, 300))
def test_each_size_is_half_the_next(width: int, height: int, scales: int, coarsest: int) -> None:
    sizes = plan_sizes(width, height, Method(scales=scales, coarsest=coarsest))
    assert sizes[-1] == (width, height)
    for steps, (across, down) in enumerate(reversed(sizes)):
        assert abs(across - width / 2**steps) <= 0.5
        assert abs(down - height / 2**steps) <= 0.5
    assert all(min(size) >= 16 for size in sizes)
    if scales:
        assert len(sizes) <= scales
    else:
        assert all(max(size) >= coarsest for size in sizes[:-1])
    # There is no further size that could have been had.
    steps = len(sizes)
    across, down = round(width / 2**steps), round(height / 2**steps)
    further = len(sizes) < scales if scales else max(across, down) >= coarsest
    assert not further or min(across, down) < 16


@pytest.mark.parametrize(
    ("size", "method", "wanted"),
    [
        ((512, 384), Method(), [(128, 96), (256, 192), (512, 384)]),
        ((512, 384), Method(scales=1), [(512, 384)]),
        ((90, 60), Method(), [(90, 60)]),
        ((512, 20), Method(), [(512, 20)]),  # half of it would be too narrow
        ((101, 67), Method(scales=2), [(50, 34), (101, 67)]),
    ],
)
def test_known_sizes(size: tuple[int, int], method: Method, wanted: list[tuple[int, int]]) -> None:
    assert plan_sizes(*size, method) == wanted
