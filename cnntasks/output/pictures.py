"""Verbs that make a picture of what they are given: what they return, and where it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks.errors import UsageError
from cnntasks.output.files import save_arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cnntasks.task import Source


@dataclass(frozen=True, slots=True)
class MadePicture:
    """A picture to look at, and what is behind it.

    Attributes:
        picture: RGB `uint8` H×W×3.
        arrays: the numbers behind it, by name.
        summary: what it shows, plain JSON types.
    """

    picture: NDArray[np.uint8]
    arrays: Mapping[str, NDArray[Any]]
    summary: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The summary, and the shapes of the arrays."""
        shapes = {name: list(value.shape) for name, value in self.arrays.items()}
        return {**self.summary, "arrays": shapes}


@dataclass(frozen=True, slots=True)
class PictureOutput:
    """Writes made pictures and tells of each.

    Attributes:
        output: a folder, or for a single picture its file; None for the working folder.
        save_array: write the arrays as well, as .npz beside the picture.
        style: `json` for a JSON line per picture; text otherwise.
    """

    output: Path | None
    save_array: bool = False
    style: str = "text"

    @property
    def is_file(self) -> bool:
        """Whether `output` names a picture."""
        from cnntasks.media.images import is_picture_file

        return self.output is not None and is_picture_file(self.output)

    def check(self, pictures: int) -> None:
        """Refuse to write several pictures into one file.

        Raises:
            UsageError: there are several, and `output` is one picture.
        """
        if self.is_file and pictures > 1:
            raise UsageError(f"--output {self.output} is one picture; for several name a folder")

    def path(self, ending: str, source: Source | None, name: str = "") -> Path:
        """Where a picture goes: `output`, or STEM.ENDING in it, in the input's subfolder.

        Args:
            ending: `"cam.visualize.png"`.
            source: the input; None where there is none, or several in one picture.
            name: the stem then.
        """
        folder = self.output or Path()
        if self.is_file:
            return folder
        if source is None:
            return folder / f"{name}.{ending}"
        return folder / source.relative.parent / f"{source.relative.stem}.{ending}"

    def write(self, path: Path, made: MadePicture, left_out: Sequence[str] = ()) -> None:
        """Write the picture, its arrays if asked for, and print what it shows.

        Args:
            path: see above.
            made: the picture.
            left_out: of its summary, what is for JSON only.

        Raises:
            InputError: the place cannot be written; the message names it.
        """
        from cnntasks.media.images import write_image

        write_image(path, made.picture)
        if self.save_array:
            save_arrays(path.with_suffix(".npz"), made.arrays)
        if self.style == "json":
            click.echo(json.dumps({**made.to_dict(), "picture": str(path)}))
            return
        for name, value in made.summary.items():
            if name not in left_out:
                click.echo(f"{name}: {_in_words(value)}")
        click.echo(f"picture: {path}")


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name} {_in_words(part)}" for name, part in value.items())
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "".join(f"\n  {_in_words(part)}" for part in value)
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)
