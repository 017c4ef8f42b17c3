"""Training pictures for imitation: photographs, and what an optimisation makes of them.

A picture that is being optimised is no photograph: it has grain, strokes and colours that none
has. A network that imitated its teacher on photographs alone would be led astray there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnntasks_style.pictures import read_picture

Pixels = NDArray[np.float32]


class Textures:
    """Random square samples of a list of pictures, H×W×3 in about 0..1.

    Args:
        files: pictures.
        side: of the samples in pixels.
        augment: what optimisation may come upon: other colours and contrast, grain of any
            spectrum, a second picture shining through. Without it a sample is the picture's middle.
    """

    def __init__(self, files: Sequence[Path], side: int, augment: bool = True) -> None:
        self.files = list(files)
        self.side = side
        self.augment = augment

    def __len__(self) -> int:
        return len(self.files)

    def sample(self, index: int, seed: int) -> Pixels:
        """The same index and seed give the same sample.

        Raises:
            InputError: the picture cannot be read; the message names it.
        """
        rng = np.random.default_rng((seed, index))
        pixels: NDArray[Any] = self._crop(index, rng)
        if not self.augment:
            return pixels
        choice = rng.random()
        if choice < 0.25:
            other = self._crop(int(rng.integers(len(self.files))), rng)
            if choice < 0.15:
                part = rng.uniform(0.2, 0.8)
                pixels = part * pixels + (1 - part) * other
            else:
                pixels = pixels + rng.uniform(0.3, 1) * (other - other.mean(axis=(0, 1)))
        if rng.random() < 0.5:
            middle = pixels.mean()
            pixels = (pixels - middle) * rng.uniform(0.5, 1.8) + middle + rng.uniform(-0.2, 0.2)
        if rng.random() < 0.4:
            pixels = pixels @ (np.eye(3) + rng.normal(0, 0.25, (3, 3))) + rng.normal(0, 0.1, 3)
        if rng.random() < 0.35:
            pixels = pixels + abs(rng.normal(0, 0.12)) * grain(self.side, rng)
        if rng.random() < 0.7:  # an optimised picture leaves 0..1 on its way
            pixels = pixels.clip(0, 1)
        return pixels.astype(np.float32)

    def _crop(self, index: int, rng: np.random.Generator) -> Pixels:
        image = Image.fromarray(read_picture(self.files[index]).pixels)
        short = min(image.size)
        if not self.augment:
            left, top = (image.width - short) // 2, (image.height - short) // 2
            return self._scaled(image, (left, top, left + short, top + short))
        cut = min(max(self.side, round(self.side * rng.uniform(0.5, 1.6))), short)
        left = int(rng.integers(image.width - cut + 1))
        top = int(rng.integers(image.height - cut + 1))
        pixels = self._scaled(image, (left, top, left + cut, top + cut))
        if rng.random() < 0.5:
            pixels = pixels[:, ::-1]
        if rng.random() < 0.2:
            pixels = pixels[::-1]
        if rng.random() < 0.2:
            pixels = pixels.swapaxes(0, 1)
        return pixels

    def _scaled(self, image: Image.Image, box: tuple[int, int, int, int]) -> Pixels:
        size = (self.side, self.side)
        scaled = image.resize(size, Image.Resampling.BICUBIC, box, reducing_gap=None)
        return np.asarray(scaled, np.float32) / np.float32(255)


def grain(side: int, rng: np.random.Generator) -> NDArray[Any]:
    """Noise of deviation 1, white or with a spectrum that falls with the frequency, side×side×3."""
    noise = rng.standard_normal((side, side, 3))
    if rng.random() < 0.6:
        down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
        frequency = np.maximum(np.hypot(down, across), 1 / side)[..., None]
        spectrum = np.fft.rfft2(noise, axes=(0, 1)) / frequency ** rng.uniform(0.2, 1.5)
        noise = np.fft.irfft2(spectrum, s=(side, side), axes=(0, 1))
        noise /= noise.std()
    if rng.random() < 0.5:
        noise = 0.5 * noise + rng.uniform(0.5, 1) * noise.mean(axis=2, keepdims=True)
    return noise
