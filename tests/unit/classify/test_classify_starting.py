"""Where a training starts: weights, framing, and classes carried over by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from classification_folders import noise
from cnntasks_classify.data import Example
from cnntasks_classify.geometry import Framing
from cnntasks_classify.network import PictureClassifier
from cnntasks_classify.parts import Parts
from cnntasks_classify.starting import Start, start_network
from small_classifiers import KINDS, pattern, pattern_card, patterns, small_network

import cnntasks
from cnntasks import ModelCard, ModelError, UsageError

Started = tuple[PictureClassifier, ModelCard, bool]


def small_parts(classes: tuple[str, ...] = KINDS, light: bool = False) -> Parts:
    """Handwriting, on dark ground or on light."""
    examples = [
        replace(it, pixels=255 - it.pixels) if light and it.pixels is not None else it
        for it in patterns(9)
    ]
    return Parts(classes, examples, examples, True, True)


def photo_parts() -> Parts:
    photos = [Example(str(n), n, None, noise(50, 70, 3, seed=n)) for n in range(2)]
    return Parts(("cat", "dog"), photos, photos, False, False)


def start(parts: Parts, log: list[str] | None = None, **options: Any) -> Started:
    given = {"name": "new", "backbone": "lenet5", **options}
    return start_network(Start(**given), parts, (log if log is not None else []).append)


def framing_of(card: ModelCard) -> Framing:
    return Framing.from_card(card)


def test_a_network_without_published_weights_starts_at_random() -> None:
    log: list[str] = []
    network, card, trained = start(small_parts(), log)
    assert not trained
    assert log == ["lenet5 starts from random weights"]
    assert (card.name, card.classes, card.task) == ("new", KINDS, "classify")
    assert card.network == {"name": "classifier", "backbone": "lenet5"}
    assert (card.preprocessing["mean"], card.preprocessing["std"]) == ([20.0], [200.0])
    assert network.logits(torch.zeros(1, 32, 32, 1))["logits"].shape == (1, 3)
    with pytest.raises(ModelError, match="lenet5: no ImageNet weights come with cnntasks"):
        start(small_parts(), weights="imagenet")


def test_random_weights_follow_the_seed() -> None:
    first, again, other = (start(small_parts(), seed=seed)[0].state_dict() for seed in (4, 4, 5))
    assert all(torch.equal(value, again[key]) for key, value in first.items())
    key = "classifier.backbone.parts.c1.0.weight"
    assert not torch.equal(first[key], other[key])


def test_imagenet_weights_are_taken_where_they_come_along() -> None:
    log: list[str] = []
    network, card, trained = start(photo_parts(), log, backbone="efficientnet_lite0")
    assert trained
    assert log == ["efficientnet_lite0 starts from the weights imagenet"]
    assert framing_of(card) == Framing(256, 224, bicubic=True)
    published = cnntasks.create_backbone("efficientnet_lite0", weights="imagenet")
    found = network.classifier.backbone.state_dict()
    assert all(torch.equal(found[key], value) for key, value in published.state_dict().items())


def test_weights_of_a_file(tmp_path: Path) -> None:
    kept = small_network(pattern_card(), seed=8).classifier.state_dict()
    torch.save(kept, tmp_path / "w.pth")
    network, _, trained = start(small_parts(), weights=str(tmp_path / "w.pth"), seed=3)
    assert trained
    found = network.classifier.state_dict()
    assert all(torch.equal(found[key], value) for key, value in kept.items())
    with pytest.raises(ModelError, match=r"lost\.pth: cannot read these weights"):
        start(small_parts(), weights=str(tmp_path / "lost.pth"))


def test_no_such_network() -> None:
    with pytest.raises(UsageError, match="there is no backbone 'lenet6'; did you mean lenet5"):
        start(small_parts(), backbone="lenet6")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Framing(28, 32, longer=True, grey=True, dark=True)),
        ({"size": 64}, Framing(56, 64, longer=True, grey=True, dark=True)),
        ({"color": "RGB"}, Framing(28, 32, longer=True, grey=False, dark=True)),
        ({"framing": "shorter"}, Framing(37, 32, grey=True)),
    ],
)
def test_handwriting_lies_in_the_middle_of_its_square(
    options: dict[str, Any], expected: Framing
) -> None:
    network, card, _ = start(small_parts(), **options)
    assert framing_of(card) == expected
    side, channels = expected.crop, 1 if expected.grey else 3
    assert len(card.preprocessing["mean"]) == channels
    assert network(torch.zeros(2, side, side, channels))["scores"].shape == (2, 3)


def test_dark_handwriting_on_light_ground_is_padded_with_light() -> None:
    _, card, _ = start(small_parts(light=True))
    assert framing_of(card) == Framing(28, 32, longer=True, grey=True, fill=255)
    square = framing_of(card)(np.full((28, 14, 3), 255, np.uint8))
    assert (square == 255).all()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Framing(37, 32, grey=True)),
        ({"size": 112}, Framing(128, 112, grey=True)),
        ({"framing": "longer"}, Framing(28, 32, longer=True, grey=True)),
        ({"color": "RGB", "size": 64}, Framing(73, 64)),
    ],
)
def test_photos_are_cut_as_usual(options: dict[str, Any], expected: Framing) -> None:
    assert framing_of(start(photo_parts(), **options)[1]) == expected


def test_a_network_for_colour_may_look_at_grey() -> None:
    network, card, trained = start(
        photo_parts(), backbone="efficientnet_lite0", weights="none", color="L", size=32
    )
    assert not trained
    assert len(card.preprocessing["mean"]) == 1
    network.eval()
    assert network(torch.zeros(1, 32, 32, 1))["scores"].shape == (1, 2)


PIXELS = torch.from_numpy(
    np.stack([np.pad(pattern(kind, 9), 2)[:, :, np.newaxis] for kind in range(3)])
)


def logits(network: PictureClassifier) -> torch.Tensor:
    network.eval()
    with torch.no_grad():
        return network.logits(PIXELS)["logits"]


def loaded(folder: Path) -> PictureClassifier:
    network = small_network(cnntasks.read_card(folder))
    weights = cnntasks.read_weights(folder)
    network.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
    return network


def test_outputs_of_a_classifier_follow_the_names(pattern_model: Path) -> None:
    log: list[str] = []
    classes = ("disk", "star", "top")
    network, card, trained = start(small_parts(classes), log, model=str(pattern_model))
    assert trained
    assert log == ["starting from tiny"]
    assert card.classes == classes
    old, new = logits(loaded(pattern_model)), logits(network)
    torch.testing.assert_close(new[:, [0, 2]], old[:, [2, 0]])


@pytest.mark.parametrize(
    "classes",
    [("disk", "top", "star"), ("disk", "star", "moon", "sun"), ("left", "x"), ("x", "y", "z")],
)
def test_classes_can_be_told_apart_though_their_codes_are_not_trained(
    classes: tuple[str, ...], pattern_model: Path
) -> None:
    network, _, _ = start(small_parts(classes), model=str(pattern_model))
    _, layer = next(network.classifier.last_layers())
    assert len(layer.weight) == len(classes)
    assert len({tuple(code) for code in layer.weight.tolist()}) == len(classes)


def test_the_card_of_a_new_start_keeps_the_pictures_and_forgets_the_rest(
    pattern_model: Path,
) -> None:
    old = cnntasks.read_card(pattern_model)
    _, card, _ = start(small_parts(), model=str(pattern_model))
    assert card.preprocessing == old.preprocessing
    assert card.network == old.network
    assert (card.name, card.recipe, card.metrics) == ("new", {"from": "tiny"}, {})
    _, larger, _ = start(small_parts(), model=str(pattern_model), size=64)
    assert framing_of(larger) == replace(framing_of(old), resize=56, crop=64)


@pytest.mark.parametrize("option", [{"weights": "none"}, {"color": "RGB"}, {"framing": "longer"}])
def test_what_a_classifier_brings_along_cannot_be_chosen(
    option: dict[str, str], pattern_model: Path
) -> None:
    with pytest.raises(UsageError, match="drop --weights, --color and --framing, or --from"):
        start(small_parts(), model=str(pattern_model), **option)


def head_model(folder: Path) -> PictureClassifier:
    """A classifier whose last layer is fully connected, with biases."""
    card = replace(
        pattern_card(color="RGB", mean=[120.0] * 3, std=[60.0] * 3),
        network={"name": "classifier", "backbone": "mobilenet_v3_small"},
    )
    network = small_network(card)
    for _, layer in network.classifier.last_layers():
        torch.nn.init.normal_(layer.bias)
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    cnntasks.write_model_folder(folder, card, weights, None, half=False)
    return network


def test_new_classes_of_a_fully_connected_layer_start_at_random(tmp_path: Path) -> None:
    old = head_model(tmp_path / "old")
    classes = ("moon", "disk", "sun", "left")
    network, _, _ = start(small_parts(classes), model=str(tmp_path / "old"), seed=2)
    (name, before), (_, after) = (next(it.classifier.last_layers()) for it in (old, network))
    assert isinstance(before, torch.nn.Linear)
    assert isinstance(after, torch.nn.Linear)
    assert torch.equal(after.weight[[1, 3]], before.weight[[2, 1]])
    assert torch.equal(after.bias[[1, 3]], before.bias[[2, 1]])
    fresh = {tuple(row) for row in after.weight[[0, 2]].tolist()}
    assert len(fresh - {tuple(row) for row in before.weight.tolist()}) == 2
    rest = {k: v for k, v in old.classifier.state_dict().items() if not k.startswith(name)}
    new = network.classifier.state_dict()
    assert all(torch.equal(new[key], value) for key, value in rest.items())


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_weights_of_another_network_are_refused(change: str, tmp_path: Path) -> None:
    card = pattern_card()
    state = small_network(card).state_dict()
    weights = {key: value.numpy() for key, value in state.items()}
    name = "classifier.backbone.parts.c1.0.weight"
    if change == "missing":
        del weights[name]
    elif change == "extra":
        weights["other"] = weights[name]
    else:
        weights[name] = weights[name][:3]
    cnntasks.write_model_folder(tmp_path / "old", card, weights, None)
    with pytest.raises(ModelError, match="tiny: ") as caught:
        start(small_parts(), model=str(tmp_path / "old"))
    assert "\n" not in str(caught.value)
