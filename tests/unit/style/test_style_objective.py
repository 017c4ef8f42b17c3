"""The objective: its losses by their equations, its gradient, and that tiles change neither."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from cnntasks_style.defaults import defaults_for
from cnntasks_style.features import FeatureNetwork
from cnntasks_style.losses import gram_matrix, total_variation
from cnntasks_style.objective import Objective, Weights
from cnntasks_style.targets import Regions, make_targets
from cnntasks_style.tiles import cut
from small_transfers import LAYERS, small_backbone, tensor
from torch import Tensor

from cnntasks import create_backbone

EVERYWHERE = Regions([], [], [], (1.0,))
WEIGHTS = {"style": {"one": 2.0, "three": 0.5}, "content": {"two": 0.3}, "variation": 0.7}


def halves(height: int, width: int) -> Regions:
    """A soft left part and the rest; the second region takes the style's upper half."""
    left = np.broadcast_to(np.linspace(1.5, -0.5, width, dtype=np.float32).clip(0, 1),
                           (height, width))  # fmt: skip
    upper = np.zeros((40, 36), np.float32)
    upper[:20] = 1
    return Regions([left.copy(), 1 - left], [np.ones((40, 36), np.float32), upper], [0, 0], ())


def objective(
    network: FeatureNetwork,
    content: Tensor,
    regions: Regions = EVERYWHERE,
    **options: Any,
) -> Objective:
    weights = Weights(**{**WEIGHTS, **options.pop("weights", {})})
    style = tensor(40, 36, seed=5, dtype=content.dtype) ** 2
    return Objective(network, make_targets(network, content, [style], regions, weights), weights,
                     **options)  # fmt: skip


def small(smooth: bool = False, **options: Any) -> FeatureNetwork:
    return FeatureNetwork(small_backbone(smooth=smooth), LAYERS, **options)


@torch.no_grad()
def test_losses_by_their_equations_relative_to_the_energy() -> None:
    network, content, picture = small(), tensor(32, 24), tensor(32, 24, seed=1)
    losses, _ = objective(network, content)(picture)
    maps, kept, seen = (network(it) for it in (picture, content, tensor(40, 36, seed=5) ** 2))
    style = 0.0
    for layer, weight in WEIGHTS["style"].items():  # type: ignore[attr-defined]
        found, wanted = (gram_matrix(it[layer]) / it[layer][0, 0].numel() for it in (maps, seen))
        style += weight * float((found - wanted).square().sum() / wanted.square().sum())
    content_loss = (maps["two"] - kept["two"]).square().sum() / kept["two"].square().sum()
    assert losses == pytest.approx(
        {
            "style": style,
            "content": 0.3 * float(content_loss),
            "variation": 0.7 * float(total_variation(picture)),
        },
        rel=1e-4,
    )


@torch.no_grad()
def test_losses_by_the_papers_equations() -> None:
    """Gatys et al. 2016, equations 1 and 3 to 5, with sums over places for Gram matrices."""
    network, content = small(), tensor(32, 24)
    picture = tensor(32, 24, seed=1)
    style = tensor(32, 24, seed=3)  # of the same size: the paper has one M for both
    weights = Weights({"one": 2.0, "three": 0.5}, {"two": 0.3}, 0.0, "paper")
    targets = make_targets(network, content, [style], EVERYWHERE, weights)
    losses, _ = Objective(network, targets, weights)(picture)
    maps, kept, seen = network(picture), network(content), network(style)
    wanted = 0.0
    for layer, weight in weights.style.items():
        count, places = maps[layer].shape[1], maps[layer][0, 0].numel()
        error = (gram_matrix(maps[layer]) - gram_matrix(seen[layer])).square().sum()
        wanted += weight * float(error) / (4 * count**2 * places**2)
    assert losses["style"] == pytest.approx(wanted, rel=1e-4)
    half = 0.5 * float((maps["two"] - kept["two"]).square().sum())
    assert losses["content"] == pytest.approx(0.3 * half, rel=1e-4)
    assert losses["variation"] == 0


@pytest.mark.parametrize("scaling", ["energy", "paper"])
@pytest.mark.parametrize("masked", [False, True])
def test_gradient_against_finite_differences(scaling: str, masked: bool) -> None:
    network = small(smooth=True).double()
    content, picture = (tensor(20, 22, seed, torch.float64) for seed in (0, 1))
    regions = halves(20, 22) if masked else EVERYWHERE
    regions = Regions(
        [it.astype(np.float64) for it in regions.content],  # type: ignore[misc]
        [it.astype(np.float64) for it in regions.style],  # type: ignore[misc]
        regions.places,
        regions.blend,
    )

    def extra(values: Tensor, maps: dict[str, Tensor]) -> Tensor:
        return 0.1 * maps["two"].mean() + values.square().mean()

    found = objective(network, content, regions, weights={"scaling": scaling}, extra=extra)
    losses, gradient = found(picture)
    assert set(losses) == {"style", "content", "variation", "extra"}
    for seed in range(3):
        way = torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed)).double()
        step = 1e-5
        ends = [sum(found(picture + sign * step * way)[0].values()) for sign in (1, -1)]
        assert float((gradient * way).sum()) == pytest.approx(
            (ends[0] - ends[1]) / (2 * step), rel=1e-5
        )


def test_the_picture_itself_has_no_loss() -> None:
    network, content = small(), tensor(32, 24)
    weights = Weights({"one": 1.0, "two": 1.0}, {"two": 1.0})
    targets = make_targets(network, content, [content], EVERYWHERE, weights)
    losses, gradient = Objective(network, targets, weights)(content)
    assert max(losses.values()) < 1e-10
    assert float(gradient.abs().max()) < 1e-6


