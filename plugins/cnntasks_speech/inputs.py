"""What is listened to: a file, bytes, or samples from Python, all read block by block."""

from __future__ import annotations

import glob
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cnntasks import InputError, Source
from cnntasks_speech.audio import Audio, Recording, mono_samples

if TYPE_CHECKING:
    from cnntasks_speech.levels import Levels

#: Recordings up to this length are read as a whole, several at once in threads.
SHORT_SECONDS = 30.0
#: What is shorter holds no word.
SHORTEST_SECONDS = 0.1


class Sound(Protocol):
    """A recording, or a microphone, that is read once.

    Attributes:
        name: in messages.
        source_rate: in Hz.
        channels: how many, averaged in what is read.
        seconds: its length as far as it is known; exact when `blocks` has ended.
        levels: of what has been read.
        samples: all of it, where it is short enough to be in memory.
    """

    name: str
    source_rate: int
    channels: int
    levels: Levels
    samples: NDArray[np.float32] | None

    @property
    def seconds(self) -> float: ...

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The samples, mono at the network's rate; raises InputError."""
        ...


class ShortSound:
    """A recording in memory."""

    def __init__(self, name: str, audio: Audio) -> None:
        self.name = name
        self.source_rate = audio.source_rate
        self.channels = audio.channels
        self.seconds = audio.seconds
        self.levels = audio.levels
        self.samples: NDArray[np.float32] | None = audio.samples

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """All at once."""
        assert self.samples is not None
        yield self.samples


class LongSound:
    """A recording that is read while it is listened to, and closed at its end."""

    samples: NDArray[np.float32] | None = None

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.name = recording.name
        self.source_rate = recording.source_rate
        self.channels = recording.channels
        self.levels = recording.levels

    @property
    def seconds(self) -> float:
        """What the header says, and at the end what was there."""
        return self._recording.seconds

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """About a second each; raises InputError."""
        with self._recording:
            yield from self._recording.blocks(1.0)


def open_sound(source: Source, rate: int) -> Sound:
    """Open what a source names, for listening at `rate`.

    Raises:
        InputError: it cannot be read, is no audio, or too short for a word.
    """
    if hasattr(source.value, "blocks"):  # a microphone
        sound: Sound = source.value
        return sound
    if source.value is not None:
        return _short(source.name, _from_value(source.value, rate, source.name))
    if source.path is not None:
        recording = Recording(source.path, rate, source.name)
    else:
        recording = Recording(io.BytesIO(source.read_bytes()), rate, source.name)
    if recording.seconds > SHORT_SECONDS:
        return LongSound(recording)
    with recording:
        blocks = list(recording.blocks(SHORT_SECONDS))
    audio = Audio(
        np.concatenate(blocks),
        rate,
        recording.source_rate,
        recording.channels,
        recording.seconds,
        recording.levels,
    )
    return _short(source.name, audio)


def _short(name: str, audio: Audio) -> Sound:
    if audio.seconds < SHORTEST_SECONDS:
        raise InputError(
            f"{name}: is only {1000 * audio.seconds:.0f} ms long, too short for a word; record at "
            f"least {SHORTEST_SECONDS} s"
        )
    return ShortSound(name, audio)


def may_be_several(arguments: Sequence[str]) -> bool:
    """Whether arguments of a command line may stand for more than one recording."""
    [first, *more] = arguments or ("",)
    if more:
        return True
    return (
        first.startswith("@")
        or Path(first).is_dir()
        or (glob.has_magic(first) and not os.path.lexists(first))
    )


def is_samples(value: Any) -> bool:
    """Whether a value from Python is `(samples, rate)`."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and hasattr(value[0], "__array__")
        and isinstance(value[1], int | float | np.number)
    )


def _from_value(value: Any, rate: int, name: str) -> Audio:
    if not is_samples(value):
        raise InputError(f"{name}: an array does not tell its rate; give (samples, rate)")
    samples, source_rate = value
    return mono_samples(np.asarray(samples), float(source_rate), rate, name)
