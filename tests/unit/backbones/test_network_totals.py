"""Totals of whole networks, against torch's own counter and published figures."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnntasks.backbones.arithmetic import LayerRow, Totals, build_shapes, describe_network
from cnntasks.backbones.catalog import NetworkInfo, list_network_info
from cnntasks.backbones.classifier import create_classifier

NETWORKS = list_network_info()
FIRST = {info.family: info for info in reversed(NETWORKS)}  # the smallest of each family
PUBLISHED = ("alexnet", "googlenet", "mobilenet_v3_small", "resnet18", "vgg11")


def published(name: str) -> nn.Module:
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    return build_shapes(lambda: torchvision.models.get_model(name, weights=None, **options))


def ours(info: NetworkInfo) -> nn.Module:
    return build_shapes(lambda: create_classifier(info.name, info.classes, info.input[0]))


def counted(network: nn.Module, shape: tuple[int, ...]) -> int:
    network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *shape, device="meta"))
    return counter.get_total_flops()


@pytest.mark.parametrize("name", PUBLISHED)
def test_totals_are_the_published_ones(name: str) -> None:
    """torchvision gives parameters exactly, and billions of multiply-adds to three places."""
    meta = torchvision.models.get_model_weights(name).DEFAULT.meta
    totals = Totals.of(describe_network(published(name), (3, 224, 224)))
    assert (totals.trainable, totals.fixed, totals.unused) == (meta["num_params"], 0, 0)
    assert round(totals.multiply_adds / 1e9, 3) == pytest.approx(meta["_ops"], abs=1e-9)


@pytest.mark.parametrize("name", PUBLISHED)
def test_multiply_adds_are_what_torch_counts_on_another_input(name: str) -> None:
    network = published(name)
    rows = describe_network(network, (3, 96, 128))
    assert 2 * Totals.of(rows).multiply_adds == counted(network, (3, 96, 128))


@pytest.mark.parametrize(
    "info",
    [
        pytest.param(info, id=info.name, marks=() if info in FIRST.values() else pytest.mark.slow)
        for info in NETWORKS
    ],
)
def test_the_catalogue_says_what_is_counted(info: NetworkInfo) -> None:
    network = ours(info)
    totals = Totals.of(describe_network(network, info.input))
    assert totals.trainable == info.parameters
    assert totals.multiply_adds == info.multiply_adds
    auxiliary = sum(parameter.numel() for parameter in network.auxiliary.parameters())
    assert totals.unused == auxiliary


def test_our_own_padding_is_counted_as_torch_does() -> None:
    [info] = [info for info in NETWORKS if info.name == "efficientnet_lite0"]
    network = ours(info)
    assert 2 * Totals.of(describe_network(network, (3, 75, 64))).multiply_adds == counted(
        network, (3, 75, 64)
    )


def rows_of(name: str) -> dict[str, LayerRow]:
    [info] = [info for info in NETWORKS if info.name == name]
    return {row.name: row for row in describe_network(ours(info), info.input)}


def test_lenet5_has_the_numbers_of_its_paper() -> None:
    """LeCun et al. 1998, section II.B: layer by layer, and 340,908 connections in all."""
    rows = rows_of("lenet5")
    parts = ("parts.c1", "parts.s2", "parts.c3", "parts.s4", "parts.c5", "embed", "output")
    layers = {part: [row for name, row in rows.items() if part in name] for part in parts}
    connections = [sum(row.connections for row in layer) for layer in layers.values()]
    assert connections == [122_304, 5_880, 151_600, 2_000, 48_120, 10_164, 840]
    trainable = [sum(row.trainable for row in layer) for layer in layers.values()]
    assert trainable == [156, 12, 1_516, 32, 48_120, 10_164, 0]
    assert (sum(connections), sum(trainable)) == (340_908, 60_000)


@pytest.mark.parametrize(
    ("name", "layer", "size", "jump"),
    [
        ("alexnet", "backbone.parts.pool5.0", 195, 32),
        ("vgg16", "backbone.parts.pool5.0", 212, 32),
        ("googlenet", "backbone.parts.inception5b.cat", 379, 32),
        ("resnet18", "backbone.parts.layer4.1.relu", 435, 32),
        ("resnet50", "backbone.parts.layer4.2.relu", 427, 32),
    ],
)
def test_receptive_fields_of_known_networks(name: str, layer: str, size: int, jump: int) -> None:
    """By Araujo et al. 2019, equation 2, along the widest path; 195 and 212 stand in their table.

    GoogLeNet's widest path takes the pooling of each module or, as wide, its second 3x3; in
    ResNet-50 the strides lie in the 3x3 convolutions, as torchvision has it.
    """
    row = rows_of(name)[layer]
    assert (row.receptive_field, row.jump) == ((size, size), (jump, jump))
