"""From coarse to fine: the sizes of an optimisation, and how often each is visited.

At a small size a network sees, and paints, strokes that are large in the result, and an iteration
costs little (Gatys et al. 2017, arXiv:1611.07865, section 6).
"""

from __future__ import annotations

from cnntasks_style.defaults import Method
from cnntasks_style.pictures import SMALLEST_SIDE


def plan_sizes(width: int, height: int, method: Method) -> list[tuple[int, int]]:
    """Width and height of every size, the smallest first; each is half the next."""
    sizes = [(width, height)]
    while True:
        across, down = round(width / 2 ** len(sizes)), round(height / 2 ** len(sizes))
        wanted = (
            len(sizes) < method.scales if method.scales else max(across, down) >= method.coarsest
        )
        if not wanted or min(across, down) < SMALLEST_SIDE:
            return sizes[::-1]
        sizes.append((across, down))


def share_iterations(total: int, sizes: int) -> list[int]:
    """Iterations at each of so many sizes, the smallest first, in the ratio sizes, ..., 2, 1.

    Every size gets one at least; where there are fewer than sizes, the finest get them.
    """
    if total < sizes:
        return [0] * (sizes - total) + [1] * total
    parts = list(range(sizes, 0, -1))
    shares = [total * part // sum(parts) for part in parts]
    for place in range(sizes - 1, -1, -1):  # what rounding left, and what a size lacks
        if shares[place] == 0 and sum(shares) < total:
            shares[place] = 1
    shares[-1] += total - sum(shares)
    return shares
