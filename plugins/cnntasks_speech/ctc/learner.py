"""What transcribing knows of training: batches, losses, metric, graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from cnntasks import EpochSampler, GraphSpec, ModelCard
from cnntasks_speech.ctc.augment import Augment, Strength
from cnntasks_speech.ctc.batches import (
    IGNORED,
    ComposedOrder,
    ComposedSet,
    CtcBatch,
    Spoken,
    SpokenOrder,
    SpokenSet,
    at_least,
    collate,
    plain_features,
)
from cnntasks_speech.ctc.compose import Composer, Samples
from cnntasks_speech.ctc.metrics import CtcMetric
from cnntasks_speech.ctc.network import (
    SpeechCTC,
    ctc_graph,
    output_lengths,
    parameter_groups,
)
from cnntasks_speech.ctc.settings import CtcSettings
from cnntasks_speech.ctc.units import Speller
from cnntasks_speech.features import Features, LogMel

#: How much the framewise loss counts at first.
_FRAMEWISE = 3.0


class CtcLearner:
    """Trains `SpeechCTC` for a card.

    Args:
        card: its network, units (as classes) and preprocessing.
        settings: see `CtcSettings`.
        train: recorded utterances, or what composes them.
        validation: utterances.
        noise: recordings of noise at the card's rate.
    """

    monitor = "word_accuracy"

    def __init__(
        self,
        card: ModelCard,
        settings: CtcSettings,
        train: Sequence[Spoken] | Composer,
        validation: Sequence[Spoken],
        noise: Sequence[Samples] = (),
    ) -> None:
        self.settings = settings
        self.features = LogMel.from_card(card)
        self.stride = int(card.network["stride"])
        self.speller = Speller(card.classes, settings.units)
        self.train = train
        self.validation = list(validation)
        strength = Strength().scaled(settings.augment)
        self.augment = Augment(self.features, strength, noise)
        self.order: EpochSampler | None = None

    def parameter_groups(self, network: nn.Module) -> list[dict[str, Any]]:
        """Kernels with weight decay; biases and normalisations without."""
        return list(parameter_groups(network))

    def set_train_mode(self, network: nn.Module) -> None:
        """Training mode, with the dropout of the settings."""
        assert isinstance(network, SpeechCTC)
        network.set_dropout(self.settings.dropout)
        network.train()

    def train_batches(self, seed: int) -> DataLoader[Any]:
        """Batches of changed utterances of about one length."""
        settings = self.settings
        if isinstance(self.train, Composer):
            data: Any = ComposedSet(self.train, self.speller, self.augment, self.stride)
            self.order = ComposedOrder(
                self.train.shortest,
                self.train.longest,
                settings.batches,
                settings.batch_seconds,
                settings.growing,
                seed,
            )
        else:
            data = SpokenSet(self.train, self._changed)
            seconds = [len(it.samples) / self.features.rate for it in self.train]
            self.order = SpokenOrder(seconds, settings.batch_seconds, seed)
        return DataLoader(
            data,
            batch_sampler=self.order,
            num_workers=settings.workers,
            persistent_workers=settings.workers > 0,
            collate_fn=collate,
        )

    def _changed(self, samples: Samples, random: np.random.Generator) -> Features:
        # Twice a window, so that something is left however fast it is played.
        return self.augment(at_least(samples, 2 * self.features.window), random)

    def validation_batches(self) -> DataLoader[Any]:
        """The utterances as they are, short ones first."""
        seconds = [len(it.samples) / self.features.rate for it in self.validation]
        order = sorted(range(len(seconds)), key=lambda index: seconds[index])
        batches: list[list[tuple[int, int]]] = []
        batch: list[tuple[int, int]] = []
        for index in order:
            if batch and (len(batch) + 1) * seconds[index] > 2 * self.settings.batch_seconds:
                batches.append(batch)
                batch = []
            batch.append((index, 0))
        batches.append(batch)
        data = SpokenSet(self.validation, plain_features(self.features))
        return DataLoader(data, batch_sampler=batches, collate_fn=collate)

    def losses(self, network: nn.Module, batch: CtcBatch) -> dict[str, Tensor]:
        """The mean over utterances of -log p(transcript) per unit (Graves et al. 2006).

        In the first epochs of composed utterances also a cross-entropy of single frames.
        """
        log_probs = network(batch.features, batch.lengths)["log_probs"]
        lengths = output_lengths(batch.lengths, self.stride)
        # An utterance that is too short for its transcript teaches nothing.
        ctc = functional.ctc_loss(
            log_probs.transpose(0, 1),
            batch.targets,
            lengths,
            batch.target_lengths,
            zero_infinity=True,
        )
        found = {"ctc": ctc}
        weight = self._framewise()
        if weight and batch.frames is not None:
            frames = batch.frames[:, : log_probs.shape[1]]
            found["framewise"] = weight * functional.cross_entropy(
                log_probs.transpose(1, 2), frames, ignore_index=IGNORED
            )
        return found

    def _framewise(self) -> float:
        """The weight of the framewise loss in this epoch."""
        epochs = self.settings.framewise
        epoch = self.order.epoch if self.order is not None else epochs
        return _FRAMEWISE * max(1 - epoch / epochs, 0.0) if epochs else 0.0

    def new_metric(self) -> CtcMetric:
        """Word and character error rates of greedy transcripts."""
        return CtcMetric(self.speller, self.stride)

    def graph(self) -> GraphSpec:
        """See `ctc_graph`."""
        return ctc_graph(self.features.n_mels)
