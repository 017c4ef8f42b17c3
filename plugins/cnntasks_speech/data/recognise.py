"""Recognises the format of a data set of recordings and reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cnntasks import DataFormats, InputError, choose_splits
from cnntasks_speech.data.folders import find_folders
from cnntasks_speech.data.records import SpeechData
from cnntasks_speech.data.tables import find_table

EXPECTED = (
    "expected a folder of recordings for each word (as Speech Commands has them), a CSV, TSV or "
    "JSON Lines file with the columns path,label or path,transcript, or a folder with one for each "
    "of train, val and test"
)


def speech_formats() -> DataFormats[SpeechData]:
    """The formats of recordings with words or transcripts."""
    return DataFormats(
        kind="speech",
        finders=(find_table, find_folders),
        expected=EXPECTED,
        choose=choose_splits,
    )


def read_speech_data(location: Path, split: str | None = None) -> SpeechData:
    """Read recordings (which ones, not their samples), recognised by their files.

    Args:
        location: a file, a folder, or `folder:split`.
        split: one of `available_splits`; without it (or with `"all"`) everything there is.

    Raises:
        InputError: not a data set, no such split or column, a row or a class that training could
            not use, no recording.
    """
    parts = speech_formats().read(location, split)
    data = parts[0]
    if len(parts) > 1:  # readers give every split the same classes
        examples = tuple(clip for part in parts for clip in part.examples)
        data = replace(data, split="all", examples=examples)
    if not data.examples:
        raise InputError(f"{location} ({data.split} split): there is no recording in it; add some")
    return data


def available_splits(location: Path) -> list[str]:
    """The names of a data set's splits, train first; `["all"]` where it has none.

    Raises:
        InputError: not a data set.
    """
    return speech_formats().available_splits(location)
