"""What a recording says: words with times, and of a short clip the probabilities of all classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Columns of `SpeechResult.to_rows`.
COLUMNS = ("start", "end", "word", "confidence")


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word.

    Attributes:
        word: as the model's classes or units spell it.
        start, end: seconds from the beginning of the recording.
        confidence: 0..1.
    """

    word: str
    start: float
    end: float
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, times in milliseconds' precision."""
        return {
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "word": self.word,
            "confidence": round(self.confidence, 4),
        }


def without_overlap(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words, each ending where the next one begins at the latest."""
    ends = [word.start for word in words[1:]] + [float("inf")]
    return tuple(
        replace(word, end=max(min(word.end, end), word.start))
        for word, end in zip(words, ends, strict=False)  # there is an end too many for none
    )


@dataclass(frozen=True, slots=True)
class ClipLabel:
    """What a short clip is: the likeliest classes, best first.

    Attributes:
        labels: N int64, index into `classes`.
        probabilities: N float32, 0..1; those of all classes add up to 1.
        classes: the names of the model's classes, those that are no words among them.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The class names, likeliest first."""
        return [self.classes[label] for label in self.labels.tolist()]

    def to_dict(self) -> list[dict[str, Any]]:
        """Plain JSON types."""
        return [
            {"label": name, "probability": round(value, 4)}
            for name, value in zip(self.names, self.probabilities.tolist(), strict=True)
        ]


@dataclass(frozen=True, slots=True)
class SpeechResult:
    """The words of one recording, in the order in which they were said.

    Attributes:
        words: with their times.
        seconds: length of the recording.
        source_rate: of the recording, in Hz.
        channels: of the recording, which were averaged.
        rate: at which the network heard it, in Hz.
        clip: what it is as a whole, for a clip that is hardly longer than the network's window.
        remark: what is wrong with the recording (silent, clipped); empty where all is well.
    """

    words: tuple[Word, ...]
    seconds: float
    source_rate: int
    channels: int
    rate: int
    clip: ClipLabel | None = None
    remark: str = ""

    @property
    def text(self) -> str:
        """The words with spaces between them."""
        return " ".join(word.word for word in self.words)

    @property
    def label(self) -> str | None:
        """The likeliest class of a short clip, `unknown` and `silence` among them; else None."""
        return None if self.clip is None else self.clip.names[0]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        record: dict[str, Any] = {
            "text": self.text,
            "words": [word.to_dict() for word in self.words],
            "seconds": round(self.seconds, 3),
            "source_rate": self.source_rate,
            "channels": self.channels,
            "rate": self.rate,
        }
        if self.clip is not None:
            record["label"] = self.label
            record["labels"] = self.clip.to_dict()
        if self.remark:
            record["remark"] = self.remark
        return record

    def to_rows(self) -> list[dict[str, Any]]:
        """A row for each word; of a short clip one for each of its labels."""
        if self.clip is None:
            return [word.to_dict() for word in self.words]
        start, end = 0.0, self.seconds
        if self.words:
            start, end = self.words[0].start, self.words[0].end
        return [
            Word(row["label"], start, end, row["probability"]).to_dict()
            for row in self.clip.to_dict()
        ]
