"""Targets: blends of styles, and regions of content and style."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cnntasks_style.features import FeatureNetwork
from cnntasks_style.losses import gram_matrix
from cnntasks_style.objective import Weights
from cnntasks_style.targets import Regions, make_targets, to_tensor
from small_transfers import LAYERS, content, small_backbone, tensor

WEIGHTS = Weights({"one": 1.0, "two": 1.0}, {"three": 1.0})


@pytest.fixture
def network() -> FeatureNetwork:
    return FeatureNetwork(small_backbone(), LAYERS)


def test_a_picture_as_a_tensor() -> None:
    values = content().astype(np.float32) / 255
    found = to_tensor(values, torch.device("cpu"))
    assert found.shape == (1, 3, 32, 48)
    assert found.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(found[0, 2].numpy(), values[..., 2])


def test_only_the_layers_that_are_needed(network: FeatureNetwork) -> None:
    targets = make_targets(
        network, tensor(32, 24), [tensor(40, 40)], Regions([], [], [], (1.0,)), WEIGHTS
    )
    assert set(targets.content) == {"three"}
    (grams,) = targets.style
    assert {name: tuple(gram.shape) for name, gram in grams.items()} == {
        "one": (8, 8),
        "two": (10, 10),
    }
    assert targets.regions == [None]


def test_styles_are_blended_in_their_parts(network: FeatureNetwork) -> None:
    styles = [tensor(40, 40, seed) for seed in (1, 2)]
    alone = [
        make_targets(network, tensor(32, 24), [it], Regions([], [], [], (1.0,)), WEIGHTS).style[0]
        for it in styles
    ]
    (found,) = make_targets(
        network, tensor(32, 24), styles, Regions([], [], [], (0.25, 0.75)), WEIGHTS
    ).style
    for name, gram in found.items():
        torch.testing.assert_close(gram, 0.25 * alone[0][name] + 0.75 * alone[1][name])


def test_a_style_does_not_count_by_its_size(network: FeatureNetwork) -> None:
    style = tensor(20, 24).repeat(1, 1, 2, 2)
    regions = Regions([], [], [], (1.0,))
    small, large = (
        make_targets(network, tensor(32, 24), [it], regions, WEIGHTS).style[0]["one"]
        for it in (style, style.repeat(1, 1, 2, 2))
    )
    torch.testing.assert_close(small, large, rtol=0.03, atol=0.01)


def test_a_style_mask_chooses_the_part_that_gives_the_statistics(network: FeatureNetwork) -> None:
    style = tensor(40, 32)
    style[:, :, :20] *= 0.2
    upper = np.zeros((40, 32), np.float32)
    upper[:20] = 1
    area = np.ones((32, 24), np.float32)
    for mask, rows in ((upper, slice(0, 20)), (1 - upper, slice(20, 40))):
        regions = Regions([area], [mask], [0], ())
        targets = make_targets(network, tensor(32, 24), [style], regions, WEIGHTS)
        maps = network(style)["one"][:, :, rows]
        torch.testing.assert_close(targets.style[0]["one"], gram_matrix(maps) / (20 * 32))
        assert targets.regions[0] is not None
        assert float(targets.regions[0].min()) == 1


def test_regions_take_their_styles_and_share_what_overlaps(network: FeatureNetwork) -> None:
    styles = [tensor(40, 40, 1), 0.3 * tensor(24, 24, 2)]
    left = np.zeros((16, 12), np.float32)  # half the content's resolution
    left[:, :8] = 1
    right = np.zeros((16, 12), np.float32)
    right[:, 4:] = 1
    regions = Regions([left, right], [], [0, 1], ())
    targets = make_targets(network, tensor(32, 24), styles, regions, WEIGHTS)
    for number, style in enumerate(styles):
        maps = network(style)["two"]
        wanted = gram_matrix(maps) / maps[0, 0].numel()
        torch.testing.assert_close(targets.style[number]["two"], wanted)
    first, second = targets.regions
    assert first is not None
    assert second is not None
    assert first.shape == (1, 1, 32, 24)
    torch.testing.assert_close(first + second, torch.ones(1, 1, 32, 24))
    assert first[0, 0, 0, [0, 12, 23]].tolist() == [1, 0.5, 0]


@pytest.mark.parametrize("masked", [False, True])
def test_tiles_are_the_whole(network: FeatureNetwork, masked: bool) -> None:
    content, styles = tensor(65, 50), [tensor(71, 48, 1), tensor(40, 97, 2)]
    left = np.zeros((65, 50), np.float32)
    left[:, :30] = 1
    slope = np.linspace(0, 1, 71 * 48, dtype=np.float32).reshape(71, 48)
    regions = Regions([], [], [], (0.3, 0.7))
    if masked:
        ones = np.ones((40, 97), np.float32)
        regions = Regions([left, 1 - left], [slope, ones], [0, 1], ())
    whole = make_targets(network, content, styles, regions, WEIGHTS)
    tiled = make_targets(network, content, styles, regions, WEIGHTS, lambda pixels: 16)
    assert len(whole.style) == len(tiled.style) == 1 + masked
    torch.testing.assert_close(tiled.content["three"], whole.content["three"])
    torch.testing.assert_close(whole.content["three"], network(content)["three"])
    for one, other in zip(whole.style, tiled.style, strict=True):
        for layer in ("one", "two"):
            torch.testing.assert_close(one[layer], other[layer])
