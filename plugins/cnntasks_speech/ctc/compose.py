"""Utterances composed of recordings of single words, as one speaker would say them in a row.

A string has words of one speaker, each at the level at which it was recorded, with pauses between
them as people make them: often none, when the end of a word is blended into the next one's
beginning, sometimes short, seldom long; silence before and behind; and noise of a room under all of
it. Everything is drawn from one random generator, so that a seed stands for a set of strings.
NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

#: Of a word's frames, those this far below the loudest one are silence around it.
_SILENT_DB = 35.0
_FRAME_SECONDS = 0.010
#: What is kept of the silence around a word.
_MARGIN_SECONDS = 0.03
#: How often a word follows without a pause, and the longest blend then.
_NO_PAUSE = 0.3
_BLEND_SECONDS = 0.02
#: Means of the pauses, which have an exponential distribution, and the longest one.
_PAUSE_SECONDS = 0.12
_LONGEST_PAUSE = 0.8
#: Silence before the first and behind the last word, at most.
_AROUND_SECONDS = 0.4
#: The noise of the room below the speech.
_ROOM_DB = (30.0, 55.0)


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was composed.

    Attributes:
        samples: mono, in [-1, 1].
        words: in the order in which they are said.
        times: start and end of each word in seconds.
    """

    samples: Samples
    words: tuple[str, ...]
    times: tuple[tuple[float, float], ...]


def trimmed(samples: Samples, rate: int) -> Samples:
    """A recording without the silence around its word, but for a margin.

    Frames of 10 ms that are 35 dB or more below the loudest one are silence.
    """
    size = max(int(rate * _FRAME_SECONDS), 1)
    count = len(samples) // size
    if count == 0:
        return samples
    energy = np.square(samples[: count * size].astype(np.float64)).reshape(count, size).mean(axis=1)
    loud = np.flatnonzero(energy > energy.max() * 10 ** (-_SILENT_DB / 10))
    if len(loud) == 0:
        return samples
    margin = int(rate * _MARGIN_SECONDS)
    return samples[max(loud[0] * size - margin, 0) : (loud[-1] + 1) * size + margin]


def room_noise(count: int, level: float, random: np.random.Generator) -> Samples:
    """Noise whose power falls with frequency, by a random power between 0 (white) and 2 (brown).

    Args:
        count: samples.
        level: root mean square.
    """
    # A length that the transform is fast for.
    size = 1 << max(count - 1, 1).bit_length()
    spectrum = np.fft.rfft(random.standard_normal(size, np.float32))
    slope = random.uniform(0.0, 2.0)
    spectrum *= np.maximum(np.arange(len(spectrum)), size / 256).astype(np.float32) ** (-slope / 2)
    noise = np.fft.irfft(spectrum, size)[:count].astype(np.float32)
    rms = float(np.sqrt(np.mean(np.square(noise)))) or 1.0
    return noise * np.float32(level / rms)


def root_mean_square(samples: Samples) -> float:
    """0 for silence."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


class Composer:
    """Makes utterances of single words.

    Args:
        clips: speaker to word to recordings of it, without the silence around it.
        rate: of the recordings.
        shortest, longest: words in an utterance.
        weights: speaker to how often one is chosen; by the number of recordings without.
    """

    def __init__(
        self,
        clips: Mapping[str, Mapping[str, Sequence[Samples]]],
        rate: int,
        shortest: int,
        longest: int,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self.clips = {
            speaker: [(word, recordings) for word, recordings in words.items() if recordings]
            for speaker, words in clips.items()
        }
        self.rate = rate
        self.shortest = shortest
        self.longest = longest
        self.speakers = [speaker for speaker, words in self.clips.items() if words]
        shares = np.array(
            [
                weights[speaker] if weights else sum(len(it) for _, it in self.clips[speaker])
                for speaker in self.speakers
            ],
            np.float64,
        )
        self.shares = shares / shares.sum()

    def words(self) -> list[str]:
        """The words that any speaker has, sorted."""
        return sorted({word for words in self.clips.values() for word, _ in words})

    def compose(self, random: np.random.Generator, count: int | None = None) -> Utterance:
        """One utterance.

        Args:
            random: all of its randomness.
            count: words; from `shortest` to `longest`, all as likely, without.
        """
        if count is None:
            count = int(random.integers(self.shortest, self.longest + 1))
        words = self.clips[self.speakers[int(random.choice(len(self.speakers), p=self.shares))]]
        chosen = []
        for _ in range(count):
            word, recordings = words[int(random.integers(len(words)))]
            chosen.append((word, recordings[int(random.integers(len(recordings)))]))
        samples, places = self._joined([recording for _, recording in chosen], random)
        level = root_mean_square(np.concatenate([recording for _, recording in chosen]))
        room = level * 10 ** (-random.uniform(*_ROOM_DB) / 20)
        samples = samples + room_noise(len(samples), room, random)
        times = tuple((start / self.rate, end / self.rate) for start, end in places)
        return Utterance(samples.clip(-1, 1), tuple(word for word, _ in chosen), times)

    def _joined(
        self, recordings: Sequence[Samples], random: np.random.Generator
    ) -> tuple[Samples, list[tuple[int, int]]]:
        """The recordings in a row, and where each of them lies."""
        rate = self.rate
        places: list[tuple[int, int]] = []
        place = int(random.uniform(0, _AROUND_SECONDS) * rate)
        for number, recording in enumerate(recordings):
            if number:
                if random.random() < _NO_PAUSE:
                    blend = int(random.uniform(0, _BLEND_SECONDS) * rate)
                    shorter = min(len(recording), len(recordings[number - 1]))
                    place -= min(blend, shorter // 4)
                else:
                    pause = min(random.exponential(_PAUSE_SECONDS), _LONGEST_PAUSE)
                    place += int(pause * rate)
            places.append((place, place + len(recording)))
            place += len(recording)
        samples = np.zeros(place + int(random.uniform(0, _AROUND_SECONDS) * rate), np.float32)
        for number, (recording, (start, end)) in enumerate(zip(recordings, places, strict=True)):
            faded = recording
            before = places[number - 1][1] - start if number else 0
            behind = end - places[number + 1][0] if number + 1 < len(places) else 0
            if before > 0 or behind > 0:
                faded = recording.copy()
            if before > 0:
                faded[:before] *= _ramp(before)
            if behind > 0:
                faded[-behind:] *= _ramp(behind)[::-1]
            samples[start:end] += faded
        return samples, places


def compose_many(composer: Composer, count: int, seed: int | tuple[int, ...]) -> list[Utterance]:
    """So many utterances; the same seed gives the same ones."""
    random = np.random.default_rng(seed)
    return [composer.compose(random) for _ in range(count)]


def _ramp(count: int) -> Samples:
    """From 0 to 1, such that two uncorrelated sounds blended by it keep their power."""
    steps = (np.arange(count, dtype=np.float32) + 0.5) / count
    faded: Samples = np.sin(steps * np.float32(np.pi / 2))
    return faded
