"""Writes small classification data sets in every format, for the tests of their readers."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def write_picture(
    path: Path, size: tuple[int, int] = (12, 10), seed: int = 0, orientation: int | None = None
) -> Path:
    """A picture of noise; other seeds give other pixels. `size` is (width, height) as stored."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.fromarray(noise).save(path, exif=exif)
    return path


def write_pictures(root: Path, *names: str) -> Path:
    """Pictures that all differ."""
    for number, name in enumerate(names):
        write_picture(root / name, seed=number)
    return root


def write_folders(root: Path) -> Path:
    """Two training pictures of cats and one of a dog, and one of each for validation."""
    return write_pictures(
        root,
        "train/cat/a.png",
        "train/cat/b.png",
        "train/dog/c.png",
        "val/cat/d.png",
        "val/dog/e.png",
    )


def write_table(file: Path, *lines: str, encoding: str = "utf-8") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    return file


def write_csv(root: Path) -> Path:
    """`train.csv` and `val.csv` over four pictures, classes cat and dog."""
    write_pictures(root, "images/a.png", "images/b.png", "images/c.png", "images/d.png")
    write_table(root / "train.csv", "path,label", "images/a.png,cat", "images/b.png,dog")
    write_table(root / "val.csv", "path,label", "images/c.png,dog", "images/d.png,cat")
    return root


def write_idx(file: Path, array: NDArray[np.uint8]) -> Path:
    """An IDX file of `array`, gzipped if its name says so."""
    file.parent.mkdir(parents=True, exist_ok=True)
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    data = header + array.tobytes()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)
    return file


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_mnist(root: Path, suffix: str = ".gz", prefix: str = "", test: str = "t10k") -> Path:
    """Ten training pictures of 8×9 pixels, one of each digit; the digits 3 and 1 for testing."""
    parts = {"train": list(range(10)), test: [3, 1]}
    for seed, (part, labels) in enumerate(parts.items()):
        images = noise(len(labels), 8, 9, seed=seed)
        write_idx(root / f"{prefix}{part}-images-idx3-ubyte{suffix}", images)
        write_idx(
            root / f"{prefix}{part}-labels-idx1-ubyte{suffix}", np.array(labels, dtype=np.uint8)
        )
    return root


def write_records(file: Path, labels: Iterable[tuple[int, ...]], seed: int = 0) -> Path:
    """CIFAR records: the label bytes, then 32×32 red, green and blue values of noise."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed)
    file.write_bytes(b"".join(bytes(label) + pixels.bytes(3072) for label in labels))
    return file


def write_cifar10(root: Path, batches: Mapping[int, int] | None = None) -> Path:
    """Five batches with one picture each, of the classes cat and dog by turns, and a test batch."""
    for number, label in (batches or {1: 0, 2: 1, 3: 0, 4: 1, 5: 0}).items():
        write_records(root / f"data_batch_{number}.bin", [(label,)], seed=number)
    write_records(root / "test_batch.bin", [(1,), (0,)], seed=9)
    write_table(root / "batches.meta.txt", "cat", "dog", "")
    return root
