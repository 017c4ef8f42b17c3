"""The parts of a training: what is learned from, and what validates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnntasks import UsageError, join_classes, match_classes, split_stratified
from cnntasks_text.data import Columns, TextExample, read_text_data, text_formats


@dataclass(frozen=True, slots=True)
class Parts:
    """Texts to learn from and to validate with.

    Attributes:
        classes: of all data sets together.
        train, validation: not empty, labelled by `classes`.
    """

    classes: tuple[str, ...]
    train: list[TextExample]
    validation: list[TextExample]


def read_parts(locations: Sequence[str], columns: Columns, fraction: float, seed: int) -> Parts:
    """Read data sets for training.

    `folder:split` names one split to learn from; otherwise it is `train`, or all of a set without
    splits. A `val` split validates; where there is none, `fraction` of each class does.

    Raises:
        InputError: not a data set, or one that has nothing but a test split.
        UsageError: too few texts to keep some for validation.
    """
    formats = text_formats(columns)
    learned, validating, to_divide = [], [], []
    for location in locations:
        path = Path(location)
        name, other = formats.splits_to_learn(path)
        part = read_text_data(path, name, columns)
        if other is None:
            to_divide.append(part)
        else:
            learned.append(part)
            validating.append(read_text_data(path, other, columns))
    classes = join_classes([*learned, *to_divide])
    train = [it for part in learned for it in match_classes(part, classes).examples]
    validation = [it for part in validating for it in match_classes(part, classes).examples]
    for part in to_divide:
        kept, held = split_stratified(match_classes(part, classes).examples, fraction, seed)
        train += kept
        validation += held
    if not train or not validation:
        raise UsageError("too few texts to keep some for validation; add more to each class")
    return Parts(classes, train, validation)


def read_whole(
    locations: Sequence[str], columns: Columns
) -> tuple[tuple[str, ...], list[TextExample]]:
    """The classes and all texts of data sets that a cross-validation divides by itself.

    Of a set with splits it is what a training would learn from; a test split is never touched.

    Raises:
        InputError: not a data set, or one that has nothing but a test split.
    """
    formats = text_formats(columns)
    parts = []
    for location in locations:
        path = Path(location)
        parts.append(read_text_data(path, formats.splits_to_learn(path)[0], columns))
    classes = join_classes(parts)
    return classes, [it for part in parts for it in match_classes(part, classes).examples]
