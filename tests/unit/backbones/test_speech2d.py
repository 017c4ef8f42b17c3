"""Networks for spoken words are their papers' in size and shape."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cnntasks.backbones.base import Backbone
from cnntasks.backbones.classifier import create_classifier
from cnntasks.backbones.registry import create_backbone


def shapes(backbone: Backbone, mels: int, frames: int) -> dict[str, tuple[int, ...]]:
    names = [stage.name for stage in backbone.stages]
    with torch.inference_mode():
        maps = backbone.eval()(torch.randn(1, 1, mels, frames), names)
    return {name: tuple(value.shape[1:]) for name, value in maps.items()}


def parameters(name: str, classes: int, part: str = "") -> int:
    network = create_classifier(name, classes, 1)
    return sum(p.numel() for key, p in network.named_parameters() if part in key)


def test_cnn_trad_fpool3_is_table_1_of_the_paper() -> None:
    """Sainath & Parada: 20×8 and 10×4 filters, 64 maps, 32 linear units, 128; 244 thousand."""
    weights = {
        key: p.numel()
        for key, p in create_classifier("cnn_trad_fpool3", 4, 1).named_parameters()
        if key.endswith("weight")
    }
    found = [round(count / 1000, 1) for count in weights.values()]
    assert found == [10.2, 163.8, 65.5, 4.1, 0.5]
    assert round(sum(weights.values()) / 1000) == 244
    assert shapes(create_backbone("cnn_trad_fpool3", 1), 40, 32) == {
        "conv1": (64, 33, 13),
        "pool1": (64, 11, 13),
        "conv2": (64, 8, 4),
        "linear": (32, 1, 1),
        "dense": (128, 1, 1),
    }


def test_cnn_trad_fpool3_slides_over_longer_windows() -> None:
    backbone = create_backbone("cnn_trad_fpool3", 1).eval()
    x = torch.randn(1, 1, 40, 40)
    with torch.inference_mode():
        whole = backbone(x)["dense"]
        pieces = [backbone(x[..., start : start + 32])["dense"] for start in range(9)]
    torch.testing.assert_close(whole, torch.cat(pieces, dim=3), rtol=1e-4, atol=1e-5)


def test_res15_has_the_papers_parameters_and_dilations() -> None:
    """Tang & Lin, Table 1: 238 thousand parameters; dilations 2^(i // 3)."""
    assert round(parameters("res15", 12) / 1000) == 238
    backbone = create_backbone("res15", 1)
    convs = [module for module in backbone.modules() if isinstance(module, nn.Conv2d)]
    assert [conv.dilation[0] for conv in convs] == [1, 1, 1, 1, 2, 2, 2, 4, 4, 4, 8, 8, 8, 16]
    assert set(shapes(backbone, 12, 20).values()) == {(45, 12, 20)}


def test_res15_sees_a_second() -> None:
    """125 frames, the paper's receptive field: wider than its window."""
    backbone = create_backbone("res15", 1)
    fields = 1 + 2 * sum(
        module.dilation[1] for module in backbone.modules() if isinstance(module, nn.Conv2d)
    )
    assert fields == 125


def test_kws_resnet_halves_what_it_says() -> None:
    backbone = create_backbone("kws_resnet", 1)
    assert shapes(backbone, 40, 98) == {
        "stem": (24, 20, 49),
        "block1": (24, 20, 49),
        "block2": (48, 10, 25),
        "block3": (96, 5, 13),
        "block4": (160, 3, 7),
    }
    assert [stage.stride for stage in backbone.stages] == [2, 2, 4, 8, 16]


@pytest.mark.parametrize("name", ["cnn_trad_fpool3", "res15"])
def test_gradients_reach_the_first_layer(name: str) -> None:
    network = create_classifier(name, 3, 1)
    logits: Tensor = network(torch.randn(2, 1, 40, 33))["logits"]
    logits.sum().backward()
    first = next(network.parameters())
    assert first.grad is not None
    assert float(first.grad.abs().max()) > 0
