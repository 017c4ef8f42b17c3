"""Networks for text: B×C×L in, sizes of the papers, the same whatever stands around."""

from __future__ import annotations

import pytest
import torch

from cnntasks.backbones.catalog import list_network_info
from cnntasks.backbones.classifier import create_classifier
from cnntasks.backbones.registry import create_backbone
from cnntasks.backbones.text1d import KMaxPool
from cnntasks.backbones.textbase import TextBackbone

INFOS = {info.name: info for info in list_network_info() if info.family == "text1d"}


@pytest.mark.parametrize("name", sorted(INFOS))
def test_stages_have_the_channels_and_strides_they_say(name: str) -> None:
    channels = INFOS[name].input[0]
    backbone = create_backbone(name, in_channels=channels).eval()
    for length in (64, 128):
        maps = backbone(torch.zeros(2, channels, length), [s.name for s in backbone.stages])
        for stage in backbone.stages:
            shape = (2, stage.channels, -(-length // stage.stride))
            assert tuple(maps[stage.name].shape) == shape


@pytest.mark.parametrize("name", sorted(INFOS))
def test_the_catalogue_has_the_true_number_of_parameters(name: str) -> None:
    info = INFOS[name]
    network = create_classifier(name, info.classes, info.input[0])
    assert sum(p.numel() for p in network.parameters()) == info.parameters


def test_kim_cnn_is_the_papers_in_size() -> None:
    network = create_classifier("kim_cnn", classes=2, in_channels=300)
    windows = sum(300 * 100 * window + 100 for window in (3, 4, 5))
    assert sum(p.numel() for p in network.parameters()) == windows + 300 * 2 + 2


def test_a_map_of_kim_cnn_is_a_window_of_words() -> None:
    backbone = create_backbone("kim_cnn", in_channels=5)
    x = torch.randn(1, 5, 12)
    maps = backbone(x)["windows"][0]
    start = 0
    for conv, width in zip(backbone.parts["windows"].convs, (3, 4, 5), strict=True):
        inner = torch.nn.functional.conv1d(x, conv.weight, conv.bias).relu()[0]
        before = (width - 1) // 2
        torch.testing.assert_close(
            maps[start : start + 100, before : before + inner.shape[1]], inner
        )
        start += 100


def test_the_embedding_of_kim_cnn_is_the_maximum_over_time() -> None:
    network = create_classifier("kim_cnn", classes=3, in_channels=5).eval()
    x = torch.randn(2, 5, 9)
    with torch.inference_mode():
        found = network(x)
        torch.testing.assert_close(found["embedding"], network.backbone(x)["windows"].amax(dim=2))
    assert tuple(found["logits"].shape) == (2, 3)


def test_kim_cnn_reads_a_single_word() -> None:
    network = create_classifier("kim_cnn", classes=2, in_channels=4).eval()
    assert tuple(network(torch.randn(1, 4, 1))["logits"].shape) == (1, 2)


def test_k_max_pooling_keeps_the_order_of_the_text() -> None:
    x = torch.tensor([[[5.0, 1.0, 9.0, 2.0, 7.0], [1.0, 2.0, 3.0, 4.0, 5.0]]])
    assert KMaxPool(3)(x).tolist() == [[[5.0, 9.0, 7.0], [3.0, 4.0, 5.0]]]


def test_of_equal_values_the_earlier_ones_are_kept() -> None:
    x = torch.zeros(1, 1, 40)
    x[0, 0, [2, 5, 30]] = torch.tensor([1.0, 3.0, 2.0])
    assert KMaxPool(5)(x).tolist() == [[[0.0, 0.0, 1.0, 3.0, 2.0]]]


def test_vdcnn_has_nine_convolutions_and_an_embedding_for_any_length() -> None:
    network = create_classifier("vdcnn9", classes=4, in_channels=16).eval()
    convs = [m for m in network.modules() if isinstance(m, torch.nn.Conv1d)]
    assert [conv.out_channels for conv in convs] == [64, 64, 64, 128, 128, 256, 256, 512, 512]
    for length in (64, 100):
        with torch.inference_mode():
            found = network(torch.randn(2, 16, length))
        assert tuple(found["embedding"].shape) == (2, 2048)
        assert tuple(found["logits"].shape) == (2, 4)


def test_the_small_character_network_is_the_papers_in_size() -> None:
    network = create_classifier("char_cnn", classes=4, in_channels=70)
    convs = [m for m in network.modules() if isinstance(m, torch.nn.Conv1d)]
    assert [conv.kernel_size[0] for conv in convs] == [7, 7, 3, 3, 3, 3]
    assert {conv.out_channels for conv in convs} == {256}
    dense = [m.out_features for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert dense == [1024, 1024, 4]
    assert [stage.stride for stage in network.backbone.stages] == [3, 9, 9, 9, 9, 27]


def test_the_pyramid_halves_the_length_and_keeps_the_channels() -> None:
    backbone = create_backbone("dpcnn7", in_channels=10)
    assert [(s.channels, s.stride) for s in backbone.stages] == [(250, s) for s in (1, 1, 2, 4)]


def test_a_block_of_the_pyramid_adds_what_it_gets() -> None:
    backbone = create_backbone("dpcnn7", in_channels=4).eval()
    for name, parameter in backbone.named_parameters():
        if "block1" in name:
            torch.nn.init.zeros_(parameter)
    with torch.inference_mode():
        maps = backbone(torch.randn(1, 4, 12), ["region", "block1"])
    assert torch.equal(maps["region"], maps["block1"])


@pytest.mark.parametrize("name", sorted(INFOS))
def test_padding_never_matters(name: str) -> None:
    torch.manual_seed(0)
    backbone = create_backbone(name, in_channels=6).eval()
    assert isinstance(backbone, TextBackbone)
    stages = [stage.name for stage in backbone.stages]
    for length in (1, 2, 5, 8, 19, 30):
        x = torch.randn(1, 6, length)
        padded = torch.nn.functional.pad(x, (0, 23))
        mask = torch.zeros(1, 1, length + 23)
        mask[:, :, :length] = 1
        with torch.inference_mode():
            alone, among = backbone(x, stages), backbone(padded, stages, mask)
        for stage in backbone.stages:
            count = -(-length // stage.stride)
            found = among[stage.name]
            torch.testing.assert_close(found[:, :, :count], alone[stage.name], msg=stage.name)
            assert not found[:, :, count:].any(), stage.name


@pytest.mark.parametrize("name", sorted(INFOS))
def test_a_map_sees_its_window_and_nothing_else(name: str) -> None:
    torch.manual_seed(0)
    backbone = create_backbone(name, in_channels=3).eval()
    assert isinstance(backbone, TextBackbone)
    last = backbone.stages[-1]
    assert sum(window.maps for window in backbone.windows) == last.channels
    place = 8
    x = torch.randn(1, 3, 2 * place * last.stride + 1, requires_grad=True)
    first = 0
    for window in backbone.windows:
        maps = backbone(x)[last.name][0, first : first + window.maps, place]
        (gradient,) = torch.autograd.grad(maps.square().sum(), x)
        seen = gradient[0].abs().sum(dim=0).nonzero().flatten()
        assert int(seen.min()) >= place * last.stride - window.left
        assert int(seen.max()) <= place * last.stride + window.right
        if name == "kim_cnn":
            assert len(seen) == window.left + 1 + window.right
        first += window.maps
