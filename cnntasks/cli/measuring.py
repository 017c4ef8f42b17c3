"""What the evaluate commands of all tasks share: their options, the report, the progress bar."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cnntasks.cli.options import format_option
from cnntasks.cli.tables import print_rows
from cnntasks.engines.base import ENGINES

if TYPE_CHECKING:
    from cnntasks.task import Score

Command = TypeVar("Command", bound=Callable[..., Any])

#: Rows of a table that a card keeps; a longer one (of ImageNet's classes) is the report's alone.
_LONGEST_TABLE = 100


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """The shared options of an evaluate command; see `evaluate_options`.

    Attributes:
        model: name or folder; the task's default when None.
        device, engine: as for prediction.
        output: folder for the report and its pictures.
        record: prefix under which the metrics go into the model's card.
        style: `table` or `json`.
        quiet: no progress bar.
    """

    model: str | None
    device: str
    engine: str
    output: Path | None
    record: str | None
    style: str
    quiet: bool


def evaluate_options() -> Callable[[Command], Command]:
    """Decorate an evaluate command with the shared options; it gets them as `measure`."""
    options = [
        click.option("--model", metavar="NAME|FOLDER", help="Model name or model folder."),
        click.option("--device", default="auto", show_default=True,
                     help="auto (the cpu), cpu, cuda, cuda:N or mps."),
        click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True,
                     help="What runs the network."),
        click.option("--output", "-o", type=click.Path(path_type=Path, file_okay=False),
                     help="Folder for report.json and the pictures of the report."),
        click.option("--record", metavar="NAME",
                     help="Write the metrics into the model's card, as NAME_*."),
        format_option("table", "json", help="What is printed."),
        click.option("--quiet", "-q", is_flag=True, help="No progress."),
        click.option("--debug", is_flag=True, help="Show tracebacks."),
    ]  # fmt: skip

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def wrapped(**values: Any) -> Any:
            values.pop("debug")
            names = MeasureOptions.__dataclass_fields__
            measure = MeasureOptions(**{name: values.pop(name) for name in names})
            return command(measure=measure, **values)

        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[return-value]

    return decorate


def report_score(
    whole: Score,
    parts: Mapping[str, Score],
    folder: Path,
    measure: MeasureOptions,
    title: str,
) -> None:
    """Print what an evaluation measured; write the report and the card if that was asked for.

    Args:
        whole: of everything.
        parts: of each data set by its name, where there were several.
        folder: of the model.
        measure: the command's options.
        title: of the table, `120 pictures` for example.

    Raises:
        InputError, ModelError: the report or the card cannot be written.
    """
    report = {
        "metrics": whole.metrics,
        "classes": whole.table,
        "sets": {name: score.metrics for name, score in parts.items()},
    }
    if measure.output is not None:
        _write_report(measure.output, report, whole)
    if measure.record:
        _record(folder, measure.record, report)
    if measure.style == "json":
        click.echo(json.dumps(report))
    else:
        _print(whole, parts, title)


def _write_report(folder: Path, report: dict[str, Any], whole: Score) -> None:
    from cnntasks.atomic import replacing
    from cnntasks.errors import InputError

    try:
        with replacing(folder / "report.json") as temporary:
            temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        for name, draw in whole.figures.items():
            # The suffix tells a drawing library the format.
            with replacing(folder / name) as temporary:
                named = temporary.with_suffix(Path(name).suffix)
                try:
                    draw(named)
                    named.replace(temporary)
                finally:
                    named.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"{folder}: the report cannot be written ({reason}); choose another --output"
        ) from error


def _record(folder: Path, name: str, report: dict[str, Any]) -> None:
    from cnntasks.models.card import read_card
    from cnntasks.models.folder import update_card

    card = read_card(folder)
    metrics = {f"{name}_{key}": round(value, 4) for key, value in report["metrics"].items()}
    sets = [{"data set": key, **values} for key, values in report["sets"].items()]
    tables = dict(card.tables)
    for title, rows in ((f"{name} by class", report["classes"]), (f"{name} by data set", sets)):
        tables.pop(title, None)
        if 0 < len(rows) <= _LONGEST_TABLE:
            tables[title] = [{key: _rounded(value) for key, value in row.items()} for row in rows]
    update_card(folder, replace(card, metrics={**card.metrics, **metrics}, tables=tables))


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _print(whole: Score, parts: Mapping[str, Score], title: str) -> None:
    click.echo(title)
    _print_table(whole.table)
    _print_table([{"data set": name, **score.metrics} for name, score in parts.items()])
    for name, value in whole.metrics.items():
        click.echo(f"{name} {_cell(value)}")


def _print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    columns = list(rows[0])
    numbers = [name for name in columns if isinstance(rows[0][name], int | float)]
    print_rows(columns, [{name: _cell(row.get(name, "")) for name in columns} for row in rows],
               numbers)  # fmt: skip
    click.echo()


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


@contextlib.contextmanager
def progress_bar(total: int, noun: str, quiet: bool) -> Iterator[Callable[[], None] | None]:
    """A bar on standard error that the body advances by calling what it gets.

    It gets None where nothing is to be shown: `quiet`, or standard error is no terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(noun, total=total)
        yield lambda: bar.advance(task)
