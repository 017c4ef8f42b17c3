"""What a visualisation gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cnntasks import CnntasksError, MadePicture

#: Given how many steps there will be and of what, returns what is to be called after each, or None.
Progress = Callable[[int, str], Callable[[], None] | None]


@dataclass(frozen=True, slots=True)
class Visualization(MadePicture):
    """What came out: `arrays` has the numbers behind the picture.

    Attributes:
        errors: of several inputs, of those that could not be used.
    """

    errors: tuple[CnntasksError, ...] = ()


def no_progress(total: int, noun: str) -> None:
    """Nobody watches."""
