"""Sound that is still going on: formats of a stream, and how soon words are there."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cnntasks_speech.audio import read_audio
from cnntasks_speech.live import CLIP_SECONDS, LiveSound, SampleFormat, open_stream, read_header
from recordings import encoded, tone
from tiny_spotter import spoken

import cnntasks
from cnntasks import InputError

SAID = [("high", 0.5), ("low", 2.0), ("low", 3.0), ("high", 5.1), ("low", 6.5)]
#: Seconds from the end of the window that has a word in its middle until the word is told.
MOST_DELAY = 0.5
HALF_WINDOW = 0.49


class Clocked:
    """A stream that gives a block of samples every `block` seconds of a clock of its own."""

    def __init__(self, data: bytes, rate: int, block: float) -> None:
        self._file = io.BytesIO(data)
        self._rate = rate
        self._block = round(block * rate) * 2
        self.given = 0

    @property
    def now(self) -> float:
        """Seconds that have been spoken."""
        return self.given / 2 / self._rate

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)

    def read1(self, size: int = -1, /) -> bytes:
        data = self._file.read(min(self._block, size))
        self.given += len(data)
        return data


def raw(samples: np.ndarray) -> bytes:
    return np.round(samples * 32767).astype("<i2").tobytes()


@pytest.mark.parametrize("rate", [16000, 48000, 8000])
@pytest.mark.parametrize("block", [0.02, 0.125])
def test_words_are_told_soon_after_their_window(tones: Path, rate: int, block: float) -> None:
    told: list[tuple[float, Any]] = []
    stream = Clocked(raw(spoken(SAID, 9.0, rate)), rate, block)
    spotter = cnntasks.load(
        "speech", tones, batch_size=1, on_word=lambda word: told.append((stream.now, word))
    )
    make, live = open_stream(stream, rate)
    assert live
    [outcome] = spotter.run([make(16000)])
    assert [word for _, word in told] == list(outcome.result.words)
    assert [(word.word, round(word.start, 1)) for _, word in told] == SAID
    # A resampler looks a little ahead.
    lookahead = {16000: 0.0, 48000: 0.04, 8000: 0.11}[rate]
    for now, word in told:
        delay = now - ((word.start + word.end) / 2 + HALF_WINDOW)
        assert delay < MOST_DELAY - 0.05 + lookahead + block


def test_a_live_recording_has_the_words_of_the_file(tones: Path) -> None:
    samples = spoken(SAID, 9.0)
    make, _ = open_stream(Clocked(raw(samples), 16000, 0.033), 16000)
    spotter = cnntasks.load("speech", tones, batch_size=1)
    [outcome] = spotter.run([make(16000)])
    assert outcome.result.seconds == 9.0
    assert outcome.result.words == spotter((np.round(samples * 32767) / 32768, 16000)).words


@pytest.mark.slow
def test_a_piped_recording_is_written_down_in_time(tones: Path, tmp_path: Path) -> None:
    samples = spoken(SAID, 9.0)
    command = [sys.executable, "-m", "cnntasks", "speech", "-", "--raw", "16000"]
    process = subprocess.Popen(
        [*command, "--model", str(tones), "--format", "json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=False,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"tones: ONNX")  # it listens now
    began = time.perf_counter()

    def speak(stream: Any) -> None:
        for start in range(0, len(samples), 320):
            ahead = began + start / 16000 - time.perf_counter()
            if ahead > 0:
                time.sleep(ahead)
            stream.write(raw(samples[start : start + 320]))
            stream.flush()
        stream.close()

    speaker = threading.Thread(target=speak, args=(process.stdin,))
    speaker.start()
    delays = []
    for line in process.stdout:
        now = time.perf_counter() - began
        word = json.loads(line)
        delays.append(now - ((word["start"] + word["end"]) / 2 + HALF_WINDOW))
    speaker.join()
    process.stderr.close()
    process.stdout.close()
    assert process.wait(10) == 0
    assert len(delays) == len(SAID)
    assert max(delays) < MOST_DELAY


def blocks(stream: Any, raw_rate: int | None = None, rate: int = 16000) -> np.ndarray:
    make, live = open_stream(stream, raw_rate)
    assert live
    return np.concatenate(list(make(rate).value.blocks()))


@pytest.mark.parametrize(
    ("subtype", "tolerance"),
    [("PCM_16", 1e-4), ("PCM_U8", 0.01), ("PCM_24", 1e-6), ("PCM_32", 1e-7), ("FLOAT", 1e-7),
     ("DOUBLE", 1e-7)],
)  # fmt: skip
@pytest.mark.parametrize("format", ["WAV", "WAVEX"])
def test_wav_streams_of_all_kinds(subtype: str, tolerance: float, format: str) -> None:
    frames = np.stack([tone(2.5, peak=0.8), tone(2.5, hertz=700, peak=0.4)], axis=1)
    stream = Clocked(encoded(frames, format=format, subtype=subtype), 16000, 0.0101)
    np.testing.assert_allclose(blocks(stream), frames.mean(axis=1), atol=tolerance)


def test_a_header_that_does_not_know_the_length_yet() -> None:
    data = bytearray(encoded(tone(0.5)))
    for size in (0, 0x7FFFFFFF, 0xFFFFFFFF):
        data[40:44] = struct.pack("<I", size)
        assert len(blocks(io.BytesIO(bytes(data)))) == 8000


def test_what_follows_the_samples_is_no_sound() -> None:
    data = encoded(tone(3.0)) + b"LIST" + struct.pack("<I", 4) + b"INFO"
    assert len(blocks(io.BytesIO(data))) == 48000


def test_odd_bytes_do_not_tear_samples() -> None:
    class Dribble(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            return super().read1(min(size or 7, 7))

    samples = tone(0.3)
    np.testing.assert_allclose(blocks(Dribble(raw(samples)), 16000), samples, atol=1e-4)
    assert len(blocks(io.BytesIO(raw(samples)[:-1]), 16000)) == 4799


def test_a_resampled_stream_is_the_resampled_file() -> None:
    samples = tone(2.5, 44100)
    expected = read_audio(encoded(samples, 44100), 16000).samples
    found = blocks(Clocked(encoded(samples, 44100), 44100, 0.017))
    np.testing.assert_array_equal(found, expected)


def test_short_files_and_other_formats_are_read_to_their_end() -> None:
    short = encoded(tone(CLIP_SECONDS - 0.5))
    make, live = open_stream(io.BytesIO(short), None)
    assert not live
    samples, rate = make(16000).value
    assert (len(samples), rate) == ((CLIP_SECONDS - 0.5) * 16000, 16000)
    for format in ("FLAC", "OGG", "AIFF"):
        data = encoded(tone(3.0), format=format, subtype=None)
        make, live = open_stream(io.BytesIO(data), None)
        assert not live
        assert make(16000).read_bytes() == data
    law = encoded(tone(3.0), subtype="ULAW")
    make, live = open_stream(io.BytesIO(law), None)
    assert not live
    assert make(16000).read_bytes() == law


def test_streams_of_nothing() -> None:
    with pytest.raises(InputError, match="standard input is empty"):
        open_stream(io.BytesIO(b""), None)
    with pytest.raises(InputError, match="header is cut off"):
        open_stream(io.BytesIO(encoded(tone(1.0))[:38]), None)


def test_an_interruption_ends_the_recording() -> None:
    class Interrupted(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            data = super().read1(3200)
            if not data:
                raise KeyboardInterrupt
            return data

    assert len(blocks(Interrupted(raw(tone(0.5))), 16000)) == 8000


def test_numbers_that_are_none_end_a_stream() -> None:
    samples = tone(3.0)
    samples[20000] = np.nan
    sound = LiveSound(
        io.BytesIO(samples.tobytes()), SampleFormat(16000, bits=32, floating=True), 16000
    )
    with pytest.raises(InputError, match="-: has samples that are no numbers"):
        list(sound.blocks())


def test_headers_of_soundfile_are_understood() -> None:
    for subtype, bits, floating in (("PCM_16", 16, False), ("FLOAT", 32, True)):
        format, rest = read_header(io.BytesIO(encoded(tone(2.5, 22050), 22050, subtype=subtype)))
        assert format is not None
        assert (format.rate, format.bits, format.floating) == (22050, bits, floating)
        assert format.seconds == pytest.approx(2.5)
        assert rest == b""
