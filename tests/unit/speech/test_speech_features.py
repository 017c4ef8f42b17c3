"""Log-mel features: torchaudio's, frame by frame, for clips and for streams."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torchaudio
from cnntasks_speech.features import LogMel, LogMelStream, frames_of, hertz_to_mel, mel_to_hertz
from numpy.typing import NDArray
from recordings import tone

from cnntasks import ModelCard, ModelError


def noise(seconds: float, rate: int = 16000, level: float = 0.1) -> NDArray[np.float32]:
    random = np.random.default_rng(0)
    return random.normal(0, level, round(seconds * rate)).astype(np.float32)


def sweep(rate: int) -> NDArray[np.float32]:
    time = np.arange(rate) / rate
    chirp = 0.3 * np.sin(2 * np.pi * (100 + 1500 * time) * time)
    return (chirp + noise(1.0, rate, 1e-3)).astype(np.float32)


def torchaudios(wave: NDArray[Any], features: LogMel) -> NDArray[Any]:
    transform = torchaudio.transforms.MelSpectrogram(
        features.rate,
        n_fft=features.window,
        hop_length=features.hop,
        f_min=features.low,
        f_max=features.upper,
        n_mels=features.n_mels,
        center=False,
    )
    power = transform(torch.from_numpy(wave))
    found: NDArray[Any] = power.clamp(min=features.floor).log().numpy()
    return found


@pytest.fixture
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


SEVERAL = [
    LogMel(16000),
    LogMel(8000),
    LogMel(16000, window_ms=25.0, n_mels=64, high=7600.0),
    LogMel(22050, hop_ms=12.5, low=60.0),
]


@pytest.mark.parametrize("features", SEVERAL)
def test_it_is_torchaudios_mel_spectrogram(features: LogMel) -> None:
    wave = noise(0.7, features.rate)
    found = features.log_mel(wave)
    expected = torchaudios(wave, features)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    assert float(np.abs(found - expected).max()) < 1e-4


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("features", SEVERAL)
def test_of_loud_and_quiet_channels_too(features: LogMel) -> None:
    """Beside something loud torchaudio's single precision is off in the third or fourth digit."""
    wave = sweep(features.rate)
    expected = torchaudios(wave.astype(np.float64), features)
    np.testing.assert_allclose(features.log_mel(wave), expected, atol=1e-5)


def test_a_second_at_16_khz_has_98_frames() -> None:
    features = LogMel(16000)
    assert features.log_mel(noise(1.0)).shape == (40, 98)
    assert features.samples(98) == 16000


def test_frames_and_samples_belong_together() -> None:
    features = LogMel(16000)
    for frames in (1, 2, 97):
        samples = features.samples(frames)
        assert features.frames(samples) == frames
        assert features.frames(samples - 1) == frames - 1
    assert features.frames(0) == features.samples(0) == 0


@pytest.mark.parametrize("length", [0, 1, 479])
def test_less_than_a_frame_has_none(length: int) -> None:
    assert LogMel(16000).log_mel(np.zeros(length, np.float32)).shape == (40, 0)


def test_silence_is_the_floor() -> None:
    found = LogMel(16000, floor=1e-5).log_mel(np.zeros(800, np.float32))
    np.testing.assert_allclose(found, math.log(1e-5), rtol=1e-6)


def test_a_tone_is_loudest_in_its_channel() -> None:
    features = LogMel(16000)
    for hertz in (300.0, 1000.0, 4000.0):
        ends = hertz_to_mel(np.array([features.low, features.upper]))
        centres = mel_to_hertz(np.linspace(*ends, features.n_mels + 2))[1:-1]
        loudest = int(features.log_mel(tone(0.2, hertz=hertz)).mean(axis=1).argmax())
        assert abs(centres[loudest] - hertz) == min(abs(centres - hertz))


def test_doubling_adds_log_4() -> None:
    wave = noise(0.3)
    features = LogMel(16000)
    difference = features.log_mel(2 * wave) - features.log_mel(wave)
    np.testing.assert_allclose(difference, math.log(4), atol=1e-5)


@pytest.mark.parametrize("block", [1, 37, 160, 1000, 5000])
def test_a_stream_has_the_frames_of_the_clip_bit_for_bit(block: int) -> None:
    wave = noise(0.25 if block == 1 else 1.3)
    stream = LogMelStream(LogMel(16000))
    blocks = [wave[start : start + block] for start in range(0, len(wave), block)]
    found = np.concatenate([stream.push(part) for part in blocks], axis=1)
    np.testing.assert_array_equal(found, LogMel(16000).log_mel(wave))


def test_a_stream_keeps_less_than_a_frame() -> None:
    stream = LogMelStream(LogMel(16000))
    for _ in range(20):
        stream.push(noise(0.5))
        assert len(stream._rest) < stream.features.window


def test_blocks_without_a_frame_are_passed_over() -> None:
    wave = noise(0.1)
    parts = list(frames_of(LogMel(16000), iter([wave[:100], wave[100:300], wave[300:]])))
    assert [part.shape[1] for part in parts] == [8]


def test_the_card_says_how() -> None:
    features = LogMel(8000, n_mels=32)
    card = ModelCard(
        name="words",
        task="speech",
        network={"name": "speech-spotter"},
        classes=("a",),
        preprocessing={**features.to_dict(), "frames": 98},
    )
    read = LogMel.from_card(card)
    assert (read.rate, read.n_mels, read.upper) == (8000, 32, 4000.0)
    wave = noise(0.2, 8000)
    np.testing.assert_array_equal(read.log_mel(wave), features.log_mel(wave))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": None}, "cannot be computed"),
        ({"hop_ms": 0}, "cannot be computed"),
        ({"high": 9000.0}, "cannot be computed"),
        ({"floor": 0.0}, "cannot be computed"),
        ({"n_mels": "many"}, "cannot be computed"),
    ],
)
def test_impossible_features_are_a_damaged_card(change: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=f"words: .*{message}"):
        LogMel.from_preprocessing({**LogMel(16000).to_dict(), **change}, "words")


def test_a_card_without_features_is_no_card_for_speech() -> None:
    with pytest.raises(ModelError, match="words: its card does not say 'window_ms'"):
        LogMel.from_preprocessing({"rate": 16000}, "words")
