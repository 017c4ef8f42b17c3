"""What `features` can be told, and the names of its methods."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cnntasks import UsageError

Method = Literal[
    "sobel",
    "prewitt",
    "scharr",
    "robinson",
    "kirsch",
    "laplacian",
    "canny",
    "gabor",
    "hog",
    "sift",
    "lbp",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """One extraction.

    Attributes:
        method: which features.
        size: longer side in pixels to which larger pictures are shrunk.
        sigma: of the Gaussian before laplacian (1.4) and canny (2), in pixels.
        low, high: thresholds of canny, 0..1.
        orientations: directions of hog (9) and gabor (8).
        cell: side of a cell of hog, in pixels.
        wavelengths: of the gabor bank, in pixels.
        radius, points: of lbp: the circle, and how many pixels of it are compared.
        match: another picture, whose sift keypoints are matched.
    """

    method: Method = "sobel"
    size: int = 640
    sigma: float | None = None
    low: float = 0.1
    high: float = 0.2
    orientations: int | None = None
    cell: int = 8
    wavelengths: tuple[float, ...] = (4.0, 8.0, 16.0)
    radius: float = 1.0
    points: int = 8
    match: Path | None = None

    def check(self) -> None:
        """Raise UsageError where options contradict each other."""
        if self.match is not None and self.method != "sift":
            raise UsageError(f"--match compares keypoints: use it with --method sift, not "
                             f"{self.method}")  # fmt: skip
        if self.low > self.high:
            raise UsageError(f"--low {self.low:g} must not lie above --high {self.high:g}")


def parse_wavelengths(text: str) -> tuple[float, ...]:
    """Numbers with commas between them, each at least 2 pixels.

    Raises:
        UsageError: it is something else.
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--wavelengths {text!r}: give numbers, as in 4,8,16") from error
    if any(not 2 <= value <= 256 for value in values):
        raise UsageError(f"--wavelengths {text!r}: each must lie between 2 and 256 pixels")
    return values
