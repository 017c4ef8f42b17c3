"""What the formats with many pictures in one file have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnntasks import DataProblems, InputError
from cnntasks_classify.data.records import Example, read_text


def read_names(file: Path) -> tuple[str, ...]:
    """Read class names, one a line; the first line names class 0. Blank lines at the end are none.

    Raises:
        InputError: it cannot be read, a line between names is blank, or a name is there twice.
    """
    names = [line.strip() for line in read_text(file).rstrip().splitlines()]
    for number, name in enumerate(names, 1):
        if not name:
            raise InputError(f"{file}:{number}: this line names no class; fill or remove it")
        if names.index(name) != number - 1:
            raise InputError(f"{file}:{number}: the class name {name!r} is there twice; rename one")
    return tuple(names)


def make_examples(
    file: Path,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    classes: Sequence[str],
    remedy: str,
    problems: DataProblems,
) -> list[Example]:
    """One example for each picture of `file`.

    Args:
        file: what the examples are named after.
        pixels: N×H×W or N×H×W×3; the examples have views into it.
        labels: N; one beyond the classes is told to `problems` and becomes -1.
        classes: their names.
        remedy: what to do about such a label.
    """
    beyond = np.flatnonzero(labels >= len(classes))
    if beyond.size:
        first = int(beyond[0])
        problems.fatal(
            f"{file}[{first}]",
            f"the label {labels[first]} is beyond the {len(classes)} classes (so are "
            f"{beyond.size} of {len(labels)} labels); {remedy}",
        )
    known = np.where(labels < len(classes), labels.astype(np.int64), -1).tolist()
    return [
        Example(f"{file.name}[{number}]", label, None, picture)
        for number, (label, picture) in enumerate(zip(known, pixels, strict=True))
    ]
