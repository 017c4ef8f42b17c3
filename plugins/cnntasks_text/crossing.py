"""Cross-validation: a training for each fold, measured on the texts that it has not seen."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from cnntasks import FitSettings, Score, fit, split_stratified
from cnntasks_text.data import TextExample
from cnntasks_text.data.folds import divide
from cnntasks_text.learner import TextLearner
from cnntasks_text.metrics import TextMetric
from cnntasks_text.settings import TextSettings
from cnntasks_text.starting import Start, Started, start_training


@dataclass(frozen=True, slots=True)
class Training:
    """Everything that a training is made with but its texts.

    Attributes:
        start: where it starts.
        settings: of text training.
        fit: of the loop.
        classes: names.
        device: see `cnntasks.train_model`.
        progress: show a bar.
    """

    start: Start
    settings: TextSettings
    fit: FitSettings
    classes: tuple[str, ...]
    device: str = "auto"
    progress: bool = False

    def prepare(
        self, train: Sequence[TextExample], validation: Sequence[TextExample]
    ) -> tuple[Started, TextLearner]:
        """A network for these texts, and what trains it; nothing of `validation` gets into the
        tokenizer."""
        started = start_training(self.start, self.classes, [example.text for example in train])
        learner = TextLearner(
            started.card,
            self.settings,
            started.made.tokenizer,
            train,
            validation,
            started.made.pieces if started.network.shape.pieces else None,
        )
        return started, learner

    def learn(
        self, train: Sequence[TextExample], validation: Sequence[TextExample]
    ) -> tuple[float, Started]:
        """Train with the best epoch chosen on `validation`; its accuracy there, and the network.

        Raises:
            ModelError: the loss is not finite.
        """
        started, learner = self.prepare(train, validation)
        with tempfile.TemporaryDirectory() as folder:
            found = fit(
                started.network,
                learner,
                self.fit,
                Path(folder),
                device=self.device,
                progress=self.progress,
                recorded={},
            )
        return found["best"], started

    def test(self, started: Started, test: Sequence[TextExample]) -> Score:
        """What a trained network gets right, in torch."""
        metric = TextMetric(self.classes)
        held = TextLearner(started.card, self.settings, started.made.tokenizer, (), test)
        network = started.network.cpu().eval()
        with torch.inference_mode():
            for batch in held.validation_batches():
                metric.update(network, batch)
        return metric.compute()

    def measure(
        self,
        train: Sequence[TextExample],
        validation: Sequence[TextExample],
        test: Sequence[TextExample],
    ) -> Score:
        """Train with the best epoch chosen on `validation`, and measure that on `test`.

        Raises:
            ModelError: the loss is not finite.
        """
        return self.test(self.learn(train, validation)[1], test)


def cross_validate(
    training: Training,
    examples: Sequence[TextExample],
    names: Sequence[str],
    fraction: float,
    log: Callable[[str, Score], None] = lambda name, score: None,
) -> dict[str, Score]:
    """Train once for each fold, and measure on it.

    Args:
        training: how.
        examples: N.
        names: the folds of the N examples, as `cnntasks_text.data.folds.rounds` gives them.
        fraction: of the texts that are learned from, kept to choose the best epoch.
        log: told of each fold when it is measured.

    Returns:
        Fold to what was measured on it.
    """
    scores: dict[str, Score] = {}
    for name, learned, held in divide(examples, names):
        kept, validation = split_stratified(learned, fraction, training.fit.seed)
        scores[name] = training.measure(kept, validation, held)
        log(name, scores[name])
    return scores


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and the standard deviation of a sample; 0 for a single value."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, 0.0
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
