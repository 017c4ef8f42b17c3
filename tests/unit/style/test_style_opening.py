"""Opening a model for style transfer: its own, any classifier's, and what cannot be opened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cnntasks_style.defaults import defaults_for
from cnntasks_style.network import FeatureMaps, build, graph_spec
from cnntasks_style.settings import StyleSettings
from cnntasks_style.transfer import StyleTransfer, open_transfer
from small_transfers import content, style

import cnntasks
from cnntasks import EngineChoice, ModelCard, ModelError, UsageError, create_backbone

CPU = EngineChoice("torch", "cpu", "float32")


def write_classifier(folder: Path, backbone: str, **changes: Any) -> ModelCard:
    """A classifier's model folder with random weights, as far as its backbone goes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = create_backbone(backbone, changes.pop("channels", 3))
    card = ModelCard(
        folder.name,
        "classify",
        {"name": "classifier", "backbone": backbone},
        classes=("cat", "dog"),
        preprocessing={"mean": [1.0, 2.0, 3.0], "std": [1.0, 1.0, 1.0]},
        defaults={"top": 5},
    )
    state = {
        f"classifier.backbone.{name}": value.numpy() for name, value in network.state_dict().items()
    }
    state["classifier.output.1.bias"] = np.zeros(2, np.float32)
    card = replace(card, **changes)
    cnntasks.write_model_folder(folder, card, state, None)
    return card


@pytest.mark.parametrize(
    "backbone",
    [
        pytest.param("efficientnet_lite0", marks=pytest.mark.slow),
        "mobilenet_v3_small",
        "alexnet",
        "torchvision:squeezenet1_1",
    ],
)
def test_any_classifiers_backbone_can_be_looked_through(backbone: str, tmp_path: Path) -> None:
    write_classifier(tmp_path / "pets", backbone)
    transfer = cnntasks.load("style", tmp_path / "pets", size=48, iterations=12)
    result = transfer(content(), style())
    losses = [sum(it["losses"].values()) for it in result.trace]
    assert min(losses[1:]) < 0.9 * losses[0]
    wanted = defaults_for(backbone, create_backbone(backbone).stages)
    assert result.settings.style_layers == tuple(wanted["style_layers"])
    assert transfer.card.name == "pets"
    assert "top" not in transfer.card.defaults


def test_models_of_other_tasks_are_not_accepted(tmp_path: Path) -> None:
    card = ModelCard("boxes", "detect", {"name": "boxes"})
    cnntasks.write_model_folder(tmp_path / "boxes", card, {}, None)
    with pytest.raises(ModelError, match="`cnntasks detect`, not for `cnntasks style`"):
        cnntasks.load("style", tmp_path / "boxes")


def test_style_models_are_for_style_alone(tmp_path: Path) -> None:
    card = ModelCard("painter", "style", {"name": "feature-maps", "backbone": "vgg19_lowrank"})
    cnntasks.write_model_folder(tmp_path / "painter", card, {}, None)
    with pytest.raises(ModelError, match="`cnntasks style`, not for `cnntasks classify`"):
        cnntasks.load("classify", tmp_path / "painter")


def test_another_precision_is_refused(tmp_path: Path) -> None:
    card = write_classifier(tmp_path / "pets", "efficientnet_lite0")
    for precision in ("bfloat16", "float16"):
        with pytest.raises(UsageError, match=f"style runs in float32 only; leave {precision} out"):
            open_transfer(card, tmp_path / "pets", replace(CPU, precision=precision))


def test_a_model_for_grey_pictures_is_refused(tmp_path: Path) -> None:
    card = write_classifier(
        tmp_path / "digits", "lenet5", channels=1, preprocessing={"mean": [1.0], "std": [1.0]}
    )
    with pytest.raises(ModelError, match="digits: looks at grey pictures; style needs a model for"):
        open_transfer(card, tmp_path / "digits", CPU)


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    card = write_classifier(tmp_path / "pets", "lenet5")
    other = replace(card, network={"name": "classifier", "backbone": "efficientnet_lite0"})
    transfer = open_transfer(other, tmp_path / "pets", CPU)
    with pytest.raises(ModelError, match=r"pets: weights that do not fit efficientnet_lite0 \("):
        list(transfer.iterate(content(), style()))


