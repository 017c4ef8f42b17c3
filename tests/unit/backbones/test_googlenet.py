"""GoogLeNet: torchvision's file, its pixels on another scale, its auxiliary classifiers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from published_networks import check_published, logits, published, saved
from torch import Tensor, nn

from cnntasks.backbones.base import IMAGENET_MEAN, IMAGENET_STD
from cnntasks.backbones.classifier import create_classifier
from cnntasks.backbones.registry import create_backbone


@pytest.fixture(scope="module")
def net() -> nn.Module:
    """As `googlenet(weights=...)` makes it, which sets `transform_input`."""
    return published("googlenet", transform_input=True, init_weights=False)


def normalized(pixels: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    return (pixels - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


def test_the_same_pixels_give_torchvisions_own_logits(net: nn.Module, tmp_path: Path) -> None:
    pixels = torch.randint(256, (2, 3, 96, 96), generator=torch.Generator().manual_seed(0)).float()
    classifier = create_classifier("googlenet", weights=saved(net, tmp_path / "net.pth"))

    expected = logits(net, normalized(pixels, IMAGENET_MEAN, IMAGENET_STD))
    backbone = classifier.backbone
    found = logits(classifier, normalized(pixels, backbone.mean, backbone.std))

    assert float(expected.std(dim=0).max()) > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_a_file_without_that_scale_gives_the_same_logits_too(tmp_path: Path) -> None:
    plain = published("googlenet", init_weights=False)
    check_published(plain, "googlenet", tmp_path, side=96)


def test_auxiliary_classifiers_are_loaded_and_are_torchvisions(
    net: nn.Module, tmp_path: Path
) -> None:
    classifier = create_classifier("googlenet", weights=saved(net, tmp_path / "net.pth"))
    assert list(classifier.auxiliary) == ["inception4a", "inception4d"]
    maps = {"inception4a": torch.randn(2, 512, 6, 6), "inception4d": torch.randn(2, 528, 6, 6)}
    with torch.inference_mode():
        for (stage, x), theirs in zip(maps.items(), (net.aux1, net.aux2), strict=True):
            torch.testing.assert_close(classifier.auxiliary[stage].eval()(x), theirs(x))


def test_auxiliary_classifiers_speak_while_training_and_are_resized() -> None:
    classifier = create_classifier("googlenet", classes=4)
    classifier.reset_output(3)
    x = torch.randn(2, 3, 64, 64)
    found = classifier.train()(x)
    for key in ("logits", "auxiliary_inception4a", "auxiliary_inception4d"):
        assert tuple(found[key].shape) == (2, 3), key
    assert classifier.eval()(x).keys() == {"logits", "embedding"}


def test_a_file_without_auxiliary_classifiers_is_enough(net: nn.Module, tmp_path: Path) -> None:
    state = {key: value for key, value in net.state_dict().items() if not key.startswith("aux")}
    torch.save(state, tmp_path / "net.pth")
    classifier = create_classifier("googlenet", classes=7, weights=tmp_path / "net.pth")
    assert torch.equal(classifier.backbone.parts["conv1"].conv.weight, net.conv1.conv.weight)
    assert tuple(classifier.train()(torch.randn(2, 3, 64, 64))["logits"].shape) == (2, 7)


def test_the_stages_are_the_papers() -> None:
    backbone = create_backbone("googlenet")
    names = [stage.name for stage in backbone.stages if stage.name.startswith("inception")]
    assert names == [
        f"inception{n}" for n in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    ]
    assert (backbone.mean, backbone.std) == ((127.5,) * 3, (127.5,) * 3)
