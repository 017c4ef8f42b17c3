"""Recordings that tests make: encoded bytes of every format."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray


def tone(
    seconds: float, rate: int = 16000, hertz: float = 440.0, peak: float = 0.5
) -> NDArray[np.float32]:
    """A sine as mono float32."""
    time = np.arange(round(seconds * rate)) / rate
    return (peak * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def encoded(
    samples: NDArray[Any], rate: int = 16000, format: str = "WAV", subtype: str | None = "PCM_16"
) -> bytes:
    """Samples (N or N×channels) as the bytes of a file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype)
    return file.getvalue()


def stdin_of(stream: BinaryIO, terminal: bool = False) -> SimpleNamespace:
    """What stands for `sys.stdin`."""
    return SimpleNamespace(buffer=stream, isatty=lambda: terminal)
