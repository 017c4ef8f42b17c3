"""Layers in a row: LeNet-5's structure, the chain rule, the steps of training."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch_oracle import Array, assert_same, normal, torch_gradients

from cnntasks.backbones import reference
from cnntasks.errors import UsageError


def small_net(seed: int = 0) -> reference.Sequential:
    """Every layer that LeNet-5 does not have, on B×2×9×8; gives B×3."""
    rng = np.random.default_rng(seed)
    return reference.Sequential(
        [
            reference.Convolution(2, 3, 3, rng, stride=2, padding=1),  # 3@5×4
            reference.ReLU(),
            reference.MaxPooling(2, 1),  # 3@4×3
            reference.Convolution(3, 4, 2, rng, connections=np.eye(4, 3, dtype=bool)),  # 4@3×2
            reference.Sigmoid(),
            reference.AveragePooling(2, 1),  # 4@2×1
            reference.Flatten(),
            reference.FullyConnected(8, 3, rng),
        ]
    )


def small_net_in_torch(x: Tensor, *w: Tensor) -> Tensor:
    a = functional.max_pool2d(torch.relu(functional.conv2d(x, w[0], w[1], 2, 1)), 2, 1)
    table = torch.eye(4, 3)[:, :, None, None]
    a = torch.sigmoid(functional.conv2d(a, w[2] * table, w[3]))
    return functional.linear(functional.avg_pool2d(a, 2, 1).flatten(1), w[4], w[5])


def test_the_gradients_of_a_whole_network_are_torchs() -> None:
    net = small_net()
    x, gradient = normal(1, (3, 2, 9, 8), (3, 3))
    expected, by = torch_gradients(small_net_in_torch, gradient, x, *net.parameters.values())

    assert_same(net.forward(x), expected)
    assert_same(net.backward(gradient), by[0])
    assert list(net.gradients) == list(net.parameters)
    for found, one in zip(net.gradients.values(), by[1:], strict=True):
        assert_same(found, one)


def test_lenets_gradient_is_that_of_central_differences() -> None:
    net = reference.lenet5(classes=3)
    (x,) = normal(2, (2, 1, 32, 32))
    labels = np.array([2, 0])

    def loss_with_bias(bias: Array) -> float:
        net.parameters["4.bias"][:] = bias
        return reference.softmax_cross_entropy(net.forward(x), labels)[0]

    measured = reference.numerical_gradient(loss_with_bias, net.parameters["4.bias"])
    net.parameters["4.bias"][:] = 0
    net.backward(reference.softmax_cross_entropy(net.forward(x), labels)[1])
    np.testing.assert_allclose(net.gradients["4.bias"], measured, atol=1e-8)
    assert np.abs(measured).max() > 1e-4


def test_lenet_has_the_papers_sizes() -> None:
    net = reference.lenet5()
    shapes = []
    x = np.zeros((1, 1, 32, 32))
    for layer in net.layers:
        x = layer.forward(x)
        shapes.append(x.shape[1:])
    sizes = [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120, 1, 1)]
    assert shapes[0:10:2] == sizes  # C1, S2, C3, S4, C5
    assert shapes[11:] == [(84,), (84,), (10,)]


def test_lenet_has_the_papers_numbers_of_parameters() -> None:
    counts: dict[str, int] = {}
    for name, value in reference.lenet5().parameters.items():
        used = np.count_nonzero(value) if name.endswith("kernels") else value.size
        counts[name.split(".")[0]] = counts.get(name.split(".")[0], 0) + int(used)
    # LeCun 1998, section II.B, layer by layer; in all 60,000 before the output.
    assert counts == {
        "0": 156, "2": 12, "4": 1516, "6": 32, "8": 48120, "11": 10164, "13": 850
    }  # fmt: skip
    assert sum(counts.values()) - counts["13"] == 60_000


def test_c3_connections_are_those_of_table_1() -> None:
    table = reference.c3_connections()
    assert table.shape == (16, 6)
    assert table.sum(axis=1).tolist() == [3] * 6 + [4] * 9 + [6]
    assert table.sum(axis=0).tolist() == [10] * 6  # every map of S2 is seen equally often
    assert len(np.unique(table, axis=0)) == 16
    # The table's six cyclic groups: map o+1 sees the maps of map o, moved by one.
    for group in (range(6), range(6, 12)):
        for o in group[:-1]:
            assert np.array_equal(np.roll(table[o], 1), table[o + 1])


def test_missing_connections_stay_zero_in_training() -> None:
    net = reference.lenet5()
    (x,) = normal(0, (2, 1, 32, 32))
    for _ in range(2):
        net.backward(reference.softmax_cross_entropy(net.forward(x), np.array([1, 2]))[1])
        net.step(0.1, momentum=0.9)
    kernels = net.parameters["4.kernels"]
    assert np.array_equal(kernels.any(axis=(2, 3)), reference.c3_connections())


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second, other = (reference.lenet5(seed=seed).parameters for seed in (5, 5, 6))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["0.kernels"], other["0.kernels"])


def test_initial_weights_have_variance_one_over_fan_in() -> None:
    weights = reference.lenet5().parameters
    for name, fan_in in (("8.kernels", 400), ("11.weights", 120)):
        assert weights[name].var() * fan_in == pytest.approx(1, rel=0.05)
    counted = weights["4.kernels"][:6][reference.c3_connections()[:6]]
    assert counted.var() * 75 == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_are_those_of_torchs_optimizer(momentum: float) -> None:
    net = small_net()
    twins = [torch.nn.Parameter(torch.tensor(value)) for value in net.parameters.values()]
    optimizer = torch.optim.SGD(twins, lr=0.1, momentum=momentum)
    for seed in range(3):
        x, target = normal(seed, (3, 2, 9, 8), (3, 3))
        net.backward(reference.mean_squared_error(net.forward(x), target)[1])
        net.step(0.1, momentum)
        optimizer.zero_grad()
        output = small_net_in_torch(torch.tensor(x), *twins)
        functional.mse_loss(output, torch.tensor(target)).backward()
        optimizer.step()
    for value, twin in zip(net.parameters.values(), twins, strict=True):
        assert_same(value, twin.detach().numpy())


def test_a_network_in_single_precision_stays_there() -> None:
    net = reference.lenet5().astype(np.float32)
    (x,) = (array.astype(np.float32) for array in normal(0, (2, 1, 32, 32)))
    output = net.forward(x)
    _, gradient = reference.softmax_cross_entropy(output, np.array([1, 2]))
    by_x = net.backward(gradient)
    net.step(0.1, momentum=0.9)
    net.step(0.1, momentum=0.9)
    arrays = [output, gradient, by_x, *net.parameters.values(), *net.gradients.values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_calls_out_of_order_are_refused() -> None:
    net = small_net()
    with pytest.raises(UsageError, match="FullyConnected: call forward before backward"):
        net.backward(np.zeros((1, 3)))
    with pytest.raises(UsageError, match=r"parameter 0.kernels has no gradient; call backward"):
        net.step(0.1)
    net.forward(np.zeros((1, 2, 9, 8)))
    with pytest.raises(UsageError, match=r"the gradient has the shape \(2, 3\); \(1, 3\)"):
        net.backward(np.zeros((2, 3)))
    flat = reference.Flatten()
    flat.forward(np.zeros((2, 3, 4, 4)))
    with pytest.raises(UsageError, match=r"\(2, 48\) is expected"):
        flat.backward(np.zeros((2, 47)))


def test_a_picture_too_small_for_lenet_is_refused() -> None:
    with pytest.raises(UsageError, match="a window of 5 does not fit into 4 pixels"):
        reference.lenet5().forward(np.zeros((1, 1, 28, 28)))


def test_the_import_needs_no_torch() -> None:
    code = "import sys, cnntasks.backbones.reference; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
