"""Pictures that the tests of this folder make for themselves."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnntasks.media.files import file_source
from cnntasks.task import Source

Pixels = NDArray[np.uint8]
RED, WHITE = (255, 0, 0), (255, 255, 255)


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def source_of(path: Path) -> Source:
    return file_source(path, path.name, PurePosixPath(path.name))


def value_source(value: Any) -> Source:
    return Source("array", PurePosixPath("array"), lambda: b"", value=value)


def noise(height: int, width: int, channels: int = 3) -> Pixels:
    return np.random.default_rng(7).integers(0, 256, (height, width, channels), np.uint8)
