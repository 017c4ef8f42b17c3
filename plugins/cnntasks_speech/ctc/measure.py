"""Measuring transcripts as they are made: through the prediction pipeline, on known utterances."""

from __future__ import annotations

import csv
import wave
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from cnntasks import InputError, Score, Source
from cnntasks_speech.ctc.compose import Composer, Utterance
from cnntasks_speech.ctc.metrics import score_transcripts
from cnntasks_speech.ctc.parts import Text, read_composer, read_texts
from cnntasks_speech.ctc.units import normalised
from cnntasks_speech.data import speech_formats

if TYPE_CHECKING:
    from cnntasks import Pipeline

_RELATIVE = PurePosixPath("utterance")


@dataclass(frozen=True, slots=True)
class Saying:
    """A recording whose words are known.

    Attributes:
        name: of the recording.
        text: the truth, normalised.
        value: its path, or its samples and their rate.
        times: start and end of each word, where they are known.
    """

    name: str
    text: str
    value: Any
    times: tuple[tuple[float, float], ...] = ()


def sayings_of(texts: Iterable[Text]) -> list[Saying]:
    """Recordings as they are."""
    return [Saying(it.clip.name, it.text, it.clip.path) for it in texts]


def read_sayings(location: str) -> list[Saying]:
    """The split to measure on: the one that `folder:split` names, or test, or val, or all.

    Raises:
        InputError: not a data set.
    """
    return sayings_of(_texts_to_measure(location))


def _texts_to_measure(location: str) -> list[Text]:
    return read_texts(location, speech_formats().split_to_measure(Path(location)))[0]


def compose_sayings(
    location: str,
    lengths: tuple[int, int],
    count: int,
    seed: int,
    rate: int,
    words: Sequence[str] | None = None,
) -> list[Saying]:
    """Utterances composed of the split that `read_sayings` would read; the same seed, the same.

    Args:
        location: a data set with recordings of single words.
        lengths: fewest and most words.
        count: utterances.
        seed: of all that is drawn.
        rate: of the utterances in Hz.
        words: those that may occur; all without.

    Raises:
        InputError: not a data set, or a recording that cannot be read.
        UsageError: it has no recording of a single word.
    """
    composer = read_composer(_texts_to_measure(location), rate, lengths, words=words)
    return composed_sayings(composer, count, seed)


def composed_sayings(composer: Composer, count: int, seed: int) -> list[Saying]:
    """Utterances of a composer; see `compose_sayings`."""
    made = compose_many(composer, count, seed)
    return [
        Saying(f"composed {number}", " ".join(it.words), (it.samples, composer.rate), it.times)
        for number, it in enumerate(made)
    ]


def compose_many(composer: Composer, count: int, seed: int | tuple[int, ...]) -> list[Utterance]:
    """So many utterances; the same seed gives the same ones."""
    random = np.random.default_rng(seed)
    return [composer.compose(random) for _ in range(count)]


def write_sayings(sayings: Sequence[Saying], folder: Path) -> Path:
    """Write composed utterances as 16-bit WAV files, and a table `test.csv` of path,transcript.

    Returns:
        The table.

    Raises:
        InputError: it cannot be written.
    """
    table = folder / "test.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with table.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["path", "transcript"])
            for number, saying in enumerate(sayings):
                samples, rate = saying.value
                name = f"{number:05d}.wav"
                with wave.open(str(folder / name), "wb") as file:
                    file.setnchannels(1)
                    file.setsampwidth(2)
                    file.setframerate(rate)
                    file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
                writer.writerow([name, saying.text])
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another folder"
        ) from error
    return table


@dataclass(frozen=True, slots=True)
class Misheard:
    """An utterance with a mistake.

    Attributes:
        name: of the recording.
        truth, found: transcripts.
    """

    name: str
    truth: str
    found: str


def measure_sayings(
    pipeline: Pipeline, sayings: Sequence[Saying], progress: Callable[[], None] | None = None
) -> tuple[Score, list[Misheard]]:
    """How good a transcribing model is on known utterances.

    Args:
        pipeline: of the model.
        sayings: at least one.
        progress: called after each.

    Returns:
        The score, with a row for each number of words; and the utterances with mistakes. Where the
        times of words are known, `start_error` and `end_error` are medians in seconds, over the
        utterances without a mistake.

    Raises:
        InputError: a recording cannot be read.
    """
    found: list[str] = []
    starts: list[float] = []
    ends: list[float] = []
    for saying, outcome in zip(sayings, pipeline.run(map(_source, sayings)), strict=True):
        if outcome.error is not None:
            raise outcome.error
        assert outcome.result is not None
        text = normalised(outcome.result.text)
        found.append(text)
        if saying.times and text == saying.text:
            words = outcome.result.words
            starts += [abs(w.start - at[0]) for w, at in zip(words, saying.times, strict=True)]
            ends += [abs(w.end - at[1]) for w, at in zip(words, saying.times, strict=True)]
        if progress is not None:
            progress()
    truth = [saying.text for saying in sayings]
    score = score_transcripts(found, truth)
    if starts:
        score.metrics["start_error"] = float(np.median(starts))
        score.metrics["end_error"] = float(np.median(ends))
    score.table.extend(_by_length(found, truth))
    wrong = [
        Misheard(saying.name, saying.text, text)
        for saying, text in zip(sayings, found, strict=True)
        if text != saying.text
    ]
    return score, wrong


def _source(saying: Saying) -> Source:
    if isinstance(saying.value, Path):
        path = saying.value
        return Source(str(path), _RELATIVE, path.read_bytes, path=path)
    return Source(saying.name, _RELATIVE, bytes, value=saying.value)


def _by_length(found: Sequence[str], truth: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each number of words that occurs; many lengths are put together."""
    lengths = [len(text.split()) for text in truth]
    width = max(max(lengths) // 12 + 1, 1) if max(lengths) > 12 else 1
    rows = []
    for first in range(0, max(lengths) + 1, width):
        chosen = [n for n, length in enumerate(lengths) if first <= length < first + width]
        words = sum(lengths[n] for n in chosen)
        if not words:
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
