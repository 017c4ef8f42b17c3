"""The spotter: what its card says, its outputs and classes, other backbones, other starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from cnntasks_speech.features import LogMel
from cnntasks_speech.network import Shape, Spotter, build, graph_spec, make_shape
from cnntasks_speech.starting import Start, start_network

from cnntasks import ModelCard, ModelError, UsageError, write_model

CLASSES = ("go", "stop", "unknown", "silence")
SMALL = Start("words", "lenet5", features=LogMel(8000, n_mels=32), seconds=0.36)


def started(further: tuple[str, ...] = ("cat", "dog")) -> tuple[Spotter, ModelCard]:
    return start_network(SMALL, CLASSES, further)


def test_the_card_says_what_is_needed() -> None:
    network, card = started()
    assert card.task == "speech"
    assert card.network == {
        "name": "speech-spotter",
        "backbone": "lenet5",
        "outputs": ["go", "stop", "unknown", "silence", "cat", "dog"],
        "merge": [0, 1, 2, 3, 2, 2],
        "rejects": ["unknown", "silence"],
    }
    assert card.preprocessing["frames"] == 34
    again = build(card)
    assert again.load_state_dict(network.state_dict())


def test_a_class_has_the_probability_of_its_outputs() -> None:
    network, _ = started()
    features = torch.randn(3, 32, 34)
    with torch.inference_mode():
        outputs = network.eval().outputs(features).softmax(dim=1)
        classes = network(features)["logits"].softmax(dim=1)
    torch.testing.assert_close(classes[:, :2], outputs[:, :2])
    torch.testing.assert_close(classes[:, 2], outputs[:, [2, 4, 5]].sum(dim=1))
    torch.testing.assert_close(classes[:, 3], outputs[:, 3])


def test_without_further_words_outputs_are_classes() -> None:
    network, card = started(())
    features = torch.randn(2, 32, 34)
    assert card.network["merge"] == [0, 1, 2, 3]
    assert torch.equal(network.eval()(features)["logits"], network.outputs(features))


def test_loudness_does_not_matter() -> None:
    network, _ = started()
    features = torch.randn(2, 32, 34)
    with torch.inference_mode():
        louder = network.eval()(features + 4.0)["logits"]
        torch.testing.assert_close(louder, network(features)["logits"], rtol=1e-4, atol=1e-5)


def test_extreme_logits_stay_finite() -> None:
    network, _ = started()
    with torch.no_grad():
        network.output.bias.copy_(torch.tensor([500.0, -500.0, 0.0, -900.0, 3.0, 2.0]))
        found = network.eval()(torch.randn(2, 32, 34))["logits"]
    assert bool(found.isfinite().all())
    assert found.argmax(dim=1).tolist() == [0, 0]


@pytest.mark.parametrize("name", ["dnn", "cnn_fws", "kws_resnet", "mobilenet_v3_small"])
def test_any_two_dimensional_network(name: str) -> None:
    start = Start("words", name)
    network, card = start_network(start, CLASSES, ())
    assert card.preprocessing["frames"] == 98
    network.eval()
    assert network(torch.randn(2, 40, 98))["logits"].shape == (2, 4)


def test_a_network_for_text_is_refused() -> None:
    with pytest.raises(UsageError, match="'kim_cnn' is a network for text"):
        start_network(replace(SMALL, backbone="kim_cnn"), CLASSES, ())


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (replace(SMALL, backbone="dnn"), "dnn is made for 40 mel channels, not 32; drop --mels"),
        (Start("w", "dnn", seconds=0.1), "dnn cannot take windows of 40 mel channels and 8 frames"),
    ],
)
def test_windows_that_do_not_fit(start: Start, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        start_network(start, CLASSES, ())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "classifier"}, "network 'classifier' is no word spotter"),
        ({"backbone": None}, "has no backbone"),
        ({"merge": [0, 1, 2]}, "contradict its classes"),
        ({"merge": [0, 1, 2, 3, 2, 9]}, "contradict its classes"),
        ({"outputs": ["a", "b", "c", "d", "e", "f"]}, "contradict its classes"),
        ({"rejects": ["noise"]}, "contradict its classes"),
        ({"merge": 3}, "not those of this version"),
        ({"depth": [3]}, "not those of this version"),
    ],
)
def test_cards_that_cannot_be(change: dict[str, Any], message: str) -> None:
    _, card = started()
    with pytest.raises(ModelError, match=f"words: .*{message}"):
        Shape.of(replace(card, network={**card.network, **change}))


def test_starting_from_another_spotter(tmp_path: Path) -> None:
    """`write_model` compares the graph with the network, for any batch."""
    network, card = started()
    write_model(network, graph_spec(card), replace(card, metrics={"f": 1.0}), tmp_path / "words")
    start = replace(SMALL, name="mine", model=str(tmp_path / "words"), seed=5)

    mine, new = start_network(start, ("up", "go", "unknown"), ("dog",))

    assert (new.name, new.classes, new.metrics) == ("mine", ("up", "go", "unknown"), {})
    assert new.preprocessing == card.preprocessing
    assert new.recipe == {"from": "words"}
    for key, value in network.backbone.state_dict().items():
        assert torch.equal(mine.backbone.state_dict()[key], value), key
    rows, before = mine.output.weight, network.output.weight
    assert torch.equal(rows[1], before[0])
    assert torch.equal(rows[2], before[2])
    assert torch.equal(rows[3], before[5])
    assert not torch.equal(rows[0], before[1])


def test_shapes_without_rejects() -> None:
    shape = make_shape("lenet5", ("a", "b"), (), ("unknown", "silence"))
    assert (shape.outputs, shape.merge, shape.rejects) == (("a", "b"), (0, 1), ())
