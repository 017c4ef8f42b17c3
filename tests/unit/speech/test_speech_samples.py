"""The embedded model `commands` gets the sample recordings right; they are synthetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cnntasks_speech.annotated import find_annotated

import cnntasks

SAMPLES = Path(__file__).parents[3] / "samples" / "speech"


@pytest.mark.parametrize("name", ["yes.flac", "left.flac", "stop.ogg"])
def test_clips(name: str) -> None:
    assert cnntasks.load("speech")(SAMPLES / name).label == name.partition(".")[0]


def test_the_longer_recording_has_its_words_at_their_times() -> None:
    annotated = find_annotated(SAMPLES)
    assert annotated is not None
    [talk] = annotated
    words = cnntasks.load("speech")(talk.path).words
    assert [word.word for word in words] == [said.word for said in talk.said]
    for word, said in zip(words, talk.said, strict=True):
        assert word.start == pytest.approx(said.start, abs=0.1)
        assert word.end == pytest.approx(said.end, abs=0.2)


def test_digital_silence_is_silence() -> None:
    spotter = cnntasks.load("speech")
    clip = spotter((np.zeros(16000, np.float32), 16000))
    assert clip.label == "silence"
    assert clip.words == ()
    assert spotter((np.zeros(16000 * 5, np.float32), 16000)).words == ()
