"""Labelled texts as people have them (tables, folders of files), read into one form."""

from __future__ import annotations

from cnntasks_text.data.recognise import available_splits, read_text_data, text_formats
from cnntasks_text.data.records import Columns, TextData, TextExample

__all__ = [
    "Columns",
    "TextData",
    "TextExample",
    "available_splits",
    "read_text_data",
    "text_formats",
]
