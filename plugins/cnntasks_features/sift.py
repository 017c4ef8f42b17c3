"""SIFT keypoints (Lowe 2004), and matches between two pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cnntasks import class_color
from cnntasks_features.pictures import Picture, grey_of, grid
from cnntasks_features.result import Features

#: Lowe's ratio: a match must be that much nearer than the second nearest (section 7.1).
_RATIO = 0.8
#: Matches that agree on one affine map lie within so many pixels of it.
_RESIDUAL = 6.0
#: An affine map has six numbers, so three matches agree on one by themselves.
_FEWEST = 6
_MOST_DRAWN = 150
_MOST_CIRCLES = 500


@dataclass(frozen=True, slots=True)
class Keypoints:
    """Keypoints of one picture.

    Attributes:
        places: N×2, row and column in pixels.
        sizes: N, the standard deviation of the Gaussian at which each was found, in pixels.
        angles: N, in radians.
        descriptors: N×128 `uint8`.
    """

    places: NDArray[np.float64]
    sizes: NDArray[np.float64]
    angles: NDArray[np.float64]
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.places)


def find_keypoints(image: Picture) -> Keypoints:
    """The keypoints of an RGB picture; none where there is nothing but one colour."""
    from skimage.feature import SIFT

    finder: Any = SIFT()
    try:
        finder.detect_and_extract(grey_of(image))
    except (RuntimeError, IndexError, ValueError):  # how it says that it found none
        nothing = np.zeros(0)
        return Keypoints(np.zeros((0, 2)), nothing, nothing, np.zeros((0, 128), np.uint8))
    return Keypoints(
        finder.positions.astype(np.float64),
        finder.sigmas.astype(np.float64),
        finder.orientations.astype(np.float64),
        finder.descriptors.astype(np.uint8),
    )


def sift(image: Picture) -> Features:
    """The keypoints, each as a circle of its size with its direction."""
    found = find_keypoints(image)
    summary = {"keypoints": len(found), "descriptor": 128}
    if len(found):
        summary["median_size"] = round(float(np.median(found.sizes)), 2)  # type: ignore[assignment]
    drawn = f", the {_MOST_CIRCLES} largest drawn" if len(found) > _MOST_CIRCLES else ""
    picture = grid([_drawn(image, found)], [f"{len(found)} keypoints{drawn}"], 1, 900)
    return Features(picture, _arrays(found), summary)


def match(image: Picture, other: Picture) -> Features:
    """Keypoints of two pictures that are each other's nearest; those that agree on one map green.

    Agreement is an affine map that most of them follow (RANSAC, Fischler & Bolles 1981).
    """
    from skimage.feature import match_descriptors

    one, two = find_keypoints(image), find_keypoints(other)
    pairs = np.zeros((0, 2), np.int64)
    if len(one) > 1 and len(two) > 1:
        pairs = match_descriptors(
            one.descriptors, two.descriptors, max_ratio=_RATIO, cross_check=True
        )
    agreeing, matrix = _agreement(one.places[pairs[:, 0]], two.places[pairs[:, 1]])
    picture = _lines(image, other, one, two, pairs, agreeing)
    caption = f"{len(pairs)} matches, {int(agreeing.sum())} agree on one affine map"
    summary: dict[str, Any] = {
        "keypoints": [len(one), len(two)],
        "matches": len(pairs),
        "agreeing": int(agreeing.sum()),
    }
    if matrix is not None:
        summary["affine"] = np.round(matrix[:2], 4).tolist()
    arrays = {
        **_arrays(one),
        **{f"other_{name}": value for name, value in _arrays(two).items()},
        "matches": pairs,
        "agreeing": agreeing,
    }
    return Features(grid([picture], [caption], 1, 1200), arrays, summary)


def _agreement(
    one: NDArray[np.float64], two: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64] | None]:
    """Which pairs of places follow the affine map that most follow, and that map (x, y, 1)."""
    none = np.zeros(len(one), bool)
    if len(one) < _FEWEST:
        return none, None
    from skimage.measure import ransac
    from skimage.transform import AffineTransform

    model, inside = ransac(
        (one[:, ::-1], two[:, ::-1]),
        AffineTransform,
        min_samples=3,
        residual_threshold=_RESIDUAL,
        max_trials=2000,
        rng=0,
    )
    if not model or inside is None or inside.sum() < _FEWEST:
        return none, None
    return np.asarray(inside, bool), np.asarray(model.params, np.float64)


def _arrays(found: Keypoints) -> dict[str, NDArray[np.generic]]:
    return {
        "positions": found.places,
        "sizes": found.sizes,
        "angles": found.angles,
        "descriptors": found.descriptors,
    }


def _drawn(image: Picture, found: Keypoints) -> Picture:
    times = max(1, round(900 / image.shape[1]))
    canvas = Image.fromarray(image.repeat(times, axis=0).repeat(times, axis=1))
    pen = ImageDraw.Draw(canvas)
    order = np.argsort(-found.sizes, kind="stable")[:_MOST_CIRCLES]
    for number in order.tolist():
        y, x = (found.places[number] + 0.5) * times
        radius = max(2.0, 2 * found.sizes[number] * times)
        color = class_color(number % 12)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=color, width=2)
        # Angles are of rows and columns, as scikit-image has them.
        angle = found.angles[number]
        pen.line((x, y, x + radius * np.cos(angle), y + radius * np.sin(angle)), color, 2)
    return np.asarray(canvas)


def _lines(
    image: Picture,
    other: Picture,
    one: Keypoints,
    two: Keypoints,
    pairs: NDArray[np.int64],
    agreeing: NDArray[np.bool_],
) -> Picture:
    height = max(image.shape[0], other.shape[0])
    offset = image.shape[1] + 10
    canvas = np.full((height, offset + other.shape[1], 3), 250, np.uint8)
    canvas[: image.shape[0], : image.shape[1]] = image
    canvas[: other.shape[0], offset:] = other
    drawing = Image.fromarray(canvas)
    pen = ImageDraw.Draw(drawing)
    # Those that agree come last and lie on top; of many only some are drawn.
    order = np.argsort(agreeing, kind="stable")[-_MOST_DRAWN:]
    for number in order.tolist():
        (y0, x0), (y1, x1) = one.places[pairs[number, 0]], two.places[pairs[number, 1]]
        color = (40, 200, 60) if agreeing[number] else (160, 60, 60)
        pen.line((x0, y0, x1 + offset, y1), color, 1)
        for x, y in ((x0, y0), (x1 + offset, y1)):
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), outline=color, width=2)
    return np.asarray(drawing)
