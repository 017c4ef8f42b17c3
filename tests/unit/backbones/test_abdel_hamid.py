"""Full and limited weight sharing along frequency, against plain loops."""

from __future__ import annotations

import pytest
import torch

from cnntasks.backbones.abdel_hamid import LimitedSharing, abdel_hamid
from cnntasks.backbones.classifier import create_classifier
from cnntasks.errors import UsageError


def test_shapes_on_the_papers_input() -> None:
    expected = {
        "dnn": {"hidden1": 1000, "hidden2": 1000, "hidden3": 1000},
        "cnn_fws": {"conv": 150, "hidden1": 1000, "hidden2": 1000},
        "cnn_lws": {"conv": 80, "hidden1": 1000, "hidden2": 1000},
    }
    for name, stages in expected.items():
        backbone = abdel_hamid(name, 3)
        assert {stage.name: stage.channels for stage in backbone.stages} == stages
        maps = backbone(torch.randn(1, 3, 40, 15), list(stages))
        for stage, value in maps.items():
            bands = 14 if stage == "conv" else 1
            assert tuple(value.shape) == (1, stages[stage], bands, 1)


def test_limited_sharing_is_a_filter_bank_for_each_pooled_place() -> None:
    """Equations 11 and 12 as loops: place k pools the answers of its own filters over 6 places."""
    torch.manual_seed(0)
    channels, maps = 2, 3
    layer = LimitedSharing(channels, maps)
    x = torch.randn(1, channels, 40, 20)
    weights = layer.conv.weight.reshape(14, maps, channels, 8, 15)
    biases = layer.conv.bias.reshape(14, maps)  # type: ignore[union-attr]

    found = layer(x)

    assert tuple(found.shape) == (1, maps, 14, 2)
    for place in (0, 5, 13):
        for step in range(2):
            answers = []
            for offset in range(6):
                band = 2 * place + offset
                seen = x[0, :, band : band + 8, 5 * step : 5 * step + 15]
                answers.append((weights[place] * seen).sum(dim=(1, 2, 3)) + biases[place])
            expected = torch.stack(answers).relu().amax(dim=0)
            torch.testing.assert_close(found[0, :, place, step], expected, rtol=1e-4, atol=1e-5)


def test_full_sharing_is_limited_sharing_with_equal_filters() -> None:
    torch.manual_seed(0)
    full, limited = (abdel_hamid(name, 1, 4, 3) for name in ("cnn_fws", "cnn_lws"))
    conv = full.parts["conv"][0]
    bank = limited.parts["conv"].conv
    with torch.no_grad():
        bank.weight.copy_(conv.weight.repeat(14, 1, 1, 1))
        bank.bias.copy_(conv.bias.repeat(14))
    x = torch.randn(2, 1, 40, 33)
    torch.testing.assert_close(full(x, ["conv"]), limited(x, ["conv"]), rtol=1e-4, atol=1e-5)


def test_the_dnn_sees_nothing_of_an_order_of_bands() -> None:
    """It is fully connected: bands may stand in any order, if the weights go with them."""
    torch.manual_seed(0)
    network = abdel_hamid("dnn", 1, hidden=5)
    x = torch.randn(1, 1, 40, 15)
    before = network(x)["hidden3"]
    order = torch.randperm(40)
    first = network.parts["hidden1"][0]
    with torch.no_grad():
        first.weight.copy_(first.weight[:, :, order].clone())
    torch.testing.assert_close(network(x[:, :, order])["hidden3"], before)


@pytest.mark.parametrize("name", ["dnn", "cnn_fws", "cnn_lws"])
def test_any_number_of_frames_goes(name: str) -> None:
    backbone = abdel_hamid(name, 1, hidden=6, maps=2)
    for frames in (15, 19, 20, 98):
        (last,) = backbone(torch.randn(2, 1, 40, frames)).values()
        assert last.shape[3] == (frames - 15) // 5 + 1


def test_they_are_built_by_name() -> None:
    network = create_classifier("cnn_lws", 12, 1)
    assert network(torch.randn(1, 1, 40, 15))["logits"].shape == (1, 12)
    with pytest.raises(UsageError, match="no stage 'pool'"):
        network.backbone.stage("pool")
