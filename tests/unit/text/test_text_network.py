"""The network: the same text gives the same result in any batch, and its logits are explained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import onnxruntime
import pytest
import torch
from cnntasks_text.network import (
    FORMS,
    MAX_NORM,
    OUTPUTS,
    Shape,
    TextClassifier,
    build,
    graph_spec,
)
from torch import Tensor, nn

from cnntasks import ModelCard, ModelError, UsageError
from cnntasks.training.export import export_graph

BACKBONES = ("kim_cnn", "char_cnn", "dpcnn7", "vdcnn9")
RAND = Shape("kim_cnn", "rand", tokens=30, learned=30, dimensions=6, vectors=0)


def shape_of(form: str, **changes: Any) -> Shape:
    changed = {
        "form": form,
        "dimensions": 6 if form in ("rand", "joined") else 0,
        "vectors": 0 if form == "rand" else 5,
        **changes,
    }
    return replace(RAND, **changed)


def network(shape: Shape = RAND, classes: int = 3) -> TextClassifier:
    torch.manual_seed(0)
    return TextClassifier(shape, classes).eval()


def tokens(*lengths: int) -> Tensor:
    """Texts of these lengths, padded to the longest and two places more."""
    found = torch.zeros(len(lengths), max(lengths) + 2, dtype=torch.int64)
    generator = torch.Generator().manual_seed(1)
    for row, length in zip(found, lengths, strict=True):
        row[:length] = torch.randint(1, 30, (length,), generator=generator)
    return found


@torch.inference_mode()
def outputs(net: nn.Module, texts: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = net(tokens=texts)
    return found


@pytest.mark.parametrize("backbone", BACKBONES)
def test_neither_padding_nor_the_other_texts_matter(backbone: str) -> None:
    net = network(replace(RAND, backbone=backbone))
    lengths = (9, 1, 30, 4)
    together = tokens(*lengths)
    found = outputs(net, together)
    for row, length in enumerate(lengths):
        alone = outputs(net, together[row : row + 1, :length])
        torch.testing.assert_close(alone["logits"][0], found["logits"][row], atol=1e-5, rtol=1e-4)
        difference = alone["contributions"][0] - found["contributions"][row]
        assert float(difference.abs().max()) < 1e-5
        assert torch.equal(alone["positions"][0], found["positions"][row])
        assert int(found["positions"][row].max()) < length


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("members", [1, 2])
def test_a_logit_is_the_sum_of_what_its_maps_contribute(backbone: str, members: int) -> None:
    net = network(replace(RAND, backbone=backbone, members=members))
    found = outputs(net, tokens(12, 3))
    bias = torch.stack([member.output.bias for member in net.members]).mean(dim=0)
    torch.testing.assert_close(found["contributions"].sum(dim=2) + bias, found["logits"])
    maps = sum(count for _, _, count in net.windows)
    assert tuple(found["contributions"].shape) == (2, 3, maps)
    assert tuple(found["positions"].shape) == (2, maps)


@pytest.mark.parametrize("members", [1, 3])
def test_training_and_prediction_compute_the_same_logits(members: int) -> None:
    net = network(replace(RAND, members=members))
    texts = tokens(8, 2)
    with torch.inference_mode():
        mean = torch.stack(net.member_logits(texts)).mean(dim=0)
    torch.testing.assert_close(mean, outputs(net, texts)["logits"])


def test_only_what_a_window_sees_changes_its_map() -> None:
    net = network()
    texts = tokens(20)[:, :20]
    before = outputs(net, texts)
    assert net.windows == [(1, 1, 100), (1, 2, 100), (2, 2, 100)]
    position = int(before["positions"][0, 0])  # of a map that sees one token on each side
    changed = texts.clone()
    for place in range(20):
        if abs(place - position) > 1:
            changed[0, place] = 1
    after = outputs(net, changed)
    with torch.inference_mode():
        maps = [
            net.members[0].maps(net.embed(it, 0), torch.ones(1, 1, 20)) for it in (texts, changed)
        ]
    torch.testing.assert_close(maps[0][0, 0, position], maps[1][0, 0, position])
    assert not torch.equal(before["logits"], after["logits"])


def test_of_equal_windows_the_first_one_counts() -> None:
    net = network()
    for conv in net.members[0].backbone.parts["windows"].convs:
        nn.init.constant_(conv.bias, -100)  # then every map is 0 everywhere
    assert not outputs(net, tokens(9, 4))["positions"].any()


@pytest.mark.parametrize("form", FORMS)
def test_what_is_trained_depends_on_the_form(form: str) -> None:
    net = network(shape_of(form))
    trained = {name for name, value in net.named_parameters() if value.requires_grad}
    assert ("tables.0.table.weight" in trained) == (form != "static")
    assert "vectors.weight" not in trained
    assert (net.vectors is not None) == (form in ("static", "multichannel", "joined"))
    width = net.members[0].backbone.parts["windows"].convs[0].in_channels
    assert width == {"rand": 6, "joined": 11}.get(form, 5)


def test_two_channels_are_what_the_paper_describes() -> None:
    """Each filter on both channels, the results added up before the bias's ReLU."""
    net = network(shape_of("multichannel"))
    texts = tokens(6)[:, :6]
    assert net.vectors is not None
    with torch.inference_mode():
        fixed, tuned = net.vectors(texts), net.tables[0](texts)
        conv = net.members[0].backbone.parts["windows"].convs[0]
        channels = [
            nn.functional.conv1d(x.transpose(1, 2), conv.weight, padding=1) for x in (fixed, tuned)
        ]
        expected = (channels[0] + channels[1] + conv.bias[:, None]).relu()
        maps = net.members[0].maps(net.embed(texts, 0), torch.ones(1, 1, 6))
    torch.testing.assert_close(maps[:, :100], expected)


