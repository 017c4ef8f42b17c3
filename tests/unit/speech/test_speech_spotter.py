"""Spotting through the pipeline: clips, recordings of any length, values from Python."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cnntasks_speech.results import SpeechResult
from cnntasks_speech.spotter import loudest_window
from recordings import encoded
from tiny_spotter import CLASSES, spoken

import cnntasks
from cnntasks import InputError, ModelError, UsageError

SAID = [("low", 0.0), ("high", 1.0), ("low", 2.2), ("low", 3.0), ("high", 5.5)]


def load(folder: Path, **options: Any) -> Any:
    return cnntasks.load("speech", folder, **options)


def words(result: SpeechResult) -> list[tuple[str, float]]:
    return [(word.word, round(word.start, 1)) for word in result.words]


def test_a_recording_has_its_words_with_their_times(tones: Path) -> None:
    result = load(tones)((spoken(SAID, 6.0), 16000))
    assert words(result) == SAID
    assert result.text == "low high low low high"
    assert result.clip is None
    assert result.label is None
    for word in result.words:
        assert word.end - word.start == pytest.approx(0.5, abs=0.07)
        assert word.confidence > 0.9
    assert result.words[-1].end <= result.seconds == 6.0


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("many", [False, True])
def test_rates_and_engines_change_nothing(tones: Path, rate: int, many: bool) -> None:
    result = load(tones, many=many)((spoken(SAID, 6.0, rate), rate))
    assert words(result) == SAID
    assert (result.source_rate, result.rate) == (rate, 16000)


def test_a_long_file_is_streamed_and_has_the_words_of_the_samples(
    tones: Path, tmp_path: Path
) -> None:
    said = [("low" if n % 3 else "high", 1.7 * n + 0.4) for n in range(20)]
    samples = spoken(said, 36.0)
    path = tmp_path / "long.flac"
    path.write_bytes(encoded(samples, format="FLAC"))
    spotter = load(tones)
    found = spotter(path)
    assert [name for name, _ in words(found)] == [name for name, _ in said]
    # 16 bits of the file change the last digits.
    whole = spotter((samples, 16000))
    for one, other in zip(found.words, whole.words, strict=True):
        assert one.word == other.word
        assert (one.start, one.end) == pytest.approx((other.start, other.end), abs=0.04)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)


def test_memory_does_not_grow_with_the_length(tones: Path, tmp_path: Path) -> None:
    spotter = load(tones, many=True, spectrogram=True)
    peaks = []
    for minutes in (1, 3):
        path = tmp_path / f"{minutes}.wav"
        path.write_bytes(encoded(np.tile(spoken(SAID, 6.0), 10 * minutes)))
        tracemalloc.start()
        assert len(spotter(path).words) == 50 * minutes
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 2e6


@pytest.mark.parametrize("seconds", [0.2, 0.55, 0.98, 1.0, 1.4])
def test_a_clip_has_its_word_and_all_probabilities(tones: Path, seconds: float) -> None:
    length = min(0.5, seconds - 0.05)
    start = 0.0 if seconds < 0.6 else seconds - 0.6
    result = load(tones)((spoken([("high", start)], seconds, length=length), 16000))
    assert result.label == "high"
    assert set(result.clip.names) == set(CLASSES)
    assert sum(result.clip.probabilities.tolist()) == pytest.approx(1.0, abs=1e-5)
    [word] = result.words
    assert word.start == pytest.approx(start, abs=0.06)
    assert word.end == pytest.approx(start + length, abs=0.06)
    assert result.to_dict()["label"] == "high"


def test_a_clip_of_no_word_has_none(tones: Path) -> None:
    result = load(tones)((np.zeros(16000, np.float32), 16000))
    assert (result.label, result.words, result.text) == ("silence", (), "")
    assert result.to_rows()[0]["word"] == "silence"
    assert "silent" in result.remark


def test_top_cuts_the_labels_of_a_clip(tones: Path) -> None:
    result = load(tones, top=2)((spoken([("low", 0.2)], 1.0), 16000))
    first, second = result.to_rows()
    assert first["word"] == "low"
    assert first["confidence"] > second["confidence"]


def test_the_threshold_and_the_temperature_count(tones: Path) -> None:
    quiet = spoken([("low", 1.0)], 3.0, length=0.06)
    assert words(load(tones, threshold=0.05)((quiet, 16000))) == [("low", 1.0)]
    assert load(tones, threshold=0.99)((quiet, 16000)).words == ()


def test_a_finer_hop_finds_the_same(tones: Path) -> None:
    for hop in (0.05, 0.2):
        assert words(load(tones, hop=hop)((spoken(SAID, 6.0), 16000))) == SAID


def test_values_of_all_kinds(tones: Path, tmp_path: Path) -> None:
    spotter = load(tones)
    samples = spoken([("low", 0.3)], 1.0)
    data = encoded(samples)
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    for value in (path, str(path), data, io.BytesIO(data), (samples, 16000)):
        assert spotter(value).label == "low"
    whole = np.round(samples * 32767).astype(np.int16)
    assert spotter((np.stack([whole, whole], axis=1), np.int64(16000))).label == "low"
    assert [it.label for it in spotter([path, (samples, 16000)])] == ["low", "low"]
    assert [it.label for it in spotter(tmp_path)] == ["low"]
    with pytest.raises(InputError, match=r"give \(samples, rate\)"):
        spotter(samples)


def test_many_clips_come_in_order_and_bad_ones_apart(tones: Path) -> None:
    values: list[Any] = [
        (spoken([("low" if number % 3 else "high", 0.2)], 1.0), 16000) for number in range(40)
    ]
    values[5] = b"no sound"
    values[9] = (spoken(SAID, 6.0), 16000)
    outcomes = list(load(tones, many=True).stream(values))
    assert [it.error is not None for it in outcomes] == [n == 5 for n in range(40)]
    labels = [it.result.label for it in outcomes if it.result]
    assert labels == [None if n == 9 else ("low" if n % 3 else "high") for n in range(40) if n != 5]


def test_what_is_too_short_for_a_word(tones: Path) -> None:
    with pytest.raises(InputError, match="only 10 ms long, too short for a word"):
        load(tones)((np.zeros(160, np.float32), 16000))


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.0},
        {"threshold": 1.5},
        {"hop": 0.001},
        {"hop": 5.0},
        {"top": 0},
        {"beam": 4},
        {"words": ["yes"]},
    ],
)
def test_options_out_of_range(tones: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        load(tones, **options)


def test_a_model_of_another_kind_is_refused(tones: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "odd"
    shutil.copytree(tones, folder)
    card = (folder / "card.json").read_text()
    (folder / "card.json").write_text(card.replace("speech-spotter", "speech-oracle"))
    with pytest.raises(ModelError, match="speech-oracle"):
        load(folder)
    (folder / "card.json").write_text(card.replace('"frames"', '"frame"'))
    with pytest.raises(ModelError, match="no window of frames"):
        load(folder)


def test_the_loudest_window() -> None:
    loud = np.zeros(150, np.float32)
    loud[90:110] = 5
    assert 12 <= loudest_window(loud, 98) <= 90
    assert loudest_window(loud[:98], 98) == 0
