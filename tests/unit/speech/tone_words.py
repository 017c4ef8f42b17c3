"""Words that are tones: what a small network learns in seconds, said by several speakers."""

from __future__ import annotations

import csv
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 4000
#: Hz of each word.
WORDS = {"low": 300.0, "middle": 700.0, "high": 1500.0}
SPEAKERS = ("ann", "bob", "cid", "dan")


def tone(word: str, speaker: int, take: int) -> NDArray[np.float32]:
    """A word as a speaker says it: a third of a second, with silence around."""
    random = np.random.default_rng((speaker, take, len(word)))
    count = int(RATE * random.uniform(0.25, 0.35))
    pitch = WORDS[word] * (1 + 0.02 * (speaker - 1.5))
    sound = np.sin(2 * np.pi * pitch * np.arange(count) / RATE) * np.hanning(count)
    level = 0.1 * (speaker + 1)
    silence = np.zeros(RATE // 10)
    return np.concatenate([silence, level * sound, silence]).astype(np.float32)


def write_wav(path: Path, samples: NDArray[np.float32]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())


def write_words(folder: Path, takes: int = 2) -> Path:
    """A folder with train.csv, val.csv and test.csv: path,transcript,speaker, one word each."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"train": SPEAKERS[:2], "val": SPEAKERS[2:3], "test": SPEAKERS[3:]}
    for split, speakers in parts.items():
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["path", "transcript", "speaker"])
            for speaker in speakers:
                for word in WORDS:
                    for take in range(takes):
                        name = f"{word}-{speaker}-{take}.wav"
                        write_wav(folder / name, tone(word, SPEAKERS.index(speaker), take))
                        writer.writerow([name, word, speaker])
    return folder
