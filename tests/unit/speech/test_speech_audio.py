"""Reading recordings: every format, rate and number of channels, as a whole and in blocks."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from cnntasks_speech.audio import mono_samples, read_audio, stream_audio
from recordings import encoded, tone

from cnntasks import InputError


@pytest.mark.parametrize(
    ("format", "subtype", "tolerance"),
    [
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "PCM_U8", 0.01),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "FLOAT", 1e-7),
        ("WAV", "DOUBLE", 1e-7),
        ("WAV", "ULAW", 0.02),
        ("FLAC", "PCM_16", 1e-4),
        ("OGG", "VORBIS", 0.05),
        ("OGG", "OPUS", 0.05),
        ("AIFF", "PCM_16", 1e-4),
    ],
)
def test_formats(format: str, subtype: str, tolerance: float) -> None:
    sine = tone(0.5)
    audio = read_audio(encoded(sine, format=format, subtype=subtype), 16000)
    assert (audio.source_rate, audio.channels, audio.seconds) == (16000, 1, 0.5)
    assert audio.samples.dtype == np.float32
    # The ends of a lossy encoding are its worst.
    np.testing.assert_allclose(audio.samples[800:-800], sine[800:-800], atol=tolerance)


def test_mp3_has_the_tone_at_its_frequency() -> None:
    data = encoded(tone(1.0, 44100), 44100, "MP3", "MPEG_LAYER_III")
    audio = read_audio(data, 16000)
    spectrum = np.abs(np.fft.rfft(audio.samples[2000:14000]))
    assert abs(spectrum.argmax() * 16000 / 12000 - 440) < 2
    assert audio.source_rate == 44100
    assert audio.seconds == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000, 192000])
def test_rates_become_the_networks(rate: int) -> None:
    audio = read_audio(encoded(tone(0.5, rate), rate), 16000)
    assert len(audio.samples) == pytest.approx(8000, abs=1)
    np.testing.assert_allclose(audio.samples[500:7500], tone(0.5)[500:7500], atol=2e-3)


@pytest.mark.parametrize("channels", [2, 6])
def test_channels_are_averaged(channels: int) -> None:
    frames = np.zeros((8000, channels), np.float32)
    frames[:, 0] = tone(0.5, peak=0.6)
    audio = read_audio(encoded(frames), 16000)
    assert audio.channels == channels
    np.testing.assert_allclose(audio.samples, frames[:, 0] / channels, atol=1e-4)


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("block", [0.013, 0.25, 7.0])
def test_blocks_are_the_whole_bit_for_bit(rate: int, block: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.2, 2 * rate).clip(-1, 1)
    path = tmp_path / "noise.wav"
    path.write_bytes(encoded(noise, rate))
    blocks = list(stream_audio(path, 16000, block))
    np.testing.assert_array_equal(np.concatenate(blocks), read_audio(path, 16000).samples)
    assert max(map(len, blocks)) <= 16000 * block + 2000


def test_a_files_name_tells_nothing_about_its_format(tmp_path: Path) -> None:
    for name in ("sound.raw", "sound", "sound.mp3"):
        path = tmp_path / name
        path.write_bytes(encoded(tone(0.2)))
        assert len(read_audio(path, 16000).samples) == 3200


def test_an_open_file_stays_open() -> None:
    file = io.BytesIO(encoded(tone(0.2)))
    assert len(read_audio(file, 16000).samples) == 3200
    assert not file.closed


def test_levels_of_clipped_and_silent_recordings() -> None:
    fine = read_audio(encoded(tone(0.5)), 16000).levels
    assert not fine.remark()
    loud = np.clip(tone(0.5, peak=3.0), -1, 1)
    for subtype in ("PCM_16", "PCM_U8", "FLOAT"):
        clipped = read_audio(encoded(loud, subtype=subtype), 16000).levels
        assert clipped.clipped
        assert "clipped" in clipped.remark()
        # A sine of three times full scale is beyond it for all but asin(1/3) of a quarter.
        assert clipped.clipped_share == pytest.approx(0.78, abs=0.03)
    silent = read_audio(encoded(np.zeros(8000)), 16000).levels
    assert silent.silent
    assert "silent" in silent.remark()


def test_levels_do_not_depend_on_the_blocks() -> None:
    loud = np.clip(tone(0.06, hertz=2100, peak=1.5), -1, 1)
    file = encoded(loud)
    from cnntasks_speech.audio import Recording

    counts = set()
    for seconds in (1 / 16000, 0.0004, 0.01, 1.0):
        with Recording(file, 16000) as recording:
            for _ in recording.blocks(seconds):
                pass
            counts.add(recording.levels.flat)
    assert len(counts) == 1
    assert counts.pop() > 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (encoded(np.zeros(0)), "holds no sound"),
        (encoded(tone(0.5))[:30], "header is cut off or damaged"),
        (encoded(tone(0.5), format="FLAC")[:40], "header is cut off or damaged"),
        (b"call me Ishmael\n" * 40, "is a text, not audio"),
        (bytes(range(256)) * 4, "is not audio"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is a picture, not audio"),
        (b"\0\0\0\x18ftypmp42" + bytes(500), "is a video (MP4); take the sound out"),
        (b"\x1a\x45\xdf\xa3" + bytes(500), "is a video (WebM or Matroska)"),
        (b"RIFF\0\0\0\0AVI LIST" + bytes(500), "is a video (AVI)"),
        (b"\0\0\0\x18ftypM4A " + bytes(500), "is MPEG-4 audio (AAC or ALAC), which is not read"),
        (encoded(np.full(800, np.nan), subtype="FLOAT"), "are no numbers"),
        (encoded(np.full(800, np.inf), subtype="FLOAT"), "are no numbers"),
        (encoded(np.full(800, 12000.0), subtype="FLOAT"), "divide integer samples by 32768"),
        (encoded(tone(0.5, 1000, 50), 1000), "sample rate of 1000 Hz"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_audio(data, 16000, name="it.wav")
    assert str(caught.value).startswith("it.wav: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_where_numbers_end_is_told() -> None:
    samples = tone(3.0)
    samples[40000] = np.nan
    with pytest.raises(InputError, match=r"no numbers .*from 2\.00 s on"):
        list(stream_audio(encoded(samples, subtype="FLOAT"), 16000))


def test_a_damaged_middle_is_told() -> None:
    noise = np.random.default_rng(1).normal(0, 0.2, 160000).clip(-1, 1)
    data = encoded(noise, format="FLAC")
    with pytest.raises(InputError, match="is damaged after"):
        list(stream_audio(data[: len(data) // 2], 16000, 0.5))


def test_a_missing_end_is_remarked() -> None:
    data = encoded(tone(4.0, 44100), 44100, "MP3", "MPEG_LAYER_III")
    levels = read_audio(data[: len(data) // 2], 16000).levels
    assert 1.0 < levels.missing < 3.0
    assert "is cut" in levels.remark()


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_audio(tmp_path / "gone.wav", 16000)
    with pytest.raises(InputError, match="cannot be read"):
        read_audio(tmp_path, 16000)


def test_arrays_from_python() -> None:
    sine = tone(0.5, 48000)
    expected = read_audio(encoded(sine, 48000, subtype="FLOAT"), 16000).samples
    whole = np.round(sine * 2**15).astype(np.int16)
    for values in (sine, sine.astype(np.float64), np.stack([sine, sine]), np.stack([sine] * 2, 1)):
        audio = mono_samples(values, 48000, 16000, "array")
        np.testing.assert_allclose(audio.samples, expected, atol=1e-6)
    np.testing.assert_allclose(
        mono_samples(whole, 48000, 16000, "array").samples, expected, atol=1e-4
    )
    unsigned = np.round(sine * 127 + 128).astype(np.uint8)
    np.testing.assert_allclose(
        mono_samples(unsigned, 48000, 16000, "array").samples, expected, atol=0.02
    )


@pytest.mark.parametrize(
    ("values", "rate", "message"),
    [
        (np.zeros((2, 3, 4)), 16000, "shape N or N×channels"),
        (np.zeros(0), 16000, "shape N or N×channels"),
        (np.array(["a"]), 16000, "holds numbers"),
        (np.zeros(100), 0, "no sample rate"),
        (np.zeros(100), float("nan"), "no sample rate"),
        (np.full(100, np.nan), 16000, "no numbers"),
    ],
)
def test_arrays_that_are_no_samples(values: object, rate: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        mono_samples(values, rate, 16000, "array")  # type: ignore[arg-type]
