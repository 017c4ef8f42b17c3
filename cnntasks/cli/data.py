"""`cnntasks data`: what a data set holds and what is wrong with it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks.cli.options import format_option
from cnntasks.cli.tables import plain, print_fitted, print_rows
from cnntasks.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cnntasks.task import DataReport

#: A table for people ends after this many findings; JSON has them all.
_SHOWN = 50


@click.group()
def data() -> None:
    """Look data sets over before training on them."""


@data.command("check")
@click.argument("task")
@click.argument("locations", metavar="DATA...", nargs=-1, required=True)
@format_option(
    "table", "json", help="A table for people, or one JSON object on one line for each DATA."
)
@click.option(
    "--with",
    "given",
    metavar="NAME=VALUE",
    multiple=True,
    help="What the task wants to know of DATA, text-column=review for example.",
)
@click.pass_context
def check(
    ctx: click.Context, task: str, locations: tuple[str, ...], style: str, given: tuple[str, ...]
) -> None:
    """Check the data sets DATA of TASK: files, labels, duplicates, counts.

    DATA is a folder or file as `cnntasks train` takes it. The exit status is 1 if anything is
    wrong; warnings do not count.
    """
    checker = _checker(task)
    options = _options(task, checker, given)
    wrong = False
    for location in locations:
        try:
            report = checker(Path(location), **options)
        except InputError as error:
            click.echo(f"cnntasks: error: {error}", err=True)
            wrong = True
            continue
        wrong |= any(finding.severity == "error" for finding in report.findings)
        if style == "json":
            click.echo(json.dumps({"data": location, **asdict(report)}, ensure_ascii=False))
        else:
            _print_report(report)
    ctx.exit(1 if wrong else 0)


def _options(task: str, checker: Callable[..., DataReport], given: Sequence[str]) -> dict[str, str]:
    """The keyword arguments of a checker that `--with` names."""
    known = [name.replace("_", "-") for name in list(inspect.signature(checker).parameters)[1:]]
    options = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or name not in known:
            listed = f"{', '.join(known)} are known" if known else "there is nothing to tell"
            raise UsageError(f"--with {pair}: give NAME=VALUE; for the task {task!r} {listed}")
        options[name.replace("-", "_")] = value
    return options


def _checker(task: str) -> Callable[..., DataReport]:
    from cnntasks import plugins
    from cnntasks.task import import_attribute

    spec = plugins.get_task(task)
    if spec.checker is None:
        able = sorted(name for name, it in plugins.registry().tasks.items() if it.checker)
        raise UsageError(
            f"the task {task!r} has no check for its data; "
            + (f"these have: {', '.join(able)}" if able else "no task has one")
        )
    checker: Callable[..., DataReport] = import_attribute(spec.checker)
    return checker


def _print_report(report: DataReport) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    pairs = Table(box=None, pad_edge=False, show_header=False)
    for key, value in report.summary.items():
        pairs.add_row(Text(plain(key), style="bold"), Text(plain(_in_words(value))))
    print_fitted(pairs)
    if report.table:
        columns = list(report.table[0])
        numbers = [
            column
            for column in columns
            if all(isinstance(row.get(column), int | float) for row in report.table)
        ]
        click.echo()
        rows = [{column: row.get(column, "") for column in columns} for row in report.table]
        print_rows(columns, rows, numbers)
    console = Console()
    console.print()
    for line in _findings(report):
        console.print(line, soft_wrap=True)


def _findings(report: DataReport) -> Iterator[Any]:
    from rich.text import Text

    styles = {"error": "bold red", "warning": "yellow"}
    for finding in report.findings[:_SHOWN]:
        line = Text(finding.severity, style=styles[finding.severity])
        yield line.append(f" {plain(finding.where)}: {plain(finding.message)}", style="default")
    hidden = len(report.findings) - _SHOWN
    if hidden > 0:
        yield Text(f"... and {hidden} more; --format json lists them all")
    errors = sum(finding.severity == "error" for finding in report.findings)
    warnings = len(report.findings) - errors
    yield Text(f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _in_words(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{key} {number}" for key, number in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else value
