"""How a picture that is to be found is written in numbers, so that a legible one is found.

In pixels, steps of equal size change high frequencies as much as low ones, and the result is noise
that excites the network. In Fourier space, scaled by 1/f as natural pictures are, and in colours
that are not correlated, the same steps make shapes (Olah, Mordvintsev & Schubert 2017, "Feature
Visualization").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Parametrization = Literal["fourier", "pixels"]

#: Brightness, blue-yellow, green-magenta: the axes along which the colours of natural pictures
#: vary independently (Ruderman, Cronin & Chiao 1998), as columns, and how much they vary.
_OPPONENT = (
    (1 / 3**0.5, 1 / 2**0.5, 1 / 6**0.5),
    (1 / 3**0.5, 0.0, -2 / 6**0.5),
    (1 / 3**0.5, -1 / 2**0.5, 1 / 6**0.5),
)
_SPREAD = (1.0, 0.35, 0.2)
#: Random numbers at the start: small, so that the first picture is nearly grey.
_START = 0.01


class Painting(nn.Module):
    """A picture, or a spectrogram, made of parameters.

    Args:
        shape: channels, rows and columns.
        parametrization: `fourier`, or `pixels` for each number itself.
        bounded: it ends in 0..1 (pixels) by a sigmoid; else it is left as it is, about 0.
        ground: the brightness that it starts from where it is bounded, 0..1.
        seed: of the random start.
    """

    scale: Tensor
    colors: Tensor

    def __init__(
        self,
        shape: Sequence[int],
        parametrization: Parametrization = "fourier",
        bounded: bool = True,
        ground: float = 0.5,
        seed: int = 0,
    ) -> None:
        super().__init__()
        channels, rows, columns = shape
        self.shape = (channels, rows, columns)
        self.fourier = parametrization == "fourier"
        self.bounded = bounded
        self.ground = math.log(ground / (1 - ground))
        generator = torch.Generator().manual_seed(seed)
        if self.fourier:
            y = torch.fft.fftfreq(rows)[:, None]
            x = torch.fft.rfftfreq(columns)[None, :]
            frequency = (x.square() + y.square()).sqrt()
            scale = (rows * columns) ** 0.5 / frequency.clamp(min=1 / max(rows, columns))
            self.register_buffer("scale", scale / 4)
            size = (channels, *scale.shape, 2)
            self.values = nn.Parameter(_START * torch.randn(size, generator=generator))
        else:
            size = (channels, rows, columns)
            self.values = nn.Parameter(_START * torch.randn(size, generator=generator))
        mixing = torch.eye(channels)
        if channels == 3 and self.fourier:
            mixing = torch.tensor(_OPPONENT) * torch.tensor(_SPREAD)
        self.register_buffer("colors", mixing)

    def forward(self) -> Tensor:
        """1×C×H×W: in 0..1 where it is bounded."""
        values: Tensor = self.values
        if self.fourier:
            spectrum = torch.view_as_complex(values.contiguous()) * self.scale
            values = torch.fft.irfft2(spectrum, s=self.shape[1:])
        mixed = torch.einsum("ij,jhw->ihw", self.colors, values)
        return ((mixed + self.ground).sigmoid() if self.bounded else mixed)[None]


def total_variation(x: Tensor) -> Tensor:
    """The mean squared difference of neighbours (Mahendran & Vedaldi 2015, with beta = 2)."""
    down = (x[..., 1:, :] - x[..., :-1, :]).square().mean()
    across = (x[..., :, 1:] - x[..., :, :-1]).square().mean()
    return down + across


class Jitter:
    """Small random shifts, turns and scalings: what must survive them is no noise.

    Args:
        pixels: shifts by up to so many in each direction; 0 leaves everything as it is.
        turn: up to so many degrees.
        zoom: by up to this part, larger or smaller.
        seed: of the random numbers.
    """

    def __init__(self, pixels: int, turn: float = 5.0, zoom: float = 0.06, seed: int = 0) -> None:
        self.pixels, self.turn, self.zoom = pixels, turn, zoom
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, x: Tensor) -> Tensor:
        """1×C×H×W to the same shape; what comes in at a border is its mirror image."""
        if not self.pixels:
            return x
        rows, columns = x.shape[2:]
        random = torch.rand(4, generator=self.generator) * 2 - 1
        angle = torch.deg2rad(random[0] * self.turn)
        size = 1 + random[1] * self.zoom
        cosine, sine = angle.cos() / size, angle.sin() / size
        # In the grid's units the sides are 2 long.
        down = 2 * (random[2] * self.pixels).round() / rows
        across = 2 * (random[3] * self.pixels).round() / columns
        ratio = rows / columns
        matrix = torch.stack(
            [
                torch.stack([cosine, -sine * ratio, across]),
                torch.stack([sine / ratio, cosine, down]),
            ]
        )
        grid = nn.functional.affine_grid(matrix[None].to(x), list(x.shape), align_corners=False)
        return nn.functional.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
