"""Trainings of a second: a model folder comes out, and the same one each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cnntasks_classify.batches import Batch
from cnntasks_classify.learner import ClassificationLearner
from cnntasks_classify.network import PictureClassifier
from small_classifiers import KINDS, pattern, pattern_card, pattern_learner, small_network
from torch import Tensor, nn

import cnntasks
from cnntasks.training.fit import fit


class KilledError(Exception):
    """Stands for a power cut."""


class Killed(ClassificationLearner):
    """Ends in the middle of a training, at the given step."""

    left = 3

    def losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        self.left -= 1
        if self.left < 0:
            raise KilledError
        return super().losses(network, batch)


def trained(folder: Path, *, resume: bool = False, kill: bool = False, **settings: Any) -> Any:
    """The state of a network after two epochs of two steps, everything random in use."""
    chosen = {"distort": 1.0, "mixup": 0.3, "cutmix": 0.3, "area": 0.6, "flip": 0.5, **settings}
    learner = pattern_learner(**chosen)
    if kill:
        learner.__class__ = Killed
    network = small_network(pattern_card())
    fit(
        network,
        learner,
        cnntasks.FitSettings(epochs=2, rate=1e-2, seed=chosen.get("seed", 0)),
        folder,
        device="cpu",
        resume=resume,
        progress=False,
    )
    return network.state_dict()


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_the_same_seed_gives_the_same_weights_and_resuming_as_well(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")
    with pytest.raises(KilledError):
        trained(tmp_path / "cut", kill=True)
    torch.rand(100)  # what else is drawn must not matter
    np.random.default_rng().random()
    resumed = trained(tmp_path / "cut", resume=True)
    assert equal(whole, resumed)
    start = small_network(pattern_card()).state_dict()
    assert not equal(whole, start)
    assert not equal(whole, trained(tmp_path / "other", seed=1))


def test_a_trained_model_tells_the_patterns_apart(pattern_model: Path) -> None:
    classifier = cnntasks.load("classify", pattern_model, top=None)
    right = 0
    for number in range(12):
        found = classifier(pattern(number % 3, 1000 + number))
        assert float(found.scores.sum()) == pytest.approx(1, abs=1e-5)
        assert sorted(found.labels) == [0, 1, 2]
        assert found.embedding.shape == (84,)
        right += found.names[0] == KINDS[number % 3]
    assert right >= 9


def test_the_folder_says_what_was_learned(pattern_model: Path) -> None:
    card = cnntasks.read_card(pattern_model)
    assert card.classes == KINDS
    assert card.metrics["validation_top1"] > 0.7
    assert card.recipe["fit"]["epochs"] == card.recipe["epochs_run"] == 8
    assert card.parameters == sum(p.numel() for p in small_network(card).parameters())


def test_both_engines_see_the_same(pattern_model: Path) -> None:
    picture = pattern(1, 5)
    scores = [
        cnntasks.load("classify", pattern_model, top=None, engine=engine)(picture).scores
        for engine in ("onnx", "torch")
    ]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)


def test_a_batch_is_of_pictures_that_know_nothing_of_each_other(pattern_model: Path) -> None:
    pictures = [pattern(number % 3, number) for number in range(5)]
    alone = cnntasks.load("classify", pattern_model)
    together = cnntasks.load("classify", pattern_model, engine="torch", batch_size=5)
    for one, other in zip(alone(pictures), together(pictures), strict=True):
        assert one.names == other.names
        np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-3)


def test_a_network_learns(pattern_model: Path) -> None:
    learner = pattern_learner()
    card = cnntasks.read_card(pattern_model)
    after = small_network(card)
    state = {key: torch.from_numpy(v) for key, v in cnntasks.read_weights(pattern_model).items()}
    after.load_state_dict(state)

    def loss(network: PictureClassifier) -> float:
        network.eval()
        with torch.no_grad():
            return float(learner.losses(network, next(iter(learner.train_batches(0))))["output"])

    assert loss(after) < 0.7 * loss(small_network(card))
