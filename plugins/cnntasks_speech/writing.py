"""What the command writes beside the records: remarks, pictures, and words as they are spoken."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from cnntasks_speech.captions import FORMATS, CaptionWriter
from cnntasks_speech.results import COLUMNS, SpeechResult, Word

if TYPE_CHECKING:
    from cnntasks import Outcome


class Remarks:
    """Says on standard error what is wrong with a recording, and at which rates it was heard.

    Args:
        verbose: say rates and channels of every recording.
    """

    def __init__(self, verbose: bool) -> None:
        self._verbose = verbose

    def write(self, outcome: Outcome[SpeechResult]) -> None:
        """Look at one result."""
        result = outcome.result
        assert result is not None
        if self._verbose:
            channels = "1 channel" if result.channels == 1 else f"{result.channels} channels"
            click.echo(
                f"{outcome.source.name}: {result.seconds:.2f} s, {channels} at "
                f"{result.source_rate} Hz, heard at {result.rate} Hz",
                err=True,
            )
        if result.remark:
            click.echo(f"{outcome.source.name}: {result.remark}", err=True)

    def close(self) -> None:
        """Nothing is left."""


class SpectrogramWriter:
    """Writes a picture of each recording, `NAME.speech.png`.

    Args:
        folder: where to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, outcome: Outcome[SpeechResult]) -> None:
        """Draw one result; raises InputError."""
        from cnntasks import write_image  # brings Pillow, which words alone need not wait for

        result, item = outcome.result, outcome.item
        assert result is not None
        assert item is not None
        relative = outcome.source.relative
        path = self._folder / relative.with_name(f"{relative.stem}.speech.png")
        write_image(path, item.spectrogram.picture(result.words, result.seconds))

    def close(self) -> None:
        """Nothing is left."""


def caption_writer(format: str, output: Path | None, stream: TextIO) -> CaptionWriter:
    """The writer of subtitles or labels for what `--output` names."""
    one_file = output is not None and output.suffix.lower() == FORMATS[format]
    return CaptionWriter(format, output, not one_file, stream)


def word_printer(style: str, stream: TextIO) -> Callable[[Word], None]:
    """What prints a word at once: a row of a table, a JSON object a line, or a row of CSV.

    Args:
        style: `table`, `json` or `csv`; the headers of the first and the last are printed now.
    """
    if style == "csv":
        csv.writer(stream, lineterminator="\n").writerow(COLUMNS)
    elif style == "table":
        stream.write(f"{'start':>8}  {'end':>8}  {'confidence':>10}  word\n")
    stream.flush()

    def write(word: Word) -> None:
        record: dict[str, Any] = word.to_dict()
        if style == "json":
            stream.write(json.dumps(record) + "\n")
        elif style == "csv":
            csv.writer(stream, lineterminator="\n").writerow([record[name] for name in COLUMNS])
        else:
            text = "".join(char if char.isprintable() else "?" for char in word.word)
            stream.write(f"{word.start:8.2f}  {word.end:8.2f}  {word.confidence:10.2f}  {text}\n")
        stream.flush()

    return write
