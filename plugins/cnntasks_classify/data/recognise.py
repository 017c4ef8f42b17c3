"""Recognises the format of a classification data set and reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cnntasks import DataFormats, InputError, choose_splits, counted
from cnntasks_classify.data.cifar import find_cifar
from cnntasks_classify.data.folders import find_folders
from cnntasks_classify.data.idx import find_idx
from cnntasks_classify.data.records import (
    ClassificationData,
    Example,
)
from cnntasks_classify.data.tables import find_table

EXPECTED = (
    "expected a folder for each class (with or without train/, val/ and test/ above them), a CSV "
    "file with the columns path,label (labels.csv, or train.csv and val.csv), MNIST's files "
    "(train-images-idx3-ubyte.gz, ...) or CIFAR's binary ones (data_batch_1.bin, ...)"
)


def read_classification_data(location: Path, split: str | None = None) -> ClassificationData:
    """Read a data set of labelled pictures, recognised by its files; picture files stay closed.

    Args:
        location: a folder, a CSV file, an IDX file of images, or `folder:split`.
        split: one of `available_splits`; without it (or with `"all"`), all pictures there are,
            one that several splits list with the same class once.

    Raises:
        InputError: not a data set, no such split, missing or broken files, a label that is none,
            an empty class folder to train on, fewer than two classes, no picture.
    """
    parts = FORMATS.read(location, split)
    data = parts[0] if len(parts) == 1 else _join(parts)
    if not data.examples:
        skipped = f", {counted(data.skipped, 'file')} left out" if data.skipped else ""
        where = f"{location} ({data.split} split{skipped})"
        raise InputError(f"{where}: there is no labelled picture in it; add some")
    return data


def available_splits(location: Path) -> list[str]:
    """The names of a data set's splits, train first; `["all"]` where it has none.

    Raises:
        InputError: not a data set.
    """
    return FORMATS.available_splits(location)


def _join(parts: list[ClassificationData]) -> ClassificationData:
    # Readers give every split the same classes, so labels need no translation.
    examples: dict[tuple[str, int], Example] = {}
    for part in parts:
        for example in part.examples:
            examples.setdefault((example.name, example.label), example)
    skipped = sum(part.skipped for part in parts)
    return replace(parts[0], split="all", examples=tuple(examples.values()), skipped=skipped)


FORMATS = DataFormats(
    kind="classification",
    finders=(find_idx, find_cifar, find_table, find_folders),
    expected=EXPECTED,
    choose=choose_splits,
)
