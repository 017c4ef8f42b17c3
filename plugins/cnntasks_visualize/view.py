"""The input of a network as a picture: pixels, or a spectrogram."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnntasks import IMAGE_SUFFIXES, ModelError, OpenNetwork, Source
from cnntasks_visualize.pictures import colored, to_range

if TYPE_CHECKING:
    from torch import Tensor

#: Frames of a spectrogram where the card does not say how many the network takes.
_FRAMES = 100
#: Windows of a recording among which the loudest is looked for.
_MOST_PIECES = 3600
#: Side of a blank picture in pixels; the predictor makes of it what the network takes.
_SIDE = 256


@dataclass(frozen=True, slots=True)
class InputView:
    """Which of the feeds is looked at, and how it becomes a picture.

    Attributes:
        feed: its name.
        layout: `pixels` B×H×W×C in 0..255, or `features` B×M×T, mel bands from low to high.
    """

    feed: str
    layout: Literal["pixels", "features"]

    @classmethod
    def of(cls, feeds: Mapping[str, Tensor], model: str) -> InputView:
        """The largest of the feeds.

        Raises:
            ModelError: it is neither pixels nor a spectrogram.
        """
        name, value = max(feeds.items(), key=lambda item: item[1].numel())
        if value.dim() == 4 and value.shape[3] in (1, 3):
            return cls(name, "pixels")
        if value.dim() == 3 and value.is_floating_point():
            return cls(name, "features")
        raise ModelError(
            f"{model}: its network takes {name} of the shape {tuple(value.shape)}; only pictures "
            "and spectrograms can be shown"
        )

    def size(self, feeds: Mapping[str, Tensor]) -> tuple[int, int]:
        """Rows and columns of the input without what a detector padded."""
        shape = feeds[self.feed].shape
        rows, columns = shape[1:3]
        if "sizes" in feeds:
            height, width = feeds["sizes"][0].tolist()
            rows, columns = min(rows, round(height)), min(columns, round(width))
        return int(rows), int(columns)

    def image(self, feeds: Mapping[str, Tensor], index: int = 0) -> NDArray[np.uint8]:
        """One input of the batch as RGB `uint8` H×W×3; low frequencies at the bottom."""
        value = feeds[self.feed][index].detach().cpu().numpy()
        rows, columns = self.size(feeds)
        if self.layout == "features":
            return colored(to_range(value[::-1, :columns]), "magma")
        pixels = np.clip(value[:rows, :columns].round(), 0, 255).astype(np.uint8)
        return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))

    def flat(
        self, values: NDArray[np.floating[Any]], feeds: Mapping[str, Tensor]
    ) -> NDArray[np.float32]:
        """Values for every number of one input, summed over colours: H×W as in `image`."""
        rows, columns = self.size(feeds)
        if self.layout == "features":
            return np.ascontiguousarray(values[::-1, :columns], np.float32)
        summed = values[:rows, :columns].sum(axis=2)
        return np.ascontiguousarray(summed, np.float32)

    def projection(
        self, values: NDArray[np.floating[Any]], feeds: Mapping[str, Tensor]
    ) -> NDArray[np.uint8]:
        """A signal that went back to the input as a picture: 0 is grey, colours evenly strong."""
        rows, columns = self.size(feeds)
        if self.layout == "features":
            part = values[::-1, :columns]
            return colored(_around_grey(part), "gray")
        part = values[:rows, :columns]
        parts = [_around_grey(part[..., channel]) for channel in range(part.shape[2])]
        picture = np.broadcast_to(np.stack(parts, axis=2), (rows, columns, 3))
        return (picture * 255).round().astype(np.uint8)


def _around_grey(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """To 0..1 with 0 at one half; the strongest few numbers do not hide the others."""
    sizes = np.abs(values)
    reached = sizes[sizes > 0]  # most of a projection may be empty
    reach = float(np.quantile(reached, 0.995)) if reached.size else 1.0
    return np.clip(values / (2.2 * reach) + 0.5, 0, 1)


def feeds_of(opened: OpenNetwork, source: Source) -> dict[str, Tensor]:
    """What the network takes for one source.

    Of a recording that is longer than its window the loudest window: the one whose log-mel bands
    have the largest mean.

    Raises:
        InputError: it cannot be read.
    """
    pieces = islice(opened.pieces(opened.decode(source)), _MOST_PIECES)
    chosen = max(pieces, key=lambda arrays: max(float(it.mean()) for it in arrays.values()))
    return opened.joined([chosen])


def blank_feeds(opened: OpenNetwork) -> dict[str, Tensor]:
    """Feeds of an input without anything in it: a grey picture, or zeros as a spectrogram.

    Raises:
        ModelError: the network takes something else.
    """
    import torch

    if any(suffix in IMAGE_SUFFIXES for suffix in opened.predictor.suffixes):
        grey = np.full((_SIDE, _SIDE, 3), 127, np.uint8)
        source = Source("blank", PurePosixPath("blank"), bytes, value=grey)
        return opened.feeds([opened.decode(source)])
    bands = opened.card.preprocessing.get("n_mels")
    if not isinstance(bands, int):
        raise ModelError(
            f"{opened.card.name}: nothing tells what its network takes; give an input, after which "
            "the layers are known"
        )
    frames = int(opened.card.preprocessing.get("frames") or _FRAMES)
    feeds = {"features": torch.zeros(1, bands, frames, device=opened.device)}
    if "lengths" in inspect.signature(opened.network.forward).parameters:
        feeds["lengths"] = torch.tensor([frames], device=opened.device)
    return feeds
