"""The deconvnet: switches, rectification, transposed filters; boxes; a folder's strongest."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import pytest
import torch
from cnntasks_visualize.deconvnet import Projector, answers, strongest
from cnntasks_visualize.layers import choose_layer, find_layers
from cnntasks_visualize.rules import BackwardRule
from small_networks import feeds_of, noise, opened, rectified_network
from torch import nn
from torch.nn import functional

from cnntasks import Source


def source(picture: np.ndarray, name: str = "p") -> Source:
    return Source(name, PurePosixPath(name), bytes, value=picture)


def test_it_is_the_papers_chain_of_unpooling_rectification_and_transposed_filters() -> None:
    body = rectified_network(1)
    model, picture = opened(body), noise()
    feeds = feeds_of(picture)
    layer = choose_layer(find_layers(model.network, feeds), "4")  # the second ReLU
    found = Projector(model, feeds, "pixels", layer)(2)

    x = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    first = functional.relu(body[0](x))
    pooled, switches = functional.max_pool2d(first, 2, return_indices=True)
    second = functional.relu(body[3](pooled))
    row, column = found.place
    assert second[0, 2].max() == second[0, 2, row, column] == pytest.approx(found.activation)
    signal = torch.zeros_like(second)
    signal[0, 2, row, column] = second[0, 2, row, column]
    signal = functional.conv_transpose2d(functional.relu(signal), body[3].weight)
    signal = functional.max_unpool2d(signal, switches, 2, output_size=first.shape)
    signal = functional.conv_transpose2d(functional.relu(signal), body[0].weight) / 255
    assert np.allclose(found.values[..., 0], signal[0, 0].numpy(), atol=1e-7)
    assert np.abs(found.values).max() > 0
    assert found.counts == {"rectifier": 2, "switches": 1}


def test_switches_put_a_maximum_back_where_it_was() -> None:
    model = opened(nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 2)))
    picture = noise(8, 8)
    feeds = feeds_of(picture)
    layer = choose_layer(find_layers(model.network, feeds), "0")
    found = Projector(model, feeds, "pixels", layer)(0, (1, 2))
    window = picture[2:4, 4:6, 0]
    expected = np.zeros((8, 8))
    row, column = np.unravel_index(int(window.argmax()), (2, 2))
    expected[2 + row, 4 + column] = window.max() / 255 / 255
    assert np.allclose(found.values[..., 0], expected)
    assert (found.box.top, found.box.left, found.box.bottom, found.box.right) == (2, 4, 4, 6)


@pytest.mark.parametrize(("name", "size"), [("0", 3), ("1", 3), ("2", 4), ("3", 8), ("4", 8)])
def test_boxes_are_receptive_fields_whatever_the_numbers(name: str, size: int) -> None:
    model = opened(rectified_network(2))
    feeds = feeds_of(np.zeros((18, 18, 1), np.uint8))  # where many units answer nothing
    layer = choose_layer(find_layers(model.network, feeds), name)
    box = Projector(model, feeds, "pixels", layer)(0, (1, 2)).box
    jump = 1 if int(name) < 2 else 2
    assert (box.top, box.left) == (jump, 2 * jump)
    assert (box.bottom - box.top, box.right - box.left) == (size, size)
    assert box.crop(np.zeros((18, 18, 3))).shape == (size, size, 3)


def test_a_saturated_unit_still_shows_what_it_answers_to() -> None:
    body = nn.Sequential(nn.Conv2d(1, 1, 3, bias=False), nn.Tanh(), nn.Flatten(), nn.Linear(36, 2))
    with torch.no_grad():
        body[0].weight.fill_(50.0)
    model, feeds = opened(body), feeds_of(np.full((8, 8, 1), 255, np.uint8))
    layer = choose_layer(find_layers(model.network, feeds), "1")
    found = Projector(model, feeds, "pixels", layer)(0, (2, 2))
    assert found.activation == 1
    assert (found.values[2:5, 2:5] > 0).all()
    assert found.values.sum() == found.values[2:5, 2:5].sum()


def test_without_switches_the_papers_rule_does_not_see_the_picture() -> None:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten())
    with torch.no_grad():
        body[2].bias.fill_(5.0)  # so that the unit answers both pictures
    model = opened(body)
    one, two = feeds_of(noise(8, 8)), feeds_of(noise(8, 8, seed=1))
    layer = choose_layer(find_layers(model.network, one), "2")

    def shapes(rule: str) -> list[np.ndarray]:
        """What goes back from one place for both pictures, of length 1."""
        projectors = [Projector(model, it, "pixels", layer, rule) for it in (one, two)]  # type: ignore[arg-type]
        found = [projector(1, (2, 2)) for projector in projectors]
        assert {it.rule for it in projectors} == {"guided" if rule == "auto" else rule}
        assert min(it.activation for it in found) > 0
        return [it.values / np.linalg.norm(it.values) for it in found]

    same, other = shapes("deconvnet")
    assert np.allclose(same, other, atol=1e-6)
    same, other = shapes("auto")
    assert not np.allclose(same, other, atol=1e-2)
    model = opened(rectified_network(1))
    layer = choose_layer(find_layers(model.network, feeds_of(noise())), "4")
    assert Projector(model, feeds_of(noise()), "pixels", layer).rule == "deconvnet"


def test_the_rules_differ_as_they_should() -> None:
    x = torch.tensor([-1.0, 2.0, 3.0, 7.0])
    back = torch.tensor([1.0, -1.0, 1.0, 1.0])
    expected = {
        "gradient": [0, -1, 1, 0],
        "deconvnet": [1, 0, 1, 1],
        "guided": [0, 0, 1, 0],
        "support": [1, -1, 1, 1],
    }
    for rule, values in expected.items():
        for rectify in (nn.ReLU6(), functional.relu6, nn.ReLU6(inplace=True)):
            given = x.clone().requires_grad_()
            with BackwardRule(rule):  # type: ignore[arg-type]
                y = rectify(given * 1)
            (gradient,) = torch.autograd.grad(y, given, back)
            assert gradient.tolist() == values, (rule, rectify)
    for rectify in (torch.relu, nn.ReLU(), torch.Tensor.relu):
        given = x.clone().requires_grad_()
        with BackwardRule("guided"):
            y = rectify(given)
        assert y.tolist() == [0, 2, 3, 7]
        assert torch.autograd.grad(y, given, back)[0].tolist() == [0, 0, 1, 1]


def test_the_strongest_answers_of_a_folder() -> None:
    model = opened(nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Flatten(), nn.Linear(128, 2)))
    with torch.no_grad():
        model.network.body[0].weight.copy_(torch.tensor([1.0, 0.5]).view(2, 1, 1, 1))  # type: ignore
    pictures = []
    for number, value in enumerate((40, 250, 10, 90)):
        picture = np.zeros((8, 8, 1), np.uint8)
        picture[number, 2 * number] = value
        pictures.append(source(picture, f"p{number}"))
    layer = choose_layer(find_layers(model.network, feeds_of(pictures[0].value)), "0")

    def maps() -> list[tuple[Source, torch.Tensor]]:
        found = answers(model, layer, pictures)
        return [(it, values) for it, values, _ in found if values is not None]

    best = strongest(maps(), None, 3)
    assert [answer.source.name for answer in best] == ["p1", "p3", "p0"]
    assert {answer.unit for answer in best} == {0}
    assert best[0].place == (1, 2)
    assert best[0].activation == pytest.approx(250 / 255)
    other = strongest(maps(), 1, 1)
    assert other[0].activation == pytest.approx(125 / 255)
