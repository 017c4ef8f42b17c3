"""Words as subtitles (SubRip) and as labels of Audacity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TextIO

from cnntasks import open_records
from cnntasks_speech.results import Word

if TYPE_CHECKING:
    from cnntasks import Outcome
    from cnntasks_speech.results import SpeechResult

#: Formats beside the core's, and the suffix of their files.
FORMATS = {"srt": ".srt", "audacity": ".txt"}

#: A pause this long begins a new subtitle, in seconds.
_PAUSE = 0.8
#: The longest subtitle: characters of two lines, and seconds.
_LETTERS, _SECONDS = 84, 7.0
#: A subtitle stays at least so long, where no other follows.
_SHOWN = 0.5


def subtitles(words: Sequence[Word]) -> str:
    """Words as a SubRip file: what is said without a pause stands together."""
    groups = list(_groups(words))
    lines = []
    for number, group in enumerate(groups, 1):
        end = max(group[-1].end, group[0].start + _SHOWN)
        if number < len(groups):
            end = max(min(end, groups[number][0].start), group[-1].end)
        text = " ".join(word.word for word in group)
        lines.append(f"{number}\n{_stamp(group[0].start)} --> {_stamp(end)}\n{text}\n\n")
    return "".join(lines)


def audacity_labels(words: Iterable[Word]) -> str:
    """Words as a label track of Audacity: start, end and text, with tabs between them."""
    return "".join(f"{it.start:.6f}\t{it.end:.6f}\t{it.word}\n" for it in words)


def in_format(words: Sequence[Word], format: str) -> str:
    """Words as `srt` or `audacity`."""
    return subtitles(words) if format == "srt" else audacity_labels(words)


def _groups(words: Sequence[Word]) -> Iterable[list[Word]]:
    group: list[Word] = []
    for word in words:
        letters = sum(len(it.word) + 1 for it in group)
        if group and (
            word.start - group[-1].end > _PAUSE
            or letters + len(word.word) > _LETTERS
            or word.end - group[0].start > _SECONDS
        ):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _stamp(seconds: float) -> str:
    whole = round(1000 * seconds)
    hours, rest = divmod(whole, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02},{rest % 1000:03}"


class CaptionWriter:
    """Writes the words of each recording to a file of its own, or to standard output.

    Args:
        format: `srt` or `audacity`.
        path: of the file, for one recording; or of the folder, for any number; None: `stream`.
        folder: whether `path` is a folder.
        stream: where there is no path.
    """

    def __init__(self, format: str, path: Path | None, folder: bool, stream: TextIO) -> None:
        self._format = format
        self._path = path
        self._folder = folder
        self._stream = stream
        self._taken: set[str] = set()

    def write(self, outcome: Outcome[SpeechResult]) -> None:
        """Write one result; raises InputError."""
        assert outcome.result is not None
        text = in_format(outcome.result.words, self._format)
        if self._path is None:
            self._stream.write(text)
            self._stream.flush()
            return
        path = self._path / self._name(outcome.source.relative) if self._folder else self._path
        with open_records(path) as file:
            file.write(text)

    def close(self) -> None:
        """Nothing is left."""

    def _name(self, relative: PurePosixPath) -> Path:
        suffix = FORMATS[self._format]
        name = relative.with_suffix(suffix)
        if str(name).casefold() in self._taken:  # a.wav and a.flac
            name = relative.with_name(relative.name + suffix)
        self._taken.add(str(name).casefold())
        return Path(name)
