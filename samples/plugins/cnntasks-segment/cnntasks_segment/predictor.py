"""Everything around the network in NumPy: letterbox, enlarge, pick each pixel's class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnntasks import IMAGE_SUFFIXES, ModelCard, Source, UsageError, class_color, read_image
from cnntasks_segment.geometry import Letterbox


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What every pixel of one picture belongs to.

    Attributes:
        labels: H×W uint8, index into `classes`.
        scores: H×W float32, the probability of that class.
        classes: the names of the model's classes.
        smallest: classes with a smaller part of the picture are left out of records.
    """

    labels: NDArray[np.uint8]
    scores: NDArray[np.float32]
    classes: tuple[str, ...]
    smallest: float = 0.001

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: size of the picture, and its classes."""
        height, width = self.labels.shape
        return {"width": width, "height": height, "classes": self.to_rows()}

    def to_rows(self) -> list[dict[str, Any]]:
        """For each class that is there its part of the picture and mean score, largest first."""
        flat = self.labels.ravel()
        counts = np.bincount(flat, minlength=len(self.classes))
        sums = np.bincount(flat, self.scores.ravel(), minlength=len(self.classes))
        order = [n for n in np.argsort(-counts, kind="stable") if counts[n]]
        return [
            {
                "class": self.classes[number],
                "share": round(float(counts[number] / flat.size), 4),
                "score": round(float(sums[number] / counts[number]), 4),
            }
            for number in order
            if counts[number] >= self.smallest * flat.size
        ]

    def palette(self) -> list[int]:
        """R, G, B of each class, one after the other, as palette pictures have them."""
        return [level for number in range(len(self.classes)) for level in class_color(number)]

    def draw(self, pixels: NDArray[np.uint8], strength: float = 0.5) -> NDArray[np.uint8]:
        """A copy of the picture with each pixel tinted in the colour of its class.

        Args:
            pixels: H×W×3, the picture.
            strength: of the tint, 0..1; edges between classes are drawn at full strength.
        """
        colors = np.array([class_color(n) for n in range(len(self.classes))], np.float32)
        tint = colors[self.labels]
        mixed = (1 - strength) * pixels + strength * tint
        edge = _edges(self.labels)
        mixed[edge] = tint[edge]
        return mixed.round().astype(np.uint8)


def _edges(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    return edge


class SegmentPredictor:
    """The predictor of `cnntasks segment`.

    Args:
        card: of the model.
        smallest: part of a picture, 0..1, below which a class is left out of records.

    Raises:
        UsageError: `smallest` is out of range.
        ModelError: the card's preprocessing is incomplete.
    """

    columns: Sequence[str] = ("class", "share", "score")
    suffixes: Sequence[str] = IMAGE_SUFFIXES

    def __init__(self, card: ModelCard, *, smallest: float = 0.001) -> None:
        if not 0 <= smallest <= 1:
            raise UsageError(f"smallest must lie between 0 and 1, not {smallest:g}")
        self.card = card
        self.smallest = smallest
        self.letterbox = Letterbox.from_card(card)

    def decode(self, source: Source) -> NDArray[np.uint8]:
        """Read a picture; raises InputError."""
        return read_image(source)

    def preprocess(self, item: NDArray[np.uint8]) -> dict[str, Any]:
        """`pixels` size×size×3 uint8."""
        return {"pixels": self.letterbox.picture(item)}

    def postprocess(self, outputs: dict[str, Any], item: NDArray[np.uint8]) -> Segmentation:
        """Each pixel's likeliest class, at the picture's own size."""
        labels, scores = self.letterbox.back(outputs["scores"], *item.shape[:2])
        return Segmentation(labels, scores, self.card.classes, self.smallest)
