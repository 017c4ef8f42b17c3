"""Training `vgg19_lowrank` to answer as VGG-19 does: what `cnntasks train style` learns.

The student sees what the teacher sees and is to give its maps (Hinton, Vinyals & Dean 2015 call
learning from a network's outputs distillation; from inner layers, Romero et al. 2015, "FitNets").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from cnntasks import (
    Backbone,
    GraphSpec,
    ModelCard,
    ModelError,
    Order,
    Score,
    convert_backbone,
    create_backbone,
    pad_by_reflection,
    read_state,
)
from cnntasks_style import lowrank
from cnntasks_style.network import FeatureMaps, graph_spec
from cnntasks_style.textures import Textures

#: The maps that are compared. conv1_1 is split without loss; what lies between follows.
IMITATED = ("conv2_1", "conv3_1", "conv3_3", "conv3_4")
LAST = "conv3_4"
#: Weight of the error in which every channel counts alike, beside the error of the whole map.
_EVEN = 0.3


@dataclass(frozen=True, slots=True)
class DistillationSettings:
    """Settings of the imitation.

    Attributes:
        batch: pictures per step.
        per_epoch: pictures per epoch; all of them once when None.
        side: of the training samples in pixels.
    """

    batch: int = 8
    per_epoch: int | None = None
    side: int = 128


def read_teacher(file: Path, reflect: bool = True) -> Backbone:
    """VGG-19 with published weights, frozen, down to conv3_4.

    Args:
        file: torchvision's published file, or a `.safetensors` with its names; layers behind
            conv3_4 need not be in it.
        reflect: continue edges by reflection, as in a transfer, instead of with zeros.

    Raises:
        ModelError: it cannot be read, or a needed layer is missing or of another shape.
    """
    teacher = create_backbone("vgg19")
    state = {name: value.float() for name, value in read_state(file).items()}
    names = list(teacher.parts)
    for name in names[names.index(LAST) + 1 :]:
        del teacher.parts[name]
    teacher.stages = tuple(stage for stage in teacher.stages if stage.name in teacher.parts)
    wanted = teacher.state_dict()
    found = {k: v for k, v in convert_backbone("vgg19", state).items() if k in wanted}
    try:
        teacher.load_state_dict(found)
    except RuntimeError as error:
        line = " ".join(str(error).split())[:200]
        raise ModelError(f"{file}: not the weights of VGG-19 ({line})") from error
    if reflect:
        pad_by_reflection(teacher)
    return teacher.eval().requires_grad_(False)


class _Samples(Dataset[Tensor]):
    """Samples as B×side×side×3 in 0..255, the scale of `FeatureMaps`."""

    def __init__(self, textures: Textures) -> None:
        self.textures = textures

    def __getitem__(self, key: tuple[int, int]) -> Tensor:
        return torch.from_numpy(self.textures.sample(*key).copy()) * 255


class DistillationLearner:
    """Trains `FeatureMaps` of `vgg19_lowrank`.

    Args:
        card: of the student.
        settings: see `DistillationSettings`.
        teacher: from `read_teacher`.
        train, validation: pictures.
    """

    monitor = "explained"

    def __init__(
        self,
        card: ModelCard,
        settings: DistillationSettings,
        teacher: Backbone,
        train: Sequence[Path],
        validation: Sequence[Path],
    ) -> None:
        self.card = card
        self.settings = settings
        self.teacher = teacher.to(memory_format=torch.channels_last)
        self.train, self.validation = list(train), list(validation)
        # The student's graph has ordinary padding; it learns, and is used, with reflected edges.
        self._reflected = lowrank.create()
        pad_by_reflection(self._reflected)

    def parameter_groups(self, network: nn.Module) -> list[dict[str, Any]]:
        """One group; biases without weight decay."""
        parameters = list(network.parameters())
        return [
            {"params": [p for p in parameters if (p.ndim > 1) is decay], "scale": 1, "decay": decay}
            for decay in (True, False)
        ]

    def set_train_mode(self, network: nn.Module) -> None:
        """No layer differs in training."""
        network.train()

    def train_batches(self, seed: int) -> DataLoader[Any]:
        """Augmented samples."""
        samples = _Samples(Textures(self.train, self.settings.side))
        settings = self.settings
        order = Order(len(self.train), settings.batch, settings.per_epoch, seed)
        return DataLoader(samples, batch_sampler=order)

    def validation_batches(self) -> DataLoader[Any]:
        """The middles of the validation pictures."""
        samples = _Samples(Textures(self.validation, self.settings.side, augment=False))
        keys = [[(index, 0)] for index in range(len(self.validation))]
        return DataLoader(samples, batch_sampler=keys)

    def maps(self, network: nn.Module, pixels: Tensor) -> tuple[dict[str, Tensor], ...]:
        """The student's maps and the teacher's, for B×H×W×3 in 0..255."""
        assert isinstance(network, FeatureMaps)
        x = network.normalized(pixels).contiguous(memory_format=torch.channels_last)
        if next(self.teacher.parameters()).device != x.device:
            self.teacher.to(x.device)
        with torch.no_grad():
            wanted = self.teacher(x, IMITATED)
        state: dict[str, Tensor] = dict(network.backbone.named_parameters())
        return torch.func.functional_call(self._reflected, state, (x, IMITATED)), wanted

    def losses(self, network: nn.Module, batch: Tensor) -> dict[str, Tensor]:
        """For each map its squared error, relative to the energy of the teacher's map."""
        found, wanted = self.maps(network, batch)
        losses = {}
        for name in IMITATED:
            error = (found[name] - wanted[name]).square().mean(dim=(0, 2, 3))
            energy = wanted[name].square().mean(dim=(0, 2, 3))
            whole = energy.mean()
            even = (error / (energy + 0.05 * whole)).mean()
            losses[name] = error.mean() / whole + _EVEN * even
        return losses

    def new_metric(self) -> Imitation:
        """How much of the teacher's maps the student explains."""
        return Imitation(self)

    def graph(self) -> GraphSpec:
        """See `graph_spec`."""
        return graph_spec(self.card)


class Imitation:
    """Explained energy of each map, 1 - |student - teacher|² / |teacher|², and the mean."""

    def __init__(self, learner: DistillationLearner) -> None:
        self._learner = learner
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._errors = dict.fromkeys(IMITATED, 0.0)
        self._energies = dict.fromkeys(IMITATED, 0.0)

    def update(self, network: nn.Module, batch: Tensor) -> None:
        """Take one batch."""
        found, wanted = self._learner.maps(network, batch)
        for name in IMITATED:
            self._errors[name] += float((found[name] - wanted[name]).square().sum())
            self._energies[name] += float(wanted[name].square().sum())

    def compute(self) -> Score:
        """The mean over the maps as `explained`; the table has each."""
        parts = {name: 1 - self._errors[name] / self._energies[name] for name in IMITATED}
        table = [{"layer": name, "explained": value} for name, value in parts.items()]
        return Score({"explained": sum(parts.values()) / len(parts)}, table)


def start(teacher: Backbone, pictures: Sequence[Path], side: int, seed: int) -> FeatureMaps:
    """The student before training: the teacher's layers, split by their answers to pictures."""
    samples = _Samples(Textures(pictures, side))
    network = FeatureMaps(lowrank.create(), IMITATED)
    batches = []
    for first in range(0, min(len(pictures), 96), 8):
        keys = [(index, seed) for index in range(first, min(first + 8, len(pictures)))]
        batches.append(network.normalized(torch.stack([samples[key] for key in keys])))
    network.backbone = lowrank.factorize(teacher, batches)
    return network
