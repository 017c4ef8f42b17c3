"""`cnntasks speech`: the verb's options, and what it writes beside the records."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks import CommonOptions, UsageError, record_format, run_task, task_options

if TYPE_CHECKING:
    from cnntasks import Pipeline, Source

#: Words that are printed as they are spoken; no format of `--format`, so that nothing else prints.
_LIVE = "live"
_CAPTION_SUFFIXES = {".srt": "srt", ".txt": "audacity"}


@click.command("speech")
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    help="Least confidence of a word in a recording.  [default: the model's]",
)
@click.option(
    "--hop",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="From window to window.  [default: 0.1]",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    help="Labels of a short clip at most, likeliest first.  [default: 1; in JSON all]",
)
@click.option(
    "--beam",
    type=click.IntRange(1),
    help="Transcribing models: width of the beam search.  [default: greedy]",
)
@click.option(
    "--words",
    "word_list",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Transcribing models: find only the words of this list, one a line.",
)
@click.option(
    "--raw",
    type=click.IntRange(2000, 768000),
    metavar="RATE",
    help="Standard input is S16_LE samples of one channel at this rate.",
)
@click.option("--save-spectrogram", is_flag=True, help="Draw the spectrogram with the words on it.")
@click.option("--verbose", "-v", is_flag=True, help="Say rates and channels of each recording.")
@task_options(formats=("srt", "audacity"))
def speech(
    inputs: tuple[str, ...],
    common: CommonOptions,
    threshold: float | None,
    hop: float | None,
    top: int | None,
    beam: int | None,
    word_list: Path | None,
    raw: int | None,
    save_spectrogram: bool,
    verbose: bool,
) -> None:
    """Write down the words of recordings.

    INPUT is a recording (wav, flac, ogg, mp3, ...), a folder, a glob, an http(s) address,
    @list.txt or - (standard input, listened to while it goes on: `arecord -f S16_LE -r 16000 |
    cnntasks speech - --raw 16000`).

    A clip of about a second gets its word; a longer recording a timeline of words with start, end
    and confidence: as a table, JSON Lines (--format json), CSV, subtitles (srt) or labels of
    Audacity. --output names a file of records (.jsonl, .csv), subtitles (.srt) or labels (.txt),
    or a folder with one such file for each recording.
    """
    from cnntasks_speech.writing import Remarks, SpectrogramWriter, caption_writer

    common, captions = _formats(common, inputs)
    _check_raw(inputs, raw)
    options: dict[str, Any] = {
        "threshold": threshold,
        "hop": hop,
        "top": 1 if top is None and common.format != "json" else top,
        "beam": beam,
        "words": None if word_list is None else read_words(word_list),
        "spectrogram": save_spectrogram,
    }
    given = None
    if inputs == ("-",):
        from cnntasks_speech.live import open_stream

        if sys.stdin.isatty():
            raise UsageError(
                "-: standard input is a terminal; pipe a recording into it: "
                "arecord -f S16_LE -r 16000 | cnntasks speech - --raw 16000"
            )
        stream: Any = sys.stdin.buffer  # it has `read1`, which its type does not say
        given, live = open_stream(stream, raw)
        if live:
            common, options = _live(common, options, captions)

    def sources(pipeline: Pipeline) -> Iterable[Source]:
        if given is not None:
            return [given(pipeline.predictor.rate)]
        from cnntasks import expand_sources

        predictor = pipeline.predictor
        return expand_sources(
            inputs,
            suffixes=predictor.suffixes,
            noun=predictor.noun,
            verb="speech",
            offline=common.offline,
        )

    def sinks(pipeline: Pipeline) -> list[Any]:
        writers: list[Any] = []
        if not common.quiet:
            writers.append(Remarks(verbose))
        if captions is not None:
            writers.append(caption_writer(captions, common.output, sys.stdout))
        if save_spectrogram:
            writers.append(SpectrogramWriter(_folder(common)))
        return writers

    run_task(
        "speech",
        inputs,
        common,
        options,
        sinks=sinks,
        noun="recordings",
        sources=sources,
        many=True,
    )


def _formats(common: CommonOptions, inputs: Sequence[str]) -> tuple[CommonOptions, str | None]:
    """The format of captions, if any, by `--format` or the suffix of `--output`."""
    from cnntasks_speech.inputs import may_be_several

    suffix = "" if common.output is None else common.output.suffix.lower()
    captions = common.format if common.format in _CAPTION_SUFFIXES.values() else None
    if suffix in _CAPTION_SUFFIXES:
        captions = _CAPTION_SUFFIXES[suffix]
        common = replace(common, format=captions)
    records = common.output is not None and record_format(common.output) is not None
    if captions is not None and records and suffix not in _CAPTION_SUFFIXES:
        raise UsageError(f"--output {common.output} cannot hold {captions}; give another suffix")
    to_one = captions is not None and (common.output is None or suffix in _CAPTION_SUFFIXES)
    if to_one and may_be_several(inputs):
        raise UsageError(
            f"{captions} of several recordings needs a folder: --format {captions} --output FOLDER"
        )
    return common, captions


def _check_raw(inputs: Sequence[str], raw: int | None) -> None:
    if raw is not None and tuple(inputs) != ("-",):
        raise UsageError("--raw is for standard input; give - as the only input")


def _folder(common: CommonOptions) -> Path:
    """Where pictures go: into the folder of `--output`, beside its file, or here."""
    output = common.output
    if output is None:
        return Path()
    is_file = record_format(output) is not None or output.suffix.lower() in _CAPTION_SUFFIXES
    return output.parent if is_file else output


def _live(
    common: CommonOptions, options: dict[str, Any], captions: str | None
) -> tuple[CommonOptions, dict[str, Any]]:
    """Print words as they are spoken, unless standard output is for captions."""
    from cnntasks_speech.writing import word_printer

    in_file = common.output is not None and record_format(common.output) is not None
    if captions is None or common.output is not None:
        style = "table" if in_file else common.format
        style = style if style in ("json", "csv") else "table"
        options = {**options, "on_word": word_printer(style, sys.stdout)}
    if captions is None and not in_file:
        common = replace(common, format=_LIVE)
    # Each window is answered before the next is there.
    return replace(common, batch_size=1), options


def read_words(path: Path) -> list[str]:
    """The words of a list, one a line; blank lines and `#` comments are none.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--words {path}: cannot be read as UTF-8 text ({error})") from error
    words = [line.strip() for line in lines]
    return [word for word in words if word and not word.startswith("#")]
