"""What every reader of recordings returns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cnntasks import DataLayout, DataProblems, class_key

#: Suffixes of the recordings that a folder is searched for, as libsndfile reads them.
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au", ".w64")
#: The two classes of a spotter that are no words, and how folders call them.
UNKNOWN, SILENCE = "unknown", "silence"
_REJECTS = {"unknown": UNKNOWN, "silence": SILENCE}
#: Recordings of background noise lie in a folder of this name (Warden 2018).
NOISE_FOLDER = "_background_noise_"
#: Before this in a file's name stands who spoke.
_NOHASH = "_nohash_"
#: Files per class that the paper's division allows for; a constant of its formula.
_MOST_PER_CLASS = 2**27 - 1


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording.

    Attributes:
        path: of the file.
        label: index into `SpeechData.classes`; -1 where there is none.
        transcript: what is said, for whole utterances; None where nobody wrote it down.
        speaker: who says it; None where it is not known.
        word: what is said where the class does not tell, so for the class `unknown`; else empty.
        name: in the data set (`"yes/0a7c2a8d_nohash_0.wav"`).
        start: a second is cut from here, in seconds, out of a long recording; None for all of it.
    """

    path: Path
    label: int = -1
    transcript: str | None = None
    speaker: str | None = None
    word: str = ""
    name: str = ""
    start: float | None = None


@dataclass(frozen=True, slots=True)
class SpeechData:
    """A split of a data set, or all of it.

    Attributes:
        name: the folder's name, or the file's.
        format: `"folders"`, `"csv"`, `"tsv"` or `"json lines"`.
        split: `"train"`, `"val"`, `"test"` or `"all"`.
        classes: those of all splits together, so that labels mean the same in each; none where
            there are transcripts only.
        examples: in the order of the file, or by class and path.
        noise: long recordings of background noise.
    """

    name: str
    format: str
    split: str
    classes: tuple[str, ...]
    examples: tuple[Clip, ...]
    noise: tuple[Path, ...] = ()

    @property
    def has_transcripts(self) -> bool:
        """Whether any clip has several words written down."""
        return any(len((clip.transcript or "").split()) > 1 for clip in self.examples)


def make_data(
    layout: DataLayout[SpeechData],
    split: str,
    classes: Sequence[str],
    examples: Iterable[Clip],
    noise: Iterable[Path],
    problems: DataProblems,
) -> SpeechData:
    """The data of one split; classes without a recording to learn from are told."""
    data = SpeechData(
        layout.name, layout.format, split, tuple(classes), tuple(examples), tuple(noise)
    )
    if split in ("train", "all"):
        present = {clip.label for clip in data.examples}
        for label, name in enumerate(data.classes):
            if label not in present:
                problems.error(f"{layout.name}:{split}", without_clip(name))
    return data


def without_clip(name: str) -> str:
    """What to say of a class that a split has no recording of."""
    return f"the class {name!r} has no recording here; add some or remove the class"


def class_name(name: str) -> str:
    """The class of a folder or label: `_unknown_` and `_silence_` are written without lines."""
    return _REJECTS.get(class_key(name), name)


def speaker_of(path: Path) -> str | None:
    """Who speaks, where the file's name says so as Speech Commands does."""
    speaker, mark, _ = path.name.partition(_NOHASH)
    return speaker if mark and speaker else None


def which_split(path: Path, validation: float = 10.0, testing: float = 10.0) -> str:
    """The split of a file by the hash of its speaker, as the Speech Commands paper divides.

    Warden 2018, section 5.9: a SHA-1 of what stands before `_nohash_`, taken as a percentage. So
    all recordings of a speaker are in one part, and stay there when others are added.

    Args:
        path: only its name counts.
        validation, testing: percentages.
    """
    speaker = speaker_of(path) or path.stem
    text = speaker.encode("utf-8", "surrogateescape")
    digest = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    percentage = (int(digest, 16) % (_MOST_PER_CLASS + 1)) * (100.0 / _MOST_PER_CLASS)
    if percentage < validation:
        return "val"
    return "test" if percentage < validation + testing else "train"


def split_speakers(
    clips: Iterable[Clip], fraction: float, seed: int = 0
) -> tuple[list[Clip], list[Clip]]:
    """Divide clips in two by a hash of their speakers: no speaker is in both parts.

    A clip without a speaker counts as a speaker of its own.

    Args:
        clips: any.
        fraction: expected share of the second part.
        seed: another one divides otherwise.
    """
    kept: list[Clip] = []
    held: list[Clip] = []
    for clip in clips:
        text = f"{seed}/{clip.speaker or clip.name}".encode("utf-8", "surrogateescape")
        number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
        (held if number < fraction * 2**64 else kept).append(clip)
    return kept, held


def reject_others(data: SpeechData, words: Sequence[str]) -> SpeechData:
    """Keep the classes `words` (and unknown and silence); clips of all others become unknown."""
    wanted = {class_key(word) for word in words} | set(_REJECTS)
    classes = [name for name in data.classes if class_key(name) in wanted]
    if UNKNOWN not in classes:
        classes.append(UNKNOWN)
    examples = []
    for clip in data.examples:
        name = data.classes[clip.label] if clip.label >= 0 else ""
        if name in classes:
            examples.append(replace(clip, label=classes.index(name)))
        else:
            word = clip.word or name
            examples.append(replace(clip, label=classes.index(UNKNOWN), word=word))
    return replace(data, classes=tuple(classes), examples=tuple(examples))
