"""timm's networks keep the contract of backbones, whichever way timm takes them apart."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cnntasks
from cnntasks.testing import BackboneContract


class TestConvNeXt(BackboneContract):
    name = "timm:test_convnext"


class TestEfficientNet(BackboneContract):
    """Of an extractor of timm's own, which is a chain all the same."""

    name = "timm:test_efficientnet"


class TestWhole(BackboneContract):
    """Not a chain: a transformer, whose stages all have stride 16."""

    name = "timm:test_vit"


def test_each_stage_of_a_chain_is_a_part_that_can_be_left_out() -> None:
    backbone = cnntasks.create_backbone("timm:test_resnet").eval()
    assert [stage.stride for stage in backbone.stages] == [2, 4, 8, 16, 32]
    x = torch.randn(1, 3, 64, 64)
    fourth = backbone.stages[3].name
    with torch.inference_mode():
        before = backbone(x, [fourth])[fourth]
        del backbone.parts[backbone.stages[4].name]
        assert torch.equal(backbone(x, [fourth])[fourth], before)


def test_the_maps_are_those_of_timm() -> None:
    import timm

    for name in ("test_convnext", "test_efficientnet", "test_vit"):
        torch.manual_seed(4)
        ours = cnntasks.create_backbone(f"timm:{name}").eval()
        torch.manual_seed(4)
        theirs = timm.create_model(name, features_only=True).eval()
        side = theirs.pretrained_cfg["input_size"][-1]
        x = torch.randn(1, 3, side, side)
        with torch.inference_mode():
            found = ours(x, [stage.name for stage in ours.stages])
            expected = theirs(x)
        assert len(found) == len(expected)
        for stage, maps in zip(ours.stages, expected, strict=True):
            torch.testing.assert_close(found[stage.name], maps, msg=f"{name} {stage}")


def test_weights_of_a_file_are_read_and_spread_over_other_channels(tmp_path: Path) -> None:
    import timm

    published = timm.create_model("test_resnet")
    torch.save(published.state_dict(), tmp_path / "published.pth")
    made = cnntasks.create_backbone("timm:test_resnet", weights=tmp_path / "published.pth")
    assert torch.equal(made.state_dict()["parts.act1.0.0.weight"], published.conv1[0].weight)
    grey = cnntasks.create_backbone("timm:test_resnet", 1, tmp_path / "published.pth")
    expected = published.conv1[0].weight.sum(dim=1, keepdim=True)
    torch.testing.assert_close(grey.state_dict()["parts.act1.0.0.weight"], expected)
    torch.save({"conv1.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(cnntasks.ModelError, match="do not fit timm:test_resnet"):
        cnntasks.create_backbone("timm:test_resnet", weights=tmp_path / "other.pth")


def test_freezing_a_network_that_is_no_chain_freezes_what_a_stage_depends_on() -> None:
    backbone = cnntasks.create_backbone("timm:test_vit")
    first, last = backbone.stages[0].name, backbone.stages[-1].name
    backbone.freeze(first)
    frozen = {name for name, it in backbone.named_parameters() if not it.requires_grad}
    assert first == "blocks_3"
    assert any(".blocks.3." in name for name in frozen)
    assert not any(".blocks.4." in name for name in frozen)
    backbone.freeze(last)
    assert not any(it.requires_grad for it in backbone.parameters())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("convnext_ato", "did you mean timm:convnext_atto"),
        ("no_such_network_at_all", "timm.list_models"),
        ("hf-hub:someone/model", "no network of that name"),
        ("test_mambaout.no_such_tag", "no_such_tag"),
        ("coat_tiny", "not those of one chain"),
    ],
)
def test_what_is_no_backbone_is_told_in_one_line(name: str, message: str) -> None:
    with pytest.raises(cnntasks.UsageError) as caught:
        cnntasks.create_backbone(f"timm:{name}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_classifier_stands_on_it() -> None:
    classifier = cnntasks.create_classifier("timm:test_convnext", classes=3).eval()
    assert classifier(torch.zeros(2, 3, 64, 64))["logits"].shape == (2, 3)
