"""Recognises the format of a classification data set and reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cnntasks import InputError
from cnntasks_classify.data.cifar import find_cifar
from cnntasks_classify.data.folders import find_folders
from cnntasks_classify.data.idx import find_idx
from cnntasks_classify.data.records import (
    ClassificationData,
    Example,
    Layout,
    Problems,
    canonical_split,
    counted,
    unreadable,
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
    location, named = divide(location)
    layout = recognise(location)
    problems = Problems()
    parts = [layout.read(name, problems) for name in choose_splits(layout, split or named)]
    problems.raise_structural()
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
    return list(recognise(divide(location)[0]).splits)


def recognise(location: Path) -> Layout:
    """Find out the format of a data set.

    Raises:
        InputError: it is none; the message lists the layouts that are known.
    """
    if not location.exists():
        raise InputError(f"{location}: there is no such file or folder; check the spelling")
    finders: tuple[Callable[[Path], Layout | None], ...] = (
        find_idx,
        find_cifar,
        find_table,
        find_folders,
    )
    try:
        for find in finders:
            layout = find(location)
            if layout is not None:
                return layout
    except OSError as error:
        raise unreadable(location, error) from error
    raise InputError(f"{location}: not a classification data set; {EXPECTED}")


def choose_splits(layout: Layout, wanted: str | None) -> tuple[str, ...]:
    """The splits to read for `wanted`; no name, or `"all"`, stands for every picture there is.

    Raises:
        InputError: there is no such split; the message lists those there are.
    """
    if not wanted or wanted == "all":
        return layout.splits
    split = canonical_split(wanted)
    if split in layout.splits:
        return (split,)
    raise InputError(
        f"{layout.name}: there is no split {wanted!r}; it has {', '.join(layout.splits)}"
    )


def divide(location: Path) -> tuple[Path, str | None]:
    """Take `folder:split` apart, unless a folder of that very name exists."""
    folder, colon, split = str(location).rpartition(":")
    if colon and folder and not location.exists():
        return Path(folder), split
    return location, None


def _join(parts: list[ClassificationData]) -> ClassificationData:
    # Readers give every split the same classes, so labels need no translation.
    examples: dict[tuple[str, int], Example] = {}
    for part in parts:
        for example in part.examples:
            examples.setdefault((example.name, example.label), example)
    skipped = sum(part.skipped for part in parts)
    return replace(parts[0], split="all", examples=tuple(examples.values()), skipped=skipped)
