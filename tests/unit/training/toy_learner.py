"""A learner that trains in a fraction of a second, with everything that may go wrong in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from cnntasks.task import GraphSpec, Score
from cnntasks.training.fit import FitSettings, fit

STEPS = 8  # per epoch


class KilledError(Exception):
    """What stands in for the end of the process."""


class Order:
    """A batch sampler whose order depends on the epoch that it is told."""

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self.count, self.batch, self.seed = count, batch, seed
        self.epoch = -1
        self.seen: list[int] = []

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count // self.batch

    def __iter__(self) -> Iterator[list[int]]:
        self.seen.append(self.epoch)
        generator = torch.Generator().manual_seed(1000 * self.seed + self.epoch)
        yield from torch.randperm(self.count, generator=generator).view(-1, self.batch).tolist()


class Noisy(TensorDataset):
    """Draws from torch's generator, which each loading process has for itself."""

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        x, y = super().__getitem__(index)
        return x + 0.1 * torch.randn(4), y


class Quality:
    """Minus the mean squared error, or what `said` says epoch by epoch."""

    def __init__(self, learner: ToyLearner) -> None:
        self.learner = learner
        self.errors: list[Tensor] = []

    def update(self, network: nn.Module, batch: Any) -> None:
        assert not any(module.training for module in network.modules())
        self.errors.append((network(batch[0])["y"] - batch[1]).square().mean())
        self.weights = {name: value.clone() for name, value in network.state_dict().items()}

    def compute(self) -> Score:
        self.learner.validated.append(self.weights)
        value = -float(torch.stack(self.errors).mean())
        if self.learner.said:
            value = self.learner.said[len(self.learner.validated) - 1]
        return Score({"quality": value}, [{"class": "all", "AP": 0.5}])


class ToyLearner:
    """Learns a linear map of four numbers to two; dropout and the loss draw random numbers.

    Args:
        die: the step (counted from 1) at which the training ends with `KilledError`.
        said: qualities to report, epoch by epoch, instead of the measured ones.
        shuffle: let the loader shuffle instead of a batch sampler.
        spoil: the step at which the loss becomes infinite.
        workers: processes that load; they add noise from torch's own generator.
    """

    monitor = "quality"

    def __init__(
        self,
        die: int | None = None,
        said: Sequence[float] = (),
        shuffle: bool = False,
        spoil: int | None = None,
        workers: int = 0,
    ) -> None:
        generator = torch.Generator().manual_seed(5)
        x = torch.randn(64, 4, generator=generator)
        self.data = TensorDataset(x, x @ torch.randn(4, 2, generator=generator))
        self.die, self.said, self.shuffle, self.spoil = die, said, shuffle, spoil
        self.workers = workers
        self.order: Order | None = None
        self.steps = 0
        self.validated: list[dict[str, Tensor]] = []
        self.trained: list[dict[str, Tensor]] = []  # the weights as each step finds them

    def parameter_groups(self, network: nn.Module) -> list[dict[str, Any]]:
        return [{"params": list(network.parameters()), "scale": 1.0}]

    def set_train_mode(self, network: nn.Module) -> None:
        network.train()
        network.get_submodule("norm").eval()

    def train_batches(self, seed: int) -> DataLoader[Any]:
        if self.shuffle:
            return DataLoader(self.data, batch_size=64 // STEPS, shuffle=True)
        self.order = Order(64, 64 // STEPS, seed)
        data = Noisy(*self.data.tensors) if self.workers else self.data
        return DataLoader(data, batch_sampler=self.order, num_workers=self.workers)  # type: ignore[arg-type]

    def validation_batches(self) -> DataLoader[Any]:
        return DataLoader(self.data, batch_size=32)

    def losses(self, network: nn.Module, batch: Any) -> dict[str, Tensor]:
        self.steps += 1
        if self.steps == self.die:
            raise KilledError
        assert not network.get_submodule("norm").training
        assert network.get_submodule("drop").training
        self.trained.append({name: value.clone() for name, value in network.state_dict().items()})
        found = network(batch[0])["y"]
        noise = torch.rand(()) * found.mean().square() / 10
        factor = float("inf") if self.steps == self.spoil else 1.0
        return {"error": (found - batch[1]).square().mean() * factor, "noise": noise}

    def new_metric(self) -> Quality:
        return Quality(self)

    def graph(self) -> GraphSpec:
        feeds = {"x": np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)}
        return GraphSpec(feeds, {"x": {0: "batch"}}, ("y",))


class ToyNetwork(nn.Module):
    """Two layers with a normalisation and dropout."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Linear(4, 16)
        self.norm = nn.BatchNorm1d(16)
        self.drop = nn.Dropout(0.1)
        self.last = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"y": self.last(self.drop(torch.relu(self.norm(self.first(x)))))}


def train(
    folder: Path, learner: ToyLearner | None = None, *, resume: bool = False, **settings: Any
) -> tuple[ToyNetwork, dict[str, float]]:
    """Fit a fresh network on the CPU for four epochs, unless told otherwise."""
    network = ToyNetwork()
    values: dict[str, Any] = {"epochs": 4, "rate": 1e-2, "seed": 3, **settings}
    measured = fit(
        network,
        learner or ToyLearner(),
        FitSettings(**values),
        folder,
        device="cpu",
        resume=resume,
        progress=False,
    )
    return network, measured


def same_weights(one: nn.Module | dict[str, Tensor], other: nn.Module | dict[str, Tensor]) -> bool:
    """Bit for bit."""
    first, second = (n.state_dict() if isinstance(n, nn.Module) else n for n in (one, other))
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name]) for name, value in first.items()
    )
