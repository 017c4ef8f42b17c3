"""Transcripts measured through a pipeline, of recorded and of composed utterances."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from cnntasks_speech.results import SpeechResult, Word
from cnntasks_speech.transcripts import (
    composed_utterances,
    edits,
    measure_transcripts,
    read_utterances,
    write_utterances,
)
from tone_words import RATE, WORDS, write_words

from cnntasks import InputError, Outcome, Source


class Listener:
    """Stands for a pipeline: hears every word but `high`, each 30 ms late."""

    def __init__(self, utterances: Iterable[Any]) -> None:
        self.truth = {it.source.name: it for it in utterances}

    def run(self, sources: Iterable[Source]) -> Iterator[Outcome[SpeechResult]]:
        for source in sources:
            it = self.truth[source.name]
            times = it.times or [(0.0, 1.0)] * len(it.text.split())
            words = tuple(
                Word(word, start + 0.03, end + 0.03, 0.9)
                for word, (start, end) in zip(it.text.split(), times, strict=True)
                if word != "high"
            )
            yield Outcome(source, SpeechResult(words, 1.0, RATE, 1, RATE))


def test_composed_utterances_are_measured_by_their_length(tmp_path: Path) -> None:
    folder = str(write_words(tmp_path / "words"))
    utterances = composed_utterances([folder], RATE, (1, 4), 40, 3)
    score, mistakes = measure_transcripts(Listener(utterances), utterances)  # type: ignore[arg-type]
    words = [word for it in utterances for word in it.text.split()]
    assert score.metrics["WER"] == pytest.approx(words.count("high") / len(words))
    assert [row["words"] for row in score.table] == ["1", "2", "3", "4"]
    assert sum(row["utterances"] for row in score.table) == 40
    assert score.metrics["start_error"] == pytest.approx(0.03)
    assert score.metrics["end_error"] == pytest.approx(0.03)
    assert {it.truth for it in mistakes} == {it.text for it in utterances if "high" in it.text}
    assert [it.edits for it in mistakes] == sorted((it.edits for it in mistakes), reverse=True)
    again = composed_utterances([folder], RATE, (1, 4), 40, 3)
    assert [it.text for it in again] == [it.text for it in utterances]
    assert np.array_equal(again[7].source.value[0], utterances[7].source.value[0])


def test_composed_utterances_are_of_the_test_split(tmp_path: Path) -> None:
    folder = write_words(tmp_path / "words")
    (folder / "test.csv").write_text("path,transcript,speaker\nlow-dan-0.wav,low,dan\n")
    found = composed_utterances([str(folder)], RATE, (1, 2), 5, 0)
    assert {word for it in found for word in it.text.split()} == {"low"}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    folder = write_words(tmp_path / "words")
    utterances = composed_utterances([str(folder)], RATE, (2, 3), 4, 0)
    table = write_utterances(utterances, tmp_path / "written")
    again = read_utterances(str(table))
    assert [it.text for it in again] == [it.text for it in utterances]
    for one, other in zip(utterances, again, strict=True):
        assert other.source.path is not None
        samples, rate = soundfile.read(other.source.path, dtype="float32")
        assert rate == RATE
        np.testing.assert_allclose(samples, one.source.value[0], atol=1 / 32000)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another folder"):
        write_utterances(utterances, tmp_path / "file")


def test_long_transcripts_share_rows() -> None:
    source = Source("a", Path("a"), bytes)  # type: ignore[arg-type]
    many = SimpleNamespace(source=source, text="low " * 29 + "low", times=())
    few = replace_name(many, "b", "low middle")
    score, _ = measure_transcripts(Listener([many, few]), [many, few])  # type: ignore[arg-type, list-item]
    assert [row["words"] for row in score.table] == ["1-3", "28-30"]
    assert score.metrics["WER"] == 0
    assert "start_error" not in score.metrics


def replace_name(it: Any, name: str, text: str) -> Any:
    return SimpleNamespace(source=replace(it.source, name=name), text=text, times=())


def test_edits_are_counted() -> None:
    assert edits(["a", "b", "c"], ["a", "x", "c", "d"]) == 2
    assert edits([], ["a"]) == 1
    assert edits(list(WORDS), list(WORDS)) == 0
