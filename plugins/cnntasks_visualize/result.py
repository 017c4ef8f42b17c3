"""What a visualisation gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from cnntasks import CnntasksError
from cnntasks_visualize.pictures import Picture

#: Given how many steps there will be and of what, returns what is to be called after each, or None.
Progress = Callable[[int, str], Callable[[], None] | None]


@dataclass(frozen=True, slots=True)
class Visualization:
    """What came out.

    Attributes:
        picture: RGB `uint8` H×W×3.
        arrays: the numbers behind it, by name.
        summary: what it shows, plain JSON types.
        errors: of several inputs, of those that could not be used.
    """

    picture: Picture
    arrays: Mapping[str, NDArray[Any]]
    summary: dict[str, Any]
    errors: tuple[CnntasksError, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The summary, and the shapes of the arrays."""
        shapes = {name: list(value.shape) for name, value in self.arrays.items()}
        return {**self.summary, "arrays": shapes}


def no_progress(total: int, noun: str) -> None:
    """Nobody watches."""
