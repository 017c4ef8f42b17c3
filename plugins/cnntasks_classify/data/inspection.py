"""Decodes every picture of a data set and says what it holds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnntasks import InputError
from cnntasks_classify.data.records import Example


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a picture really holds, or why it cannot be read.

    Attributes:
        digest: of the decoded pixels, so that a copy in another format or with other metadata
            is recognised as long as its pixels are the same.
        width: in pixels, after the EXIF orientation has been applied.
        height: likewise.
        fault: what is wrong and what to do; empty where all is well.
    """

    digest: bytes = b""
    width: int = 0
    height: int = 0
    fault: str = ""


def inspect_examples(examples: Sequence[Example]) -> list[Inspection]:
    """Inspect all `examples`; a file that several of them name is decoded once."""
    paths = list(dict.fromkeys(example.path for example in examples if example.path is not None))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        files = dict(zip(paths, pool.map(_inspect_file, paths), strict=True))
    return [
        files[example.path] if example.path is not None else _inspect_array(example.pixels)
        for example in examples
    ]


def _inspect_file(path: Path) -> Inspection:
    try:
        return _inspect_array(Example(str(path), -1, path).load())
    except InputError as error:
        return Inspection(fault=str(error).removeprefix(f"{path}: "))


def _inspect_array(pixels: NDArray[np.uint8] | None) -> Inspection:
    # Grey arrays stay grey: pictures are compared within one data set only, and it is faster.
    if pixels is None or not pixels.size:
        return Inspection(fault="the picture has no pixels; leave it out")
    height, width = pixels.shape[:2]
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=16, salt=b"%dx%d" % (width, height))
    return Inspection(digest.digest(), width, height)
