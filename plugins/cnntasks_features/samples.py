"""The data of a comparison: the same pictures for every classifier."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnntasks import (
    InputError,
    data_formats,
    divide_location,
    resize_image,
    split_stratified,
    write_image,
)
from cnntasks_features.pictures import Picture, grey_of

#: Of each class, where a data set has no part to measure on.
_TEST_PART = 0.25
#: Pictures that are no larger keep their size; others become a square of `_SIDE`.
_SMALL, _SIDE = 64, 64


@dataclass(frozen=True, slots=True)
class Split:
    """What is learned from and what is measured on.

    Attributes:
        classes: names that labels stand for.
        train, test: examples, each with `name`, `label` and `load()`.
        held_out: the test part was taken from the training pictures.
        whole: both are parts of the data set as they are; the network can read it by itself.
        locations: of both parts, where `whole`.
    """

    classes: tuple[str, ...]
    train: list[Any]
    test: list[Any]
    held_out: bool
    whole: bool
    locations: tuple[str, str]


def read_split(location: Path, train_limit: int | None, test_limit: int | None, seed: int) -> Split:
    """Read a data set of the task `classify`.

    Raises:
        InputError: not a data set, or too few pictures.
    """
    formats = data_formats("classify")
    folder, named = divide_location(location)
    splits = formats.available_splits(folder)
    known = [name for name in ("test", "val") if name in splits and "train" in splits]
    held_out = not known or named is not None
    if held_out:
        parts = formats.read(location)
        everything = [example for part in parts for example in part.examples]
        train, test = split_stratified(everything, _TEST_PART, seed)
        classes = parts[0].classes
    else:
        (learned,), (measured,) = formats.read(folder, "train"), formats.read(folder, known[0])
        train, test, classes = list(learned.examples), list(measured.examples), learned.classes
    whole = not held_out
    for limit, part in ((train_limit, train), (test_limit, test)):
        if limit is not None and limit < len(part):
            _, kept = split_stratified(part, limit / len(part), seed)
            part[:] = kept[:limit]  # shares of classes are rounded
            whole = False
    if len({example.label for example in train}) < 2 or not test:
        raise InputError(f"{location}: too few pictures to learn from and to measure on; add some")
    locations = f"{folder}:train", f"{folder}:{known[0]}" if known else ""
    return Split(tuple(classes), train, test, held_out, whole, locations)


def grey_squares(
    examples: Sequence[Any], side: int | None, advance: Any = None
) -> NDArray[np.float32]:
    """All pictures as N×S×S brightness in 0..1; each is scaled to a square, whatever its shape.

    Args:
        side: None for that of the first picture, if it is small and square, else 64.
        advance: called after each.
    """
    squares = []
    for example in examples:
        image: Picture = example.load()
        if side is None:
            rows, columns = image.shape[:2]
            side = rows if rows == columns <= _SMALL else _SIDE
        squares.append(grey_of(resize_image(image, side, side)))
        if advance is not None:
            advance()
    return np.stack(squares)


def labels_of(examples: Sequence[Any]) -> NDArray[np.int64]:
    """The class numbers."""
    return np.array([example.label for example in examples], np.int64)


def write_tables(split: Split, folder: Path) -> tuple[str, str]:
    """Write both parts as pictures and tables, for a network that is to see these pictures only.

    Returns:
        The locations for `cnntasks train classify` and `cnntasks evaluate classify`.
    """
    for name, examples in (("train", split.train), ("test", split.test)):
        rows = []
        for number, example in enumerate(examples):
            relative = f"{name}/{number}.png"
            write_image(folder / relative, np.ascontiguousarray(example.load()))
            rows.append((relative, split.classes[example.label]))
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(("path", "label"))
            table.writerows(rows)
    return f"{folder}:train", f"{folder}:test"
