"""The recordings of a transcribing model's training, in memory, with what is said in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cnntasks import UsageError
from cnntasks_speech.audio import read_audio
from cnntasks_speech.ctc.batches import Spoken
from cnntasks_speech.ctc.compose import Composer, Samples, trimmed
from cnntasks_speech.ctc.units import Speller, normalised
from cnntasks_speech.data import SILENCE, UNKNOWN, Clip, read_speech_data, speech_formats
from cnntasks_speech.data.records import split_speakers

#: A speaker of whom there are fewer of the words than this share is put together with others such.
_FEW = 0.5
_VARIOUS = "various"


@dataclass(frozen=True, slots=True)
class Text:
    """A recording and what is said in it.

    Attributes:
        clip: see there.
        text: normalised; empty where nothing is said.
    """

    clip: Clip
    text: str


@dataclass(frozen=True, slots=True)
class TextParts:
    """Recordings to learn from and to validate with.

    Attributes:
        train, validation: not empty.
        extra: further ones to learn from.
        noise: recordings of background noise.
    """

    train: list[Text]
    validation: list[Text]
    extra: list[Text]
    noise: list[Path]


def read_texts(location: str, split: str | None = None) -> tuple[list[Text], tuple[Path, ...]]:
    """The recordings of a data set with their transcripts, and its noise.

    What is said is the transcript, or the word, or else the class; `silence` says nothing, and
    what is `unknown` without a word is left out.

    Raises:
        InputError: not a data set, no such split.
    """
    data = read_speech_data(Path(location), split)
    found = []
    for clip in data.examples:
        name = data.classes[clip.label] if clip.label >= 0 else ""
        text = clip.transcript
        if text is None:
            text = "" if name == SILENCE else clip.word or name
            if text == UNKNOWN:
                continue
        named = replace(clip, name=f"{data.name}/{clip.name or clip.path.name}")
        found.append(Text(named, normalised(text)))
    return found, data.noise


def read_text_parts(
    locations: Sequence[str], extra: Sequence[str], fraction: float, seed: int
) -> TextParts:
    """Read data sets for training; splits as in the training of a spotter.

    Args:
        locations: data sets, or `folder:split`; a val split validates, or else about `fraction`
            of the speakers.
        extra: data sets to learn from as a whole.
        fraction: of the speakers kept for validation.
        seed: of their choice.

    Raises:
        InputError: not a data set, or one that has nothing but a test split.
        UsageError: too few recordings.
    """
    train: list[Text] = []
    validation: list[Text] = []
    noise: list[Path] = []
    for location in locations:
        name, other = speech_formats().splits_to_learn(Path(location))
        found, sounds = read_texts(location, name)
        noise += sounds
        if other is not None:
            train += found
            validation += read_texts(location, other)[0]
            continue
        _, held = split_speakers([it.clip for it in found], fraction, seed)
        names = {clip.name for clip in held}
        train += [it for it in found if it.clip.name not in names]
        validation += [it for it in found if it.clip.name in names]
    further: list[Text] = []
    for location in extra:
        found, sounds = read_texts(location)
        noise += sounds
        further += found
    if not train or not validation:
        raise UsageError("too few recordings to keep some speakers for validation; add more")
    return TextParts(train, validation, further, list(dict.fromkeys(noise)))


def read_spoken(texts: Iterable[Text], speller: Speller, rate: int) -> tuple[list[Spoken], int]:
    """Recordings with their units, and how many were left out: the model lacks one of their units.

    Args:
        texts: see `Text`.
        speller: of the model.
        rate: in Hz.

    Raises:
        InputError: a recording cannot be read.
    """
    found, skipped = [], 0
    for it in texts:
        units = speller.spell(it.text)
        if units is None:
            skipped += 1
            continue
        samples = np.round(read_audio(it.clip.path, rate).samples * 32767).astype(np.int16)
        found.append(Spoken(samples, np.array(units, np.int64), it.text, it.clip.name))
    return found, skipped


def read_composer(
    texts: Iterable[Text],
    rate: int,
    lengths: tuple[int, int],
    further: Iterable[Text] = (),
    share: float = 0.0,
    words: Sequence[str] | None = None,
) -> Composer:
    """A composer of recordings of single words; others are left out.

    Speakers of whom there are few words are put together as one, their recordings at one level:
    else their utterances would say the same few words over and over.

    Args:
        texts: recordings of single words.
        rate: in Hz.
        lengths: fewest and most words of an utterance.
        further: recordings of further speakers, of whose words are taken those that `texts` has.
        share: of the utterances made of them.
        words: those that may be composed; all of `texts` without.

    Raises:
        InputError: a recording cannot be read.
        UsageError: there is no recording of a single word.
    """
    own = _by_speaker(texts, rate, None if words is None else set(words))
    if not own:
        raise UsageError(
            "there are no recordings of single words to compose utterances of; leave --compose out"
        )
    known = {word for voice in own.values() for word in voice.clips}
    more = _by_speaker(further, rate, known) if share else {}
    extra = {f"extra {name}": voice for name, voice in more.items()}
    weights = {**_weights(own, 1 - share if more else 1.0), **_weights(extra, share)}
    clips = {name: voice.clips for name, voice in (own | extra).items()}
    return Composer(clips, rate, *lengths, weights=weights)


@dataclass(slots=True)
class _Voice:
    """Recordings of a speaker by their words, or of several speakers together."""

    clips: dict[str, list[Samples]]
    speakers: int = 1


def _weights(voices: dict[str, _Voice], share: float) -> dict[str, float]:
    """Each speaker the same, so that nobody's voice counts for more than another's."""
    count = sum(voice.speakers for voice in voices.values())
    return {name: share * voice.speakers / count for name, voice in voices.items()}


def _by_speaker(texts: Iterable[Text], rate: int, words: set[str] | None) -> dict[str, _Voice]:
    found: dict[str, _Voice] = {}
    for it in texts:
        if not it.text or " " in it.text or (words is not None and it.text not in words):
            continue
        samples = trimmed(read_audio(it.clip.path, rate).samples, rate)
        if len(samples):
            voice = found.setdefault(it.clip.speaker or _VARIOUS, _Voice({}))
            voice.clips.setdefault(it.text, []).append(samples)
    every = {word for voice in found.values() for word in voice.clips}
    few = [name for name, voice in found.items() if len(voice.clips) < _FEW * len(every)]
    if not few:
        return found
    various = _Voice({}, len(few))
    for name in few:
        for word, recordings in found.pop(name).clips.items():
            various.clips.setdefault(word, []).extend(levelled(it) for it in recordings)
    found[_VARIOUS] = various
    return found


def levelled(samples: Samples, level: float = 0.05) -> Samples:
    """A recording at a root mean square of `level`, or as near as full scale allows."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    peak = float(np.abs(samples).max())
    if not peak:
        return samples
    return samples * np.float32(min(level / rms, 1.0 / peak))
