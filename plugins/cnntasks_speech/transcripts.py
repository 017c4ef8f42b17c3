"""Measuring a transcribing model as it is used: word and character error rates."""

from __future__ import annotations

import csv
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from cnntasks import InputError, Score, Source
from cnntasks_speech.ctc.compose import compose_many
from cnntasks_speech.ctc.metrics import score_transcripts
from cnntasks_speech.ctc.parts import Text, read_composer, read_texts
from cnntasks_speech.ctc.units import normalised
from cnntasks_speech.data import speech_formats

if TYPE_CHECKING:
    from cnntasks import Pipeline

_RELATIVE = PurePosixPath("utterance")


@dataclass(frozen=True, slots=True)
class Utterance:
    """A recording and what is said in it, normalised.

    Attributes:
        source: the recording.
        text: what is said.
        times: start and end of each word in seconds, where they are known.
    """

    source: Source
    text: str
    times: tuple[tuple[float, float], ...] = ()


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
        InputError: not a data set.
        UsageError: it has no recording of a single word.
    """
    texts = [it for location in locations for it in _texts(location)]
    composer = read_composer(texts, rate, lengths)
    return [
        Utterance(
            Source(f"composed {number}", _RELATIVE, bytes, value=(it.samples, rate)),
            normalised(" ".join(it.words)),
            it.times,
        )
        for number, it in enumerate(compose_many(composer, count, seed), 1)
    ]


def write_utterances(utterances: Sequence[Utterance], folder: Path) -> Path:
    """Write composed utterances as 16-bit WAV files, and a table of them, path,transcript.

    Returns:
        The table, `test.csv`.

    Raises:
        InputError: it cannot be written.
    """
    table = folder / "test.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with table.open("w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow(("path", "transcript"))
            for number, utterance in enumerate(utterances, 1):
                samples, rate = utterance.source.value
                name = f"{number:05d}.wav"
                with wave.open(str(folder / name), "wb") as file:
                    file.setnchannels(1)
                    file.setsampwidth(2)
                    file.setframerate(rate)
                    file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
                rows.writerow((name, utterance.text))
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another folder"
        ) from error
    return table


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
        The score, with a row for each number of words, and every mistake, the worst first. Where
        the times of words are known, `start_error` and `end_error` are medians of the distances in
        seconds, of the utterances without a mistake.

    Raises:
        InputError: a recording cannot be used; the message names it.
    """
    found: list[str] = []
    starts: list[float] = []
    ends: list[float] = []
    outcomes = pipeline.run(it.source for it in utterances)
    for utterance, outcome in zip(utterances, outcomes, strict=True):
        if outcome.error is not None:
            raise outcome.error
        assert outcome.result is not None
        found.append(normalised(outcome.result.text))
        if utterance.times and found[-1] == utterance.text:
            for word, (start, end) in zip(outcome.result.words, utterance.times, strict=True):
                starts.append(abs(word.start - start))
                ends.append(abs(word.end - end))
        if progress is not None:
            progress()
    truth = [it.text for it in utterances]
    score = score_transcripts(found, truth)
    if starts:
        score.metrics["start_error"] = float(np.median(starts))
        score.metrics["end_error"] = float(np.median(ends))
    score.table.extend(_by_length(found, truth))
    mistakes = [
        Misheard(it.source.name, it.text, text, edits(it.text.split(), text.split()))
        for it, text in zip(utterances, found, strict=True)
        if it.text != text
    ]
    mistakes.sort(key=lambda it: -it.edits)
    score.figures["mistakes.csv"] = _mistakes_table(mistakes)
    return score, mistakes


def _by_length(found: Sequence[str], truth: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each number of words; where there are more than twelve, for some together."""
    lengths = [len(text.split()) for text in truth]
    longest = max(lengths, default=0)
    width = -(-longest // 12)
    rows = []
    for first in range(1, longest + 1, max(width, 1)):
        chosen = [n for n, length in enumerate(lengths) if first <= length < first + width]
        if not chosen:
            continue
        score = score_transcripts([found[n] for n in chosen], [truth[n] for n in chosen])
        rows.append(
            {
                "words": str(first) if width == 1 else f"{first}-{first + width - 1}",
                "WER": score.metrics["WER"],
                "CER": score.metrics["CER"],
                "sentence_accuracy": score.metrics["sentence_accuracy"],
                "utterances": len(chosen),
            }
        )
    return rows


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