def test_a_model_without_a_backbone(tmp_path: Path) -> None:
    card = write_classifier(tmp_path / "pets", "lenet5", network={"name": "classifier"})
    with pytest.raises(ModelError, match="pets: its card names no backbone to look through"):
        open_transfer(card, tmp_path / "pets", CPU)
    card = replace(card, network={"backbone": "lenet5"})
    cnntasks.write_model_folder(tmp_path / "bare", card, {"a": np.zeros(3, np.float32)}, None)
    with pytest.raises(ModelError, match="pets: its weights have no backbone"):
        open_transfer(card, tmp_path / "bare", CPU)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 31}, "--size is 31; a whole number from 32"),
        ({"style_weight": -1.0}, "--style-weight is -1.0; a number from 0"),
        ({"strength": 1}, "no style setting 'strength'; there are size"),
    ],
)
def test_options_are_checked_when_it_is_opened(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    card = write_classifier(tmp_path / "pets", "lenet5")
    with pytest.raises(UsageError, match=message):
        open_transfer(card, tmp_path / "pets", CPU, **options)


def test_a_style_models_own_defaults_count(tmp_path: Path) -> None:
    card = write_classifier(
        tmp_path / "painter", "lenet5", task="style", defaults={"iterations": 7, "scales": 1}
    )
    transfer = open_transfer(card, tmp_path / "painter", CPU, size=32)
    assert transfer.method.scales == 1
    result = transfer(content(), style())
    assert len(result.trace) == 7
    assert result.settings.style_weight == 30  # of any network


@pytest.mark.slow
def test_the_papers_setting_on_vgg19_down_to_conv5_1() -> None:
    """Noise, average pooling, filters of mean activation 1, one size, equations 1 to 5."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone = create_backbone("vgg19")
    card = ModelCard("vgg19", "classify", {"backbone": "vgg19"},
                     defaults=defaults_for("vgg19", backbone.stages))  # fmt: skip
    transfer = StyleTransfer(
        card, lambda: backbone, torch.device("cpu"), StyleSettings(size=48, iterations=10)
    )
    result = transfer(content(), style())
    assert [it["scale"] for it in result.trace] == [[48, 32]] * 10
    assert result.settings.init == "noise"
    losses = [sum(it["losses"].values()) for it in result.trace]
    assert losses[-1] < losses[0]
    network = transfer.network(result.settings)
    assert "conv5_1" in network.layers
    assert network.field == 156
    kinds = {type(layer).__name__ for layer in network.modules()}
    assert "AvgPool2d" in kinds
    assert "MaxPool2d" not in kinds


def feature_card(**network: Any) -> ModelCard:
    return ModelCard("maps", "style", {"name": "feature-maps", "backbone": "vgg19_lowrank",
                                       "stages": ["conv1_1", "pool2"], **network})  # fmt: skip


def test_the_network_of_a_style_model() -> None:
    network = build(feature_card())
    assert isinstance(network, FeatureMaps)
    spec = graph_spec(feature_card())
    maps = network(torch.from_numpy(spec.feeds["pixels"]))
    assert {name: tuple(value.shape) for name, value in maps.items()} == {
        "conv1_1": (2, 64, 64, 80),
        "pool2": (2, 128, 16, 20),
    }
    assert list(spec.outputs) == list(maps)


@pytest.mark.parametrize("wrong", [{"name": "classifier"}, {"stages": None}, {"stages": "conv1_1"}])
def test_a_card_of_another_network(wrong: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"maps: network .* is not one for style"):
        build(feature_card(**wrong))
