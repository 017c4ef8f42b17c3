"""Labelled examples, whatever they are of: names of splits and classes, matching, holding out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cnntasks.datasets import DataLayout, DataProblems, unknown_split
from cnntasks.errors import InputError, UsageError

#: The splits in the order they are listed in, and the names by which folders and files call them.
SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "development"),
    "test": ("test", "testing"),
}
#: Messages name at most this many classes.
_NAMED = 5


class Labelled(Protocol):
    """A frozen dataclass: one example, its name in the data set and the number of its class."""

    @property
    def name(self) -> str:
        """Where it is in the data set."""
        ...

    @property
    def label(self) -> int:
        """Index into the classes; -1 where the class is not known."""
        ...


class LabelledData(Protocol):
    """A frozen dataclass: a split of a data set, with the names of its classes."""

    @property
    def name(self) -> str:
        """The folder's name, or the file's."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The names that labels stand for."""
        ...

    @property
    def examples(self) -> tuple[Any, ...]:
        """`Labelled` ones."""
        ...


DataT = TypeVar("DataT", bound=LabelledData)
ExampleT = TypeVar("ExampleT", bound=Labelled)


def canonical_split(name: str) -> str | None:
    """`"train"`, `"val"` or `"test"` for any of the names these go by; None for another name."""
    plain = name.strip().casefold()
    return next((split for split, names in SPLIT_NAMES.items() if plain in names), None)


def choose_splits(layout: DataLayout[Any], wanted: str | None) -> tuple[str, ...]:
    """The splits to read for `wanted`; no name, or `"all"`, stands for every example there is.

    Raises:
        InputError: there is no such split; the message lists those there are.
    """
    if not wanted or wanted == "all":
        return layout.splits
    split = canonical_split(wanted)
    if split in layout.splits:
        return (split,)
    raise unknown_split(layout, wanted)


def split_folders(location: Path, folders: Iterable[Path]) -> dict[str, Path]:
    """Which of a data set's folders holds which split, in the order of `SPLIT_NAMES`.

    Args:
        location: the data set.
        folders: those named as splits are.

    Raises:
        InputError: two of them are one split.
    """
    found: dict[str, Path] = {}
    for path in folders:
        split = canonical_split(path.name) or ""
        if split in found:
            raise InputError(
                f"{location}: {found[split].name} and {path.name} are both its {split} split; "
                "merge or rename one"
            )
        found[split] = path
    return {split: found[split] for split in SPLIT_NAMES if split in found}


def sort_classes(names: Iterable[str]) -> list[str]:
    """The distinct names in order: those made of digits first, by value, so that 2 precedes 10."""

    def key(name: str) -> tuple[bool, int, str]:
        digits = name.isascii() and name.isdecimal()
        return not digits, int(name) if digits else 0, name

    return sorted(set(names), key=key)


def class_key(name: str) -> str:
    """What stays of a class name when case, white space and underscores do not count."""
    return "".join(name.replace("_", " ").casefold().split())


def warn_of_similar_classes(where: str, classes: Iterable[str], problems: DataProblems) -> None:
    """Tell `problems` of class names that differ in case or spacing alone, and may be one.

    Args:
        where: the data set.
        classes: names, of all its parts.
        problems: gets a warning for each.
    """
    spelt: dict[str, str] = {}
    for name in dict.fromkeys(classes):
        other = spelt.setdefault(class_key(name), name)
        if other != name:
            problems.warning(
                where,
                f"the classes {other!r} and {name!r} differ in case or spacing alone; "
                "if they are one, rename one",
            )


