"""Networks over time for speech: B×M×T in, sizes of the papers, the same whatever stands around."""

from __future__ import annotations

import pytest
import torch

from cnntasks.backbones.classifier import create_classifier
from cnntasks.backbones.registry import create_backbone
from cnntasks.backbones.textbase import TextBackbone
from cnntasks.backbones.wav2letter import FAMILY

CHANNELS = 10


def small(name: str) -> TextBackbone:
    """With few mel channels, and normalisations that are not the identity."""
    torch.manual_seed(0)
    backbone = create_backbone(name, CHANNELS).eval()
    assert isinstance(backbone, TextBackbone)
    for module in backbone.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    return backbone


@pytest.mark.parametrize("name", FAMILY.names)
def test_stages_have_the_channels_and_strides_they_say(name: str) -> None:
    backbone = small(name)
    for length in (1, 63, 64):
        maps = backbone(torch.zeros(2, CHANNELS, length), [s.name for s in backbone.stages])
        for stage in backbone.stages:
            shape = (2, stage.channels, -(-length // stage.stride))
            assert tuple(maps[stage.name].shape) == shape


@pytest.mark.parametrize("name", FAMILY.names)
def test_padding_never_matters(name: str) -> None:
    backbone = small(name)
    stages = [stage.name for stage in backbone.stages]
    for length in (1, 2, 5, 30):
        x = torch.randn(1, CHANNELS, length)
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


@pytest.mark.parametrize("name", FAMILY.names)
def test_a_map_sees_its_window_and_nothing_else(name: str) -> None:
    backbone = small(name)
    last = backbone.stages[-1]
    (window,) = backbone.windows
    assert window.maps == last.channels
    place = 150 // last.stride
    x = torch.randn(1, CHANNELS, 300, requires_grad=True)
    (gradient,) = torch.autograd.grad(backbone(x)[last.name][0, :, place].square().sum(), x)
    seen = gradient[0].abs().sum(dim=0).nonzero().flatten()
    assert int(seen.min()) == place * last.stride - window.left
    assert int(seen.max()) == place * last.stride + window.right


def test_wav2letter_is_the_papers_in_size() -> None:
    backbone = create_backbone("wav2letter", 40)
    convs = [m for m in backbone.modules() if isinstance(m, torch.nn.Conv1d)]
    assert [conv.out_channels for conv in convs] == [*[250] * 8, 2000, 2000]
    assert [conv.kernel_size[0] for conv in convs] == [49, *[7] * 7, 33, 1]
    assert [conv.stride[0] for conv in convs] == [2, *[1] * 9]


def test_blocks_of_quartznet_convolve_each_channel_by_itself() -> None:
    backbone = create_backbone("quartznet_small", 40)
    convs = [m for m in backbone.modules() if isinstance(m, torch.nn.Conv1d)]
    wide = [conv for conv in convs if conv.kernel_size[0] > 1]
    assert [conv.kernel_size[0] for conv in wide] == [5, 7, 9, 9, 11, 11, 13]
    assert all(conv.groups == conv.in_channels for conv in wide)
    assert all(conv.groups == 1 for conv in convs if conv.kernel_size[0] == 1)


@pytest.mark.parametrize("name", FAMILY.names)
def test_a_classifier_takes_recordings_of_any_length(name: str) -> None:
    network = create_classifier(name, classes=3, in_channels=CHANNELS).eval()
    for length in (5, 80):
        with torch.inference_mode():
            found = network(torch.randn(2, CHANNELS, length))
        assert tuple(found["logits"].shape) == (2, 3)
