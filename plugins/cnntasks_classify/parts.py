"""The parts of a training: what is learned from, and what validates."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnntasks import InputError, UsageError, join_classes, replacing
from cnntasks_classify.data import (
    ClassificationData,
    Example,
    match_classes,
    read_classification_data,
    split_stratified,
)
from cnntasks_classify.data.recognise import FORMATS

#: The file in which a training records what was held out.
SPLIT_FILE = "split.csv"


@dataclass(frozen=True, slots=True)
class Parts:
    """Examples to learn from and to validate with, labelled by `classes`.

    Attributes:
        classes: of all data sets together, matched by name as `match_classes` does.
        train, validation: not empty.
        held_out: whether the validation part, or some of it, was taken from the training pictures.
        small_grey: the first pictures are all grey and of at most 64 pixels, as handwriting is.
    """

    classes: tuple[str, ...]
    train: list[Example]
    validation: list[Example]
    held_out: bool
    small_grey: bool


def read_parts(locations: Sequence[str], fraction: float, seed: int) -> Parts:
    """Read data sets for training.

    `folder:split` names one split to learn from; otherwise it is `train`, or all of a set without
    splits. A `val` split validates; where there is none, `fraction` of each class does.

    Raises:
        InputError: not a data set, or one that has nothing but a test split.
        UsageError: too few pictures to keep some for validation.
    """
    learned: list[ClassificationData] = []
    validating: list[ClassificationData] = []
    to_divide: list[ClassificationData] = []
    for location in locations:
        path = Path(location)
        name, other = FORMATS.splits_to_learn(path)
        part = read_classification_data(path, name)
        if other is not None:
            learned.append(part)
            validating.append(read_classification_data(path, other))
        else:
            to_divide.append(part)
    everything = [*learned, *to_divide]
    classes = join_classes(everything)
    train = [it for part in learned for it in match_classes(part, classes).examples]
    validation = [it for part in validating for it in match_classes(part, classes).examples]
    for part in to_divide:
        kept, held = split_stratified(match_classes(part, classes).examples, fraction, seed)
        train += kept
        validation += held
    if not train or not validation:
        raise UsageError("too few pictures to keep some for validation; add more to each class")
    return Parts(classes, train, validation, bool(to_divide), _small_grey(train))


def _small_grey(examples: Sequence[Example]) -> bool:
    for example in examples[:: max(len(examples) // 8, 1)][:8]:
        picture = example.load()
        if max(picture.shape[:2]) > 64 or (picture != picture[:, :, :1]).any():
            return False
    return True


def write_split(folder: Path, parts: Parts) -> None:
    """Record which pictures validate, in the run's folder of a new model.

    Nothing is written where the data have a split of their own.

    Raises:
        InputError: the place cannot be written.
    """
    if not parts.held_out:
        return
    path = folder / "training" / SPLIT_FILE
    try:
        with (
            replacing(path) as temporary,
            temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream,
        ):
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow(("picture", "class", "part"))
            for name, examples in (("train", parts.train), ("val", parts.validation)):
                rows.writerows((it.name, parts.classes[it.label], name) for it in examples)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another --output"
        ) from error
