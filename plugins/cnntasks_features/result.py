"""What a method gives back."""

from __future__ import annotations

from dataclasses import dataclass

from cnntasks import MadePicture


@dataclass(frozen=True, slots=True)
class Features(MadePicture):
    """The features of one picture: `arrays` has them by name, `summary` says what they are."""
