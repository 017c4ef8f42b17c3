"""Looks labelled texts over before a training is spent on them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnntasks import DataProblems, DataReport, class_key, counted
from cnntasks_text.data.recognise import text_formats
from cnntasks_text.data.records import Columns, TextData, TextExample, without_text

#: Where the largest training class has this many times the texts of the smallest, always answering
#: the former looks good.
HEAVY_IMBALANCE = 10.0
#: Class names more alike than this, where one of them is rare, may be one that is spelt two ways.
ALIKE = 0.8
#: A class with at most this share of the texts of another is rare beside it.
RARE = 0.05
#: The upper ends of the bars of the histogram of lengths, in words.
LENGTHS = (5, 10, 20, 50, 100, 200, 500, 1000)
#: UTF-8 that was read as Latin-1 or Windows-1252 ("Ã©" for "é", "â€™" for "’"), and replacement
#: characters, which stand where something was lost.
_DAMAGE = re.compile(r"\ufffd|Ã[\x80-\xbf¡-¿ƒ„…†‡ˆ‰Š‹ŒŽ]|â€[\x80-\x9f™œ˜“”¦¢]")
_WORD = re.compile(r"\w+")


def check_text_data(
    location: Path,
    text_column: str | None = None,
    label_column: str | None = None,
    fold_column: str | None = None,
) -> DataReport:
    """Read labelled texts and say what is wrong.

    Args:
        location: as for `read_text_data`; all splits are read unless one is named.
        text_column, label_column, fold_column: of tables; None for the usual names.

    Returns:
        Findings (an error is what training would refuse or learn or measure wrongly), errors
        first; the number of texts of each class in each split; and in the summary the lengths of
        the texts in words as a histogram.

    Raises:
        InputError: it is no data set at all, or has no such split.
    """
    problems = DataProblems()
    columns = Columns(text_column, label_column, fold_column)
    layout, parts = text_formats(columns).read_for_check(location, problems)
    seen = [_Seen(part, example) for part in parts for example in part.examples]
    _check_copies(seen, problems)
    _check_texts(seen, problems)
    for part in parts:
        _check_counts(part, problems)
    _check_names(parts, problems)
    return DataReport(
        summary={
            "name": layout.name,
            "format": layout.format,
            "splits": {part.split: len(part.examples) for part in parts},
            "classes": len({name for part in parts for name in part.classes}),
            "texts": len(seen),
            "skipped": sum(part.skipped for part in parts),
            **_lengths([each.example.text for each in seen]),
        },
        table=[row for part in parts for row in _rows(part)],
        findings=problems.sorted_findings(),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """An example and the split it is in."""

    data: TextData
    example: TextExample

    @property
    def where(self) -> str:
        """The file and the line."""
        file = self.example.name.partition(":")[0]
        return (
            self.example.name if file == self.data.name else f"{self.data.name}/{self.example.name}"
        )

    @property
    def class_name(self) -> str:
        """The name of its class; empty where that is unknown."""
        return self.data.classes[self.example.label] if self.example.label >= 0 else ""


def _check_copies(seen: list[_Seen], problems: DataProblems) -> None:
    """The same words are the same text, whatever their case and the space between them."""
    groups: dict[str, list[_Seen]] = {}
    for each in seen:
        groups.setdefault(" ".join(each.example.text.casefold().split()), []).append(each)
    for first, *copies in groups.values():
        for copy in copies:
            problems.found_copy(
                copy.where,
                f"the same text as {first.example.name}",
                (copy.class_name or None, first.class_name or None),
                (copy.data.split, first.data.split),
                (copy.example.fold, first.example.fold),
            )


def _check_texts(seen: list[_Seen], problems: DataProblems) -> None:
    for each in seen:
        damage = _DAMAGE.search(each.example.text)
        if damage:
            problems.warning(
                each.where,
                f"{damage[0]!r} at character {damage.start() + 1} looks like text that was read in "
                "a wrong encoding; repair it",
            )
        elif not _WORD.search(each.example.text):
            problems.warning(each.where, "there is no word in this text; is that on purpose?")


def _check_counts(part: TextData, problems: DataProblems) -> None:
    where = f"{part.name}:{part.split}"
    training = part.split in ("train", "all")
    if not part.examples:
        problems.error(where, "there is no labelled text in this split; add some or remove it")
        return
    counts = _counts(part)
    if not training:  # for a split that is learned from, reading has told it
        for name, count in zip(part.classes, counts, strict=True):
            if not count:
                problems.warning(where, without_text(name))
    present = [(count, name) for name, count in zip(part.classes, counts, strict=True) if count]
    if training and len(present) > 1:
        (fewest, rare), (most, common) = min(present), max(present)
        if most >= HEAVY_IMBALANCE * fewest:
            problems.warning(
                where,
                f"{most} texts of {common!r} but {fewest} of {rare!r}, which may never be "
                "predicted; add texts of it, and look at each class's recall",
            )


def _check_names(parts: list[TextData], problems: DataProblems) -> None:
    """Class names that may be one: they differ in case alone, or by a letter and one is rare."""
    counts: dict[str, int] = {}
    for part in parts:
        for name, count in zip(part.classes, _counts(part), strict=True):
            counts[name] = counts.get(name, 0) + count
    names = list(counts)
    for number, name in enumerate(names):
        for other in names[:number]:
            if class_key(other) == class_key(name):
                problems.warning(
                    parts[0].name,
                    f"the classes {other!r} and {name!r} differ in case or spacing alone; "
                    "if they are one, rename one",
                )
            elif _typo(other, name, counts[other], counts[name]):
                rare, usual = sorted((other, name), key=counts.__getitem__)
                problems.warning(
                    parts[0].name,
                    f"the class {rare!r} has {counted(counts[rare], 'text')} and is spelt nearly "
                    f"like {usual!r}; if it is a slip, correct it",
                )


def _typo(one: str, other: str, count: int, others: int) -> bool:
    if min(count, others) > RARE * max(count, others):
        return False
    if one.isdecimal() or other.isdecimal() or min(len(one), len(other)) < 3:
        return False
    return difflib.SequenceMatcher(None, one.casefold(), other.casefold()).ratio() >= ALIKE


def _counts(part: TextData) -> list[int]:
    labels = np.array([example.label for example in part.examples], dtype=np.int64)
    counts: list[int] = np.bincount(labels[labels >= 0], minlength=len(part.classes)).tolist()
    return counts


def _rows(part: TextData) -> Iterator[dict[str, Any]]:
    for name, count in zip(part.classes, _counts(part), strict=True):
        yield {"class": name, "split": part.split, "texts": count}


def _lengths(texts: list[str]) -> dict[str, dict[str, int]]:
    """Shortest, median and longest text in words, and how many texts are how long."""
    if not texts:
        return {}
    lengths = np.array([len(text.split()) for text in texts])
    place = np.searchsorted(LENGTHS, lengths)
    starts = (1, *(length + 1 for length in LENGTHS))
    names = [f"{start}-{end}" for start, end in zip(starts, LENGTHS, strict=False)]
    names.append(f"over {LENGTHS[-1]}")
    counts = np.bincount(place, minlength=len(names)).tolist()
    return {
        "words": {
            "shortest": int(lengths.min()),
            "median": round(float(np.median(lengths))),
            "longest": int(lengths.max()),
        },
        "texts by words": {name: count for name, count in zip(names, counts, strict=True) if count},
    }
