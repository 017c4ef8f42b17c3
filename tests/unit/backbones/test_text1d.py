"""Networks for text: B×C×L in, sizes of the papers, the same whatever stands around."""

from __future__ import annotations

import pytest
import torch

from cnntasks.backbones.catalog import list_network_info
from cnntasks.backbones.classifier import create_classifier
from cnntasks.backbones.registry import create_backbone
from cnntasks.backbones.text1d import KMaxPool

INFOS = {info.name: info for info in list_network_info() if info.family == "text1d"}


@pytest.mark.parametrize("name", sorted(INFOS))
def test_stages_have_the_channels_and_strides_they_say(name: str) -> None:
    channels = INFOS[name].input[0]
    backbone = create_backbone(name, in_channels=channels).eval()
    for length in (64, 128):
        maps = backbone(torch.zeros(2, channels, length), [s.name for s in backbone.stages])
        for stage in backbone.stages:
            assert tuple(maps[stage.name].shape) == (2, stage.channels, length // stage.stride)


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
