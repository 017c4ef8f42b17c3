"""Recordings with their words as people have them (folders, tables), read into one form."""

from __future__ import annotations

from cnntasks_speech.data.recognise import available_splits, read_speech_data, speech_formats
from cnntasks_speech.data.records import SILENCE, UNKNOWN, Clip, SpeechData

__all__ = [
    "SILENCE",
    "UNKNOWN",
    "Clip",
    "SpeechData",
    "available_splits",
    "read_speech_data",
    "speech_formats",
]
