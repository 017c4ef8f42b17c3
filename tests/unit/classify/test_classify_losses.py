"""Losses: against torch's own, and a function of one's own."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
from cnntasks_classify.losses import (
    LOSSES,
    auxiliary_losses,
    balanced_weights,
    cross_entropy,
    find_loss,
    mean_squared_error,
    smoothed,
    weighted_mean,
)
from torch import Tensor
from torch.nn import functional

import cnntasks
from cnntasks import UsageError


def data(batch: int = 6, classes: int = 4, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, labels and one-hot targets."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(batch, classes, generator=generator)
    labels = torch.randint(classes, (batch,), generator=generator)
    return logits, labels, functional.one_hot(labels, classes).float()


def test_cross_entropy_is_torchs() -> None:
    logits, labels, targets = data()
    expected = functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(cross_entropy(logits, targets), expected)


def test_cross_entropy_of_mixed_targets_and_large_logits() -> None:
    logits, _, targets = data()
    mixed = targets.lerp(targets.flip(0), 0.3)
    expected = functional.cross_entropy(logits, mixed, reduction="none")
    torch.testing.assert_close(cross_entropy(logits, mixed), expected)
    assert cross_entropy(1e4 * logits, targets).isfinite().all()


def test_mean_squared_error_is_that_of_probabilities() -> None:
    logits, _, targets = data()
    expected = functional.mse_loss(logits.softmax(1), targets, reduction="none").mean(1)
    torch.testing.assert_close(mean_squared_error(logits, targets), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
def test_label_smoothing_is_torchs(smoothing: float) -> None:
    logits, labels, targets = data()
    expected = functional.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
    softer = smoothed(targets, smoothing)
    torch.testing.assert_close(cross_entropy(logits, softer), expected)
    torch.testing.assert_close(softer.sum(1), torch.ones(6))


def test_class_weights_are_torchs() -> None:
    logits, labels, targets = data()
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0])
    expected = functional.cross_entropy(logits, labels, weights)
    found = weighted_mean(cross_entropy(logits, targets), targets, weights)
    torch.testing.assert_close(found, expected)
    plain = weighted_mean(cross_entropy(logits, targets), targets, None)
    torch.testing.assert_close(plain, functional.cross_entropy(logits, labels))


def test_a_mean_has_no_weights_left_to_apply() -> None:
    _, _, targets = data()
    assert weighted_mean(torch.tensor(2.5), targets, torch.rand(4)) == 2.5


def test_balanced_weights_even_out_the_classes() -> None:
    counts = torch.tensor([10, 0, 40, 50])
    weights = balanced_weights(counts)
    shares = weights * counts
    torch.testing.assert_close(shares, torch.tensor([1.0, 0, 1, 1]) * 100 / 3)
    assert balanced_weights(torch.tensor([7, 7])).tolist() == [1.0, 1.0]


def test_auxiliary_classifiers_count_a_third() -> None:
    logits, labels, targets = data()
    found = {"logits": logits, "auxiliary_a": -logits, "embedding": logits, "auxiliary_b": logits}
    losses = auxiliary_losses(found, cross_entropy, targets)
    assert list(losses) == ["auxiliary_a", "auxiliary_b"]
    expected = 0.3 * functional.cross_entropy(-logits, labels, reduction="none")
    torch.testing.assert_close(losses["auxiliary_a"], expected)
    assert auxiliary_losses({"logits": logits}, cross_entropy, targets) == {}


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("own_losses")
    module.nll = lambda logits, targets: -(logits * targets).sum(1)  # type: ignore[attr-defined]
    module.mean = lambda logits, targets: logits.mean()  # type: ignore[attr-defined]
    module.wide = lambda logits, targets: logits - targets  # type: ignore[attr-defined]
    module.number = lambda logits, targets: 3.0  # type: ignore[attr-defined]
    module.value = 5  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own_losses", module)
    return module


def test_a_function_of_ones_own(own: ModuleType) -> None:
    logits, _, targets = data()
    torch.testing.assert_close(
        find_loss("own_losses:nll")(logits, targets), -logits[targets.bool()]
    )
    assert find_loss("own_losses:mean")(logits, targets) == logits.mean()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wide", r"own_losses:wide: returned shape \(6, 4\); a tensor of one number for each"),
        ("number", "own_losses:number: returned float; a tensor"),
    ],
)
def test_what_is_no_loss_is_told_at_the_first_batch(
    name: str, message: str, own: ModuleType
) -> None:
    loss = find_loss(f"own_losses:{name}")
    with pytest.raises(UsageError, match=message):
        loss(*data()[::2])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hinge", "there is no loss 'hinge'; choose cross-entropy, mse, map, or name a function"),
        ("own_losses:value", "--loss own_losses:value: is a int, not a function"),
        ("own_losses:lost", "--loss own_losses:lost: .*no attribute 'lost'"),
        ("no_such_module:loss", "--loss no_such_module:loss: .*is a package missing"),
        ("own_losses:", "is not of the form 'package.module:attribute'"),
    ],
)
def test_no_such_loss(name: str, message: str, own: ModuleType) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        find_loss(name)
    assert "\n" not in str(caught.value)


def test_names_of_the_losses() -> None:
    assert {name: find_loss(name) for name in LOSSES} == {
        "cross-entropy": cross_entropy,
        "mse": mean_squared_error,
        "map": cnntasks.map_criterion,
    }
