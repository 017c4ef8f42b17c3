"""Long recordings composed of single clips, with pauses and noise: what spotting is measured on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnntasks_speech.detection import Said

Samples = NDArray[np.float32]

#: Length of one recording; more minutes make more recordings, so that memory is flat.
MINUTES = 5.0
#: Pauses between clips, in seconds.
_PAUSE = (0.3, 2.0)
#: Speech above the noise, in decibels.
_ABOVE_NOISE = (10.0, 30.0)
#: The quiet of a room, where there is no noise to mix in.
_QUIET = 3e-4


@dataclass(frozen=True, slots=True)
class Composed:
    """A recording and what is said in it, when."""

    samples: Samples
    said: tuple[Said, ...]


def compose_long(
    clips: Sequence[tuple[str | None, Callable[[], Samples]]],
    noises: Sequence[Callable[[], Samples]],
    rate: int,
    minutes: float,
    seed: int,
) -> Iterator[Composed]:
    """Recordings of about five minutes each, `minutes` in all.

    All clips come once in a random order before any comes again. Each recording has one noise, by
    a random 10 to 30 dB below its speech.

    Args:
        clips: the word of each (None where it is no word that is to be found) and its samples.
        noises: recordings of background noise; a quiet room without any.
        rate: of all samples.
        seed: the same one gives the same recordings.
    """
    random = np.random.default_rng(seed)
    order = _shuffled(len(clips), random)
    left = minutes * 60
    while left > 1e-6:
        seconds = min(left, MINUTES * 60)
        yield _compose(clips, noises, rate, seconds, order, random)
        left -= seconds


def _compose(
    clips: Sequence[tuple[str | None, Callable[[], Samples]]],
    noises: Sequence[Callable[[], Samples]],
    rate: int,
    seconds: float,
    order: Iterator[int],
    random: np.random.Generator,
) -> Composed:
    samples = np.zeros(round(seconds * rate), np.float32)
    said = []
    place = round(random.uniform(*_PAUSE) * rate)
    power, count = 0.0, 0
    while place < len(samples):
        word, load = clips[next(order)]
        clip = load()
        if place + len(clip) > len(samples):
            break
        samples[place : place + len(clip)] += clip
        power += float(np.square(clip, dtype=np.float64).sum())
        count += len(clip)
        if word is not None:
            said.append(Said(word, place / rate, (place + len(clip)) / rate))
        place += len(clip) + round(random.uniform(*_PAUSE) * rate)
    level = np.sqrt(power / max(count, 1))
    samples += _noise(noises, len(samples), float(level), random)
    return Composed(np.clip(samples, -1, 1), tuple(said))


def _noise(
    noises: Sequence[Callable[[], Samples]],
    count: int,
    level: float,
    random: np.random.Generator,
) -> Samples:
    if not noises:
        return random.normal(0, _QUIET, count).astype(np.float32)
    noise = noises[int(random.integers(len(noises)))]()
    start = int(random.integers(max(len(noise), 1)))
    wave = np.resize(np.roll(noise, -start), count)  # from there on, over and over
    loud = float(np.sqrt(np.square(wave, dtype=np.float64).mean())) or 1.0
    wanted = level * 10 ** (-random.uniform(*_ABOVE_NOISE) / 20)
    return (wave * (wanted / loud)).astype(np.float32)


def _shuffled(count: int, random: np.random.Generator) -> Iterator[int]:
    while True:
        yield from random.permutation(count).tolist()
