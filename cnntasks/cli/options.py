"""What the task verbs share: their options, and the run from arguments to output."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from cnntasks.cli.errors import say
from cnntasks.engines.base import ENGINES, PRECISIONS
from cnntasks.errors import InputError, PluginError, UsageError
from cnntasks.output.records import FORMATS, Writer, open_writer
from cnntasks.task import Outcome, Source, import_attribute

if TYPE_CHECKING:
    from cnntasks.pipeline import Pipeline

Command = TypeVar("Command", bound=Callable[..., Any])
#: File name suffixes by which `--output` names a file of records, and their formats.
_SUFFIXES = {".json": "json", ".jsonl": "json", ".csv": "csv", ".txt": "table"}


@dataclass(frozen=True, slots=True)
class CommonOptions:
    """The options that every task verb has; see `task_options`."""

    model: str | None
    device: str
    engine: str
    precision: str
    batch_size: int | None
    output: Path | None
    format: str
    quiet: bool
    offline: bool

    @property
    def folder(self) -> Path:
        """Where pictures and other files go; the current folder by default."""
        if self.output is None or record_format(self.output):
            return Path()
        return self.output


def task_options(*, formats: Sequence[str] = ()) -> Callable[[Command], Command]:
    """Decorate a click command with the shared options; it gets them as `common`.

    Args:
        formats: names that this verb adds to `--format` and writes itself.
    """
    options = [
        click.option("--model", metavar="NAME|FOLDER", help="Model name or model folder."),
        click.option("--device", default="auto", show_default=True,
                     help="auto (the cpu), cpu, cuda, cuda:N or mps."),
        click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True,
                     help="What runs the network."),
        click.option("--precision", type=click.Choice(PRECISIONS), default="float32",
                     show_default=True, help="Number format; float16 needs a GPU."),
        click.option("--batch-size", type=click.IntRange(1, 4096),
                     help="Inputs that go through the network together.  [default: the task's]"),
        click.option("--output", "-o", type=click.Path(path_type=Path),
                     help="Folder for files; or a .json, .jsonl or .csv file for the records."),
        click.option("--format", "format", type=_RecordFormat([*FORMATS, *formats]),
                     help="Records on standard output.  [default: table]"),
        click.option("--quiet", "-q", is_flag=True, help="No progress and no remarks."),
        click.option("--debug", is_flag=True, help="Show tracebacks."),
        click.option("--offline", is_flag=True, help="Never download anything."),
    ]  # fmt: skip

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def wrapped(**values: Any) -> Any:
            values.pop("debug")
            names = CommonOptions.__dataclass_fields__
            given = {name: values.pop(name) for name in names}
            given["format"] = given["format"] or _implied_format(given["output"])
            return command(common=CommonOptions(**given), **values)

        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[return-value]

    return decorate


class _RecordFormat(click.Choice[str]):
    """The formats of records: those that the verb names, and those of plugins."""

    @property
    def choices(self) -> tuple[str, ...]:
        from cnntasks.plugins import registry

        return (*self._own, *sorted(registry().writers))

    @choices.setter
    def choices(self, value: Sequence[str]) -> None:
        self._own = tuple(value)


def record_format(output: Path) -> str | None:
    """The format of records that a file name means; None where it is no file for records."""
    from cnntasks.plugins import registry

    suffix = output.suffix.lower()
    of_plugins = {own: name for name, (own, _) in registry().writers.items()}
    return _SUFFIXES.get(suffix) or of_plugins.get(suffix)


def record_suffixes() -> list[str]:
    """The suffixes by which `--output` names a file of records, those of plugins last."""
    from cnntasks.plugins import registry

    return [*_SUFFIXES, *sorted(suffix for suffix, _ in registry().writers.values())]


def _implied_format(output: Path | None) -> str:
    return (record_format(output) if output else None) or "table"


def format_option(*choices: str, help: str = "How to print.") -> Callable[[Command], Command]:
    """Decorate a command that only prints with `--format`; it gets the choice as `style`."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help=help,
    )