def counted(number: int, noun: str) -> str:
    """`"1 file"`, `"2 files"`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def match_classes(data: DataT, classes: Sequence[str]) -> DataT:
    """Relabel `data` for a model with the class list `classes`, by name and never by position.

    A name that is the same letter by letter wins; else case, white space and underscores do not
    count. Classes of the data without an example in it need not be known.

    Raises:
        InputError: an example's class is not among `classes`, or fits several of them.
    """
    used = {example.label for example in data.examples}
    exact = {name: number for number, name in enumerate(classes)}
    alike: dict[str, list[int]] = {}
    for number, name in enumerate(classes):
        alike.setdefault(class_key(name), []).append(number)
    numbers: dict[int, int] = {-1: -1}
    unknown: list[str] = []
    for label, name in enumerate(data.classes):
        fitting = [exact[name]] if name in exact else alike.get(class_key(name), [])
        if label not in used:
            continue
        if len(fitting) > 1:
            raise InputError(
                f"{data.name}: its class {name!r} fits several of the model's "
                f"({_listed(classes[number] for number in fitting)}); spell it as one of these"
            )
        if fitting:
            numbers[label] = fitting[0]
        else:
            unknown.append(name)
    if unknown:
        noun = "class" if len(unknown) == 1 else "classes"
        raise InputError(
            f"{data.name}: the model does not know its {noun} {_listed(unknown)} (it knows "
            f"{_listed(classes)}); rename or remove them in the data, or train a model on this data"
        )
    examples = tuple(
        example
        if numbers[example.label] == example.label
        else replace(example, label=numbers[example.label])
        for example in data.examples
    )
    matched: DataT = replace(data, classes=tuple(classes), examples=examples)  # type: ignore[type-var]
    return matched


def join_classes(parts: Sequence[LabelledData]) -> tuple[str, ...]:
    """The classes of all parts, one that several spell differently as the first of them does.

    Names that differ as little within one part are two classes there (the letters A and a).
    """
    classes: list[str] = []
    for part in parts:
        before = {class_key(name) for name in classes}
        alike = Counter(class_key(name) for name in part.classes)
        for name in part.classes:
            key = class_key(name)
            if name not in classes and (key not in before or alike[key] > 1):
                classes.append(name)
    return tuple(classes)


def split_stratified(
    examples: Iterable[ExampleT], fraction: float, seed: int = 0
) -> tuple[list[ExampleT], list[ExampleT]]:
    """Divide examples in two, class by class; the second part is `fraction` of each class.

    Which part an example falls into is decided by a hash of its name and `seed`, not by its
    position: the order of the files plays no role, and adding some moves hardly any other over.
    A class of two or more examples has at least one in each part; a single one is in the first.
    Both parts keep the order of `examples`.

    Raises:
        UsageError: `fraction` is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise UsageError(f"cannot hold out the fraction {fraction:g}; give one between 0 and 1")
    everything = list(examples)
    held: set[int] = set()
    for numbers in _ranked_by_class(everything, seed):
        count = min(max(round(fraction * len(numbers)), 1), len(numbers) - 1)
        held.update(numbers[:count])
    kept = [example for number, example in enumerate(everything) if number not in held]
    return kept, [everything[number] for number in sorted(held)]


def fold_stratified(examples: Iterable[Labelled], folds: int, seed: int = 0) -> list[int]:
    """The number of a fold, 0 to `folds` - 1, for each example: every class in equal shares.

    As for `split_stratified`, a hash of the examples' names and `seed` decides. The folds' sizes
    differ by one at most.

    Raises:
        UsageError: fewer than two folds, or more than examples.
    """
    everything = list(examples)
    if not 2 <= folds <= len(everything):
        raise UsageError(
            f"{folds} folds of {counted(len(everything), 'example')}: give at least 2 folds and at "
            "least one example for each"
        )
    numbers = [0] * len(everything)
    turn = 0  # goes on from class to class, or the first folds would get all the remainders
    for ranked in _ranked_by_class(everything, seed):
        for place in ranked:
            numbers[place] = turn % folds
            turn += 1
    return numbers


def _ranked_by_class(examples: Sequence[Labelled], seed: int) -> list[list[int]]:
    """For each class, the places of its examples in an order that only their names decide."""
    by_class: dict[int, list[int]] = {}
    for number, example in enumerate(examples):
        by_class.setdefault(example.label, []).append(number)
    return [
        sorted(numbers, key=lambda number: _rank(examples[number].name, seed))
        for numbers in by_class.values()
    ]


def _rank(name: str, seed: int) -> bytes:
    # File names need not be valid Unicode.
    text = f"{seed}/{name}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=16).digest()


def _listed(names: Iterable[str]) -> str:
    every = [repr(name) for name in names]
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more
