"""What a method gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    arrays: Mapping[str, NDArray[Any]]
    summary: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The summary, and the shapes of the arrays."""
        shapes = {name: list(value.shape) for name, value in self.arrays.items()}
        return {**self.summary, "arrays": shapes}
