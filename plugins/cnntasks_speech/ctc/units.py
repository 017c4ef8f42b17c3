"""What a transcribing model writes: characters or words, and how transcripts are spelled for it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from cnntasks import UsageError
from cnntasks_speech.ctc.decoding import SPACE

#: Of what is no letter, digit or mark, only these stay: they are parts of words.
_PARTS = "'-"
_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "‐": "-", "‑": "-"})


def normalised(transcript: str) -> str:
    """A transcript in lower case, its words with single spaces between them and no punctuation.

    Apostrophes and hyphens stay within words.
    """
    text = unicodedata.normalize("NFC", transcript).translate(_APOSTROPHES).lower()
    plain = "".join(
        char if unicodedata.category(char)[0] in "LNM" or char in _PARTS else SPACE for char in text
    )
    words = (word.strip(_PARTS) for word in plain.split())
    return SPACE.join(word for word in words if word)


def find_units(transcripts: Iterable[str], kind: str) -> tuple[str, ...]:
    """The units that normalised transcripts are made of, sorted.

    Args:
        transcripts: all that are learned from.
        kind: `"characters"` (the space is one, where there are several words) or `"words"`.

    Raises:
        UsageError: there is not a single one.
    """
    found: set[str] = set()
    for text in transcripts:
        found.update(text if kind == "characters" else text.split())
    if not found:
        raise UsageError("no transcript has a word; there is nothing to learn")
    return tuple(sorted(found))


class Speller:
    """Spells transcripts in the units of a model.

    Args:
        units: K, as on the card.
        kind: `"characters"` or `"words"`.
    """

    def __init__(self, units: Sequence[str], kind: str) -> None:
        self.kind = kind
        self.units = tuple(units)
        self._numbers = {unit: place + 1 for place, unit in enumerate(units)}

    def spell(self, text: str) -> list[int] | None:
        """The units of a normalised transcript, from 1; None where the model lacks one."""
        parts = text if self.kind == "characters" else text.split()
        found = [self._numbers.get(part) for part in parts]
        return None if None in found else [number for number in found if number is not None]

    def text(self, units: Iterable[int]) -> str:
        """What units say."""
        joint = "" if self.kind == "characters" else SPACE
        return SPACE.join(joint.join(self.units[unit - 1] for unit in units).split())
