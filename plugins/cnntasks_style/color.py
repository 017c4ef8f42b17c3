"""Keeping the content's colours, after Gatys et al. 2016, arXiv:1606.05897.

Two ways: transfer the style of the luminance alone ("luminance-only transfer" there), or give the
style picture the colours of the content before the transfer ("color histogram matching"). Pictures
are H×W×3 arrays of floats in [0, 1], RGB as stored; two pictures may differ in size unless said
otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cnntasks_style.settings import PreserveColor

    Pixels = NDArray[np.float32]

#: RGB to YIQ, the colour space of NTSC television: luminance Y and two axes of chrominance.
_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_RGB = np.linalg.inv(_YIQ)
#: Variance below which a colour direction of the style is taken for absent: (1/255)².
_LEAST_VARIANCE = 1 / 255**2


def prepare(
    content: Pixels, styles: Sequence[Pixels], mode: PreserveColor
) -> tuple[Pixels, list[Pixels]]:
    """What the transfer works on instead of `content` and `styles`; `finish` is its counterpart.

    Args:
        content: H×W×3 in [0, 1].
        styles: each h×w×3 in [0, 1].
        mode: `none` leaves all as they are; `luminance` makes all grey, with the styles' luminance
            matched to the content's; `histogram` matches the colours of each style to the
            content's.
    """
    if mode == "luminance":
        return luminance(content), [match_luminance(style, content) for style in styles]
    if mode == "histogram":
        return content, [match_colors(style, content) for style in styles]
    return content, list(styles)


def finish(picture: Pixels, content: Pixels, mode: PreserveColor) -> Pixels:
    """The result of the transfer with the content's chrominance where `mode` is `luminance`."""
    return keep_chrominance(picture, content) if mode == "luminance" else picture


def rgb_to_yiq(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """RGB in [0, 1] to YIQ: Y in [0, 1], I in [-0.6, 0.6], Q in [-0.53, 0.53]; H×W×3."""
    converted: NDArray[np.float64] = np.asarray(pixels, np.float64) @ _YIQ.T
    return converted


def yiq_to_rgb(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """The inverse of `rgb_to_yiq`; a colour that no display shows lies outside [0, 1]."""
    converted: NDArray[np.float64] = np.asarray(pixels, np.float64) @ _RGB.T
    return converted


def luminance(pixels: NDArray[Any]) -> Pixels:
    """The picture in grey: Y of YIQ, three times; H×W×3 in [0, 1]."""
    return _grey(rgb_to_yiq(pixels)[..., 0])


def match_luminance(style: Pixels, content: Pixels) -> Pixels:
    """The style in grey, with the mean and standard deviation of the content's luminance.

        Y_S' = σ_C / σ_S (Y_S - μ_S) + μ_C

    A style of one luminance gets the content's mean. The result is cut to [0, 1], which moves
    both moments a little where the content has strong contrast.
    """
    of_style, of_content = rgb_to_yiq(style)[..., 0], rgb_to_yiq(content)[..., 0]
    deviation = of_style.std()
    factor = of_content.std() / deviation if deviation**2 > _LEAST_VARIANCE else 0.0
    return _grey(factor * (of_style - of_style.mean()) + of_content.mean())


def keep_chrominance(picture: Pixels, content: Pixels) -> Pixels:
    """The luminance of `picture` with the I and Q of `content`, cut to [0, 1].

    Args:
        picture: H×W×3 in [0, 1].
        content: of the same height and width.
    """
    yiq = rgb_to_yiq(content)
    yiq[..., 0] = rgb_to_yiq(picture)[..., 0]
    return np.clip(yiq_to_rgb(yiq), 0, 1).astype(np.float32)


def match_colors(style: Pixels, content: Pixels) -> Pixels:
    """The style with the mean and covariance of the content's colours.

        x' = A x + b,    A = Σ_C^(1/2) Σ_S^(-1/2),    b = μ_C - A μ_S

    The square roots are the symmetric ones (the "image analogies" form there, after Hertzmann et
    al. 2001); those of Cholesky, the other form there, depend on the order of the channels.
    Directions in which the style has no variance (a grey picture) are left out, so that noise does
    not become colour. The result is cut to [0, 1].
    """
    flat = np.asarray(style, np.float64).reshape(-1, 3)
    target = np.asarray(content, np.float64).reshape(-1, 3)
    transform = _root(_covariance(target)) @ _inverse_root(_covariance(flat))
    matched = (flat - flat.mean(axis=0)) @ transform.T + target.mean(axis=0)
    clipped: Pixels = np.clip(matched, 0, 1).astype(np.float32)
    return clipped.reshape(style.shape)


def _grey(values: NDArray[np.float64]) -> Pixels:
    clipped = np.clip(values, 0, 1).astype(np.float32)
    return np.repeat(clipped[..., np.newaxis], 3, axis=-1)


def _covariance(colors: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = colors - colors.mean(axis=0)
    covariance: NDArray[np.float64] = centred.T @ centred / len(colors)
    return covariance


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    return _compose(np.sqrt(np.maximum(values, 0)), vectors)


def _inverse_root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    there = values > _LEAST_VARIANCE
    return _compose(np.where(there, 1 / np.sqrt(np.where(there, values, 1)), 0), vectors)


def _compose(values: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The symmetric matrix of these eigenvalues and eigenvectors."""
    composed: NDArray[np.float64] = (vectors * values) @ vectors.T
    return composed
