"""AlexNet of 2012 follows the paper; that of 2014 torchvision's file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from published_networks import check_published, published
from torch import nn

from cnntasks.backbones import alexnet
from cnntasks.backbones.alexnet import response_norm
from cnntasks.backbones.catalog import list_network_info
from cnntasks.backbones.classifier import create_classifier
from cnntasks.backbones.registry import create_backbone

# Krizhevsky et al. 2012, section 3.5 and Figure 2: kernels, of maps, of side.
CONVOLUTIONS = ((96, 3, 11), (256, 48, 5), (384, 256, 3), (384, 192, 3), (256, 192, 3))
CONNECTED = ((4096, 256 * 6 * 6), (4096, 4096), (1000, 4096))


def test_a_narrow_alexnet_gives_torchvisions_own_logits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alexnet, "_WIDTH", 12)
    check_published(published("alexnet", width=12), "alexnet", tmp_path, side=96)


@pytest.mark.slow
def test_a_whole_alexnet_gives_torchvisions_own_logits(tmp_path: Path) -> None:
    check_published(published("alexnet"), "alexnet", tmp_path, side=96)


@pytest.mark.slow
def test_the_parameters_are_the_papers() -> None:
    expected = sum(n * maps * side**2 + n for n, maps, side in CONVOLUTIONS)
    expected += sum(n * inputs + n for n, inputs in CONNECTED)
    (info,) = (info for info in list_network_info() if info.name == "alexnet2012")
    assert expected == info.parameters == 60_965_224  # "60 million parameters"
    assert sum(p.numel() for p in create_classifier("alexnet2012").parameters()) == expected


def test_the_convolutions_are_the_papers() -> None:
    backbone = create_backbone("alexnet2012")
    convs = [module for module in backbone.modules() if isinstance(module, nn.Conv2d)]
    found = [(c.out_channels, c.weight.shape[1], c.kernel_size[0]) for c in convs]
    assert tuple(found) == CONVOLUTIONS
    assert sum(p.numel() for p in backbone.parameters()) == sum(
        n * maps * side**2 + n for n, maps, side in CONVOLUTIONS
    )


def test_the_towers_meet_in_conv3_only() -> None:
    backbone = create_backbone("alexnet2012").eval()
    for before, after, met in (("pool1", "conv2", False), ("pool2", "conv3", True)):
        channels = backbone.stage(before).channels
        x = torch.randn(1, channels, 13, 13)
        other = x.clone()
        other[:, channels // 2 :] += 1  # the second tower's half
        half = backbone.stage(after).channels // 2
        first, second = (backbone.parts[after](maps)[:, :half] for maps in (x, other))
        assert torch.equal(first, second) != met


def test_224_pixels_give_the_papers_places() -> None:
    backbone = create_backbone("alexnet2012").eval()
    with torch.inference_mode():
        maps = backbone(torch.zeros(1, 3, 224, 224), [stage.name for stage in backbone.stages])
    sides = {name: value.shape[-1] for name, value in maps.items()}
    assert sides == {
        "conv1": 55,
        "pool1": 27,
        "conv2": 27,
        "pool2": 13,
        "conv3": 13,
        "conv4": 13,
        "conv5": 13,
        "pool5": 6,
    }


def test_response_normalisation_is_the_papers_formula() -> None:
    x = torch.randn(1, 9, 2, 3) * 30  # large, so that alpha matters
    expected = torch.empty_like(x)
    for i in range(9):
        window = x[:, max(0, i - 2) : min(8, i + 2) + 1]
        expected[:, i] = x[:, i] / (2 + 1e-4 * window.square().sum(dim=1)) ** 0.75
    torch.testing.assert_close(response_norm()(x), expected)


def test_biases_begin_as_in_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alexnet, "_WIDTH", 12)
    network = create_classifier("alexnet2012", classes=5)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert [float(layer.bias.detach().mean()) for layer in layers] == [0, 1, 0, 1, 1, 1, 1, 0]
    assert float(layers[2].weight.detach().std()) == pytest.approx(0.01, rel=0.05)
