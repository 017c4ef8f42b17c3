"""Imitating VGG-19: the teacher's file, what is minimised, and what is measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from cnntasks_style.distillation import (
    IMITATED,
    DistillationLearner,
    DistillationSettings,
    read_teacher,
    start,
)
from cnntasks_style.lowrank import NAME, create
from cnntasks_style.network import NAME as NETWORK
from cnntasks_style.network import FeatureMaps
from small_transfers import tensor, write_pictures
from teachers import published_state, write_teacher

from cnntasks import Backbone, ModelCard, ModelError, create_backbone
from cnntasks.backbones.surgery import ReflectedConv2d

CARD = ModelCard("student", "style", {"name": NETWORK, "backbone": NAME, "stages": list(IMITATED)})


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return read_teacher(write_teacher(tmp_path_factory.mktemp("teacher") / "vgg19.pth"))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return write_pictures(tmp_path / "pictures", 5)


@pytest.fixture
def learner(teacher: Backbone, files: list[Path]) -> DistillationLearner:
    settings = DistillationSettings(batch=2, side=32)
    return DistillationLearner(CARD, settings, teacher, files[:4], files[4:])


def test_a_file_that_ends_at_conv3_4_is_enough(teacher: Backbone) -> None:
    assert teacher.stages[-1].name == "conv3_4"
    assert list(teacher.parts)[-1] == "conv3_4"
    assert not teacher.training
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    convolutions = [m for m in teacher.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == 8
    assert all(isinstance(conv, ReflectedConv2d) for conv in convolutions)
    for conv, weight in zip(convolutions, list(published_state().values())[::2], strict=True):
        assert torch.equal(conv.weight, weight.float())


def test_layers_behind_it_are_left_out(tmp_path: Path, teacher: Backbone) -> None:
    further = {
        "features.19.weight": torch.zeros(512, 256, 3, 3),
        "features.19.bias": torch.zeros(512),
        "classifier.6.bias": torch.zeros(1000),
    }
    state = {**published_state(), **further}
    torch.save(state, tmp_path / "more.pth")
    found = read_teacher(tmp_path / "more.pth").state_dict()
    assert found.keys() == teacher.state_dict().keys()


def without_a_layer(file: Path) -> None:
    write_teacher(file, without="features.7.")


def of_another_shape(file: Path) -> None:
    torch.save({**published_state(), "features.0.weight": torch.zeros(64, 1, 3, 3)}, file)


def of_another_network(file: Path) -> None:
    torch.save(create_backbone("lenet5").state_dict(), file)


def damaged(file: Path) -> None:
    file.write_bytes(b"not a torch file")


def a_list(file: Path) -> None:
    torch.save([torch.zeros(1)], file)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (without_a_layer, r'not the weights of VGG-19 \(.*[Mm]issing.*"parts\.conv2_2\.0\.weight"'),
        (of_another_shape, r"not the weights of VGG-19 \(.*size mismatch for parts\.conv1_1"),
        (of_another_network, r"not the weights of VGG-19 \("),
        (damaged, "cannot read these weights"),
        (a_list, "not a state dict"),
        (lambda file: None, "cannot read these weights"),  # there is no file
    ],
)
def test_what_is_wrong_with_other_files(
    write: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    file = tmp_path / "other.pth"
    write(file)
    with pytest.raises(ModelError, match=rf"other\.pth: {message}") as caught:
        read_teacher(file)
    assert "\n" not in str(caught.value)


def test_the_student_starts_near_its_teacher(
    learner: DistillationLearner, teacher: Backbone, files: list[Path]
) -> None:
    @torch.no_grad()
    def score(network: FeatureMaps) -> dict[str, Any]:
        metric = learner.new_metric()
        for batch in learner.validation_batches():
            metric.update(network, batch)
        score = metric.compute()
        assert [row["layer"] for row in score.table] == list(IMITATED)
        parts = [row["explained"] for row in score.table]
        assert score.metrics["explained"] == pytest.approx(sum(parts) / len(parts))
        return dict(score.metrics)

    begun = score(start(teacher, files[:4], 32, seed=0))["explained"]
    assert 0.5 < begun < 1
    assert score(FeatureMaps(create(), IMITATED))["explained"] < begun - 0.3


def test_two_steps_lower_the_loss(
    learner: DistillationLearner, teacher: Backbone, files: list[Path]
) -> None:
    network = start(teacher, files[:4], 32, seed=0)
    learner.set_train_mode(network)
    batch = next(iter(learner.train_batches(0)))
    assert batch.shape == (2, 32, 32, 3)
    assert 20 < float(batch.mean()) < 235  # 0..255
    optimizer = torch.optim.AdamW(learner.parameter_groups(network)[0]["params"], lr=1e-4)
    found = []
    for _ in range(3):
        losses = learner.losses(network, batch)
        assert set(losses) == set(IMITATED)
        total = torch.stack(list(losses.values())).sum()
        found.append(float(total.detach()))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    assert found[2] < found[1] < found[0]
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_the_teacher_itself_has_no_loss(learner: DistillationLearner, teacher: Backbone) -> None:
    class Same(FeatureMaps):
        """A network whose maps are the teacher's."""

    network = Same(create(), IMITATED)
    learner._reflected = teacher
    network.backbone = teacher
    losses = learner.losses(network, 255 * tensor(32, 32).permute(0, 2, 3, 1))
    assert max(float(value) for value in losses.values()) < 1e-10


def test_everything_is_trained_and_biases_do_not_decay(learner: DistillationLearner) -> None:
    network = FeatureMaps(create(), IMITATED)
    groups = learner.parameter_groups(network)
    assert [group["decay"] for group in groups] == [True, False]
    assert all(p.ndim == 4 for p in groups[0]["params"])
    assert all(p.ndim == 1 for p in groups[1]["params"])
    count = sum(len(group["params"]) for group in groups)
    assert count == len(list(network.parameters())) == 8 * 3


def test_the_seed_decides_the_order_and_the_samples(learner: DistillationLearner) -> None:
    one, again, other = (list(learner.train_batches(seed)) for seed in (1, 1, 2))
    assert len(one) == 2
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    first, second = (list(learner.validation_batches()) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
