"""How pictures and masks of any size become squares of the network's size, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnntasks import ModelCard, ModelError, resize_image

#: The number of pixels that belong to no class, in masks; as in Pascal VOC.
IGNORED = 255


@dataclass(frozen=True, slots=True)
class Letterbox:
    """The whole picture in the upper left corner of a square, in its own proportions.

    Attributes:
        size: side of the square in pixels.
        fill: grey level, 0..255, of the rest.
    """

    size: int
    fill: int

    @classmethod
    def from_card(cls, card: ModelCard) -> Letterbox:
        """The one that a model was trained with.

        Raises:
            ModelError: the card does not say it.
        """
        size, fill = (card.preprocessing.get(key) for key in ("size", "fill"))
        if not isinstance(size, int) or not isinstance(fill, int) or size < 1:
            raise ModelError(
                f"{card.name}: its card's preprocessing needs whole numbers size, fill"
            )
        return cls(size, fill)

    def inner(self, height: int, width: int) -> tuple[int, int]:
        """Height and width, in the square, of a picture of that size."""
        scale = self.size / max(height, width)
        return max(round(height * scale), 1), max(round(width * scale), 1)

    def picture(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """H×W×3 to size×size×3, bilinear."""
        height, width = self.inner(*pixels.shape[:2])
        square = np.full((self.size, self.size, 3), self.fill, np.uint8)
        square[:height, :width] = resize_image(pixels, height, width)
        return square

    def mask(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """H×W class numbers to size×size, the nearest pixel's; the rest is `IGNORED`."""
        height, width = self.inner(*mask.shape)
        square = np.full((self.size, self.size), IGNORED, np.uint8)
        resized = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
        square[:height, :width] = np.asarray(resized)
        return square

    def back(
        self, scores: NDArray[np.float32], height: int, width: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """The best class of each pixel of the original picture.

        Args:
            scores: K×h×w, of the square, at any resolution.
            height, width: of the original picture.

        Returns:
            Class numbers and their scores, H×W; each class's map is enlarged bilinearly, one at a
            time, so that the memory does not grow with K.
        """
        rows, columns = self.inner(height, width)
        across, down = scores.shape[2] / self.size, scores.shape[1] / self.size
        box = (0.0, 0.0, columns * across, rows * down)
        labels = np.zeros((height, width), np.uint8)
        best = np.full((height, width), -1.0, np.float32)
        for number, plane in enumerate(scores):
            image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
            found = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, box))
            better = found > best
            labels[better] = number
            np.maximum(best, found, out=best)
        return labels, best
