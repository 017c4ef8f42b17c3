"""Data sets of tones that tests make: every word has a pitch of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from recordings import tone

#: Hz of each word.
WORDS = {"yes": 400.0, "no": 900.0, "cat": 2000.0, "dog": 3000.0}
RATE = 8000


def write_word(path: Path, hertz: float, seconds: float = 0.4, seed: int = 0) -> Path:
    """One recording: a tone in a little noise, padded to a second."""
    random = np.random.default_rng(seed)
    wave = random.normal(0, 0.003, RATE).astype(np.float32)
    start = int(random.integers(2000, 3000))
    sound = tone(seconds, RATE, hertz * random.uniform(0.97, 1.03))
    wave[start : start + len(sound)] += sound
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, RATE, subtype="PCM_16")
    return path


def write_noise(folder: Path, seconds: float = 3.0) -> Path:
    """Background noise, where Speech Commands has it."""
    path = folder / "_background_noise_" / "white.wav"
    path.parent.mkdir(parents=True)
    wave = np.random.default_rng(7).normal(0, 0.05, round(seconds * RATE)).astype(np.float32)
    soundfile.write(path, wave, RATE, subtype="PCM_16")
    return path


def write_folders(
    folder: Path, speakers: int = 8, words: tuple[str, ...] = tuple(WORDS), noise: bool = True
) -> Path:
    """A folder per word; each speaker says each word once."""
    for number in range(speakers):
        for word in words:
            name = f"speaker{number:03}_nohash_0.wav"
            write_word(folder / word / name, WORDS[word], seed=100 * number + len(word))
    if noise:
        write_noise(folder)
    return folder


def write_table(folder: Path, rows: list[tuple[str, ...]], header: str, name: str) -> Path:
    """A CSV file."""
    path = folder / name
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    return path
