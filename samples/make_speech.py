"""Make the recordings in samples/speech with espeak-ng: nobody's voice, and no recording of anyone.

    python samples/make_speech.py

needs the program espeak-ng (Debian's package of that name, 1.51) beside the packages of cnntasks.
Words are spoken by voices of espeak-ng and resampled to 16 kHz; room noise lies under them. The
seed is fixed; another version of espeak-ng speaks a little differently.
"""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "speech"
RATE = 16000
#: File, word, voice, words per minute.
CLIPS = [
    ("yes.flac", "yes", "en-us+f4", 130),
    ("left.flac", "left", "en-gb+m4", 120),
    ("stop.ogg", "stop", "en-us+Michael", 130),
]
#: Word, voice, words per minute, and the pause after it in seconds.
TALK = [
    ("yes", "en-us+m4", 130, 0.9),
    ("right", "en-us+m4", 120, 0.6),
    ("stop", "en-us+m4", 130, 1.6),
    ("no", "en-us+f4", 120, 0.7),
    ("left", "en-us+f4", 130, 1.1),
    ("off", "en-us+f4", 120, 2.2),
    ("go", "en-gb+Michael", 120, 0.8),
    ("up", "en-gb+Michael", 120, 0.6),
    ("down", "en-gb+Michael", 130, 1.3),
    ("on", "en-us+m4", 120, 0.9),
]
#: A telephone number, with a pause after each digit in seconds.
DIGITS = [
    ("three", 0.1), ("one", 0.05), ("four", 0.25), ("one", 0.1), ("five", 0.1), ("nine", 0.3),
    ("two", 0.05), ("six", 0.2),
]  # fmt: skip
DIGITS_VOICE = "en-us"
ROOM = 4e-4


def speak(word: str, voice: str, speed: int) -> NDArray[np.float32]:
    """A word by a voice, without the silence around it; peak 0.5."""
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "--stdout", word]
    wave = subprocess.run(command, check=True, capture_output=True).stdout
    samples, rate = soundfile.read(io.BytesIO(wave), dtype="float32")
    samples = soxr.resample(samples, rate, RATE)
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    samples = samples[loud[0] : loud[-1] + 1]
    return np.asarray(samples * (0.5 / np.abs(samples).max()), np.float32)


def noisy(samples: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """The samples in a quiet room."""
    return samples + random.normal(0, ROOM, len(samples)).astype(np.float32)


def main() -> None:
    """Write the clips, the longer recording and its labels."""
    random = np.random.default_rng(2026)
    FOLDER.mkdir(exist_ok=True)
    for name, word, voice, speed in CLIPS:
        samples = speak(word, voice, speed)
        around = max(RATE - len(samples), 0)
        before = around // 2
        padded = np.pad(samples, (before, around - before))
        soundfile.write(FOLDER / name, noisy(padded, random), RATE)
    parts = [np.zeros(RATE // 2, np.float32)]
    labels = []
    for word, voice, speed, pause in TALK:
        samples = speak(word, voice, speed)
        start = sum(map(len, parts)) / RATE
        labels.append(f"{start:.6f}\t{start + len(samples) / RATE:.6f}\t{word}\n")
        parts += [samples, np.zeros(round(pause * RATE), np.float32)]
    soundfile.write(FOLDER / "talk.flac", noisy(np.concatenate(parts), random), RATE)
    (FOLDER / "talk.txt").write_text("".join(labels), encoding="utf-8")
    write_digits()


def write_digits() -> None:
    """Write the number; it has a seed of its own, so that it does not depend on the others."""
    parts = [np.zeros(RATE // 4, np.float32)]
    for digit, pause in DIGITS:
        parts += [speak(digit, DIGITS_VOICE, 130), np.zeros(round(pause * RATE), np.float32)]
    samples = noisy(np.concatenate(parts), np.random.default_rng(2027))
    soundfile.write(FOLDER / "digits.ogg", samples, RATE)


if __name__ == "__main__":
    main()
