"""Defaults: for known networks by name, for any other by its strides; and the method."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cnntasks_style.defaults import Method, defaults_for
from cnntasks_style.settings import StyleSettings

from cnntasks import ModelError, Stage, create_backbone


@pytest.mark.parametrize("name", ["vgg16", "vgg19", "efficientnet_lite0", "resnet18", "googlenet",
                                  "vgg11_bn", "alexnet", "lenet5"])  # fmt: skip
def test_defaults_name_layers_that_there_are(name: str) -> None:
    with torch.device("meta"):
        stages = create_backbone(name).stages
    found = defaults_for(name, stages)
    settings = StyleSettings().filled(found, name)
    Method.of(found, name)
    known = {stage.name for stage in stages}
    assert {*(settings.style_layers or ()), *(settings.content_layers or ())} <= known


def test_vgg_gets_the_papers_setting() -> None:
    """Gatys et al. 2016, section 3."""
    found = defaults_for("vgg19", ())
    assert found["style_layers"] == ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"]
    assert found["content_layers"] == ["conv4_2"]
    assert found["layer_weights"] == [0.2] * 5
    assert (found["init"], found["optimizer"], found["tv_weight"]) == ("noise", "lbfgs", 0)
    assert Method.of(found, "vgg19") == Method("paper", "average", True, 1, 96)


def test_any_other_network_by_the_first_stage_of_each_stride() -> None:
    stages = [Stage(name, 8, stride) for name, stride in
              (("a", 1), ("b", 2), ("c", 2), ("d", 4), ("e", 8), ("f", 16), ("g", 32))]  # fmt: skip
    found = defaults_for("own", stages)
    assert found["style_layers"] == ["a", "b", "d", "e", "f"]
    assert found["content_layers"] == ["e"]
    assert Method.of(found, "own") == Method()


def test_a_network_of_one_coarse_stage() -> None:
    found = defaults_for("own", [Stage("only", 8, 32)])
    assert (found["style_layers"], found["content_layers"]) == (["only"], ["only"])


def test_what_is_changed_stays_with_who_changed_it() -> None:
    defaults_for("vgg19", ())["iterations"] = 1
    assert defaults_for("vgg19", ())["iterations"] == 500


@pytest.mark.parametrize(
    "wrong",
    [{"scaling": "none"}, {"pooling": "min"}, {"scales": -1}, {"scales": 1.5}, {"coarsest": "96"},
     {"scales": True}, {"coarsest": 5000}],
)  # fmt: skip
def test_a_method_that_there_is_not(wrong: dict[str, Any]) -> None:
    (key,) = wrong
    with pytest.raises(ModelError, match=rf"mine: its card's defaults.*{key}"):
        Method.of({**wrong, "iterations": 3}, "mine")
