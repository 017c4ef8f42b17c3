"""Looks a data set of recordings over before hours of training are spent on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cnntasks import DataProblems, DataReport, UsageError, warn_of_similar_classes
from cnntasks_speech.data.inspection import Inspection, inspect_clips
from cnntasks_speech.data.recognise import speech_formats
from cnntasks_speech.data.records import SILENCE, Clip, SpeechData, without_clip

#: Where the largest training class has this many times the recordings of the smallest, always
#: answering the former looks good.
HEAVY_IMBALANCE = 10.0
#: A clip of a word is of the wrong length beyond these parts of the usual one.
SHORT, LONG = 0.5, 2.0
#: Shorter than this nothing can be said.
SHORTEST_SECONDS = 0.1
#: People say at most so many characters a second.
FASTEST_CHARACTERS = 30.0


def check_speech_data(location: Path, length: str | None = None) -> DataReport:
    """Read a data set, decode every recording of it and say what is wrong.

    Args:
        location: as for `read_speech_data`; all splits are read unless one is named.
        length: seconds that clips of single words should have; the usual length when None.

    Returns:
        Findings (an error is what training would refuse or learn or measure wrongly), errors
        first; how many recordings, speakers and minutes each class has in each split; and in the
        summary rates and lengths.

    Raises:
        InputError: it is no data set at all, or has no such split.
        UsageError: `length` is no number of seconds.
    """
    wanted = _seconds(length)
    problems = DataProblems()
    layout, parts = speech_formats().read_for_check(location, problems)
    seen = [_Seen(part, clip) for part in parts for clip in part.examples]
    inspections = inspect_clips([each.clip for each in seen])
    for each, found in zip(seen, inspections, strict=True):
        each.found = found
    good = [each for each in seen if not each.found.fault]
    usual = wanted or _usual(good)
    for each in seen:
        _check_recording(each, usual, problems)
    _check_copies(good, problems)
    _check_speakers(seen, problems)
    for part in parts:
        _check_counts(part, problems)
    if parts:
        classes = [name for part in parts for name in part.classes]
        warn_of_similar_classes(parts[0].name, classes, problems)
    return DataReport(
        summary={
            "name": layout.name,
            "format": layout.format,
            "splits": {part.split: len(part.examples) for part in parts},
            "classes": len({name for part in parts for name in part.classes}),
            "recordings": len(seen),
            "speakers": len({each.clip.speaker for each in seen} - {None}),
            "hours": round(sum(each.found.seconds for each in good) / 3600, 3),
            **_lengths(good),
        },
        table=[row for part in parts for row in _rows(part, seen)],
        findings=problems.sorted_findings(),
    )


@dataclass(slots=True)
class _Seen:
    """A clip, the split it is in, and what it holds."""

    data: SpeechData
    clip: Clip
    found: Inspection = field(default_factory=Inspection)

    @property
    def where(self) -> str:
        """The file, and the place in it."""
        place = "" if self.clip.start is None else f" from {self.clip.start:g} s"
        return f"{self.clip.path}{place}"

    @property
    def said(self) -> str:
        """The class, or else the transcript."""
        label = self.clip.label
        return self.data.classes[label] if label >= 0 else self.clip.transcript or ""


def _seconds(length: str | None) -> float | None:
    if length is None:
        return None
    try:
        seconds = float(length)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        raise UsageError(f"--with length={length}: give seconds, 1.0 for example")
    return seconds


def _usual(seen: list[_Seen]) -> float:
    """The middle one of the lengths of all clips of single words."""
    seconds = [each.found.seconds for each in seen if each.clip.label >= 0]
    return float(np.median(seconds)) if seconds else 0.0


def _check_recording(each: _Seen, usual: float, problems: DataProblems) -> None:
    found, silence = each.found, each.said == SILENCE
    if found.fault:
        problems.error(each.where, found.fault)
        return
    if found.seconds < SHORTEST_SECONDS:
        problems.error(each.where, f"is only {1000 * found.seconds:.0f} ms long; remove it")
    elif each.clip.label >= 0 and usual and not SHORT <= found.seconds / usual <= LONG:
        problems.warning(
            each.where,
            f"is {found.seconds:.2f} s long where {usual:.2f} s are usual; cut it, or remove it",
        )
    elif each.clip.label < 0 and _too_fast(each):
        problems.error(
            each.where,
            f"is {found.seconds:.2f} s long, too short for its transcript {each.said[:40]!r}; "
            "correct the transcript",
        )
    if found.silent and not silence:
        problems.error(each.where, f"is silent but labelled {each.said[:40]!r}; remove it")
    if found.clipped > 0:
        problems.warning(
            each.where, f"is clipped ({found.clipped:.1%} cut off at full scale); record it again"
        )
    if found.missing:
        problems.warning(
            each.where, f"is cut: its last {found.missing:.1f} s are not there; get a whole copy"
        )


def _too_fast(each: _Seen) -> bool:
    return len(each.said) > FASTEST_CHARACTERS * each.found.seconds


def _check_copies(seen: list[_Seen], problems: DataProblems) -> None:
    groups: dict[bytes, list[_Seen]] = {}
    for each in seen:
        if not each.found.silent:  # all silence sounds alike
            groups.setdefault(each.found.digest, []).append(each)
    for first, *copies in groups.values():
        for copy in copies:
            what = f"the same recording as {first.clip.name or first.clip.path.name}"
            if first.where == copy.where:
                what = "this recording is listed twice"
            problems.found_copy(
                copy.where, what, (copy.said, first.said), (copy.data.split, first.data.split)
            )


def _check_speakers(seen: list[_Seen], problems: DataProblems) -> None:
    places: dict[str, Counter[str]] = {}
    for each in seen:
        if each.clip.speaker is not None:
            places.setdefault(each.clip.speaker, Counter())[each.data.split] += 1
    name = seen[0].data.name if seen else ""
    for speaker, splits in sorted(places.items()):
        if len(splits) > 1:
            counts = " and ".join(f"{count} in {split}" for split, count in splits.items())
            problems.error(
                f"{name}: speaker {speaker}",
                f"has recordings in several splits ({counts}): results would look better than they "
                "are; keep each speaker in one split",
            )


def _check_counts(part: SpeechData, problems: DataProblems) -> None:
    where = f"{part.name}:{part.split}"
    training = part.split in ("train", "all")
    if not part.examples:
        problems.error(where, "there is no recording in this split; add some or remove it")
        return
    counts = Counter(clip.label for clip in part.examples)
    if not training:
        for label, name in enumerate(part.classes):
            if not counts[label]:
                problems.warning(where, without_clip(name))
    present = [(counts[label], name) for label, name in enumerate(part.classes) if counts[label]]
    if training and len(present) > 1:
        (fewest, rare), (most, common) = min(present), max(present)
        if most >= HEAVY_IMBALANCE * fewest:
            problems.warning(
                where,
                f"{most} recordings of {common!r} but {fewest} of {rare!r}, which may never be "
                "recognised; add recordings of it, and look at each word's recall",
            )


def _rows(part: SpeechData, seen: list[_Seen]) -> Iterator[dict[str, Any]]:
    own = [each for each in seen if each.data is part]
    for label, name in enumerate((*part.classes, "(transcripts)")):
        number = label if label < len(part.classes) else -1
        group = [each for each in own if each.clip.label == number]
        if number >= 0 or group:
            yield {
                "class": name,
                "split": part.split,
                "recordings": len(group),
                "speakers": len({each.clip.speaker for each in group} - {None}),
                "minutes": round(sum(each.found.seconds for each in group) / 60, 2),
            }


def _lengths(seen: list[_Seen]) -> dict[str, Any]:
    if not seen:
        return {}
    seconds = [each.found.seconds for each in seen]
    rates = Counter(each.found.rate for each in seen)
    return {
        "seconds": {
            "shortest": round(min(seconds), 3),
            "median": round(float(np.median(seconds)), 3),
            "longest": round(max(seconds), 3),
        },
        "rates": {f"{rate} Hz": count for rate, count in sorted(rates.items())},
    }
