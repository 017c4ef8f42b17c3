"""Sound that is still going on: headerless samples or a WAV stream on standard input.

`arecord` writes samples as they are recorded. They are taken as they come, however few, so that
nothing waits for a buffer to fill.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cnntasks import InputError, Source
from cnntasks_speech.audio import LOWEST_RATE, bounded, check_samples, resampler
from cnntasks_speech.levels import Levels

#: At most so many bytes are taken at once.
_AT_ONCE = 1 << 16
#: Sizes from here on stand for "not known yet" in the header of a stream.
_ENDLESS = 0x7FFF0000
#: A WAV stream whose header says that it is no longer than this is a file.
CLIP_SECONDS = 2.0
_RELATIVE = PurePosixPath("stdin")
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


class ByteStream(Protocol):
    """A binary stream as `sys.stdin.buffer` is one."""

    def read(self, size: int = -1, /) -> bytes:
        """Exactly `size` bytes, or fewer at the end."""
        ...

    def read1(self, size: int = -1, /) -> bytes:
        """What is there, at least one byte, or none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """How samples lie in a stream.

    Attributes:
        rate: in Hz.
        channels: interleaved.
        bits: of a sample: 8 (unsigned), 16, 24, 32; or 32, 64 where `floating`.
        floating: floating numbers.
        size: bytes of all samples, as far as the header knows; None: until the stream ends.
    """

    rate: int
    channels: int = 1
    bits: int = 16
    floating: bool = False
    size: int | None = None

    @property
    def frame(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * self.bits // 8

    @property
    def seconds(self) -> float:
        """Length as far as the header knows it, else infinite."""
        return float("inf") if self.size is None else self.size / self.frame / self.rate

    def decode(self, data: bytes) -> NDArray[np.float32]:
        """Whole frames as float32 N×channels in [-1, 1]."""
        values: NDArray[np.float32]
        if self.floating:
            values = np.asarray(np.frombuffer(data, f"<f{self.bits // 8}"), np.float32)
        elif self.bits == 8:
            values = np.asarray((np.frombuffer(data, np.uint8) - 128.0) / 128.0, np.float32)
        elif self.bits == 24:
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            values = np.asarray(wide.view("<i4")[:, 0] / 2.0**31, np.float32)
        else:
            whole = np.frombuffer(data, f"<i{self.bits // 8}")
            values = np.asarray(whole / 2.0 ** (self.bits - 1), np.float32)
        return values.reshape(-1, self.channels)


class LiveSound:
    """Samples that are listened to as they come; see `cnntasks_speech.inputs.Sound`.

    Args:
        stream: the samples.
        format: how they lie there.
        rate: at which the network hears them, in Hz.
        name: in messages.
    """

    samples: NDArray[np.float32] | None = None

    def __init__(
        self, stream: ByteStream, format: SampleFormat, rate: int, name: str = "-"
    ) -> None:
        self.name = name
        self.source_rate = format.rate
        self.channels = format.channels
        self.levels = Levels()
        self._heard = 0  # samples
        self._stream = stream
        self._format = format
        self._rate = rate

    @property
    def seconds(self) -> float:
        """What has come."""
        return self._heard / self.source_rate

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """What has come since the last block; ends with the stream, or when interrupted.

        Raises:
            InputError: samples that are no numbers.
        """
        resample = resampler(self.source_rate, self._rate)
        rest = b""
        left = self._format.size
        while left is None or left > 0:
            data = self._more(_AT_ONCE if left is None else min(left, _AT_ONCE))
            if not data:
                break
            left = None if left is None else left - len(data)
            data = rest + data
            whole = len(data) - len(data) % self._format.frame
            rest = data[whole:]
            if not whole:
                continue
            frames = self._format.decode(data[:whole])
            check_samples(frames, self.name, self.seconds)
            self.levels.add(frames)
            self._heard += len(frames)
            mono = frames.mean(axis=1, dtype=np.float32)
            yield bounded(mono if resample is None else resample.resample_chunk(mono))
        if resample is not None:
            yield bounded(resample.resample_chunk(np.zeros(0, np.float32), last=True))

    def _more(self, size: int) -> bytes:
        try:
            return self._stream.read1(size)
        except KeyboardInterrupt:
            # Whoever records ends with Ctrl-C, and still wants what was said.
            return b""


def read_header(stream: ByteStream) -> tuple[SampleFormat | None, bytes]:
    """The format of a WAV stream, which then stands at its first sample.

    Returns:
        The format, and None with what has been read where the stream is none, or of samples that
        only libsndfile knows.

    Raises:
        InputError: the stream is empty, or its header is cut off.
    """
    head = stream.read(12)
    if not head:
        raise InputError("-: standard input is empty; pipe a recording into it")
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None, head
    format: SampleFormat | None = None
    while True:
        chunk = stream.read(8)
        head += chunk
        if len(chunk) < 8:
            raise InputError("-: its header is cut off; pipe a whole WAV stream, or give --raw")
        kind, size = struct.unpack("<4sI", chunk)
        if kind == b"data" and format is not None:
            size = None if size >= _ENDLESS or not size else size
            return SampleFormat(
                format.rate, format.channels, format.bits, format.floating, size
            ), b""
        if kind == b"data":
            return None, head
        body = stream.read(size + size % 2)
        head += body
        if kind == b"fmt ":
            format = _read_format(body)
            if format is None:
                return None, head


def _read_format(body: bytes) -> SampleFormat | None:
    if len(body) < 16:
        return None
    tag, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack("<H", body[24:26])[0]
    known = (tag == _PCM and bits in (8, 16, 24, 32)) or (tag == _FLOAT and bits in (32, 64))
    if not known or not channels or rate < LOWEST_RATE or frame != channels * bits // 8:
        return None
    return SampleFormat(rate, channels, bits, tag == _FLOAT)


def open_stream(stream: ByteStream, raw_rate: int | None) -> tuple[Callable[[int], Source], bool]:
    """Standard input as a source.

    A WAV stream, or raw samples, are listened to live. A short WAV file, and what can only be
    decoded as a whole, are read to their end first and treated like files.

    Args:
        stream: standard input.
        raw_rate: of samples without a header; None: the stream begins with one.

    Returns:
        What makes the source for the network's rate; and whether it is live.

    Raises:
        InputError: the stream is empty, or its header is cut off.
    """
    if raw_rate is not None:
        return _live_source(stream, SampleFormat(raw_rate)), True
    format, head = read_header(stream)
    if format is None:
        data = head + stream.read()
        return lambda _: Source("-", _RELATIVE, lambda: data), False
    if format.seconds > CLIP_SECONDS:
        return _live_source(stream, format), True
    assert format.size is not None
    data = stream.read(format.size)
    frames = format.decode(data[: len(data) - len(data) % format.frame])
    return lambda _: Source("-", _RELATIVE, bytes, value=(frames, format.rate)), False


def _live_source(stream: ByteStream, format: SampleFormat) -> Callable[[int], Source]:
    def source(rate: int) -> Source:
        return Source("-", _RELATIVE, bytes, value=LiveSound(stream, format, rate))

    return source
