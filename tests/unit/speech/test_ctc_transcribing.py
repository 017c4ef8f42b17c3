"""From log-probabilities to words with times, in whatever pieces the frames come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cnntasks_speech.ctc.transcribing import Transcriber, transcribe
from cnntasks_speech.results import Word
from numpy.typing import NDArray

from cnntasks import ModelCard, ModelError, UsageError

WORDS = ModelCard(
    name="tiny",
    task="speech",
    network={"name": "speech-ctc", "units": "words", "stride": 4, "context": 8},
    classes=("one", "two", "three"),
    preprocessing={"rate": 8000, "window_ms": 30.0, "hop_ms": 10.0},
)
LETTERS = replace(
    WORDS,
    network={**WORDS.network, "units": "characters"},
    classes=(" ", "e", "n", "o", "t", "w"),
)
PAUSE = [0] * 20  # 0.8 s


def frames_of(path: list[int], units: int, sure: float = 0.995) -> NDArray[np.float32]:
    """Log-probabilities whose likeliest path is this one."""
    probabilities = np.full((len(path), units + 1), (1 - sure) / units)
    probabilities[np.arange(len(path)), path] = sure
    return np.log(probabilities).astype(np.float32)


def spell(text: str) -> list[int]:
    """A path that stands for a text: a blank between all characters."""
    return [unit for char in text for unit in (LETTERS.classes.index(char) + 1, 0)]


def in_pieces(
    log_probs: NDArray[np.float32], card: ModelCard, size: int, beam: int = 1
) -> list[Word]:
    transcriber = Transcriber(card, beam)
    found = []
    for start in range(0, len(log_probs), size):
        found += transcriber.push(log_probs[start : start + size])
    return [*found, *transcriber.finish()]


def random_speech(seed: int, frames: int = 400, units: int = 3) -> NDArray[np.float32]:
    """Units and blanks that come and go, with pauses; nothing is certain."""
    random = np.random.default_rng(seed)
    path: list[int] = []
    while len(path) < frames:
        path += [int(random.integers(1, units + 1))] * int(random.integers(1, 4))
        path += [0] * int(random.choice([0, 1, 3, 30]))
    logits = frames_of(path[:frames], units) + random.normal(0, 1.5, (frames, units + 1))
    shifted: NDArray[np.float32] = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return shifted.astype(np.float32)


def test_words_have_the_times_of_their_frames() -> None:
    found = transcribe(frames_of([0, 0, 1, 1, 0, 2, 3, 0], 3), WORDS)
    assert [word.word for word in found] == ["one", "two", "three"]
    # Frames of 40 ms; the middle of the first one is that of a window of 30 ms.
    assert [word.start for word in found] == pytest.approx([0.075, 0.195, 0.235])
    assert [word.end for word in found] == pytest.approx([0.155, 0.235, 0.275])
    assert [word.confidence for word in found] == pytest.approx([0.995] * 3, abs=1e-4)


def test_a_word_begins_earlier_by_the_lead_but_not_within_another() -> None:
    card = replace(WORDS, network={**WORDS.network, "lead": 0.1, "trail": 0.05})
    found = transcribe(frames_of([0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 3, 0, 0], 3), card)
    assert [word.start for word in found] == pytest.approx([0.015, 0.255, 0.395])
    assert [word.end for word in found] == pytest.approx([0.205, 0.445, 0.485])
    assert all(word.start < word.end for word in found)


@pytest.mark.parametrize("beam", [1, 6])
@pytest.mark.parametrize("size", [1, 7, 150])
def test_pieces_of_any_size_give_the_same_words(beam: int, size: int) -> None:
    for seed in range(3):
        log_probs = random_speech(seed)
        assert in_pieces(log_probs, WORDS, size, beam) == transcribe(log_probs, WORDS, beam)


def test_greedily_a_word_is_told_as_soon_as_it_has_ended() -> None:
    transcriber = Transcriber(WORDS)
    assert transcriber.push(frames_of([0, 1, 1], 3)) == []
    assert [word.word for word in transcriber.push(frames_of([0], 3))] == ["one"]
    assert transcriber.finish() == []


def test_a_beam_tells_words_when_the_speaker_pauses() -> None:
    transcriber = Transcriber(WORDS, beam=4)
    assert transcriber.push(frames_of([1, 0, 2, 0], 3)) == []
    assert [word.word for word in transcriber.push(frames_of(PAUSE, 3))] == ["one", "two"]


def test_without_a_pause_memory_is_bounded_all_the_same() -> None:
    transcriber = Transcriber(WORDS, beam=2)
    path = [1, 0, 2, 0] * 500  # 80 s
    told = transcriber.push(frames_of(path, 3))
    assert len(told) >= 500
    assert len([*told, *transcriber.finish()]) == 1000


def test_characters_make_words_between_spaces_and_pauses() -> None:
    path = [*spell("one two"), *PAUSE, *spell("two"), *PAUSE, *spell(" one")]
    for beam in (1, 8):
        found = transcribe(frames_of(path, 6), LETTERS, beam)
        assert [word.word for word in found] == ["one", "two", "two", "one"]
        assert found[2].start > found[1].end + 0.5


def test_a_list_of_words_corrects_the_spelling() -> None:
    path = spell("ooe too")
    log_probs = frames_of(path, 6, 0.6)
    greedily = transcribe(log_probs, LETTERS)
    listed = transcribe(log_probs, LETTERS, words=["one", "two", "ten"])
    assert [word.word for word in greedily] == ["ooe", "too"]
    assert [word.word for word in listed] == ["one", "two"]
    assert all(word.confidence < 0.6 for word in listed)


def test_a_list_of_words_leaves_the_other_units_out() -> None:
    log_probs = frames_of([1, 0, 2, 0, 3], 3, 0.7)
    found = transcribe(log_probs, WORDS, words=["one", "three"])
    assert {word.word for word in found} == {"one", "three"}


def test_silence_says_nothing() -> None:
    assert transcribe(frames_of(PAUSE * 5, 3), WORDS) == []
    assert transcribe(np.zeros((0, 4), np.float32), WORDS) == []


def test_wrong_cards_and_lists_are_refused() -> None:
    with pytest.raises(ModelError, match="units"):
        Transcriber(replace(WORDS, network={"name": "speech-ctc"}))
    with pytest.raises(ModelError, match="frames lie in time"):
        Transcriber(replace(WORDS, preprocessing={}))
    with pytest.raises(UsageError, match="'four'"):
        Transcriber(WORDS, words=["four"])
