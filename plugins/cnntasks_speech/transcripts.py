"""Measuring a transcribing model as it is used: word and character error rates."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnntasks import InputError, Score, Source
from cnntasks_speech.audio import read_audio
from cnntasks_speech.ctc.compose import Composer, trimmed
from cnntasks_speech.ctc.metrics import score_transcripts
from cnntasks_speech.ctc.parts import Text, read_texts
from cnntasks_speech.ctc.training import compose_many
from cnntasks_speech.ctc.units import normalised
from cnntasks_speech.data import speech_formats

if TYPE_CHECKING:
    from cnntasks import Pipeline

_RELATIVE = PurePosixPath("utterance")


@dataclass(frozen=True, slots=True)
class Utterance:
    """A recording and what is said in it, normalised."""

    source: Source
    text: str


@dataclass(frozen=True, slots=True)
class Misheard:
    """An utterance whose transcript is wrong."""

    name: str
    truth: str
    found: str
    edits: int


def read_utterances(location: str) -> list[Utterance]:
    """The split to measure on: the one that `folder:split` names, or test, or val, or all.

    Raises:
        InputError: not a data set.
    """
    return [
        Utterance(
            Source(it.clip.name, _RELATIVE, it.clip.path.read_bytes, path=it.clip.path), it.text
        )
        for it in _texts(location)
    ]


def _texts(location: str) -> list[Text]:
    path = Path(location)
    return read_texts(location, speech_formats().split_to_measure(path))[0]


def composed_utterances(
    locations: Sequence[str], rate: int, lengths: tuple[int, int], count: int, seed: int
) -> list[Utterance]:
    """Utterances of several words, each of one speaker's recordings of single words.

    Args:
        locations: data sets of single words.
        rate: at which they are composed.
        lengths: fewest and most words.
        count: how many utterances.
        seed: the same one gives the same utterances.

    Raises:
        InputError: not a data set, or nothing is said in it.
    """
    clips: dict[str, dict[str, list[NDArray[np.float32]]]] = {}
    for location in locations:
        for it in _texts(location):
            if it.text:
                samples = trimmed(read_audio(it.clip.path, rate).samples, rate)
                words = clips.setdefault(it.clip.speaker or "", {})
                words.setdefault(it.text, []).append(samples)
    if not clips:
        raise InputError(f"{', '.join(locations)}: nothing is said; there is nothing to compose")
    composer = Composer(clips, rate, *lengths)
    return [
        Utterance(
            Source(f"composed {number}", _RELATIVE, bytes, value=(it.samples, rate)),
            normalised(" ".join(it.words)),
        )
        for number, it in enumerate(compose_many(composer, count, seed), 1)
    ]


def measure_transcripts(
    pipeline: Pipeline,
    utterances: Sequence[Utterance],
    progress: Callable[[], None] | None = None,
) -> tuple[Score, list[Misheard]]:
    """How good a transcribing model is.

    Args:
        pipeline: of the model.
        utterances: with what is said.
        progress: called after each utterance.

    Returns:
        The score, and every mistake, the worst first.

    Raises:
        InputError: a recording cannot be used; the message names it.
    """
    found = []
    for outcome in pipeline.run(it.source for it in utterances):
        if outcome.error is not None:
            raise outcome.error
        assert outcome.result is not None
        found.append(normalised(outcome.result.text))
        if progress is not None:
            progress()
    truth = [it.text for it in utterances]
    score = score_transcripts(found, truth)
    mistakes = [
        Misheard(it.source.name, it.text, text, edits(it.text.split(), text.split()))
        for it, text in zip(utterances, found, strict=True)
        if it.text != text
    ]
    mistakes.sort(key=lambda it: -it.edits)
    score.figures["mistakes.csv"] = _mistakes_table(mistakes)
    return score, mistakes


def edits(truth: Sequence[str], found: Sequence[str]) -> int:
    """The least number of substitutions, deletions and insertions between two sequences."""
    before = list(range(len(found) + 1))
    for row, word in enumerate(truth, 1):
        line = [row]
        for column, other in enumerate(found, 1):
            same = before[column - 1] + (word != other)
            line.append(min(same, before[column] + 1, line[-1] + 1))
        before = line
    return before[-1]


def _mistakes_table(mistakes: Sequence[Misheard]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow(("recording", "said", "heard", "edits"))
            rows.writerows(_cells(mistakes))

    return write


def _cells(mistakes: Sequence[Misheard]) -> Iterator[tuple[str, str, str, int]]:
    for it in mistakes:
        yield it.name, it.truth, it.found, it.edits
