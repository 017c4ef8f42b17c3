"""What every reader of labelled texts returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cnntasks import DataLayout, DataProblems


@dataclass(frozen=True, slots=True)
class TextExample:
    """One text and its class.

    Attributes:
        text: as it stands in the file; never blank, and without NUL characters.
        label: index into `TextData.classes`; -1 where the class is not known, which only the
            check gets to see.
        name: the file and the line (`"mr.tsv:17"`), or the file of a single text.
        fold: what the fold column says; empty where there is none.
    """

    text: str
    label: int
    name: str = ""
    fold: str = ""


@dataclass(frozen=True, slots=True)
class TextData:
    """A split of a data set, or all of it.

    Attributes:
        name: the folder's name, or the file's.
        format: `"csv"`, `"tsv"`, `"json lines"` or `"folders"`.
        split: `"train"`, `"val"`, `"test"` or `"all"`.
        classes: those of all splits together, so that labels mean the same in each; sorted,
            numbers by value.
        examples: in the order of the file, or by class and path.
        skipped: blank texts and files that are no texts, which were passed over.
    """

    name: str
    format: str
    split: str
    classes: tuple[str, ...]
    examples: tuple[TextExample, ...]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table by their names; None stands for the usual names.

    Attributes:
        text: the text.
        label: its class.
        fold: the part of a cross-validation that a text belongs to.
        split: train, val or test, where one table has them all.
    """

    text: str | None = None
    label: str | None = None
    fold: str | None = None
    split: str | None = None


def make_data(
    layout: DataLayout[TextData],
    split: str,
    classes: Sequence[str],
    examples: Iterable[TextExample],
    problems: DataProblems,
    skipped: int = 0,
) -> TextData:
    """The data of one split; too few classes, and classes without a text to learn from, are told.

    Every class needs at least one text in a split that is learned from.
    """
    if len(classes) < 2:
        only = f"only the class {classes[0]!r}" if classes else "no class"
        problems.fatal(layout.name, f"it has {only}; a classifier needs at least two")
    data = TextData(layout.name, layout.format, split, tuple(classes), tuple(examples), skipped)
    if split in ("train", "all"):
        present = {example.label for example in data.examples}
        for label, name in enumerate(data.classes):
            if label not in present:
                problems.fatal(f"{layout.name}:{split}", without_text(name))
    return data


def without_text(name: str) -> str:
    """What to say of a class that a split has no text of."""
    return f"the class {name!r} has no text here; add some or remove the class"
