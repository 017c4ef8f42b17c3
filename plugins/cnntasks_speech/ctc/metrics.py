"""What an evaluation of transcripts measures: word and character error rates, by torchmetrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torchmetrics.text import CharErrorRate, WordErrorRate

from cnntasks import Score
from cnntasks_speech.ctc.decoding import greedy
from cnntasks_speech.ctc.network import output_lengths
from cnntasks_speech.ctc.units import Speller


def score_transcripts(found: Sequence[str], truth: Sequence[str]) -> Score:
    """Compare transcripts with the truth.

    `WER` and `CER` are edits (substitutions, deletions, insertions) over the number of words, or
    characters, of the truth; both may exceed 1. `sentence_accuracy` is the share of utterances
    without a mistake, `word_accuracy` 1 - WER.
    """
    words, characters = WordErrorRate(), CharErrorRate()
    words.update(list(found), list(truth))
    characters.update(list(found), list(truth))
    right = sum(one == two for one, two in zip(found, truth, strict=True))
    wer = float(words.compute())
    return Score(
        {
            "WER": wer,
            "CER": float(characters.compute()),
            "word_accuracy": 1 - wer,
            "sentence_accuracy": right / max(len(truth), 1),
        }
    )


class CtcMetric:
    """Error rates of greedy transcripts.

    Args:
        speller: of the model.
        stride: input frames per output frame.
    """

    def __init__(self, speller: Speller, stride: int) -> None:
        self.speller = speller
        self.stride = stride
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.found: list[str] = []
        self.truth: list[str] = []

    @torch.no_grad()
    def update(self, network: nn.Module, batch: Any) -> None:
        """Transcribe one batch and remember it."""
        log_probs = network(batch.features, batch.lengths)["log_probs"].cpu().numpy()
        frames = output_lengths(batch.lengths, self.stride).tolist()
        for row, count in zip(log_probs, frames, strict=True):
            self.found.append(self.speller.text(greedy(row[:count])))
        targets = batch.targets.cpu().split(batch.target_lengths.cpu().tolist())
        self.truth += [self.speller.text(units.tolist()) for units in targets]

    def compute(self) -> Score:
        """See `score_transcripts`."""
        if not any(self.truth):
            return Score({"WER": 1.0, "CER": 1.0, "word_accuracy": 0.0, "sentence_accuracy": 0.0})
        return score_transcripts(self.found, self.truth)
