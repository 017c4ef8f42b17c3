"""The embedded model of digits: small, whole, the same in both engines, right on a sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from cnntasks_speech.cards import entries

import cnntasks
from cnntasks.models.folder import folder_size, verify_folder

FOLDERS = {entry.name: entry.folder for entry in entries()}
SAMPLE = Path(__file__).parents[3] / "samples" / "speech" / "digits.ogg"
SAID = "three one four one five nine two six"


def test_it_reads_a_number() -> None:
    reader = cnntasks.load("speech", "digits", offline=True)
    found = reader(SAMPLE)
    assert found.text == SAID
    starts = [word.start for word in found.words]
    assert starts == sorted(starts)
    assert 0.1 < starts[0] < 0.5
    assert found.words[-1].end < found.seconds + 0.2
    assert min(word.confidence for word in found.words) > 0.3


def test_a_beam_and_a_list_of_words_read_it_too() -> None:
    words = ["one", "two", "three", "four", "five", "six", "nine"]
    reader = cnntasks.load("speech", "digits", offline=True, beam=4, words=words)
    assert reader(SAMPLE).text == SAID


def test_silence_and_noise_say_nothing() -> None:
    reader = cnntasks.load("speech", "digits", offline=True)
    noise = np.random.default_rng(0).normal(0, 1e-3, 24_000).astype(np.float32)
    assert reader((noise, 8000)).text == ""


def test_both_engines_read_the_same() -> None:
    samples, rate = soundfile.read(SAMPLE, dtype="float32")
    found = [
        cnntasks.load("speech", "digits", offline=True, engine=engine)((samples, rate))
        for engine in ("onnx", "torch")
    ]
    assert found[0].text == found[1].text == SAID
    for one, two in zip(found[0].words, found[1].words, strict=True):
        assert one.confidence == pytest.approx(two.confidence, abs=1e-3)
        assert one.start == two.start


def test_the_folder_is_whole_and_small() -> None:
    folder = FOLDERS["digits"]
    assert folder is not None
    verify_folder(folder)
    assert folder_size(folder) < 1_500_000
    card = cnntasks.read_card(folder)
    folds = [value for name, value in card.metrics.items() if name.startswith("WER_without_")]
    assert len(folds) == 6
    assert card.metrics["WER_mean"] == pytest.approx(np.mean(folds), abs=2e-4)
    assert "CC BY-SA 4.0" in card.licence
