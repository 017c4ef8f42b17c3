"""Recordings of any format, rate and number of channels as mono float32 at the network's rate.

libsndfile (the package `soundfile`) decodes, soxr resamples, and both work block by block: what is
read as a whole and what is streamed are the same samples, bit for bit.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from cnntasks import InputError
from cnntasks_speech.levels import Levels
from cnntasks_speech.signatures import what_it_is

if TYPE_CHECKING:
    import soundfile
    import soxr

    Samples = NDArray[np.float32]
    AudioFile = Path | str | bytes | IO[bytes]

#: What a folder is searched for.
SUFFIXES: tuple[str, ...] = (
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".au", ".snd",
    ".caf", ".w64", ".rf64", ".sph", ".voc",
)  # fmt: skip
#: Below this rate nothing is left of speech, and a header that says so is mostly damaged.
LOWEST_RATE = 2000
#: Floating samples beyond this are no sound at full scale 1, but integers written as floats.
_FAR_BEYOND_FULL_SCALE = 16.0


@dataclass(frozen=True, slots=True)
class Audio:
    """A recording in memory.

    Attributes:
        samples: N float32 in [-1, 1], mono.
        rate: of `samples`, in Hz.
        source_rate: of the file, in Hz.
        channels: of the file, which were averaged.
        seconds: of the file.
        levels: how loud it is, and whether it is cut off at full scale.
    """

    samples: Samples
    rate: int
    source_rate: int
    channels: int
    seconds: float
    levels: Levels


def read_audio(file: AudioFile, rate: int, name: str | None = None) -> Audio:
    """Read a recording as a whole.

    Args:
        file: a path, the encoded bytes, or a binary file that can be sought in.
        rate: that the samples are wanted at, in Hz.
        name: in messages; the path, where there is one.

    Raises:
        InputError: missing, empty, no audio, damaged, or with samples that are no numbers.
    """
    with Recording(file, rate, name) as recording:
        blocks = list(recording.blocks(10.0))
        samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
        return Audio(
            samples,
            rate,
            recording.source_rate,
            recording.channels,
            recording.seconds,
            recording.levels,
        )


def stream_audio(
    file: AudioFile, rate: int, block_seconds: float = 1.0, name: str | None = None
) -> Iterator[Samples]:
    """The samples of `read_audio` in blocks, at the same memory for a file of any length.

    Args:
        block_seconds: about the length of a block, which may be shorter or empty.

    Raises:
        InputError: as for `read_audio`; what is wrong farther on is raised when it is reached.
    """
    with Recording(file, rate, name) as recording:
        yield from recording.blocks(block_seconds)


def resampler(source_rate: int, rate: int) -> soxr.ResampleStream | None:
    """What turns blocks of one rate into those of another; None where the rates are equal."""
    if source_rate == rate:
        return None
    import soxr

    return soxr.ResampleStream(source_rate, rate, 1, dtype="float32", quality="HQ")


class Recording:
    """A recording that is open for reading, once, from its beginning to its end.

    Args:
        file, rate, name: as for `read_audio`.

    Attributes:
        source_rate: in Hz.
        channels: how many.
        seconds: what the file's header says until `blocks` has ended, then what was read.
        levels: of what has been read.

    Raises:
        InputError: as for `read_audio`.
    """

    def __init__(self, file: AudioFile, rate: int, name: str | None = None) -> None:
        self.name = name or (str(file) if isinstance(file, str | Path) else "audio")
        self.rate = rate
        self.levels = Levels()
        self._sound = self._open(file)
        self.source_rate: int = self._sound.samplerate
        self.channels: int = self._sound.channels
        self.seconds: float = self._sound.frames / self.source_rate
        if self.source_rate < LOWEST_RATE:
            self.close()
            raise InputError(
                f"{self.name}: has a sample rate of {self.source_rate} Hz, which holds no speech; "
                f"record it with {rate} Hz"
            )

    def _open(self, file: AudioFile) -> soundfile.SoundFile:
        import soundfile

        handle = _open_binary(file, self.name)
        self._owned = None if handle is file else handle
        try:
            head = _head(handle, self.name)
            if not head:
                raise InputError(f"{self.name}: is empty (0 bytes); record it again")
            # Without a name, from whose suffix `soundfile` would tell the format.
            nameless = SimpleNamespace(seek=handle.seek, tell=handle.tell, read=handle.read)
            return soundfile.SoundFile(nameless)
        except (soundfile.SoundFileError, TypeError, ValueError) as error:
            self._close_owned()
            raise InputError(f"{self.name}: {what_it_is(head, _reason(error))}") from error
        except InputError:
            self._close_owned()
            raise

    def blocks(self, seconds: float = 1.0) -> Iterator[Samples]:
        """The samples, mono at `rate`, in blocks of about `seconds`.

        Raises:
            InputError: the file is damaged farther on, or holds samples that are no numbers.
        """
        import soundfile

        resample = resampler(self.source_rate, self.rate)
        wanted = max(1, round(seconds * self.source_rate))
        read = 0
        while True:
            try:
                frames = self._sound.read(wanted, dtype="float32", always_2d=True)
            except (soundfile.SoundFileError, RuntimeError) as error:
                raise InputError(
                    f"{self.name}: is damaged after {read / self.source_rate:.2f} s "
                    f"({_reason(error)}); get a whole copy"
                ) from error
            if not len(frames):
                break
            check_samples(frames, self.name, read / self.source_rate)
            self.levels.add(frames)
            read += len(frames)
            mono = frames.mean(axis=1, dtype=np.float32) if self.channels > 1 else frames[:, 0]
            yield bounded(mono if resample is None else resample.resample_chunk(mono))
        declared = self._sound.frames
        if resample is not None:
            yield bounded(resample.resample_chunk(np.zeros(0, np.float32), last=True))
        if not read:
            raise InputError(f"{self.name}: holds no sound (0 samples); record it again")
        self.seconds = read / self.source_rate
        # Headers of compressed files may be off by a block or two.
        self.levels.missing = max(0.0, declared / self.source_rate - self.seconds - 0.2)

    def close(self) -> None:
        """Close the file, unless it was given open."""
        self._sound.close()
        self._close_owned()

    def _close_owned(self) -> None:
        if self._owned is not None:
            self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def check_samples(frames: NDArray[np.floating[Any]], name: str, start: float = 0.0) -> None:
    """Refuse samples that are no numbers, or far beyond full scale.

    Args:
        frames: samples, or samples×channels.
        start: seconds before them, for the message.

    Raises:
        InputError: NaN, infinite, or more than 16 times full scale.
    """
    peak = np.abs(frames).max(initial=0.0)
    if peak <= _FAR_BEYOND_FULL_SCALE:  # false for NaN
        return
    if np.isfinite(peak):
        raise InputError(
            f"{name}: has samples of {peak:.4g} where full scale is 1; divide integer samples by "
            "32768 before they are written as floats"
        )
    raise InputError(
        f"{name}: has samples that are no numbers (NaN or infinite), from {start:.2f} s on; "
        "write it again from its source"
    )


def bounded(samples: Samples) -> Samples:
    """Samples within [-1, 1]: resampling overshoots a little, and floating files may be louder."""
    return np.clip(samples, -1.0, 1.0)


def mono_samples(values: NDArray[Any], source_rate: float, rate: int, name: str) -> Audio:
    """Samples from Python as `Audio`.

    Args:
        values: N, or N×channels, or channels×N (the longer axis is the time); floating numbers in
            [-1, 1], or integers at their full scale.
        source_rate: of them, in Hz.

    Raises:
        InputError: of another shape or kind, empty, an impossible rate, or no numbers.
    """
    if values.ndim not in (1, 2) or values.dtype.kind not in "fiu" or not values.size:
        raise InputError(
            f"{name}: an array of samples has the shape N or N×channels and holds numbers, not "
            f"{values.dtype} {'×'.join(map(str, values.shape)) or 'scalar'}"
        )
    if not source_rate >= LOWEST_RATE or source_rate != int(source_rate):
        raise InputError(f"{name}: {source_rate} Hz is no sample rate; give (samples, rate)")
    frames = values[:, None] if values.ndim == 1 else values
    if frames.shape[1] > frames.shape[0]:
        frames = frames.T
    if frames.dtype.kind == "u":  # silence is in the middle
        half = 2.0 ** (8 * frames.dtype.itemsize - 1)
        frames = (frames.astype(np.float64) - half) / half
    elif frames.dtype.kind == "i":
        frames = frames / 2.0 ** (8 * frames.dtype.itemsize - 1)
    check_samples(frames, name)
    levels = Levels()
    levels.add(frames)
    channels = frames.shape[1]
    if frames.shape[1] > 1:
        frames = frames.mean(axis=1, dtype=np.float64, keepdims=True)
    mono = frames[:, 0].astype(np.float32)
    resample = resampler(int(source_rate), rate)
    if resample is not None:
        mono = resample.resample_chunk(mono, last=True)
    seconds = len(frames) / source_rate
    return Audio(bounded(mono), rate, int(source_rate), channels, seconds, levels)


def _open_binary(file: AudioFile, name: str) -> IO[bytes]:
    """The encoded bytes as a file that can be sought in; raises InputError."""
    if isinstance(file, bytes):
        return io.BytesIO(file)
    if not isinstance(file, str | Path):
        return file
    try:
        return Path(file).open("rb")
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file; check the spelling") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{name}: cannot be read ({reason}); check path and permissions"
        ) from error


def _head(file: IO[bytes], name: str) -> bytes:
    """The first bytes of a file, which stays at its beginning; raises InputError."""
    try:
        file.seek(0)
        head = file.read(4096)
        file.seek(0)
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: cannot be read ({error}); check path and disk") from error
    return head


def _reason(error: Exception) -> str:
    """What libsndfile says, without the name of our object."""
    text = str(getattr(error, "error_string", "") or error).strip().rstrip(".")
    return text.removeprefix("Error : ").removeprefix("Error in ")
