"""`cnntasks evaluate speech`: how good a model is on recordings whose words are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks import MeasureOptions, UsageError, evaluate_options
from cnntasks_speech.ctc.options import parse_lengths

if TYPE_CHECKING:
    from cnntasks import Mistake, Pipeline, Score

#: Letters of a mistaken transcript that are printed.
_SHOWN = 100


@click.command("evaluate")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--long",
    "minutes",
    type=click.FloatRange(0, min_open=True),
    metavar="MINUTES",
    help="Also compose so many minutes of the clips, with pauses and noise, and measure spotting.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    help="Least confidence of a word in a recording.  [default: the model's]",
)
@click.option("--beam", type=click.IntRange(1), help="Transcribing models: width of the search.")
@click.option(
    "--words",
    "word_list",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Transcribing models: find only the words of this list.",
)
@click.option(
    "--compose",
    type=parse_lengths,
    metavar="MIN-MAX",
    help="Transcribing models: compose utterances of so many words of the clips.",
)
@click.option(
    "--count",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    help="How many utterances --compose makes.",
)
@click.option(
    "--save-composed",
    "saved",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write what --compose makes as WAV files and a table, test.csv.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Of what --long and --compose make."
)
@click.option(
    "--mistakes",
    "shown",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Print so many of the worst mistakes.",
)
@evaluate_options()
def evaluate(
    data: tuple[str, ...],
    measure: MeasureOptions,
    minutes: float | None,
    threshold: float | None,
    beam: int | None,
    word_list: Path | None,
    compose: tuple[int, int] | None,
    count: int,
    saved: Path | None,
    seed: int,
    shown: int,
) -> None:
    """Measure a model for speech on DATA.

    Of labelled clips (a folder per word, or a table): accuracy, precision and recall of each word,
    the confusion matrix. Of long recordings with the times of their words (a folder with a label
    track beside each recording, or JSON Lines with "words"), and of those that --long composes:
    false alarms per hour against misses, at the model's threshold and at all others (det.png).
    Of transcripts, with a transcribing model: word and character error rates.

    A data set's test split is used where it has one, else val; FOLDER:SPLIT names another.
    """
    from cnntasks import find_model, load, read_card
    from cnntasks_speech.command import read_words
    from cnntasks_speech.predictor import TRANSCRIBER

    folder = find_model("speech", measure.model).resolve()

    def opened(**options: Any) -> Pipeline:
        pipeline: Pipeline = load(
            "speech", folder, device=measure.device, engine=measure.engine, many=True, **options
        )
        return pipeline

    if read_card(folder).network["name"] == TRANSCRIBER:
        if minutes is not None:
            raise UsageError("--long is for word spotters; --compose makes utterances")
        words = None if word_list is None else read_words(word_list)
        pipeline = opened(threshold=threshold, beam=beam, words=words)
        if saved is not None and compose is None:
            raise UsageError("--save-composed goes with --compose")
        _evaluate_transcripts(pipeline, data, measure, folder, compose, (count, seed), saved, shown)
        return
    if beam is not None or word_list is not None or compose is not None:
        raise UsageError("--beam, --words and --compose are for transcribing models")
    job = _Spotting(opened, folder, measure, threshold, minutes, seed)
    job.run(data, shown)


@dataclass(frozen=True, slots=True)
class _Spotting:
    """An evaluation of a word spotter."""

    opened: Callable[..., Pipeline]
    folder: Path
    measure: MeasureOptions
    threshold: float | None
    minutes: float | None
    seed: int

    def run(self, data: Sequence[str], shown: int) -> None:
        """Measure clips, and words in long recordings, as far as there are any."""
        from cnntasks import InputError, Score, counted, progress_bar, report_score
        from cnntasks_speech.annotated import find_annotated
        from cnntasks_speech.measure import annotated_sources, measure_clips, read_clips

        pipeline = self.opened(top=None, clips=True)
        figures = self.measure.output is not None
        annotated = {it: found for it in data if (found := find_annotated(Path(it))) is not None}
        sets = {it: read_clips(it, pipeline.card.classes) for it in data if it not in annotated}
        clips = [clip for part in sets.values() for clip in part.examples]
        if self.minutes is not None and not clips:
            raise InputError("--long composes clips, and there are none; give labelled clips too")
        whole = Score({})
        mistakes: list[Mistake] = []
        parts: dict[str, Score] = {}
        if clips:
            with progress_bar(len(clips), "recordings", self.measure.quiet) as advance:
                whole, mistakes = measure_clips(pipeline, clips, advance, figures)
            if len(sets) > 1:
                parts = {it: measure_clips(pipeline, sets[it].examples)[0] for it in sets}
        long = [it for found in annotated.values() for it in found]
        if long:
            whole = _joined(whole, self._spot(lambda _: annotated_sources(long), figures))
        if self.minutes is not None:
            noise = [path for part in sets.values() for path in part.noise]
            whole = _joined(whole, self._spot_composed(clips, noise, figures))
        title = counted(len(clips), "clip") if clips else counted(len(long), "recording")
        report_score(whole, parts, self.folder, self.measure, title)
        if self.measure.style == "table":
            for it in mistakes[:shown]:
                click.echo(f"mistake: {it.name}: {it.truth}, taken for {it.found} ({it.score:.2f})")

    def _spot_composed(self, clips: Sequence[Any], noise: Sequence[Path], figures: bool) -> Score:
        from cnntasks_speech.measure import composed_sources

        minutes = self.minutes or 0.0
        return self._spot(
            lambda pipeline: composed_sources(pipeline, clips, noise, minutes, self.seed), figures
        )

    def _spot(self, recordings: Callable[[Pipeline], Any], figures: bool) -> Score:
        """Listen twice: at the threshold that counts, and at a low one for the curve."""
        from cnntasks_speech.measure import LEAST_THRESHOLD, hear, spotting_score

        pipeline = self.opened(threshold=self.threshold)
        found = hear(pipeline, recordings(pipeline))
        low = self.opened(threshold=min(LEAST_THRESHOLD, pipeline.predictor.threshold))
        return spotting_score(pipeline, found, hear(low, recordings(low)), figures)[0]


def _joined(first: Score, second: Score) -> Score:
    """Two measurements of one model as one: a row for each class with the columns of both."""
    from cnntasks import Score

    if not first.table:
        return Score(
            {**first.metrics, **second.metrics},
            second.table,
            {**first.figures, **second.figures},
        )
    columns = list(dict.fromkeys(key for row in second.table for key in row))
    rows = {row["class"]: row for row in second.table}
    # The first row decides which columns are printed, and which of them are numbers.
    table = [
        {**row, **{it: rows.get(row["class"], {}).get(it, row.get(it, "")) for it in columns}}
        for row in first.table
    ]
    table.sort(key=lambda row: row["class"] not in rows)
    return Score({**first.metrics, **second.metrics}, table, {**first.figures, **second.figures})


def _evaluate_transcripts(
    pipeline: Pipeline,
    data: Sequence[str],
    measure: MeasureOptions,
    folder: Path,
    compose: tuple[int, int] | None,
    composed: tuple[int, int],
    saved: Path | None,
    shown: int,
) -> None:
    from cnntasks import progress_bar, report_score
    from cnntasks_speech.transcripts import (
        composed_utterances,
        measure_transcripts,
        read_utterances,
        write_utterances,
    )

    if compose is None:
        utterances = [it for location in data for it in read_utterances(location)]
    else:
        utterances = composed_utterances(data, pipeline.predictor.rate, compose, *composed)
        if saved is not None:
            write_utterances(utterances, saved)
    with progress_bar(len(utterances), "utterances", measure.quiet) as advance:
        score, mistakes = measure_transcripts(pipeline, utterances, advance)
    report_score(score, {}, folder, measure, f"{len(utterances)} utterances")
    if measure.style == "table":
        for it in mistakes[:shown]:
            click.echo(f"mistake: {it.name}: {it.truth[:_SHOWN]!r}, heard {it.found[:_SHOWN]!r}")
