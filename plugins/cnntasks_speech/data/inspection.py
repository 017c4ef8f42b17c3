"""Decodes every recording of a data set and says what it holds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnntasks import InputError
from cnntasks_speech.audio import Recording
from cnntasks_speech.data.records import Clip

#: A clip that says where it begins in a long recording is so long, in seconds.
_CUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a recording really holds, or why it cannot be read.

    Attributes:
        digest: of the samples as 16-bit numbers, so that a lossless copy in another format is
            recognised.
        seconds: of the clip.
        rate: of the file, in Hz.
        silent: there is nothing to hear.
        clipped: the share that is cut off at full scale, where it is more than a little.
        missing: seconds that the header promises and that are not there.
        fault: what is wrong and what to do; empty where it can be read.
    """

    digest: bytes = b""
    seconds: float = 0.0
    rate: int = 0
    silent: bool = False
    clipped: float = 0.0
    missing: float = 0.0
    fault: str = ""


def inspect_clips(clips: Sequence[Clip]) -> list[Inspection]:
    """Inspect all clips; one that several rows name is decoded once."""
    places = list(dict.fromkeys((clip.path, clip.start) for clip in clips))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(places, pool.map(_inspect, places), strict=True))
    return [found[clip.path, clip.start] for clip in clips]


def _inspect(place: tuple[Path, float | None]) -> Inspection:
    path, start = place
    digest = hashlib.blake2b(digest_size=16)
    try:
        rate = source_rate(path)
        with Recording(path, rate) as recording:
            if start is not None and start >= recording.seconds:
                return Inspection(fault=f"has no sound at {start:g} s; correct where it begins")
            for block in recording.blocks(10.0):
                digest.update(np.round(block * 32767).astype("<i2").tobytes())
            levels, seconds = recording.levels, recording.seconds
    except InputError as error:
        return Inspection(fault=str(error).removeprefix(f"{path}: "))
    if start is not None:
        digest.update(f"{start:g}".encode())
        seconds = min(_CUT_SECONDS, seconds - start)
    return Inspection(
        digest.digest(),
        seconds,
        rate,
        levels.silent,
        levels.clipped_share if levels.clipped else 0.0,
        levels.missing,
    )


def source_rate(path: Path) -> int:
    """The rate of a file, in Hz; raises InputError."""
    with Recording(path, 16000) as recording:
        return recording.source_rate
