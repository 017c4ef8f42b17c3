"""Edges: compass masks, the Laplacian of a Gaussian, Canny's detector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cnntasks_features.convolution import FixedConvolution
from cnntasks_features.masks import COMPASS, DIRECTIONS, compass_masks, gain
from cnntasks_features.pictures import (
    Picture,
    grey_of,
    grid,
    hue,
    mask_picture,
    positive,
    scaled,
    signed,
    with_inset,
)
from cnntasks_features.result import Features
from cnntasks_features.settings import Settings

#: Where each direction stands around the middle, in reading order.
_ROSE = ("NW", "N", "NE", "W", "", "E", "SW", "S", "SE")
_TILE = 300


def compass(image: Picture, settings: Settings) -> Features:
    """The answers of eight masks as a compass rose, each with its mask; in the middle the edges.

    The masks run as one convolution layer with fixed weights. Edges are the length of the gradient
    (sobel, prewitt, scharr) or the strongest of the eight answers (robinson, kirsch), 1 for a step
    from black to white.
    """
    grey = grey_of(image)
    masks = compass_masks(settings.method)
    answers = FixedConvolution(masks)(grey) / gain(masks)
    if settings.method in COMPASS:
        magnitude = answers.max(axis=0)
        angle = answers.argmax(axis=0) * (np.pi / 4)
    else:
        east, north = answers[DIRECTIONS.index("E")], answers[DIRECTIONS.index("N")]
        magnitude = np.hypot(east, north)
        angle = np.arctan2(north, east)
    top = float(np.quantile(magnitude, 0.99)) or 1.0
    tiles, captions = [], []
    for direction in _ROSE:
        if not direction:
            tiles.append(hue(angle, magnitude))
            captions.append(f"{settings.method}: edges, direction as colour")
            continue
        number = DIRECTIONS.index(direction)
        answer = scaled(positive(np.maximum(answers[number], 0), top), _TILE)
        tiles.append(with_inset(answer, mask_picture(masks[number], 26)))
        captions.append(direction)
    summary = {
        "directions": list(DIRECTIONS),
        "masks": masks.astype(int).tolist(),
        "largest": round(float(magnitude.max()), 4),
        "mean": round(float(magnitude.mean()), 4),
        "strongest_direction": DIRECTIONS[int(np.maximum(answers, 0).sum(axis=(1, 2)).argmax())],
    }
    arrays: dict[str, NDArray[np.generic]] = {
        "masks": masks,
        "responses": answers,
        "magnitude": magnitude.astype(np.float32),
        "direction": angle.astype(np.float32),
    }
    return Features(grid(tiles, captions, 3, _TILE), arrays, summary)


def laplacian(image: Picture, settings: Settings) -> Features:
    """The second derivative of the smoothed picture, and where it changes its sign: edges.

    Marr & Hildreth 1980, "Theory of Edge Detection".
    """
    from skimage.filters import gaussian, laplace

    sigma = 1.4 if settings.sigma is None else settings.sigma
    grey = grey_of(image)
    smooth = gaussian(grey, sigma) if sigma else grey
    values = np.asarray(laplace(smooth), np.float32)
    crossings = _sign_changes(values)
    pictures = [image, signed(values), positive(crossings.astype(np.float32), 1.0)]
    captions = ["picture", f"Laplacian, sigma {sigma:g}", "changes of sign"]
    summary = {
        "sigma": sigma,
        "largest": round(float(values.max()), 4),
        "smallest": round(float(values.min()), 4),
        "edge_pixels": int(crossings.sum()),
    }
    arrays: dict[str, NDArray[np.generic]] = {"laplacian": values, "edges": crossings}
    return Features(grid(pictures, captions, 3, 448), arrays, summary)


def _sign_changes(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a neighbour to the right or below has the other sign, and the step is no noise."""
    least = 0.7 * float(values.std())
    edges = np.zeros(values.shape, bool)
    across = (values[:, :-1] * values[:, 1:] < 0) & (np.abs(np.diff(values, axis=1)) > least)
    down = (values[:-1] * values[1:] < 0) & (np.abs(np.diff(values, axis=0)) > least)
    edges[:, :-1] |= across
    edges[:-1] |= down
    return edges


def canny(image: Picture, settings: Settings) -> Features:
    """Thin edges: smoothed gradient, only its ridges, two thresholds (Canny 1986)."""
    from skimage.feature import canny as find_edges

    sigma = 2.0 if settings.sigma is None else settings.sigma
    edges = find_edges(
        grey_of(image),
        sigma=sigma,
        low_threshold=settings.low,
        high_threshold=settings.high,
    )
    pictures = [image, positive(edges.astype(np.float32), 1.0)]
    captions = ["picture", f"Canny, sigma {sigma:g}"]
    summary = {
        "sigma": sigma,
        "low": settings.low,
        "high": settings.high,
        "edge_pixels": int(edges.sum()),
        "part": round(float(edges.mean()), 4),
    }
    return Features(grid(pictures, captions, 2, 512), {"edges": edges}, summary)
