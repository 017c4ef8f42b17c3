"""Recognises the format of a data set of labelled texts and reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cnntasks import (
    DataFormats,
    InputError,
    choose_splits,
    counted,
)
from cnntasks_text.data.folders import find_folders
from cnntasks_text.data.records import Columns, TextData
from cnntasks_text.data.tables import find_table

EXPECTED = (
    "expected a CSV, TSV or JSON Lines file (.gz or not) with the columns text,label, a folder "
    "with one for each of train, val and test, or a folder of .txt files for each class"
)
_USUAL = Columns()


def text_formats(columns: Columns = _USUAL) -> DataFormats[TextData]:
    """The formats of labelled texts, whose tables have these columns."""
    return DataFormats(
        kind="text",
        finders=(lambda location: find_table(location, columns), find_folders),
        expected=EXPECTED,
        choose=choose_splits,
    )


def read_text_data(location: Path, split: str | None = None, columns: Columns = _USUAL) -> TextData:
    """Read labelled texts, recognised by their files.

    Args:
        location: a file, a folder, or `folder:split`.
        split: one of `available_splits`; without it (or with `"all"`) everything there is.
        columns: of tables.

    Raises:
        InputError: not a data set, no such split or column, a row or a class that training could
            not use, fewer than two classes, no text.
    """
    parts = text_formats(columns).read(location, split)
    data = parts[0] if len(parts) == 1 else _join(parts)
    if not data.examples:
        skipped = f", {counted(data.skipped, 'text')} left out" if data.skipped else ""
        raise InputError(
            f"{location} ({data.split} split{skipped}): there is no labelled text in it; add some"
        )
    return data


def available_splits(location: Path, columns: Columns = _USUAL) -> list[str]:
    """The names of a data set's splits, train first; `["all"]` where it has none.

    Raises:
        InputError: not a data set.
    """
    return text_formats(columns).available_splits(location)


def _join(parts: list[TextData]) -> TextData:
    # Readers give every split the same classes, so labels need no translation.
    return replace(
        parts[0],
        split="all",
        examples=tuple(example for part in parts for example in part.examples),
        skipped=sum(part.skipped for part in parts),
    )
