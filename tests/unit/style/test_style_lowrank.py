"""VGG-19 split into few directions, against the VGG-19 that it is made from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cnntasks_style import lowrank
from cnntasks_style.distillation import IMITATED, read_teacher
from small_transfers import tensor
from teachers import write_teacher
from torch import Tensor, nn

from cnntasks import Backbone, ModelError, create_backbone, pad_by_reflection


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return read_teacher(write_teacher(tmp_path_factory.mktemp("teacher") / "vgg19.pth"))


def pictures() -> list[Tensor]:
    """Normalised; smooth, as photographs are."""
    noise = torch.cat([tensor(8, 8, seed) for seed in range(4)])
    smooth = nn.functional.interpolate(noise, size=(32, 32), mode="bicubic")
    return [4 * smooth[:2] - 2, 4 * smooth[2:] - 2]


def explained(student: Backbone, teacher: Backbone) -> dict[str, float]:
    """For each map the part of its energy that the student gives."""
    pad_by_reflection(student)
    picture = pictures()[0]
    with torch.no_grad():
        found, wanted = student(picture, IMITATED), teacher(picture, IMITATED)
    errors = {name: (found[name] - wanted[name]).square().sum() for name in IMITATED}
    return {name: 1 - float(errors[name] / wanted[name].square().sum()) for name in IMITATED}


def test_its_stages_are_those_of_vgg19() -> None:
    with torch.device("meta"):
        original = create_backbone("vgg19")
    for stage in create_backbone("vgg19_lowrank").stages:
        assert original.stage(stage.name) == stage
    assert [name for name, *_ in lowrank.LAYERS] == [it.name for it in lowrank.create().stages]


def test_it_takes_a_fifth_of_the_parameters() -> None:
    with torch.device("meta"):
        original = create_backbone("vgg19")
    parts = list(original.parts)
    cut = parts[: parts.index("conv3_4") + 1]
    before = sum(p.numel() for name in cut for p in original.parts[name].parameters())
    assert sum(p.numel() for p in lowrank.create().parameters()) < 0.22 * before


def test_with_all_directions_it_is_its_teacher(
    teacher: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = tuple((n, i, o, o, pooled, s) for n, i, o, _, pooled, s in lowrank.LAYERS)
    monkeypatch.setattr(lowrank, "LAYERS", full)
    student = lowrank.factorize(teacher, pictures())
    pad_by_reflection(student)
    picture = tensor(24, 40, seed=9)
    names = [name for name, *_ in full]
    with torch.no_grad():
        found, wanted = student(picture, names), teacher(picture, names)
    for name in names:
        error = (found[name] - wanted[name]).abs().max() / wanted[name].abs().max()
        assert float(error) < 1e-4, name


def test_with_few_directions_it_is_near_and_nearer_than_by_chance(
    teacher: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = explained(lowrank.factorize(teacher, pictures()), teacher)
    assert min(found.values()) > 0.5

    def by_chance(self: object, count: int) -> tuple[Tensor, Tensor]:
        mean, directions = chosen(self, count)  # type: ignore[arg-type]
        generator = torch.Generator().manual_seed(0)
        other = torch.randn(directions.shape, generator=generator)
        return mean, torch.linalg.qr(other)[0]

    chosen = lowrank._Answers.directions
    monkeypatch.setattr(lowrank._Answers, "directions", by_chance)
    chance = explained(lowrank.factorize(teacher, pictures()), teacher)
    assert all(1 - chance[name] > 1.5 * (1 - found[name]) for name in IMITATED), chance


def test_the_teacher_is_left_as_it_was(teacher: Backbone) -> None:
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    lowrank.factorize(teacher, pictures()[:1])
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())
    assert not any(module._forward_hooks for module in teacher.modules())


def test_weights_from_a_file(tmp_path: Path) -> None:
    written = create_backbone("vgg19_lowrank")
    torch.save({f"backbone.{k}": v for k, v in written.state_dict().items()}, tmp_path / "w.pth")
    found = create_backbone("vgg19_lowrank", weights=tmp_path / "w.pth")
    for name, value in written.state_dict().items():
        assert torch.equal(found.state_dict()[name], value)
    torch.save({"parts.conv1_1.0.weight": torch.zeros(1)}, tmp_path / "wrong.pth")
    with pytest.raises(ModelError, match=r"wrong\.pth: not the weights of vgg19_lowrank \("):
        create_backbone("vgg19_lowrank", weights=tmp_path / "wrong.pth")
    with pytest.raises(ModelError, match="no ImageNet weights come along; use the model style-vgg"):
        create_backbone("vgg19_lowrank", weights="imagenet")
