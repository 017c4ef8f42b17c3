"""What word spotting knows of training: parameter groups, batches, loss, metric, graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from cnntasks import GraphSpec, ModelCard
from cnntasks_speech.augment import Augment, Noise, Strength
from cnntasks_speech.batches import Batch, Collator, Keys, SpotOrder, Windows
from cnntasks_speech.data import SILENCE, UNKNOWN, Clip
from cnntasks_speech.features import LogMel
from cnntasks_speech.metrics import SpotMetric
from cnntasks_speech.network import Shape, Spotter, graph_spec
from cnntasks_speech.settings import SpotSettings

#: Windows that are classified at once for validation.
_AT_ONCE = 128


class SpotLearner:
    """Trains a `Spotter` for a card.

    Args:
        card: its network, classes and preprocessing.
        settings: see `SpotSettings`.
        train, validation: the two parts, labelled by the card's classes.
        extra: further recordings to learn from, likewise.
        noise: background noise.
    """

    monitor = "accuracy"

    def __init__(
        self,
        card: ModelCard,
        settings: SpotSettings,
        train: Sequence[Clip],
        validation: Sequence[Clip],
        extra: Sequence[Clip] = (),
        noise: Noise | None = None,
    ) -> None:
        self.card = card
        self.settings = settings
        self.shape = Shape.of(card)
        self.features = LogMel.from_card(card)
        self.noise = noise or Noise()
        samples = self.features.samples(int(card.preprocessing["frames"]))
        self.train = Windows([*train, *extra], self.features.rate, samples)
        self.validation = Windows(validation, self.features.rate, samples)
        self.groups = self._groups(len(train))

    def parameter_groups(self, network: nn.Module) -> list[dict[str, Any]]:
        """Kernels with weight decay; biases and normalisation without."""
        groups: dict[bool, list[Tensor]] = {}
        for parameter in network.parameters():
            if parameter.requires_grad:
                groups.setdefault(parameter.ndim > 1, []).append(parameter)
        return [
            {"params": parameters, "scale": 1.0, "decay": decay}
            for decay, parameters in groups.items()
        ]

    def set_train_mode(self, network: nn.Module) -> None:
        """Training mode, with the dropout of the settings; channels lie last, which is faster."""
        assert isinstance(network, Spotter)
        network.dropout = self.settings.dropout
        network.to(memory_format=torch.channels_last)
        network.train()

    def train_batches(self, seed: int) -> DataLoader[Any]:
        """Batches of changed recordings."""
        settings = self.settings
        strength = Strength(
            speed=settings.speed,
            shift_ms=settings.shift,
            noise=settings.noise,
            masks=settings.masks,
        )
        clips = self.train.clips
        collator = Collator(
            self.train,
            [clip.label for clip in clips],
            [self._output(clip) for clip in clips],
            self.features,
            Augment(self.features.rate, strength, self.noise),
            settings.cut,
            self._class(UNKNOWN),
            self._class(SILENCE),
        )
        makes_silence = bool(self.noise) and self._class(SILENCE) is not None
        return DataLoader(
            Keys(len(clips)),
            batch_sampler=SpotOrder(self.groups, settings, makes_silence, seed),
            num_workers=settings.workers,
            persistent_workers=settings.workers > 0,
            collate_fn=collator,
        )

    def validation_batches(self) -> DataLoader[Any]:
        """The validation part as it is."""
        count = len(self.validation.clips)
        labels = [clip.label for clip in self.validation.clips]
        batches = [
            [(index, 0) for index in range(start, min(start + _AT_ONCE, count))]
            for start in range(0, count, _AT_ONCE)
        ]
        collator = Collator(self.validation, labels, labels, self.features)
        return DataLoader(Keys(count), batch_sampler=batches, collate_fn=collator)

    def losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """The cross-entropy over all outputs, those of further words too."""
        assert isinstance(network, Spotter)
        loss = functional.cross_entropy(
            network.outputs(batch.features),
            batch.outputs,
            label_smoothing=self.settings.label_smoothing,
        )
        return {"cross_entropy": loss}

    def new_metric(self) -> SpotMetric:
        """Accuracy and its relatives."""
        return SpotMetric(self.card.classes)

    def graph(self) -> GraphSpec:
        """See `graph_spec`."""
        return graph_spec(self.card)

    @torch.inference_mode()
    def validation_logits(self, network: nn.Module) -> tuple[Tensor, Tensor]:
        """N×K logits of the validation part, and its N labels."""
        network.eval()
        found = [
            (network(batch.features)["logits"], batch.labels) for batch in self.validation_batches()
        ]
        return torch.cat([logits for logits, _ in found]), torch.cat([it for _, it in found])

    def _class(self, name: str) -> int | None:
        return self.card.classes.index(name) if name in self.card.classes else None

    def _output(self, clip: Clip) -> int:
        """That of its word where there is one, else that of its class."""
        further = self.shape.outputs[len(self.card.classes) :]
        if clip.label == self._class(UNKNOWN) and clip.word in further:
            return len(self.card.classes) + further.index(clip.word)
        return clip.label

    def _groups(self, own: int) -> list[list[int]]:
        """Words, unknown words, silence, and further data."""
        groups: list[list[int]] = [[], [], [], []]
        for index, clip in enumerate(self.train.clips):
            kinds = {self._class(UNKNOWN): 1, self._class(SILENCE): 2}
            groups[3 if index >= own else kinds.get(clip.label, 0)].append(index)
        return groups
