"""`torchvision:NAME`: measured stages, torchvision's own logits, clear refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from published_networks import check_published, published, randomize

from cnntasks.backbones.classifier import create_classifier
from cnntasks.backbones.registry import convert_backbone, create_backbone
from cnntasks.errors import ModelError, UsageError

QUICK = ("densenet121", "convnext_tiny", "regnet_y_400mf", "mnasnet0_5")
# Of each further family one; larger relatives are built by the same code.
SLOW = (
    *("inception_v3", "googlenet", "resnext50_32x4d", "wide_resnet50_2", "efficientnet_v2_s"),
    *("efficientnet_b0", "mobilenet_v2", "shufflenet_v2_x0_5", "densenet161"),
    *("regnet_x_400mf", "resnet18", "mobilenet_v3_small", "convnext_small", "vgg11"),
)


def options(name: str) -> dict[str, bool]:
    return {"init_weights": False} if name in ("googlenet", "inception_v3") else {}


def check(name: str, folder: Path) -> None:
    if name.startswith("regnet"):  # cannot be built without values
        net = randomize(torchvision.models.get_model(name, weights=None)).eval()
    else:
        net = published(name, **options(name))
    side = 128 if name == "inception_v3" else 64
    classifier = check_published(net, f"torchvision:{name}", folder, side=side)
    backbone = classifier.backbone
    x = torch.randn(1, 3, 128, 192)
    with torch.inference_mode():
        maps = backbone(x, [stage.name for stage in backbone.stages])
    for stage in backbone.stages:
        _, channels, height, width = maps[stage.name].shape
        assert channels == stage.channels, stage
        if name != "inception_v3":  # it does not pad everywhere
            assert (height, width) == (128 // stage.stride, 192 // stage.stride), stage
    last = backbone.stages[-1].name
    alone = backbone(x, [last])[last]
    torch.testing.assert_close(alone, maps[last])


@pytest.mark.parametrize("name", QUICK)
def test_stages_and_logits_are_torchvisions(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_stages_and_logits_of_further_ones_are_torchvisions(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)


def test_strides_are_measured_where_nothing_is_padded() -> None:
    stages = {s.name: s for s in create_backbone("torchvision:inception_v3").stages}
    assert stages["Conv2d_1a_3x3"].stride == stages["Conv2d_2a_3x3"].stride == 2
    assert (stages["Mixed_5d"].stride, stages["Mixed_5d"].channels) == (8, 288)
    assert (stages["Mixed_6e"].stride, stages["Mixed_6e"].channels) == (16, 768)
    assert (stages["Mixed_7c"].stride, stages["Mixed_7c"].channels) == (32, 2048)


def test_the_old_names_in_densenets_files_are_read() -> None:
    with torch.device("meta"):
        state = torchvision.models.densenet121(weights=None).state_dict()
    old = {
        key.replace("norm1", "norm.1")
        .replace("norm2", "norm.2")
        .replace("conv1", "conv.1")
        .replace("conv2", "conv.2"): value
        for key, value in state.items()
    }
    assert old.keys() != state.keys()
    name = "torchvision:densenet121"
    assert convert_backbone(name, old).keys() == convert_backbone(name, state).keys()


def test_each_networks_own_normalisation_is_used() -> None:
    from cnntasks.backbones.torchvision_any import _normalization

    assert _normalization("efficientnet_v2_l", 3)[0] == (127.5,) * 3
    assert _normalization("inception_v3", 1) == ((127.5,), (127.5,))
    mean, std = _normalization("densenet121", 3)
    assert mean == pytest.approx((123.675, 116.28, 103.53))
    assert std == pytest.approx((58.395, 57.12, 57.375))
    assert len(_normalization("densenet121", 2)[0]) == 2


def test_the_seed_decides_the_weights_whatever_was_built_before() -> None:
    def build() -> torch.Tensor:
        torch.manual_seed(5)
        return create_classifier("torchvision:regnet_y_400mf", classes=2).output[-1].weight

    with torch.random.fork_rng(devices=[]):
        assert torch.equal(build(), build())


def test_the_embedding_is_not_changed_by_the_outputs_dropout() -> None:
    classifier = create_classifier("torchvision:mnasnet0_5", classes=2).train()
    classifier.backbone.eval()
    x = torch.randn(4, 3, 32, 32)
    (maps,) = classifier.backbone(x).values()
    torch.testing.assert_close(classifier(x)["embedding"], maps.mean(dim=(2, 3)))


@pytest.mark.parametrize("name", ["vit_b_16", "swin_t", "maxvit_t"])
def test_transformers_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(UsageError, match=rf"torchvision:{name}'.*transformer.*densenet") as caught:
        create_backbone(f"torchvision:{name}")
    assert "\n" not in str(caught.value)


def test_a_near_miss_is_told_what_is_possible() -> None:
    with pytest.raises(UsageError, match=r"possible: .*torchvision:densenet121"):
        create_classifier("torchvision:densnet121")
    with pytest.raises(UsageError, match=r"NAME begins with one of alexnet, convnext"):
        create_backbone("torchvision:xyzzy")


def test_squeezenet_is_a_backbone_only() -> None:
    backbone = create_backbone("torchvision:squeezenet1_1")
    assert backbone.stages[-1].channels == 512
    with pytest.raises(UsageError, match=r"squeezenet1_1: .* use it as a backbone only"):
        create_classifier("torchvision:squeezenet1_1")


def test_weights_of_another_network_give_one_line(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=r"do not fit torchvision:mnasnet0_5") as caught:
        create_backbone("torchvision:mnasnet0_5", weights=tmp_path / "other.pth")
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match=r"download those of torchvision"):
        create_backbone("torchvision:mnasnet0_5", weights="imagenet")
