"""Cross-validation: which texts are held out in which round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnntasks import InputError, fold_stratified, sort_classes
from cnntasks_text.data.records import TextExample

#: Name of the fold, the examples to learn from, and those to measure on.
Round = tuple[str, list[TextExample], list[TextExample]]


def rounds(examples: Sequence[TextExample], folds: int | None = None, seed: int = 0) -> list[str]:
    """The fold of each example: what its fold column says, or one of `folds` made here.

    Args:
        examples: of the whole data set.
        folds: how many to make, every class in equal shares; None for those of the column.
        seed: of what is made.

    Raises:
        InputError: there is no fold column, a text has no fold, or all have the same.
        UsageError: fewer folds than two, or more than texts.
    """
    if folds is not None:
        return [str(number) for number in fold_stratified(examples, folds, seed)]
    without = next((it for it in examples if not it.fold), None)
    if without is not None:
        raise InputError(
            f"{without.name}: has no fold; fill in the column, or have folds made with --folds 10"
        )
    names = [example.fold for example in examples]
    if len(set(names)) < 2:
        raise InputError("all texts are in one fold; cross-validation needs at least two")
    return names


def divide(examples: Sequence[TextExample], names: Sequence[str]) -> Iterator[Round]:
    """One round for each fold, in order: that fold is measured on, the others are learned from.

    Args:
        examples: N.
        names: the folds of the N examples, as `rounds` gives them.
    """
    for held in sort_classes(names):
        kept = [it for it, name in zip(examples, names, strict=True) if name != held]
        measured = [it for it, name in zip(examples, names, strict=True) if name == held]
        yield held, kept, measured
