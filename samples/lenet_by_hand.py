"""Train LeNet-5 on handwritten digits in plain NumPy, and, with --torch, in torch beside it.

    python samples/lenet_by_hand.py MNIST
    python samples/lenet_by_hand.py MNIST --torch

MNIST is a folder with the four files of the data set (http://yann.lecun.com/exdb/mnist/):
train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and
t10k-labels-idx1-ubyte.gz. With --torch both networks start from the same weights and see the same
batches in the same order, in float64, so that they differ by rounding alone.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnntasks.backbones import reference
from cnntasks.errors import CnntasksError, InputError

Array = reference.Array
Step = Callable[[Array, Array], float]
Predict = Callable[[Array], Array]

# LeCun 1998, section III.A: pictures have about mean 0 and variance 1 with these grey values.
WHITE, BLACK = -0.1, 1.175


def read_idx(path: Path) -> Array:
    """Read bytes in the IDX format: two zeros, 8 for bytes, the number of axes, their lengths.

    Raises:
        InputError: the file is missing, damaged or holds something else.
    """
    try:
        data = gzip.decompress(path.read_bytes())
        if data[:3] != b"\0\0\x08":
            raise InputError(f"{path}: not an IDX file of bytes")
        shape = np.frombuffer(data, ">u4", data[3], offset=4)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)
    except (OSError, EOFError, IndexError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a gzipped IDX file ({error})") from error


def read_digits(folder: Path, part: str, count: int) -> tuple[Array, Array]:
    """The first `count` digits of a part ("train" or "t10k").

    Returns:
        Pictures N×1×32×32 from WHITE to BLACK, the 28×28 pixels with a margin of 2, and N labels.
    """
    pixels = read_idx(folder / f"{part}-images-idx3-ubyte.gz")[:count]
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz")[:count]
    if pixels.shape != (len(labels), 28, 28):
        raise InputError(f"{folder}: {part} has pictures {pixels.shape} for {len(labels)} labels")
    margin = np.pad(pixels, ((0, 0), (2, 2), (2, 2)))[:, None]
    return WHITE + (BLACK - WHITE) * margin / 255.0, labels.astype(np.int64)


def numpy_steps(net: reference.Sequential, rate: float, momentum: float) -> tuple[Step, Predict]:
    """One step of training, and prediction, with the functions of cnntasks.backbones.reference."""

    def step(pictures: Array, labels: Array) -> float:
        loss, gradient = reference.softmax_cross_entropy(net.forward(pictures), labels)
        net.backward(gradient)
        net.step(rate, momentum)
        return loss

    return step, net.forward


def torch_steps(
    net: reference.Sequential, rate: float, momentum: float
) -> tuple[Step, Predict, dict[str, Any]]:
    """The same with torch's operators, automatic differentiation and optimizer.

    Returns:
        Step, prediction, and the torch parameters, which start as copies of those of `net`.
    """
    import torch
    from torch.nn import functional

    w = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in net.parameters.items()}
    # The unconnected kernels of C3 are 0 and must stay 0.
    table = torch.tensor(reference.c3_connections())[:, :, None, None]
    optimizer = torch.optim.SGD(w.values(), lr=rate, momentum=momentum)

    def squash(a: torch.Tensor) -> torch.Tensor:
        return 1.7159 * torch.tanh(2 / 3 * a)

    def subsample(x: torch.Tensor, layer: str) -> torch.Tensor:
        total = functional.avg_pool2d(x, 2, divisor_override=1)
        scale, shift = w[f"{layer}.coefficient"], w[f"{layer}.bias"]
        return scale[:, None, None] * total + shift[:, None, None]

    def forward(x: torch.Tensor) -> torch.Tensor:
        c1 = squash(functional.conv2d(x, w["0.kernels"], w["0.bias"]))
        s2 = squash(subsample(c1, "2"))
        c3 = squash(functional.conv2d(s2, w["4.kernels"] * table, w["4.bias"]))
        s4 = squash(subsample(c3, "6"))
        c5 = squash(functional.conv2d(s4, w["8.kernels"], w["8.bias"]))
        f6 = squash(functional.linear(c5.flatten(1), w["11.weights"], w["11.bias"]))
        return functional.linear(f6, w["13.weights"], w["13.bias"])

    def step(pictures: Array, labels: Array) -> float:
        loss = functional.cross_entropy(forward(torch.tensor(pictures)), torch.tensor(labels))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.item()

    def predict(pictures: Array) -> Array:
        with torch.inference_mode():
            return forward(torch.tensor(pictures)).numpy()

    return step, predict, w


def count_errors(predict: Predict, pictures: Array, labels: Array) -> int:
    """How many pictures get a wrong label; in pieces, which keeps memory small."""
    wrong = 0
    for start in range(0, len(labels), 200):
        logits = predict(pictures[start : start + 200])
        wrong += int((logits.argmax(axis=1) != labels[start : start + 200]).sum())
    return wrong


def train(arguments: argparse.Namespace) -> tuple[reference.Sequential, dict[str, Any]]:
    """Train and print a line for each epoch.

    Returns:
        The NumPy network and the torch parameters (empty without --torch).
    """
    pictures, labels = read_digits(arguments.data, "train", arguments.train)
    test_pictures, test_labels = read_digits(arguments.data, "t10k", arguments.test)
    net = reference.lenet5(seed=arguments.seed)
    methods = [("NumPy", *numpy_steps(net, arguments.rate, arguments.momentum))]
    twin: dict[str, Any] = {}
    if arguments.torch:
        step, predict, twin = torch_steps(net, arguments.rate, arguments.momentum)
        methods.append(("torch", step, predict))
    rng = np.random.default_rng(arguments.seed)
    for epoch in range(1, arguments.epochs + 1):
        order = rng.permutation(len(labels))
        batches = np.split(order, range(arguments.batch, len(order), arguments.batch))
        for name, step, predict in methods:
            started = time.process_time()
            losses = [step(pictures[batch], labels[batch]) for batch in batches]
            seconds = time.process_time() - started
            wrong = count_errors(predict, test_pictures, test_labels)
            print(
                f"epoch {epoch}  {name}  loss {np.mean(losses):.6f}  "
                f"test error {wrong / len(test_labels):.2%} ({wrong})  {seconds:.1f} s of CPU"
            )
        if twin:
            print(f"epoch {epoch}  largest difference of a weight: {difference(net, twin):.1e}")
    return net, twin


def difference(net: reference.Sequential, twin: dict[str, Any]) -> float:
    """The largest difference between a parameter in NumPy and in torch."""
    return max(
        float(np.abs(value - twin[name].detach().numpy()).max())
        for name, value in net.parameters.items()
    )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line; sizes must be at least 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="MNIST", help="folder with the four .gz files")
    parser.add_argument("--train", type=int, default=3000, help="digits to train on (3000)")
    parser.add_argument("--test", type=int, default=1000, help="digits to test on (1000)")
    parser.add_argument("--epochs", type=int, default=5, help="(5)")
    parser.add_argument("--batch", type=int, default=10, help="digits in a batch (10)")
    parser.add_argument("--rate", type=float, default=0.01, help="learning rate (0.01)")
    parser.add_argument("--momentum", type=float, default=0.9, help="(0.9)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches (0)")
    parser.add_argument("--torch", action="store_true", help="train in torch as well and compare")
    arguments = parser.parse_args(argv)
    for name in ("train", "test", "epochs", "batch"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} must be at least 1")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run; returns the exit status."""
    try:
        train(parse(argv))
    except CnntasksError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
