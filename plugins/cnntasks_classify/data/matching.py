"""Brings data under a model's class list, and holds out a part of it for validation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from cnntasks import InputError, UsageError
from cnntasks_classify.data.records import ClassificationData, Example, class_key

#: Messages name at most this many classes.
_NAMED = 5


def match_classes(data: ClassificationData, classes: Sequence[str]) -> ClassificationData:
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
    examples = (
        example
        if numbers[example.label] == example.label
        else replace(example, label=numbers[example.label])
        for example in data.examples
    )
    return replace(data, classes=tuple(classes), examples=tuple(examples))


def split_stratified(
    examples: Iterable[Example], fraction: float, seed: int = 0
) -> tuple[list[Example], list[Example]]:
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
    by_class: dict[int, list[int]] = {}
    for number, example in enumerate(everything):
        by_class.setdefault(example.label, []).append(number)
    held: set[int] = set()
    for numbers in by_class.values():
        count = min(max(round(fraction * len(numbers)), 1), len(numbers) - 1)
        ranked = sorted(numbers, key=lambda number: _rank(everything[number].name, seed))
        held.update(ranked[:count])
    kept = [example for number, example in enumerate(everything) if number not in held]
    return kept, [everything[number] for number in sorted(held)]


def _rank(name: str, seed: int) -> bytes:
    # File names need not be valid Unicode.
    text = f"{seed}/{name}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=16).digest()


def _listed(names: Iterable[str]) -> str:
    every = [repr(name) for name in names]
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more
