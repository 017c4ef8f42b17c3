"""Every backbone's stages are what they say, in real forward passes."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor, nn

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.registry import create_backbone, list_backbones
from cnntasks.errors import UsageError

# Built by the same code as their smaller relatives, and slow to initialise.
DEEP = {"resnet34", "resnet101", "resnet152", "vgg13", "vgg13_bn", "vgg16_bn", "vgg19", "vgg19_bn"}
# Convolutions without padding, or networks for text or speech: see their own tests.
OTHER = {"lenet5", "alexnet", "alexnet2012", "kim_cnn", "vdcnn9", "char_cnn", "dpcnn7"}
SPEECH = {"dnn", "cnn_fws", "cnn_lws", "cnn_trad_fpool3", "res15", "quartznet_small", "wav2letter"}
QUICK = [name for name in list_backbones() if name not in DEEP | OTHER | SPEECH]
SEVERAL = ["efficientnet_lite0", "mobilenet_v3_small", "resnet18"]


@functools.cache
def vgg11() -> Backbone:
    return create_backbone("vgg11")


def all_maps(backbone: Backbone, x: Tensor) -> dict[str, Tensor]:
    with torch.inference_mode():
        return backbone.eval()(x, [stage.name for stage in backbone.stages])


def chain() -> Backbone:
    """Three parts that halve their input."""
    parts = []
    for number, name in enumerate(("first", "second", "third")):
        conv = nn.Conv2d(1, 1, 2, 2)
        parts.append((Stage(name, 1, 2 ** (number + 1)), nn.Sequential(conv, nn.BatchNorm2d(1))))
    return Backbone(parts)


@pytest.mark.parametrize("name", QUICK)
def test_channels_and_strides_hold_on_a_picture_of_whole_strides(name: str) -> None:
    backbone = create_backbone(name)

    maps = all_maps(backbone, torch.zeros(1, 3, 64, 96))

    assert list(maps) == [stage.name for stage in backbone.stages]
    for stage in backbone.stages:
        expected = (1, stage.channels, 64 // stage.stride, 96 // stage.stride)
        assert tuple(maps[stage.name].shape) == expected, stage


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(DEEP))
def test_channels_and_strides_hold_for_the_deep_ones(name: str) -> None:
    test_channels_and_strides_hold_on_a_picture_of_whole_strides(name)


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "alexnet2012"])
def test_without_padding_maps_grow_with_the_stride(name: str) -> None:
    backbone = create_backbone(name)
    small, large = (all_maps(backbone, torch.zeros(1, 3, s, s + 32)) for s in (96, 160))
    for stage in backbone.stages:
        assert small[stage.name].shape[1] == stage.channels
        for axis in (2, 3):
            grown = large[stage.name].shape[axis] - small[stage.name].shape[axis]
            assert grown * stage.stride == 64, stage


@pytest.mark.parametrize("name", [*QUICK, *sorted(OTHER)])
def test_one_channel_and_freezing_work_with_every_network(name: str) -> None:
    backbone = create_backbone(name, in_channels=1)
    text = name in ("kim_cnn", "vdcnn9", "char_cnn", "dpcnn7")
    x = torch.randn(2, 1, 64) if text else torch.randn(2, 1, 64, 64)
    assert len(backbone.mean) == len(backbone.std) == 1
    names = [stage.name for stage in backbone.stages]

    backbone.freeze(names[len(names) // 2])

    frozen = {k.split(".")[1] for k, p in backbone.named_parameters() if not p.requires_grad}
    trained = {k.split(".")[1] for k, p in backbone.named_parameters() if p.requires_grad}
    assert frozen <= set(names[: len(names) // 2 + 1])
    assert trained <= set(names[len(names) // 2 + 1 :])
    assert frozen
    (last,) = backbone.train()(x).values()
    assert last.shape[:2] == (2, backbone.stages[-1].channels)
    assert last.requires_grad == bool(trained)


@pytest.mark.parametrize("name", [*SEVERAL, "vgg11"])
@pytest.mark.parametrize(("height", "width"), [(65, 95), (70, 33)])
def test_odd_sizes_are_rounded_up_or_down(name: str, height: int, width: int) -> None:
    backbone = vgg11() if name == "vgg11" else create_backbone(name)

    maps = all_maps(backbone, torch.zeros(1, 3, height, width))

    for stage in backbone.stages:
        rows, columns = maps[stage.name].shape[2:]
        assert rows in (height // stage.stride, -(-height // stage.stride)), stage
        assert columns in (width // stage.stride, -(-width // stage.stride)), stage


@pytest.mark.parametrize(
    ("name", "channels"), [*((name, 1) for name in SEVERAL), ("vgg11", 1), ("resnet18", 4)]
)
def test_other_numbers_of_input_channels(name: str, channels: int) -> None:
    backbone = create_backbone(name, in_channels=channels)

    maps = all_maps(backbone, torch.zeros(2, channels, 64, 64))

    assert tuple(maps[backbone.stages[-1].name].shape[:2]) == (2, backbone.stages[-1].channels)
    # A mean of three values would turn one channel into three without a word.
    assert len(backbone.mean) == len(backbone.std) == channels


@pytest.mark.parametrize("name", SEVERAL)
def test_the_same_input_gives_the_same_maps_whatever_else_is_asked_for(name: str) -> None:
    backbone = create_backbone(name).eval()
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    middle = backbone.stages[len(backbone.stages) // 2].name

    with torch.inference_mode():
        alone = backbone(x, [middle])

    assert list(alone) == [middle]
    torch.testing.assert_close(alone[middle], all_maps(backbone, x)[middle])


def test_strides_never_fall_and_names_are_unique() -> None:
    for name in SEVERAL:
        stages = create_backbone(name).stages
        strides = [stage.stride for stage in stages]
        assert strides == sorted(strides)
        assert len({stage.name for stage in stages}) == len(stages)


def test_vgg_stages_have_the_papers_names() -> None:
    names = [stage.name for stage in create_backbone("vgg16").stages]

    assert names[:3] == ["conv1_1", "conv1_2", "pool1"]
    assert names[-4:] == ["conv5_1", "conv5_2", "conv5_3", "pool5"]
    assert "conv3_3" in names
    assert "conv3_4" not in names


def test_a_vgg_is_initialised_as_torchvisions() -> None:
    """It is built on the meta device: nothing may stay as the memory happened to be."""
    net = create_backbone("vgg11_bn")
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            expected = (2 / (module.out_channels * 9)) ** 0.5  # He et al. 2015, by fan-out
            assert float(module.weight.detach().std()) == pytest.approx(expected, rel=0.1)
            assert not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert module.weight.eq(1).all()
            assert not module.bias.any()
            assert not module.running_mean.any()
            assert module.running_var.eq(1).all()


def test_vgg_feature_maps_lie_behind_the_relu() -> None:
    maps = all_maps(vgg11(), torch.randn(1, 3, 32, 32))
    assert all(float(value.min()) >= 0 for value in maps.values())


def test_forward_stops_at_the_deepest_wanted_stage() -> None:
    backbone = chain()
    ran: list[str] = []
    for name, part in backbone.parts.items():
        part.register_forward_hook(lambda *_, name=name: ran.append(name))

    backbone.eval()(torch.zeros(1, 1, 16, 16), ["second", "first"])

    assert ran == ["first", "second"]


def test_without_stages_the_last_one_comes_out() -> None:
    assert list(chain()(torch.zeros(2, 1, 16, 16))) == ["third"]


def test_the_order_of_the_wanted_stages_does_not_matter() -> None:
    backbone = chain().eval()
    x = torch.randn(1, 1, 16, 16)
    one, other = backbone(x, ["third", "first"]), backbone(x, ["first", "third"])
    assert one.keys() == other.keys() == {"first", "third"}
    assert torch.equal(one["third"], other["third"])


def test_an_unknown_stage_lists_the_known_ones() -> None:
    backbone = chain()
    for ask in (
        lambda: backbone.stage("fourth"),
        lambda: backbone(torch.zeros(1, 1, 16, 16), ["first", "fourth"]),
        lambda: backbone.freeze("fourth"),
    ):
        with pytest.raises(UsageError, match=r"no stage 'fourth'; it has first, second, third"):
            ask()


def test_freeze_stops_the_parts_up_to_and_including_the_stage() -> None:
    backbone = chain()

    backbone.freeze("second")

    trained = {name.split(".")[1] for name, p in backbone.named_parameters() if p.requires_grad}
    frozen = {name.split(".")[1] for name, p in backbone.named_parameters() if not p.requires_grad}
    assert (trained, frozen) == ({"third"}, {"first", "second"})


def test_freezing_an_unknown_stage_freezes_nothing() -> None:
    backbone = chain()
    with pytest.raises(UsageError):
        backbone.freeze("nowhere")
    assert all(p.requires_grad for p in backbone.parameters())


def test_frozen_parts_get_no_gradient_and_later_ones_do() -> None:
    backbone = create_backbone("resnet18")
    backbone.freeze("layer2")

    backbone(torch.randn(2, 3, 32, 32))["layer4"].sum().backward()

    assert backbone.parts["layer2"][0].conv1.weight.grad is None
    assert backbone.parts["layer3"][0].conv1.weight.grad is not None
