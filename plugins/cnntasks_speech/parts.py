"""The parts of a training: what is learned from, what validates, and background noise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cnntasks import UsageError, class_key, join_classes, match_classes, split_stratified
from cnntasks_speech.data import (
    SILENCE,
    UNKNOWN,
    Clip,
    SpeechData,
    read_speech_data,
    speech_formats,
)
from cnntasks_speech.data.records import reject_others, split_speakers, without_clip


@dataclass(frozen=True, slots=True)
class Parts:
    """Recordings to learn from and to validate with.

    Attributes:
        classes: of all data sets together; `unknown` and `silence`, where they are, last.
        train, validation: not empty, labelled by `classes`.
        extra: further recordings to learn from.
        noise: recordings of background noise.
    """

    classes: tuple[str, ...]
    train: list[Clip]
    validation: list[Clip]
    extra: list[Clip]
    noise: list[Path]

    def further_words(self, least: int) -> list[str]:
        """The words behind `unknown` of which `least` recordings or more are learned from."""
        counts: dict[str, int] = {}
        for clip in self.train:
            if clip.word and self.classes[clip.label] == UNKNOWN:
                counts[clip.word] = counts.get(clip.word, 0) + 1
        words = {word for word, count in counts.items() if count >= least}
        return sorted(words - set(self.classes))


def read_parts(
    locations: Sequence[str],
    extra: Sequence[str],
    words: Sequence[str],
    fraction: float,
    seed: int,
) -> Parts:
    """Read data sets for training.

    `folder:split` names one split to learn from; otherwise it is `train`, or all of a set without
    splits. A `val` split validates; where there is none, about `fraction` of the speakers do.

    Args:
        locations: data sets.
        extra: data sets to learn from as a whole, whatever their splits.
        words: the classes to tell apart; clips of all others are unknown. All classes when empty.
        fraction: of the speakers kept for validation.
        seed: of their choice.

    Raises:
        InputError: not a data set, or one that has nothing but a test split.
        UsageError: a word that is not in the data, or too few recordings.
    """
    learned, validating, to_divide = [], [], []
    for location in locations:
        path = Path(location)
        name, other = speech_formats().splits_to_learn(path)
        part = _read(path, name, words)
        if other is None:
            to_divide.append(part)
        else:
            learned.append(part)
            validating.append(_read(path, other, words))
    own = [*learned, *to_divide]
    classes = _classes(own, words)
    further = [_read(Path(location), None, words or classes) for location in extra]
    train = _clips(learned, classes)
    validation = _clips(validating, classes)
    kept, held = _divided(_clips(to_divide, classes), fraction, seed)
    parts = Parts(
        classes,
        train + kept,
        validation + held,
        _clips(further, classes),
        list(dict.fromkeys(path for part in (*own, *further) for path in part.noise)),
    )
    return _checked(parts)


def _read(path: Path, split: str | None, words: Sequence[str]) -> SpeechData:
    data = read_speech_data(path, split)
    return reject_others(data, words) if words else data


def _classes(parts: Sequence[SpeechData], words: Sequence[str]) -> tuple[str, ...]:
    """The words first, in the order of the data; then unknown and silence."""
    found = join_classes(parts)
    missing = [word for word in words if class_key(word) not in map(class_key, found)]
    if missing:
        raise UsageError(f"no recording of {', '.join(missing)} in the data; drop it from --words")
    named = [name for name in found if name not in (UNKNOWN, SILENCE)]
    if len(named) < 1 or len(found) < 2:
        raise UsageError(
            "fewer than two classes in the data; a spotter needs a word, and another one or "
            "recordings of unknown words"
        )
    has_noise = any(part.noise for part in parts)
    rejects = [
        name
        for name in (UNKNOWN, SILENCE)
        if name in found or (name == SILENCE and has_noise and UNKNOWN in found)
    ]
    return (*named, *rejects)


def _clips(parts: Iterable[SpeechData], classes: tuple[str, ...]) -> list[Clip]:
    """The clips of all parts, named so that two parts' do not collide."""
    found = []
    for part in parts:
        for clip in match_classes(part, classes).examples:
            word = "" if clip.word.startswith("_") else clip.word
            found.append(replace(clip, word=word, name=f"{part.name}/{clip.name}"))
    return [clip for clip in found if clip.label >= 0]


def _divided(clips: list[Clip], fraction: float, seed: int) -> tuple[list[Clip], list[Clip]]:
    """By speakers; recordings of a few speakers, of whom none would validate, class by class."""
    kept, held = split_speakers(clips, fraction, seed)
    if clips and not (kept and held):
        return split_stratified(clips, fraction, seed)
    return kept, held


def _checked(parts: Parts) -> Parts:
    if not parts.train or not parts.validation:
        raise UsageError("too few recordings to keep some for validation; add more to each class")
    present = {clip.label for clip in parts.train}
    for label, name in enumerate(parts.classes):
        if label not in present and not (name == SILENCE and parts.noise):
            raise UsageError(without_clip(name))
    return parts
