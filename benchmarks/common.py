"""What the benchmarks share: timing commands in turn, and photos to run them on."""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

SAMPLES = Path(__file__).parent.parent / "samples"
CNNTASKS = [sys.executable, "-m", "cnntasks"]
IMPORTS = [sys.executable, "-c", "import torch, torchvision"]


def seconds(command: Sequence[str], cwd: Path) -> float:
    """Wall time of one command."""
    start = time.perf_counter()
    subprocess.run(command, check=True, cwd=cwd, capture_output=True)
    return time.perf_counter() - start


def medians(commands: dict[str, Sequence[str]], repeat: int, cwd: Path) -> dict[str, float]:
    """Median wall time of each command, the commands taken in turn."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeat + 1):
        for name, command in commands.items():
            times[name].append(seconds(command, cwd))
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def make_photos(folder: Path, count: int) -> None:
    """Photos of about 500 pixels: crops of the samples at random places, as JPEG."""
    random = np.random.default_rng(0)
    pictures = [Image.open(path).convert("RGB") for path in sorted(SAMPLES.glob("*.webp"))]
    folder.mkdir(parents=True)
    for number in range(count):
        picture = pictures[number % len(pictures)]
        width, height = (500, 375) if number % 4 else (375, 500)
        scale = random.uniform(0.55, 1.0)
        size = (round(picture.width * scale), round(picture.height * scale))
        resized = picture.resize((max(size[0], width), max(size[1], height)))
        x = int(random.integers(resized.width - width + 1))
        y = int(random.integers(resized.height - height + 1))
        resized.crop((x, y, x + width, y + height)).save(folder / f"{number:04}.jpg", quality=90)


def rate(code: str, folder: Path) -> float:
    """Pictures per second that a script prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], check=True, capture_output=True, text=True
    )
    return float(done.stdout.split()[-1])


def print_machine(*packages: str) -> None:
    """One line: processor architecture, Python and versions."""
    print(f"{platform.machine()}, Python {platform.python_version()},", end=" ")
    print(", ".join(f"{name} {version(name)}" for name in packages))
