"""The feature network: maps, edges, filters of mean activation 1, and how far it sees."""

from __future__ import annotations

import pytest
import torch
from cnntasks_style.features import FeatureNetwork, check_layers, receptive_field
from small_transfers import LAYERS, small_backbone, tensor
from torch import nn

from cnntasks import Backbone, UsageError, create_backbone


def network(*layers: str, pooling: str = "max") -> FeatureNetwork:
    return FeatureNetwork(small_backbone(), layers or LAYERS, pooling)


@torch.no_grad()
def test_its_maps_are_the_backbones() -> None:
    picture = tensor(40, 32)
    plain = small_backbone().eval()
    mean = torch.tensor(plain.mean).view(1, 3, 1, 1)
    std = torch.tensor(plain.std).view(1, 3, 1, 1)
    wanted = plain((255 * picture - mean) / std, LAYERS)
    found = network()(picture)
    assert list(found) == list(LAYERS)
    for name in LAYERS:
        assert found[name].shape == wanted[name].shape
        edge = 3
        inner = (..., slice(edge, -edge), slice(edge, -edge))
        torch.testing.assert_close(found[name][inner], wanted[name][inner], atol=1e-4, rtol=1e-4)


def test_layers_are_asked_for_once_and_no_deeper_ones_are_computed() -> None:
    found = network("two", "one", "two")
    assert found.layers == ("two", "one")
    assert found.stride == 2

    class Untouchable(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise AssertionError("a layer that nobody asked for")

    found.backbone.parts["three"] = Untouchable()
    assert set(found(tensor(16, 16))) == {"one", "two"}


def test_it_is_frozen() -> None:
    found = network()
    assert not any(parameter.requires_grad for parameter in found.parameters())
    assert not found.backbone.training


def test_an_unknown_layer_is_told_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no stage 'four'; it has one, two, three"):
        network("one", "four")
    with pytest.raises(
        UsageError, match="--style-layers four: no such layer; there are one, two, three"
    ):
        check_layers(small_backbone(), ["one", "four"], "--style-layers")
    check_layers(small_backbone(), LAYERS, "--style-layers")


@pytest.mark.parametrize("size", [(32, 48), (33, 47), (18, 35)])
def test_sizes_are_those_of_the_maps(size: tuple[int, int]) -> None:
    found = network()
    maps = found(tensor(*size))
    assert found.sizes(*size) == {name: tuple(value.shape[2:]) for name, value in maps.items()}


@torch.no_grad()
def test_average_pooling_is_that_of_the_maps_before() -> None:
    picture = tensor(24, 24)
    maximum, average = network()(picture), network(pooling="average")(picture)
    torch.testing.assert_close(maximum["one"], average["one"])
    assert not torch.allclose(maximum["two"], average["two"], atol=1e-3)
    conv = network(pooling="average").backbone.parts["two"][1]
    pooled = nn.functional.avg_pool2d(average["one"], 2)
    torch.testing.assert_close(conv(pooled).relu(), average["two"], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("pooling", ["max", "average"])
@torch.no_grad()
def test_a_constant_picture_has_no_frame(pooling: str) -> None:
    for value in network(pooling=pooling)(torch.full((1, 3, 33, 40), 0.8)).values():
        torch.testing.assert_close(value, value[..., :1, :1].expand_as(value), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_normalize_gives_every_filter_a_mean_activation_of_1() -> None:
    found = network()
    pictures = [tensor(24, 32), 0.5 * tensor(40, 16, seed=1)]
    plain = found(pictures[0])
    found.normalize(pictures)
    maps = [found(picture) for picture in pictures]
    for name in LAYERS:
        means = torch.stack([it[name].mean(dim=(0, 2, 3)) for it in maps]).mean(dim=0)
        alive = found.scale(name).flatten() < 1e3 / plain[name].mean()
        assert alive.sum() >= len(means) // 2
        torch.testing.assert_close(means[alive], torch.ones(int(alive.sum())))
        torch.testing.assert_close(maps[0][name], plain[name] * found.scale(name))


@torch.no_grad()
def test_normalize_measures_anew_each_time() -> None:
    found, once = network(), network()
    found.normalize([tensor(24, 32)])
    found.normalize([tensor(40, 16, seed=1)])
    once.normalize([tensor(40, 16, seed=1)])
    for name in LAYERS:
        torch.testing.assert_close(found.scale(name), once.scale(name))


@torch.no_grad()
def test_a_filter_that_never_answers_stays_silent() -> None:
    backbone = small_backbone()
    conv = backbone.parts["one"][0]
    assert isinstance(conv, nn.Conv2d)
    conv.weight[3] = 0
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    found = FeatureNetwork(backbone, ["one"])
    found.normalize([tensor(16, 16)])
    maps = found(tensor(16, 16))["one"]
    assert torch.isfinite(found.scale("one")).all()
    assert maps[:, 3].abs().max() == 0
    assert maps.mean() > 0.4


def looks_at(backbone: Backbone, layer: str, side: int) -> int:
    """How many pixels of a row change the middle place of a layer's map, found by gradients."""
    picture = torch.rand(1, 3, side, side, requires_grad=True)
    maps = backbone.eval()(picture, [layer])[layer]
    middle = maps.shape[2] // 2
    (gradient,) = torch.autograd.grad(maps[0, :, middle, middle].square().sum(), picture)
    seen = gradient[0].abs().sum(dim=(0, 1)).nonzero()
    return int(seen.max() - seen.min()) + 1


def test_the_field_is_what_changes_a_place() -> None:
    assert receptive_field(small_backbone(), ["one"]) == 3
    assert receptive_field(small_backbone(), ["three", "one"]) == 18
    assert looks_at(small_backbone(smooth=True), "three", 48) == 18


def test_known_fields() -> None:
    with torch.device("meta"):
        vgg = create_backbone("vgg19")
    assert receptive_field(vgg, ["conv1_1", "conv5_1"]) == 156
    assert receptive_field(create_backbone("vgg19_lowrank"), ["conv3_4"]) == 48
    assert receptive_field(create_backbone("resnet18"), ["layer1"]) == 43


def test_a_network_that_pools_over_the_whole_picture_has_no_field() -> None:
    """Behind squeeze-and-excitation every place sees everything, however large the picture is."""
    backbone = create_backbone("mobilenet_v3_small")
    assert receptive_field(backbone, ["stem"]) == 3
    assert receptive_field(backbone, ["b2"]) is None
    assert FeatureNetwork(backbone, ["b2"]).field is None