def test_a_word_is_its_own_vector_and_those_of_its_pieces() -> None:
    net = network(replace(RAND, pieces=True))
    table = net.tables[0]
    table.pieces[20, :2] = torch.tensor([3, 4])
    with torch.inference_mode():
        found = table(torch.tensor([[20, 3, 0]]))[0]
    weight = table.table.weight.detach()
    torch.testing.assert_close(found[0], weight[20] + (weight[3] + weight[4]) / 2**0.5)
    assert torch.equal(found[1], weight[3])
    assert not found[2].any()


def test_a_word_beyond_the_learned_ones_has_its_vector_and_is_else_unknown() -> None:
    net = network(shape_of("joined", learned=20))
    with torch.inference_mode():
        known, beyond = net.embed(torch.tensor([[1, 25]]), 0)[0]
    assert net.vectors is not None
    assert torch.equal(beyond[:5], net.vectors.weight[25])
    assert torch.equal(beyond[5:], known[5:])


def test_dropout_is_there_in_training_only() -> None:
    net = network()
    texts = tokens(9, 9)
    net.train()
    net.dropout, net.embedding_dropout = 0.0, 0.5
    with torch.inference_mode():
        first, second = (net.member_logits(texts)[0] for _ in range(2))
        assert not torch.equal(first, second)
        net.eval()
        assert torch.equal(net.member_logits(texts)[0], net.member_logits(texts)[0])


def test_the_norm_of_a_class_is_limited_and_smaller_ones_stay() -> None:
    net = network()
    weight = net.members[0].output.weight
    with torch.no_grad():
        weight[0] *= 100 / float(weight[0].norm())
        weight[1] *= 2 / float(weight[1].norm())
    before = weight.detach().clone()
    net.limit_norms()
    torch.testing.assert_close(weight[0], before[0] / 100 * MAX_NORM, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(weight[1], before[1])


def card(**network: Any) -> ModelCard:
    known = RAND.to_network([(1, 1, 100)])
    return ModelCard("x", "text", {**known, **network}, classes=("a", "b"))


def test_a_card_says_what_its_network_is() -> None:
    assert Shape.of(card()) == RAND
    assert build(card()).shape == RAND


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"name": "detector"}, "is not one for text"),
        ({"depth": 3}, "upgrade cnntasks"),
        ({"members": 0}, "contradict each other"),
        ({"form": "other"}, "contradict each other"),
        ({"vectors": 50}, "contradict each other"),
        ({"learned": 40}, "contradict each other"),
        ({"tokens": True}, "contradict each other"),
        ({"pieces": 1}, "contradict each other"),
    ],
)
def test_cards_of_something_else_are_refused(network: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build(card(**network))


def test_a_network_for_pictures_is_refused() -> None:
    with pytest.raises(UsageError, match="no network for text"):
        network(replace(RAND, backbone="mobilenet_v3_small"))


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_graph_agrees_with_the_network_for_any_length(backbone: str) -> None:
    shape = shape_of("joined", backbone=backbone, learned=20, pieces=True, members=2)
    net = network(shape)
    graph = export_graph(net, graph_spec(shape))
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for lengths in ((1,), (2, 1), (31, 4), (100,)):
        texts = tokens(*lengths)[:, : max(lengths)]
        found = session.run(list(OUTPUTS), {"tokens": texts.numpy()})
        for name, value in zip(OUTPUTS, found, strict=True):
            assert abs(outputs(net, texts)[name].numpy() - value).max() < 1e-4, name
