"""Long recordings with the times of their words, as people annotate them.

Either a folder in which a label track of Audacity (`talk.txt`) lies beside each recording
(`talk.wav`), an empty one where nothing is said; or a JSON Lines file with a recording a line:
`{"audio": "talk.wav", "words": [{"word": "yes", "start": 1.2, "end": 1.6}]}`, which is what
`cnntasks speech --format json` writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnntasks import InputError
from cnntasks_speech.audio import SUFFIXES
from cnntasks_speech.detection import Said

_PATHS = ("audio", "path", "source", "file")


@dataclass(frozen=True, slots=True)
class Annotated:
    """A recording and what is said in it, when."""

    path: Path
    said: tuple[Said, ...]


def find_annotated(location: Path) -> list[Annotated] | None:
    """Recordings with the times of their words; None where the location holds something else.

    Raises:
        InputError: a label track or a line cannot be read.
    """
    if location.is_dir():
        pairs = [
            (path, path.with_suffix(".txt"))
            for path in sorted(location.iterdir())
            if path.suffix.lower() in SUFFIXES
        ]
        tracks = [(path, track) for path, track in pairs if track.is_file()]
        return [Annotated(path, tuple(_labels(track))) for path, track in tracks] or None
    if location.suffix.lower() not in (".jsonl", ".ndjson", ".json") or not location.is_file():
        return None
    records = list(_records(location))
    if not records or "words" not in records[0][1]:
        return None
    return [_annotated(location, line, record) for line, record in records]


def _labels(track: Path) -> Iterator[Said]:
    for number, line in enumerate(_text(track).splitlines(), 1):
        # Audacity writes the range of frequencies into lines of their own.
        if not line.strip() or line.startswith("\\"):
            continue
        cells = line.split("\t")
        try:
            start, end, word = float(cells[0]), float(cells[1]), cells[2].strip()
        except (IndexError, ValueError) as error:
            raise InputError(
                f"{track}:{number}: is no label (start, end and word with tabs between them); "
                "export the label track anew"
            ) from error
        yield Said(word, start, end)


def _records(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_text(file).splitlines(), 1):
        if line.strip():
            try:
                record = json.loads(line)
            except ValueError as error:
                raise InputError(f"{file}:{number}: is no JSON ({error})") from error
            if not isinstance(record, dict):
                raise InputError(f"{file}:{number}: is no JSON object; give one a line")
            yield number, record


def _annotated(file: Path, line: int, record: dict[str, Any]) -> Annotated:
    name = next((record[key] for key in _PATHS if isinstance(record.get(key), str)), None)
    if name is None:
        raise InputError(f"{file}:{line}: names no recording; give its path as 'audio'")
    try:
        said = tuple(
            Said(str(it["word"]), float(it["start"]), float(it["end"])) for it in record["words"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file}:{line}: its 'words' are no list of objects with word, start and end"
        ) from error
    return Annotated(file.parent / name, said)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error})") from error
