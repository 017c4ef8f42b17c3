"""What a method gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnntasks_features.pictures import Picture


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one picture.

    Attributes:
        picture: RGB `uint8` H×W×3, to look at.
        arrays: the features, by name.
        summary: what they are, plain JSON types.
    """

    picture: Picture
    arrays: dict[str, NDArray[np.generic]]
    summary: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The summary, and the shapes of the arrays."""
        shapes = {name: list(value.shape) for name, value in self.arrays.items()}
        return {**self.summary, "arrays": shapes}
