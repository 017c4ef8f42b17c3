"""LeNet-5 is the paper's: its sizes, its counts, its squashing, its output and its loss."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from cnntasks.backbones.classifier import create_classifier
from cnntasks.backbones.lenet import (
    PartialConv2d,
    ScaledTanh,
    Subsampling,
    count_connections,
    lenet5,
    map_criterion,
)
from cnntasks.backbones.radial_basis import RadialBasis, class_codes, digit_bitmaps

# LeCun et al. 1998, section II.B; the last is 10 codes of 84.
CONNECTIONS = {
    "c1": 122_304,
    "s2": 5_880,
    "c3": 151_600,
    "s4": 2_000,
    "c5": 48_120,
    "f6": 10_164,
    "output": 840,
}
PARAMETERS = {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120}


def test_the_trainable_parameters_are_the_papers() -> None:
    network = create_classifier("lenet5", classes=10, in_channels=1)
    found = {
        name: sum(p.numel() for p in part.parameters())
        for name, part in network.backbone.parts.items()
    }
    assert found == PARAMETERS
    assert sum(p.numel() for p in network.parameters()) == 60_000


def test_the_connections_are_the_papers() -> None:
    found = count_connections(create_classifier("lenet5", classes=10, in_channels=1))
    assert found == CONNECTIONS
    assert sum(found.values()) == 340_908


def test_connections_follow_from_the_shapes() -> None:
    colour = count_connections(create_classifier("lenet5", classes=26, in_channels=3))
    assert colour["c1"] == 28 * 28 * 6 * (3 * 25 + 1)
    assert colour["output"] == 26 * 84
    assert colour["s2"] == CONNECTIONS["s2"]
    large = count_connections(create_classifier("lenet5", 10, 1), height=36, width=32)
    assert large["c1"] == 32 * 28 * 156
    assert large["c5"] == 2 * CONNECTIONS["c5"]  # at two places


def test_the_maps_have_the_papers_sizes() -> None:
    backbone = lenet5()
    maps = backbone(torch.zeros(2, 1, 32, 32), ["c1", "s2", "c3", "s4", "c5"])
    assert [tuple(value.shape) for value in maps.values()] == [
        (2, 6, 28, 28),
        (2, 6, 14, 14),
        (2, 16, 10, 10),
        (2, 16, 5, 5),
        (2, 120, 1, 1),
    ]


def test_the_squashing_function_meets_one_at_one() -> None:
    values = ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0, 100.0]))
    torch.testing.assert_close(values, torch.tensor([-1, 0, 1, 1.7159]), atol=1e-4, rtol=0)


def test_subsampling_scales_the_sum_of_four_and_adds_a_bias() -> None:
    layer = Subsampling(2)
    layer.weight.data = torch.tensor([0.5, -1.0])
    layer.bias.data = torch.tensor([3.0, 0.25])
    x = torch.arange(16.0).view(1, 2, 2, 4)
    expected = torch.tensor([[[0 + 1 + 4 + 5, 2 + 3 + 6 + 7]], [[42, 50]]], dtype=torch.float)
    expected = expected * torch.tensor([0.5, -1.0])[:, None, None]
    torch.testing.assert_close(layer(x)[0], expected + layer.bias[:, None, None])


def test_a_map_of_c3_sees_the_maps_of_table_1_only() -> None:
    layer = lenet5().parts["c3"][0]
    assert isinstance(layer, PartialConv2d)
    seen = torch.zeros(16, 6, dtype=torch.bool)
    still = layer(torch.zeros(1, 6, 5, 5))
    for number in range(6):
        x = torch.zeros(1, 6, 5, 5)
        x[0, number] = 1
        seen[:, number] = (layer(x) != still)[0, :, 0, 0]

    assert seen.sum(dim=1).tolist() == [3] * 6 + [4] * 9 + [6]
    assert seen.sum(dim=0).tolist() == [10] * 6  # Table I has ten crosses in each row
    assert seen[0].nonzero()[:, 0].tolist() == [0, 1, 2]
    assert seen[5].nonzero()[:, 0].tolist() == [0, 1, 5]
    assert seen[12].nonzero()[:, 0].tolist() == [0, 1, 3, 4]
    assert len({tuple(row.tolist()) for row in seen}) == 16


def test_c3_equals_a_whole_convolution_with_zeros() -> None:
    layer = PartialConv2d(((0, 2), (1,)), 3)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    whole = torch.nn.Conv2d(3, 2, 5)
    whole.weight.data.zero_()
    for kernel, (row, column) in zip(layer.weight, ((0, 0), (0, 2), (1, 1)), strict=True):
        whole.weight.data[row, column] = kernel
    whole.bias.data = layer.bias.data
    x = torch.randn(2, 3, 8, 7)
    torch.testing.assert_close(layer(x), whole(x))


def test_weights_begin_within_the_papers_bounds() -> None:
    backbone = lenet5()
    for name, inputs in (("c1", 25), ("s2", 4), ("s4", 4), ("c5", 400)):
        for parameter in backbone.parts[name].parameters():
            assert float(parameter.detach().abs().max()) <= 2.4 / inputs
    c3 = backbone.parts["c3"][0]
    assert float(c3.weight.detach()[-6:].abs().max()) <= 2.4 / 150
    assert 2.4 / 150 < float(c3.weight.detach()[:18].abs().max()) <= 2.4 / 75


def test_ground_and_ink_become_what_the_paper_says() -> None:
    backbone = lenet5()
    ground, ink = ((value - backbone.mean[0]) / backbone.std[0] for value in (0, 255))
    assert (ground, ink) == pytest.approx((-0.1, 1.175))


def test_logits_are_minus_the_squared_distances() -> None:
    layer = RadialBasis(10)
    x = torch.randn(3, 84)
    expected = [[-float(((row - code) ** 2).sum()) for code in layer.weight] for row in x]
    torch.testing.assert_close(layer(x), torch.tensor(expected))
    assert layer(layer.weight).argmax(dim=1).tolist() == list(range(10))


def test_the_codes_are_never_trained() -> None:
    network = create_classifier("lenet5", classes=10, in_channels=1)
    assert "output.0.weight" in network.state_dict()
    assert "output.0.weight" not in dict(network.named_parameters())


def test_the_digits_are_distinct_pictures_of_7_by_12() -> None:
    bitmaps = digit_bitmaps()
    assert tuple(bitmaps.shape) == (10, 12, 7)
    assert set(bitmaps.unique().tolist()) == {-1.0, 1.0}
    differences = torch.cdist(bitmaps.flatten(1), bitmaps.flatten(1), p=0)
    assert int((differences + 84 * torch.eye(10)).min()) >= 10  # dots between any two
    one = "\n".join("".join("#" if dot > 0 else "." for dot in row) for row in bitmaps[1])
    assert one.startswith("...#...\n..##...\n.###...\n...#...")


def test_other_numbers_of_classes_get_codes_of_their_own() -> None:
    codes = class_codes(26)
    assert tuple(codes.shape) == (26, 84)
    assert set(codes.unique().tolist()) == {-1.0, 1.0}
    assert torch.equal(codes, class_codes(26))
    assert len({tuple(row) for row in codes.tolist()}) == 26
    network = create_classifier("lenet5", classes=10, in_channels=1)
    network.reset_output(26)
    assert network.classes == 26
    assert torch.equal(network.output[0].weight, codes)


def test_the_loss_is_equation_9() -> None:
    penalties = torch.tensor([[1.0, 4.0, 9.0], [2.0, 0.5, 7.0]])
    target = torch.tensor([0, 2])
    by_hand = [
        y[t] + math.log(math.exp(-0.3) + sum(math.exp(-v) for v in y))
        for y, t in zip(penalties.tolist(), target.tolist(), strict=True)
    ]
    found = map_criterion(-penalties, functional.one_hot(target, 3).float(), j=0.3)
    assert found.tolist() == pytest.approx(by_hand)


def test_the_loss_of_a_mixed_target_is_between_those_of_its_classes() -> None:
    logits = torch.tensor([[-1.0, -4.0, -9.0]])
    first, second = (
        map_criterion(logits, functional.one_hot(torch.tensor([k]), 3)) for k in (0, 2)
    )
    mixed = map_criterion(logits, torch.tensor([[0.75, 0.0, 0.25]]))
    torch.testing.assert_close(mixed, 0.75 * first + 0.25 * second)


def test_the_loss_bears_distances_whose_exponentials_vanish() -> None:
    logits = torch.tensor([[-900.0, -1000.0]], requires_grad=True)
    loss = map_criterion(logits, torch.tensor([[1.0, 0.0]])).sum()
    loss.backward()
    assert loss.item() == pytest.approx(900 - 0.1)
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_it_learns_the_ten_digits() -> None:
    pictures = digit_bitmaps().repeat_interleave(2, dim=1).repeat_interleave(3, dim=2)
    x = functional.pad(pictures, (5, 6, 4, 4), value=-1)[:, None]
    x = (x + 1) / 2 * 1.275 - 0.1
    target = torch.arange(10)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = create_classifier("lenet5", classes=10, in_channels=1)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        map_criterion(network(x)["logits"], torch.eye(10)).mean().backward()
        optimizer.step()
    assert network(x)["logits"].argmax(dim=1).tolist() == target.tolist()
