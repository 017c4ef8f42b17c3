"""The embedded spotter: small, whole, the same in both engines, right on synthetic voices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from cnntasks_speech.cards import entries
from cnntasks_speech.features import LogMel

import cnntasks
from cnntasks.models.folder import folder_size, verify_folder

FOLDER = {entry.name: entry.folder for entry in entries()}["commands"]
assert FOLDER is not None
SAMPLES = Path(__file__).parents[3] / "samples" / "speech"
WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")


@pytest.fixture(scope="module")
def spot() -> cnntasks.Pipeline:
    return cnntasks.load("speech", "commands", offline=True)


def test_the_folder_is_whole_and_small() -> None:
    assert verify_folder(FOLDER) == []
    assert folder_size(FOLDER) <= 2_000_000


def test_the_card_says_how_good_it_is() -> None:
    card = cnntasks.read_card(FOLDER)
    assert set(card.classes) == {*WORDS, "unknown", "silence"}
    assert card.network["rejects"] == ["unknown", "silence"]
    assert card.metrics["test_accuracy"] >= 0.92
    assert min(card.metrics[f"test_recall_{word}"] for word in WORDS) > 0.7
    assert "CC BY 4.0" in card.licence
    assert any("not the official" in note for note in card.notes)
    assert card.preprocessing == {**LogMel(16000).to_dict(), "frames": 98}


@pytest.mark.parametrize(("file", "word"), [("yes.flac", "yes"), ("left.flac", "left")])
def test_sample_clips(spot: cnntasks.Pipeline, file: str, word: str) -> None:
    assert spot(SAMPLES / file).clip.names[0] == word


def test_nothing_and_noise_are_no_words(spot: cnntasks.Pipeline) -> None:
    random = np.random.default_rng(0)
    for level in (0.0, 1e-4, 1e-2, 0.1):
        wave = random.normal(0, level, 16000).astype(np.float32)
        assert spot((wave, 16000)).clip.names[0] in ("silence", "unknown"), level


def test_loudness_and_rate_do_not_matter(spot: cnntasks.Pipeline) -> None:
    wave, rate = soundfile.read(SAMPLES / "yes.flac", dtype="float32")
    assert rate == 16000
    for gain in (0.1, 0.5, 1.5):
        assert spot((gain * wave, rate)).clip.names[0] == "yes"
    assert spot((np.repeat(wave, 3), 3 * rate)).clip.names[0] == "yes"


def test_engines_agree() -> None:
    found = []
    for engine in ("onnx", "torch"):
        pipeline = cnntasks.load("speech", "commands", engine=engine, offline=True, top=None)
        clip = pipeline(SAMPLES / "left.flac").clip
        found.append(clip.probabilities[np.argsort(clip.labels)])
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)
