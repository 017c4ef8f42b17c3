"""How a picture of any shape becomes the square that a network looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnntasks import ModelCard, ModelError

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True, slots=True)
class Framing:
    """Resize, cut out the middle, pad where there is too little.

    Attributes:
        resize: what one side of the picture becomes, in pixels.
        crop: side of the square that is cut out of the middle.
        longer: it is the longer side that becomes `resize`, so that nothing is cut off; else the
            shorter one.
        grey: one channel instead of RGB.
        bicubic: the filter, antialiased in either case; else bilinear.
        fill: grey value of the padding, 0..255.
        dark: what the model knows is light on dark: a picture with a light border is inverted.
    """

    resize: int
    crop: int
    longer: bool = False
    grey: bool = False
    bicubic: bool = False
    fill: int = 0
    dark: bool = False

    @classmethod
    def from_card(cls, card: ModelCard) -> Framing:
        """What a card's `preprocessing` says.

        Raises:
            ModelError: it is incomplete or has a value that is not known.
        """
        given = card.preprocessing
        try:
            framing = cls(
                resize=int(given["resize"]),
                crop=int(given["crop"]),
                longer={"shorter": False, "longer": True}[given.get("fit", "shorter")],
                grey={"RGB": False, "L": True}[given["color"]],
                bicubic={"bilinear": False, "bicubic": True}[given["interpolation"]],
                fill=int(given.get("fill", 0)),
                dark=bool(given.get("light_on_dark", False)),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(
                f"{card.name}: its card's preprocessing is incomplete or unknown ({error})"
            ) from error
        if framing.resize < 1 or framing.crop < 1:
            raise ModelError(f"{card.name}: its card's sizes must be at least 1 pixel")
        if not 0 <= framing.fill <= 255:
            raise ModelError(f"{card.name}: its card's fill must lie between 0 and 255")
        return framing

    def to_dict(self) -> dict[str, Any]:
        """The part of a card's `preprocessing` that `from_card` reads."""
        return {
            "color": "L" if self.grey else "RGB",
            "resize": self.resize,
            "crop": self.crop,
            "fit": "longer" if self.longer else "shorter",
            "interpolation": "bicubic" if self.bicubic else "bilinear",
            "fill": self.fill,
            "light_on_dark": self.dark,
        }

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """H×W×3 RGB to crop×crop×3, or crop×crop×1 for a grey model; always a new array.

        Only what stays after the crop is resampled.
        """
        height, width = picture.shape[:2]
        new_height, new_width = self._resized(height, width)
        top, left = _offset(new_height, self.crop), _offset(new_width, self.crop)
        kept_top, kept_left = max(top, 0), max(left, 0)
        kept_height = min(self.crop, new_height - kept_top)
        kept_width = min(self.crop, new_width - kept_left)
        image = Image.fromarray(picture)
        if self.grey:
            image = image.convert("L")
        if (new_height, new_width) != (height, width):
            scale_y, scale_x = height / new_height, width / new_width
            box = (
                kept_left * scale_x,
                kept_top * scale_y,
                min((kept_left + kept_width) * scale_x, width),
                min((kept_top + kept_height) * scale_y, height),
            )
            filter_ = _FILTERS["bicubic" if self.bicubic else "bilinear"]
            image = image.resize((kept_width, kept_height), filter_, box=box)
        else:
            image = image.crop(
                (kept_left, kept_top, kept_left + kept_width, kept_top + kept_height)
            )
        middle = np.asarray(image).reshape(kept_height, kept_width, -1)
        if self.dark and np.median(_border(middle)) > 127:
            middle = 255 - middle
        square = np.full((self.crop, self.crop, middle.shape[2]), self.fill, np.uint8)
        y, x = max(-top, 0), max(-left, 0)
        square[y : y + kept_height, x : x + kept_width] = middle
        return square

    def recolored(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The whole picture, H×W×3, or H×W×1 and light on dark for a model that wants that."""
        if self.grey:
            picture = np.asarray(Image.fromarray(picture).convert("L"))[:, :, np.newaxis]
        if self.dark and np.median(_border(picture)) > 127:
            picture = 255 - picture
        return picture

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        """Both sides after resizing, rounded down as torchvision does."""
        side = max(height, width) if self.longer else min(height, width)
        return (
            max(self.resize * height // side, 1),
            max(self.resize * width // side, 1),
        )


def _offset(side: int, crop: int) -> int:
    """Where the middle begins: rounded as torchvision does; negative where padding is needed."""
    return round((side - crop) / 2) if side >= crop else -((crop - side) // 2)


def _border(square: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([square[0], square[-1], square[:, 0], square[:, -1]])