@torch.no_grad()
def test_losses_do_not_depend_on_the_scale_of_the_network() -> None:
    picture, content = tensor(32, 24, seed=1), tensor(32, 24)
    found = []
    for factor in (1.0, 50.0):
        network = small()
        for layer in LAYERS:
            network.scale(layer).fill_(factor)
        network._scaled = True
        found.append(objective(network, content)(picture)[0])
    assert found[0] == pytest.approx(found[1], rel=1e-3)
    paper = []
    for factor in (1.0, 2.0):
        network.scale("two").fill_(factor)
        paper.append(objective(network, content, weights={"scaling": "paper"})(picture)[0])
    assert paper[1]["content"] == pytest.approx(4 * paper[0]["content"], rel=1e-3)


def assert_same(whole: Objective, tiled: Objective, picture: Tensor) -> None:
    """Loss and gradient agree within rounding."""
    (losses, gradient), (parts, pieces) = whole(picture), tiled(picture)
    assert set(parts) == set(losses)
    for name, value in losses.items():
        assert parts[name] == pytest.approx(value, rel=2e-4), name
    largest = float(gradient.abs().max())
    assert largest > 0
    assert float((gradient - pieces).abs().max()) < 2e-5 * largest


@pytest.mark.parametrize("size", [(96, 64), (97, 63), (50, 131), (65, 65)])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_tiles_are_the_whole(size: tuple[int, int], masked: bool, pooling: str) -> None:
    network = small(pooling=pooling)
    content, picture = tensor(*size), tensor(*size, seed=1)
    regions = halves(*size) if masked else EVERYWHERE
    for side in (16, 32):
        whole = objective(network, content, regions)
        assert_same(whole, objective(network, content, regions, tile=side), picture)


NETWORKS = [
    ("vgg11", ["conv1_1", "conv2_1", "conv3_1"], ["pool2"], (97, 34)),
    ("vgg19_lowrank", ["conv1_1", "conv2_1", "conv3_4"], ["conv3_3"], (131, 33)),
    ("efficientnet_lite0", ["stem", "b0", "b2"], ["b1"], (101, 32)),
    ("resnet18", ["stem", "layer1"], ["layer1"], (128, 35)),
    ("alexnet", ["conv1", "pool2"], ["pool1"], (163, 48)),  # these two pad little or not at all
    ("lenet5", ["c1", "s4"], ["s2"], (97, 40)),
]


@pytest.mark.parametrize(("name", "style", "content", "size"), NETWORKS)
def test_tiles_of_real_networks_are_the_whole(
    name: str, style: list[str], content: list[str], size: tuple[int, int]
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = FeatureNetwork(create_backbone(name), [*style, *content])
    assert network.field is not None
    weights = {"style": dict.fromkeys(style, 1.0), "content": dict.fromkeys(content, 1.0)}
    kept, picture = tensor(*size), tensor(*size, seed=1)
    whole = objective(network, kept, halves(*size), weights=weights)
    tiled = objective(network, kept, halves(*size), weights=weights, tile=32)
    outer = [tile.outer for tile in cut(picture.shape, 32, network)]
    assert all(bottom - top < size[0] for top, _, bottom, _ in outer)  # no tile sees everything
    assert_same(whole, tiled, picture)


def test_a_network_that_pools_over_everything_gets_no_tiles() -> None:
    backbone = create_backbone("mobilenet_v3_small")
    layers = defaults_for("mobilenet_v3_small", backbone.stages)["style_layers"]
    network = FeatureNetwork(backbone, layers)
    weights = {"style": dict.fromkeys(layers, 1.0), "content": {layers[-1]: 1.0}}
    content, picture = tensor(32, 720), tensor(32, 720, seed=1)
    found = [objective(network, content, weights=weights, tile=it)(picture) for it in (0, 16)]
    assert found[0][0] == found[1][0]


@pytest.mark.parametrize("size", [(96, 64), (97, 63), (20, 131)])
def test_tiles_cover_every_pixel_once_with_all_that_they_see(size: tuple[int, int]) -> None:
    network = small()
    count = np.zeros(size, int)
    for tile in cut((1, 3, *size), 20, network):
        count[tile.top : tile.bottom, tile.left : tile.right] += 1
        top, left, bottom, right = tile.outer
        assert top % network.stride == left % network.stride == 0
        assert tile.top - top >= min(9, tile.top)  # half of what the network sees
        assert bottom - tile.bottom >= min(9, size[0] - tile.bottom)
        assert right - tile.right >= min(9, size[1] - tile.right)
    assert (count == 1).all()


def test_a_term_of_the_users_own_sees_the_whole_picture() -> None:
    seen = []

    def extra(picture: Tensor, maps: dict[str, Tensor]) -> Tensor:
        seen.append((tuple(picture.shape), sorted(maps)))
        return picture.mean()

    content = tensor(64, 48)
    losses, _ = objective(small(), content, tile=16, extra=extra)(content)
    assert seen == [((1, 3, 64, 48), sorted(LAYERS))]
    assert losses["extra"] == pytest.approx(float(content.mean()))


def test_style_counts_only_where_its_region_is() -> None:
    network = small()
    inside = np.zeros((48, 64), np.float32)
    inside[:, :32] = 1
    content = tensor(48, 64)
    found = objective(network, content, Regions([inside], [], [0], ()),
                      weights={"content": {}, "variation": 0.0})  # fmt: skip
    losses, gradient = found(content)
    assert losses["style"] > 0
    columns = gradient.abs().sum(dim=(0, 1, 2))
    assert float(columns[32 + 18 :].max()) == 0  # behind what the network sees from inside
    assert float(columns[:32].min()) > 0
