"""Transcribing models through the pipeline and the command."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cnntasks_speech import transcriber
from recordings import encoded, stdin_of
from tiny_spotter import spoken

import cnntasks
from cnntasks import UsageError
from cnntasks.cli.root import main

SAID = [("low", 0.3), ("low", 1.0), ("high", 1.6), ("low", 3.9), ("high", 5.2)]


def words(result: Any) -> list[tuple[str, float]]:
    return [(word.word, round(word.start, 1)) for word in result.words]


def test_a_recording_is_written_down_with_times(dictation: Path) -> None:
    result = cnntasks.load("speech", dictation)((spoken(SAID, 6.0), 16000))
    assert words(result) == SAID
    assert result.text == "low low high low high"
    assert result.clip is None
    assert all(0.4 < word.end - word.start < 0.6 for word in result.words)


@pytest.mark.parametrize("seconds", [0.05, 0.73, 4.0])
def test_chunks_change_nothing(
    dictation: Path, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cnntasks.load("speech", dictation)((spoken(SAID, 6.0), 16000))
    monkeypatch.setattr(transcriber, "_CHUNK_SECONDS", seconds)
    pieces = cnntasks.load("speech", dictation)((spoken(SAID, 6.0), 16000))
    assert words(pieces) == words(whole)


def test_beam_word_list_and_threshold(dictation: Path) -> None:
    given = (spoken(SAID, 6.0), 16000)
    assert words(cnntasks.load("speech", dictation, beam=4)(given)) == SAID
    only = cnntasks.load("speech", dictation, words=["high"])(given)
    assert {word.word for word in only.words} == {"high"}


@pytest.mark.parametrize(
    "options",
    [{"hop": 0.1}, {"beam": 0}, {"threshold": 0.0}, {"words": ["never"]}, {"words": []}],
)
def test_options_out_of_range(dictation: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        cnntasks.load("speech", dictation, **options)


def test_the_command(
    dictation: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("talk.wav").write_bytes(encoded(spoken(SAID, 6.0)))
    Path("list.txt").write_text("# the words\nhigh\n\n")
    model = ["speech", "--model", str(dictation), "--format", "json"]
    assert main([*model, "talk.wav"]) == 0
    assert json.loads(capfd.readouterr().out)["text"] == "low low high low high"
    assert main([*model, "talk.wav", "--words", "list.txt", "--beam", "8"]) == 0
    assert set(json.loads(capfd.readouterr().out)["text"].split()) == {"high"}
    assert main([*model, "talk.wav", "--save-spectrogram"]) == 0
    assert Path("talk.speech.png").is_file()
    capfd.readouterr()
    raw = np.round(spoken(SAID, 6.0) * 32767).astype("<i2").tobytes()
    monkeypatch.setattr(sys, "stdin", stdin_of(io.BytesIO(raw)))
    assert main([*model, "-", "--raw", "16000"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [json.loads(line)["word"] for line in lines] == [word for word, _ in SAID]
