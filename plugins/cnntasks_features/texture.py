"""Texture: a bank of Gabor filters, local binary patterns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cnntasks_features.pictures import (
    Picture,
    grey_of,
    grid,
    positive,
    scaled,
    signed,
    with_inset,
)
from cnntasks_features.result import Features
from cnntasks_features.settings import Settings

#: Directions of the bank unless told otherwise.
_ORIENTATIONS = 8
_TILE = 200


def gabor(image: Picture, settings: Settings) -> Features:
    """How strongly waves of some lengths and directions are there (Gabor 1946, Daugman 1985).

    Each answer is the modulus of the complex filter's; the middle of the eye's and of a network's
    first layer have such filters.
    """
    from scipy.signal import fftconvolve
    from skimage.filters import gabor_kernel

    grey = grey_of(image)
    grey = grey - grey.mean()
    count = settings.orientations or _ORIENTATIONS
    answers, tiles, captions, energy = [], [], [], []
    for wavelength in settings.wavelengths:
        for number in range(count):
            kernel = gabor_kernel(1 / wavelength, theta=np.pi * number / count, bandwidth=1)
            reach = kernel.shape[0] // 2, kernel.shape[1] // 2
            padded = np.pad(grey, ((reach[0],) * 2, (reach[1],) * 2), mode="symmetric")
            answer = np.abs(fftconvolve(padded, kernel, mode="valid"))
            answers.append(answer.astype(np.float32))
            energy.append(float(np.square(answer).mean()))
            wave = signed(np.real(kernel))
            times = max(1, 48 // max(wave.shape[:2]))
            wave = wave.repeat(times, axis=0).repeat(times, axis=1)
            step = max(1, -(-max(wave.shape[:2]) // 64))
            tiles.append(with_inset(scaled(positive(answer), _TILE), wave[::step, ::step]))
            captions.append(f"{wavelength:g} px, {180 * number / count:g}°")
    best = int(np.argmax(energy))
    summary = {
        "wavelengths": list(settings.wavelengths),
        "orientations": count,
        "filters": len(answers),
        "strongest": captions[best],
        "energy": [round(value, 6) for value in energy],
    }
    return Features(grid(tiles, captions, count, _TILE), {"responses": np.stack(answers)}, summary)


def lbp(image: Picture, settings: Settings) -> Features:
    """Which of the pixels around each are lighter, as a code (Ojala, Pietikäinen & Mäenpää 2002).

    Uniform and rotation invariant: codes 0 to `points` count the lighter ones of a circle with at
    most two changes, `points` + 1 stands for all others. The histogram is the feature.
    """
    from skimage.feature import local_binary_pattern

    grey = np.asarray((grey_of(image) * 255).round(), np.uint8)
    codes = local_binary_pattern(grey, settings.points, settings.radius, "uniform")
    bins = settings.points + 2
    histogram = np.bincount(codes.astype(np.int64).ravel(), minlength=bins)[:bins] / codes.size
    pictures = [image, positive(codes, float(bins - 1)), _bars(histogram, image.shape)]
    captions = ["picture", f"codes 0 to {bins - 1}", "their histogram"]
    summary = {
        "points": settings.points,
        "radius": settings.radius,
        "histogram": [round(float(value), 5) for value in histogram],
    }
    arrays: dict[str, NDArray[np.generic]] = {
        "codes": codes.astype(np.uint8 if bins < 256 else np.uint16),
        "histogram": histogram,
    }
    return Features(grid(pictures, captions, 3, 448), arrays, summary)


def _bars(values: NDArray[np.float64], shape: tuple[int, ...]) -> Picture:
    """A bar for each value, in a field shaped as the picture."""
    width = 448
    height = max(120, round(width * shape[0] / shape[1]))
    field = np.full((height, width, 3), 255, np.uint8)
    step = width / len(values)
    top = float(values.max()) or 1.0
    for number, value in enumerate(values):
        left, right = round(number * step) + 1, max(round((number + 1) * step) - 1, 1)
        field[height - max(1, round(value / top * (height - 4))) :, left:right] = (33, 102, 172)
    return field
