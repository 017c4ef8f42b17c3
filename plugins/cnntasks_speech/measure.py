"""Measuring a model as it is used: through the prediction pipeline, on labelled recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from cnntasks import (
    ClassScores,
    InputError,
    Mistake,
    Score,
    Source,
    confusion_picture,
    match_classes,
    mistakes_table,
    reliability_picture,
    worst_mistakes,
)
from cnntasks_speech.annotated import Annotated
from cnntasks_speech.audio import read_audio
from cnntasks_speech.data import (
    SILENCE,
    UNKNOWN,
    Clip,
    SpeechData,
    read_speech_data,
    speech_formats,
)
from cnntasks_speech.data.records import reject_others
from cnntasks_speech.detection import (
    Heard,
    Said,
    Tradeoff,
    measure_spotting,
    trade_off,
    tradeoff_picture,
    tradeoff_table,
    word_rows,
)
from cnntasks_speech.longform import compose_long

if TYPE_CHECKING:
    from cnntasks import Pipeline

Samples = NDArray[np.float32]

#: What is found at this threshold draws the curve.
LEAST_THRESHOLD = 0.05
_RELATIVE = PurePosixPath("recording")
#: Seconds that are cut out of a long recording where a clip says from where.
_CUT_SECONDS = 1.0


def read_clips(location: str, classes: Sequence[str]) -> SpeechData:
    """Labelled clips for a model with these classes.

    The split that `folder:split` names, or test, or val, or all. Words that the model does not
    know are `unknown` to it, where it has that class.

    Raises:
        InputError: not a data set, or with words that the model does not know.
    """
    path = Path(location)
    data = read_speech_data(path, speech_formats().split_to_measure(path))
    if UNKNOWN in classes:
        data = reject_others(data, classes)
    return match_classes(data, classes)


def source_of(clip: Clip, rate: int) -> Source:
    """A clip as an input of the pipeline: its file, or a second cut out of it."""
    name = clip.name or str(clip.path)
    if clip.start is None:
        return Source(name, _RELATIVE, clip.path.read_bytes, path=clip.path)
    first = round(clip.start * rate)
    samples = _samples(clip.path, rate)[first : first + round(_CUT_SECONDS * rate)]
    return Source(name, _RELATIVE, bytes, value=(samples, rate))


@lru_cache(maxsize=8)
def _samples(path: Path, rate: int) -> Samples:
    return read_audio(path, rate).samples


def measure_clips(
    pipeline: Pipeline,
    clips: Sequence[Clip],
    progress: Callable[[], None] | None = None,
    figures: bool = False,
) -> tuple[Score, list[Mistake]]:
    """How good a spotter is on labelled clips.

    Args:
        pipeline: made with `top=None` and `clips=True`.
        clips: labelled by the classes of its model.
        progress: called after each clip.
        figures: prepare the pictures and the table of a report.

    Returns:
        The score, and every mistake, the most confident first.

    Raises:
        InputError: a clip cannot be used; the message names it.
    """
    classes = pipeline.card.classes
    scores = np.zeros((len(clips), len(classes)), np.float32)
    rate = pipeline.predictor.rate
    sources = (source_of(clip, rate) for clip in clips)
    for row, outcome in zip(scores, pipeline.run(sources), strict=True):
        if outcome.error is not None:
            raise outcome.error
        assert outcome.result is not None
        if outcome.result.clip is None:
            raise InputError(f"{outcome.source.name}: is too long for one word; cut it into clips")
        row[outcome.result.clip.labels] = outcome.result.clip.probabilities
        if progress is not None:
            progress()
    labels = np.array([clip.label for clip in clips], np.int64)
    gathered = ClassScores(classes)
    gathered.add(torch.from_numpy(scores), torch.from_numpy(labels))
    found = gathered.measures()
    assert found is not None
    metrics = {
        "accuracy": found.accuracy,
        "macro_recall": found.mean(found.recall),
        "macro_F1": found.mean(found.f1),
        "calibration_error": found.calibration_error,
    }
    score = Score(metrics, found.rows(classes, "recordings"))
    names = [clip.name or str(clip.path) for clip in clips]
    mistakes = worst_mistakes(names, labels, scores, classes)
    if figures:
        score.figures["confusion-matrix.png"] = confusion_picture(classes, found.matrix)
        score.figures["reliability.png"] = reliability_picture(
            scores.max(axis=1), scores.argmax(axis=1) == labels, found.calibration_error
        )
        score.figures["mistakes.csv"] = mistakes_table(mistakes, "recording")
    return score, mistakes


def words_of(pipeline: Pipeline) -> tuple[str, ...]:
    """The classes of a spotter that are words."""
    return tuple(it for it in pipeline.card.classes if it not in pipeline.predictor.rejects)


def annotated_sources(
    recordings: Iterable[Annotated],
) -> Iterator[tuple[Source, Sequence[Said]]]:
    """Recordings as inputs, each with what is said in it."""
    for it in recordings:
        name = str(it.path)
        yield Source(name, _RELATIVE, it.path.read_bytes, path=it.path), it.said


def composed_sources(
    pipeline: Pipeline,
    clips: Sequence[Clip],
    noise: Sequence[Path],
    minutes: float,
    seed: int,
) -> Iterator[tuple[Source, Sequence[Said]]]:
    """Long recordings composed of clips, each with what is said in it; see `compose_long`."""
    rate, classes, words = pipeline.predictor.rate, pipeline.card.classes, words_of(pipeline)

    def loader(clip: Clip) -> Callable[[], Samples]:
        def load() -> Samples:
            if clip.start is None:
                return read_audio(clip.path, rate, clip.name or None).samples
            samples, _ = source_of(clip, rate).value
            return np.asarray(samples, np.float32)

        return load

    parts = [
        (name if name in words else None, loader(clip))
        for clip in clips
        if (name := classes[clip.label]) != SILENCE
    ]
    if not parts:
        raise InputError("nobody speaks in these clips; there is nothing to compose")
    noises: list[Callable[[], Samples]] = [lambda path=path: _samples(path, rate) for path in noise]  # type: ignore[misc]
    for number, it in enumerate(compose_long(parts, noises, rate, minutes, seed), 1):
        source = Source(f"composed {number}", _RELATIVE, bytes, value=(it.samples, rate))
        yield source, it.said


def hear(pipeline: Pipeline, recordings: Iterable[tuple[Source, Sequence[Said]]]) -> list[Heard]:
    """What a spotter finds in recordings beside what is said in them.

    Words that it does not know are no misses.

    Raises:
        InputError: a recording cannot be used; the message names it.
    """
    words = set(words_of(pipeline))
    truth: list[Sequence[Said]] = []

    def sources() -> Iterator[Source]:
        for source, said in recordings:
            truth.append(said)
            yield source

    heard = []
    for number, outcome in enumerate(pipeline.run(sources())):
        if outcome.error is not None:
            raise outcome.error
        assert outcome.result is not None
        said = [it for it in truth[number] if it.word in words]
        heard.append(Heard(said, outcome.result.words, outcome.result.seconds))
    return heard


def spotting_score(
    pipeline: Pipeline, found: Sequence[Heard], everything: Sequence[Heard], figures: bool
) -> tuple[Score, Tradeoff]:
    """Misses and false alarms.

    Args:
        pipeline: with the threshold that counts.
        found: at that threshold.
        everything: at `LEAST_THRESHOLD`.
        figures: prepare the picture and the table of the curve.
    """
    curve = trade_off(everything)
    metrics = measure_spotting(found)
    metrics["threshold"] = pipeline.predictor.threshold
    for alarms in (1, 10):
        metrics[f"miss_rate_at_{alarms}_per_hour"] = curve.misses_at(alarms)
    score = Score(metrics, word_rows(found, words_of(pipeline)))
    if figures:
        score.figures["det.png"] = tradeoff_picture(curve, pipeline.predictor.threshold)
        score.figures["det.csv"] = tradeoff_table(curve)
    return score, curve
