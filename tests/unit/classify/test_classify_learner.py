"""What is trained, how fast, and what is minimised."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from cnntasks_classify.learner import ClassificationLearner, ClassificationSettings
from cnntasks_classify.network import PictureClassifier, build, graph_spec
from small_classifiers import pattern_card, pattern_learner, patterns, small_network
from torch import Tensor, nn
from torch.nn import functional

from cnntasks import Backbone, Classifier, ModelError, Stage, UsageError
from cnntasks.backbones.family import Head
from cnntasks.backbones.layers import GlobalAveragePool

STAGES = ("stem", "pool", "middle", "deep")


def block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3), nn.BatchNorm2d(outputs), nn.Dropout(0.5))


def early_exit(channels: int) -> nn.Module:
    return nn.Sequential(GlobalAveragePool(), nn.Linear(channels, 3))


def staged(auxiliary: bool = False) -> PictureClassifier:
    """Three blocks with batch normalisation, a pooling stage without parameters, and a head."""
    torch.manual_seed(0)
    modules = (block(1, 4), nn.MaxPool2d(2), block(4, 5), block(5, 6))
    parts = [
        (Stage(name, channels, 1), module)
        for name, channels, module in zip(STAGES, (4, 4, 5, 6), modules, strict=True)
    ]
    embed = nn.Sequential(GlobalAveragePool(), nn.Linear(6, 7), nn.BatchNorm1d(7))
    early = {"middle": early_exit(5), "stem": early_exit(4)} if auxiliary else {}
    head = Head(embed, nn.Sequential(nn.Linear(7, 3)), early)
    return PictureClassifier(Classifier(Backbone(parts, (20,), (200,)), head), [20.0], [200.0])


def rates(network: PictureClassifier, **settings: Any) -> dict[str, tuple[float, bool]]:
    """Parameter name to (scale, decay)."""
    groups = pattern_learner(**{"train_norm": True, **settings}).parameter_groups(network)
    names = {id(parameter): name for name, parameter in network.classifier.named_parameters()}
    pairs = [(names[id(p)], (g["scale"], g["decay"])) for g in groups for p in g["params"]]
    assert len(dict(pairs)) == len(pairs)  # none twice
    return dict(pairs)


def scale_of(found: dict[str, tuple[float, bool]], part: str) -> float:
    (scale,) = {scale for name, (scale, _) in found.items() if name.startswith(part)}
    return scale


def test_everything_is_trained_and_only_kernels_decay() -> None:
    network = staged()
    found = rates(network)
    parameters = dict(network.classifier.named_parameters())
    assert found.keys() == parameters.keys()
    assert {name: decay for name, (_, decay) in found.items()} == {
        name: parameter.ndim > 1 for name, parameter in parameters.items()
    }


def test_the_backbone_learns_more_slowly() -> None:
    found = rates(staged(), backbone_rate=0.25)
    assert {scale_of(found, part) for part in ("embed", "output")} == {1.0}
    stages = ("stem", "middle", "deep")
    assert {scale_of(found, f"backbone.parts.{stage}") for stage in stages} == {0.25}


def test_each_stage_learns_more_slowly_than_the_one_behind_it() -> None:
    found = rates(staged(), backbone_rate=0.5, layer_decay=0.5)
    scales = [scale_of(found, f"backbone.parts.{s}") for s in ("deep", "middle", "stem")]
    assert scales == [0.5, 0.25, 0.0625]  # the pooling stage between counts
    assert all(deep > early for deep, early in pairwise(scales))
    assert scale_of(found, "output") == 1.0


def test_frozen_stages_are_not_trained() -> None:
    network = staged()
    found = rates(network, freeze="middle")
    trained = {name.split(".")[2] for name in found if name.startswith("backbone")}
    assert trained == {"deep"}
    assert not any(p.requires_grad for p in network.classifier.backbone.parts["stem"].parameters())
    assert not any(name.startswith("backbone") for name in rates(staged(), freeze="deep"))
    with pytest.raises(UsageError, match="no stage 'deeper'; it has stem, pool, middle, deep"):
        rates(staged(), freeze="deeper")


def test_batch_normalisation_stays_as_it_was_in_pre_training() -> None:
    found = rates(staged(), train_norm=False)
    assert "backbone.parts.deep.0.weight" in found
    assert not any(name.startswith("backbone") and ".1." in name for name in found)
    assert "embed.2.weight" in found  # that of the new head is learned


def modes(**settings: Any) -> dict[str, bool]:
    """Module name to whether it is in training mode, after an evaluation."""
    network = staged()
    learner = pattern_learner(**settings)
    learner.parameter_groups(network)
    network.eval()
    learner.set_train_mode(network)
    return {
        name: module.training
        for name, module in network.classifier.named_modules()
        if isinstance(module, nn.Dropout | nn.BatchNorm1d | nn.BatchNorm2d)
    }


@pytest.mark.parametrize(
    ("settings", "resting"),
    [
        ({"train_norm": True}, ()),
        ({}, ("stem.1", "middle.1", "deep.1")),
        ({"train_norm": True, "freeze": "stem"}, ("stem.1", "stem.2")),
        ({"freeze": "middle"}, ("stem.1", "stem.2", "middle.1", "middle.2", "deep.1")),
        (
            {"train_norm": True, "freeze": "deep"},
            tuple(f"{s}.{n}" for s in ("stem", "middle", "deep") for n in (1, 2)),
        ),
    ],
)
def test_what_stays_as_it_was_is_in_evaluation_mode(
    settings: dict[str, Any], resting: tuple[str, ...]
) -> None:
    found = modes(**settings)
    assert found["embed.2"]
    assert {name.removeprefix("backbone.parts.") for name, on in found.items() if not on} == set(
        resting
    )


def losses_of(learner: ClassificationLearner, network: PictureClassifier) -> dict[str, Tensor]:
    learner.set_train_mode(network)
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return learner.losses(network, next(iter(learner.train_batches(0))))


def test_auxiliary_classifiers_learn_along() -> None:
    network = staged(auxiliary=True)
    learner = pattern_learner(train_norm=True, label_smoothing=0.1)
    losses = losses_of(learner, network)
    assert list(losses) == ["output", "auxiliary_middle", "auxiliary_stem"]
    batch = next(iter(learner.train_batches(0)))
    logits = network.logits(batch.pixels)
    for name, key, factor in (("output", "logits", 1.0), ("auxiliary_stem",) * 2 + (0.3,)):
        expected = functional.cross_entropy(logits[key], batch.labels, label_smoothing=0.1)
        torch.testing.assert_close(losses[name], factor * expected)
    assert list(network.eval().logits(batch.pixels)) == ["logits", "embedding"]


def test_rare_classes_count_more_where_told_so() -> None:
    examples = [it for it in patterns(30) if it.label != 2][:12] + patterns(3)[2:]
    settings = ClassificationSettings(
        batch=13, area=1, flip=0, color=0, class_weights="balanced", train_norm=True
    )
    card = pattern_card(("a", "b", "c", "unseen"))
    learner = ClassificationLearner(card, settings, examples, examples)
    counts = torch.bincount(torch.tensor([it.label for it in examples]), minlength=4)
    assert learner.weights is not None
    torch.testing.assert_close(learner.weights[:3], 13 / (3 * counts[:3]))
    assert learner.weights[3] == 0
    network = small_network(card)
    loss = losses_of(learner, network)["output"]
    batch = next(iter(learner.train_batches(0)))
    logits = network.logits(batch.pixels)["logits"]
    expected = functional.cross_entropy(logits, batch.labels, learner.weights)
    torch.testing.assert_close(loss, expected)
    assert pattern_learner().weights is None


def test_validation_shows_every_picture_once_as_in_prediction() -> None:
    learner = pattern_learner(batch=4)
    learner.validation = patterns(40)
    batches = list(learner.validation_batches())
    assert [len(batch.labels) for batch in batches] == [32, 8]
    assert torch.cat([batch.labels for batch in batches]).tolist() == [n % 3 for n in range(40)]
    framed = learner.framing(learner.validation[33].load())
    assert torch.equal(batches[1].pixels[1], torch.from_numpy(framed))


def test_training_batches_follow_the_settings() -> None:
    learner = pattern_learner(batch=5, per_epoch=11, distort=0.5, mixup=0.5)
    loader = learner.train_batches(3)
    assert len(loader) == 2
    one, again = next(iter(loader)), next(iter(learner.train_batches(3)))
    assert one.pixels.shape == (5, 32, 32, 1)
    assert torch.equal(one.pixels, again.pixels)
    assert ((one.targets > 0) & (one.targets < 1)).any()
    assert not torch.equal(one.pixels, next(iter(learner.train_batches(4))).pixels)


def test_a_loss_that_there_is_none_of_is_told_at_once() -> None:
    with pytest.raises(UsageError, match="there is no loss 'hinge'"):
        pattern_learner(loss="hinge")


def test_a_network_takes_pictures_as_they_are_decoded() -> None:
    network = small_network(pattern_card()).eval()
    pixels = torch.randint(0, 256, (2, 32, 32, 1), dtype=torch.uint8)
    found = network(pixels)
    plain = network.classifier((pixels.permute(0, 3, 1, 2).float() - 20) / 200)
    torch.testing.assert_close(found["scores"], plain["logits"].softmax(1))
    torch.testing.assert_close(found["embedding"], plain["embedding"])
    torch.testing.assert_close(network(pixels.float())["scores"], found["scores"])


def test_the_graph_is_that_of_the_card() -> None:
    spec = graph_spec(pattern_card(crop=40))
    assert spec.feeds["pixels"].shape == (2, 40, 40, 1)
    assert spec.dynamic == {"pixels": {0: "batch"}}
    assert pattern_learner().graph().outputs == ("scores", "embedding")


@pytest.mark.parametrize(
    ("network", "preprocessing", "message"),
    [
        ({"name": "detector", "backbone": "lenet5"}, {}, "network 'detector' is not one for"),
        ({"name": "classifier"}, {}, "network 'classifier' is not one for classify"),
        ({"name": "classifier", "backbone": "lenet5", "depth": 3}, {}, "unknown settings: depth;"),
        ({}, {"mean": None}, "needs 1 numbers as mean"),
        ({}, {"std": [1.0, 2.0, 3.0]}, "needs 1 numbers as std"),
        ({}, {"mean": ["dark"]}, "needs 1 numbers as mean"),
    ],
)
def test_a_card_of_another_network_is_one_line(
    network: dict[str, Any], preprocessing: dict[str, Any], message: str
) -> None:
    card = pattern_card(**preprocessing)
    card = replace(card, network=network or card.network)
    with pytest.raises(ModelError, match=message) as caught:
        build(card)
    assert str(caught.value).startswith("tiny: ")
