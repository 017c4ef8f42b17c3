"""What is trained and how; trainings of a second."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cnntasks_text.batches import Batch
from cnntasks_text.crossing import cross_validate, mean_and_spread
from cnntasks_text.data.folds import rounds
from cnntasks_text.network import MAX_NORM, TextClassifier
from cnntasks_text.vectors import WordVectors
from small_texts import sentences, small_training

import cnntasks


def test_kernels_decay_and_embeddings_and_biases_do_not() -> None:
    started, learner = small_training(members=2).prepare(sentences(20), sentences(4, 1))
    groups = learner.parameter_groups(started.network)
    decay = {id(p): group["decay"] for group in groups for p in group["params"]}
    for name, parameter in started.network.named_parameters():
        kernel = name.startswith("members") and name.endswith("weight")
        assert decay.pop(id(parameter)) == kernel
    assert not decay


def test_vectors_that_are_fixed_are_not_trained() -> None:
    vectors = WordVectors(("film", "funny"), torch.randn(2, 4).numpy())
    training = small_training(vectors=vectors, form="static")
    started, learner = training.prepare(sentences(20), sentences(4, 1))
    trained = [p for group in learner.parameter_groups(started.network) for p in group["params"]]
    assert started.network.vectors is not None
    assert all(p is not started.network.vectors.weight for p in trained)


def test_the_loss_is_the_members_mean_cross_entropies_added_up() -> None:
    started, learner = small_training(members=2).prepare(sentences(20), sentences(4, 1))
    network = started.network.eval()
    batch = next(iter(learner.validation_batches()))
    each = [
        torch.nn.functional.cross_entropy(logits, batch.labels)
        for logits in network.member_logits(batch.tokens)
    ]
    (loss,) = learner.losses(network, batch).values()
    torch.testing.assert_close(loss, each[0] + each[1])


def test_norms_are_limited_before_each_step() -> None:
    started, learner = small_training().prepare(sentences(20), sentences(4, 1))
    weight = started.network.members[0].output.weight
    with torch.no_grad():
        weight.mul_(1000)
    batch: Batch = next(iter(learner.train_batches(0)))
    learner.losses(started.network, batch)
    torch.testing.assert_close(weight.norm(dim=1), torch.full((2,), MAX_NORM))


def test_training_mode_has_the_dropouts_of_the_settings() -> None:
    started, learner = small_training().prepare(sentences(20), sentences(4, 1))
    learner.set_train_mode(started.network)
    assert started.network.training
    assert (started.network.dropout, started.network.embedding_dropout) == (0.5, 0.1)


def test_validation_has_every_text_once_and_no_noise() -> None:
    examples = sentences(30, 1)
    _, learner = small_training().prepare(sentences(20), examples)
    batches = list(learner.validation_batches())
    assert sum(len(batch.labels) for batch in batches) == 30
    words = sorted(len(example.text.split()) for example in examples)
    lengths = [int(n) for batch in batches for n in (batch.tokens != 0).sum(dim=1)]
    assert sum(lengths) >= sum(words)
    assert 1 not in {int(token) for batch in batches for token in batch.tokens.flatten()}


def test_it_learns_what_one_word_decides() -> None:
    score = small_training().measure(sentences(200), sentences(40, 1), sentences(60, 2))
    assert score.metrics["accuracy"] > 0.9


@pytest.mark.parametrize("backbone", ["char_cnn", "dpcnn7", "vdcnn9"])
def test_every_network_sees_a_gradient_everywhere(backbone: str) -> None:
    started, learner = small_training(backbone=backbone).prepare(sentences(20), sentences(4, 1))
    learner.set_train_mode(started.network)
    (loss,) = learner.losses(started.network, next(iter(learner.train_batches(0)))).values()
    loss.backward()
    for name, parameter in started.network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def weights(network: TextClassifier) -> torch.Tensor:
    return torch.cat([value.flatten().float() for value in network.state_dict().values()])


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        training = small_training()
        started, learner = training.prepare(sentences(60), sentences(10, 1))
        torch.rand(7)  # what else is drawn must not matter
        fit = cnntasks.FitSettings(epochs=1, rate=1e-2)
        cnntasks.fit(started.network, learner, fit, tmp_path / name, device="cpu", progress=False)
        found.append(weights(started.network))
    assert torch.equal(*found)


def test_each_fold_is_measured_by_a_training_that_has_not_seen_it() -> None:
    examples = sentences(60)
    told: list[str] = []
    scores = cross_validate(
        small_training(), examples, rounds(examples, 2), 0.2, lambda name, score: told.append(name)
    )
    assert list(scores) == told == ["0", "1"]
    assert sum(row["texts"] for score in scores.values() for row in score.table) == 60
    mean, spread = mean_and_spread([score.metrics["accuracy"] for score in scores.values()])
    assert 0.5 < mean <= 1
    assert 0 <= spread < 0.4


def test_the_spread_is_that_of_a_sample() -> None:
    assert mean_and_spread([1.0, 2.0, 3.0, 4.0]) == (2.5, pytest.approx((5 / 3) ** 0.5))
    assert mean_and_spread([0.5]) == (0.5, 0.0)