def run_task(
    task: str,
    inputs: Sequence[str],
    common: CommonOptions,
    options: dict[str, Any],
    *,
    sinks: Callable[[Pipeline], Sequence[Writer]] | None = None,
    noun: str = "pictures",
    sources: Callable[[Pipeline], Iterable[Source]] | None = None,
    many: bool | None = None,
) -> None:
    """Predict for the arguments of a verb and write everything; ends the process by its status.

    Args:
        task: the verb.
        inputs: its arguments: files, folders, globs, `-`, `@list.txt`, http(s) addresses.
        common: the shared options.
        options: of the predictor.
        sinks: makes further writers (pictures, crops, ...), which get every outcome with a
            result; called once, when the model is open. One that is a context manager is
            entered and left; another has its `close` called, whatever happened.
        noun: what an input is, in messages.
        sources: what the arguments stand for, where they are no files of one input each.
        many: whether they stand for several inputs, where `sources` is given.

    Raises:
        SystemExit: with status 1 if some inputs failed; each was named on standard error.
    """
    from cnntasks.media.sources import expand_sources, stands_for_many
    from cnntasks.pipeline import Pipeline, load
    from cnntasks.plugins import registry

    if not inputs:
        raise UsageError(f"no {noun} given; name files or folders, or see --help")
    several = many
    if several is None:
        several = len(inputs) > 1 or any(stands_for_many(argument) for argument in inputs)
    pipeline = load(
        task,
        common.model,
        device=common.device,
        engine=common.engine,
        precision=common.precision,
        batch_size=common.batch_size,
        offline=common.offline,
        many=several,
        **options,
    )
    if not isinstance(pipeline, Pipeline):
        raise PluginError(f"{task}: a task with an opener has no pipeline for run_task to run")
    if not common.quiet:
        click.echo(f"{pipeline.card.name}: {pipeline.engine.description}", err=True)
    stream = (
        sources(pipeline)
        if sources is not None
        else expand_sources(
            inputs,
            suffixes=pipeline.predictor.suffixes,
            noun=noun,
            verb=task,
            offline=common.offline,
        )
    )
    found = failed = 0
    with contextlib.ExitStack() as stack:
        writers = list(stack.enter_context(_record_writers(common, pipeline)))
        more: Sequence[Any] = sinks(pipeline) if sinks else ()
        for sink in more:
            if hasattr(sink, "__exit__"):
                stack.enter_context(sink)  # it is told of an interruption
            else:
                stack.callback(sink.close)
            writers.append(sink)
        outcomes = pipeline.run(stream)
        if several and not common.quiet and sys.stderr.isatty():
            outcomes = stack.enter_context(_progress(outcomes, noun))
        announce = registry().listens("on_result")
        for outcome in outcomes:
            error = outcome.error or _write(writers, outcome)
            if announce:
                registry().announce("on_result", task=task, outcome=outcome)
            if error is None:
                found += 1
            else:
                failed += 1
                say(f"error: {error}")
    if failed:
        if several and not common.quiet:
            click.echo(f"{noun}: {found} done, {failed} failed", err=True)
        raise SystemExit(1)


def _write(writers: Sequence[Writer], outcome: Outcome[Any]) -> InputError | None:
    """Give an outcome to every writer; what cannot be written of one input stops no other."""
    failure = None
    for writer in writers:
        try:
            writer.write(outcome)
        except InputError as error:
            failure = error
    return failure


@contextlib.contextmanager
def _record_writers(common: CommonOptions, pipeline: Any) -> Iterator[list[Writer]]:
    """The writer of records, on standard output or in the file that `--output` names."""
    from cnntasks.plugins import registry

    of_plugin = registry().writers.get(common.format)
    if common.format not in FORMATS and of_plugin is None:
        yield []
        return
    with contextlib.ExitStack() as stack:
        stream: IO[str] = sys.stdout
        if common.output is not None and record_format(common.output):
            from cnntasks.output.files import open_records

            stream = stack.enter_context(open_records(common.output))
        every = pipeline.together  # results come in chunks of so many
        columns = pipeline.predictor.columns
        decimals = getattr(pipeline.predictor, "decimals", None)
        writer: Writer
        if of_plugin is None:
            writer = open_writer(common.format, stream, columns, every, decimals)  # type: ignore[arg-type]
        else:
            writer = import_attribute(of_plugin[1])(stream, columns)
        yield [writer]
        writer.close()


@contextlib.contextmanager
def _progress(outcomes: Iterator[Outcome[Any]], noun: str) -> Iterator[Iterator[Outcome[Any]]]:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    columns = (
        SpinnerColumn(),
        TextColumn(noun),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(noun, total=None, rate="")

        def count() -> Iterator[Outcome[Any]]:
            for outcome in outcomes:
                speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
                bar.update(task, advance=1, rate=f"{speed:.1f}/s" if speed else "")
                yield outcome

        yield count()
