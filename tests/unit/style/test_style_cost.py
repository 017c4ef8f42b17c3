"""What a transfer is said to cost."""

from __future__ import annotations

import pytest
import torch
from cnntasks_style.cost import TILE, Cost, measure_cost
from cnntasks_style.features import FeatureNetwork
from hypothesis import given, settings
from hypothesis import strategies as st
from small_transfers import LAYERS, small_backbone, small_transfer

per_pixel = st.floats(10, 20_000)
pixels = st.integers(16 * 16, 10_000 * 10_000)
CPU = torch.device("cpu")


@settings(max_examples=30)
@given(per_pixel, pixels, pixels, st.one_of(st.none(), st.integers(0, 400)))
def test_more_pixels_cost_more_until_tiles_begin(
    size: float, one: int, other: int, overlap: int | None
) -> None:
    cost, few, many = Cost(size, 1.0, overlap), min(one, other), max(one, other)
    if cost.tile(few) == cost.tile(many):
        assert cost.peak(few) <= cost.peak(many)
    assert cost.tile(few) <= cost.tile(many)  # never back to the whole


@settings(max_examples=30)
@given(per_pixel, pixels, st.integers(0, 400))
def test_tiles_cap_what_activations_take(size: float, count: int, overlap: int) -> None:
    whole, tiled = Cost(size, 1.0, None), Cost(size, 1.0, overlap)
    assert whole.tile(count) == 0
    assert tiled.peak(count) <= whole.peak(count)
    if tiled.tile(count):
        assert tiled.tile(count) == TILE
        more = tiled.peak(4 * count) - tiled.peak(count)
        side = TILE + 2 * overlap
        assert more <= 4 * 240 * 3 * count + size * max(side**2 - count, 0) + 1


def test_the_activations_of_a_small_network() -> None:
    network = FeatureNetwork(small_backbone(), LAYERS)
    cost = measure_cost(network, CPU)
    # Per pixel: the picture twice padded, ReLUs of 8, 10/4 and 12/16 channels, and what they come
    # from; Gram matrices keep maps that are there already. All float32.
    maps = 4 * (8 + 10 / 4 + 12 / 16)
    assert 1.5 * maps < cost.bytes < 6 * maps
    assert cost.seconds > 0
    assert cost.overlap == 18
    assert measure_cost(network, CPU).bytes == cost.bytes  # the same each time: it decides on tiles


def test_deeper_layers_cost_more() -> None:
    shallow = measure_cost(FeatureNetwork(small_backbone(), ["one"]), CPU)
    assert shallow.bytes < measure_cost(FeatureNetwork(small_backbone(), LAYERS), CPU).bytes


def test_a_plan_grows_with_the_size() -> None:
    transfer = small_transfer()
    wanted = transfer.settings.filled(transfer.card.defaults)
    plans = [
        transfer.plan(side, side, [(40, 40)], wanted.changed(size=side))
        for side in (48, 96, 480, 960)
    ]
    assert [plan.sizes[-1] for plan in plans] == [(48, 48), (96, 96), (480, 480), (960, 960)]
    needs = [plan.bytes for plan in plans]
    assert needs == sorted(needs)
    assert needs[0] < needs[-1]
    times = [plan.seconds or 0 for plan in plans]
    assert times == sorted(times)
    assert all(sum(plan.iterations) == 16 for plan in plans)


def test_a_large_style_counts() -> None:
    transfer = small_transfer()
    wanted = transfer.settings.filled(transfer.card.defaults).changed(size=480)
    wide = transfer.plan(480, 240, [(40, 40)], wanted)
    assert wide.bytes == transfer.plan(480, 480, [(40, 20)], wanted).bytes
    enlarged = transfer.plan(480, 240, [(40, 40)], wanted.changed(style_scale=2))
    assert enlarged.bytes > wide.bytes
    assert enlarged.seconds == pytest.approx(wide.seconds)
