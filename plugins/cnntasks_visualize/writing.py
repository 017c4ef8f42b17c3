"""From the command's arguments to pictures, arrays and what is printed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks import (
    InputError,
    PictureOutput,
    Source,
    expand_sources,
    load,
    print_rows,
    progress_bar,
    say,
)
from cnntasks_visualize.settings import Settings

if TYPE_CHECKING:
    from cnntasks_visualize.visualizer import Visualizer


@dataclass(frozen=True, slots=True)
class Job:
    """What the command was told besides its settings."""

    inputs: tuple[str, ...]
    settings: Settings
    model: str | None
    output: Path | None
    save_array: bool
    style: str
    device: str
    offline: bool
    quiet: bool


def _open(job: Job) -> Visualizer:
    visualizer: Visualizer = load("visualize", job.model, device=job.device, offline=job.offline)
    return visualizer


def _sources(job: Job, visualizer: Visualizer) -> list[Source]:
    return list(
        expand_sources(
            job.inputs,
            suffixes=visualizer.opened.predictor.suffixes,
            noun="inputs",
            verb="visualize",
            offline=job.offline,
        )
    )


def list_layers(job: Job) -> None:
    """Print the layers of the model, in the order in which they run."""
    from cnntasks_visualize.layers import find_layers
    from cnntasks_visualize.view import blank_feeds

    visualizer = _open(job)
    sources = _sources(job, visualizer)
    feeds = visualizer.feeds(sources[0]) if sources else blank_feeds(visualizer.opened)
    rows = [
        {
            "layer": layer.name,
            "kind": layer.kind,
            "units": layer.units,
            "places": "×".join(map(str, layer.places)),
        }
        for layer in find_layers(visualizer.opened.network, feeds)
    ]
    if job.style == "json":
        click.echo(json.dumps(rows))
    else:
        print_rows(("layer", "kind", "units", "places"), rows, ("units", "places"))


def run_job(job: Job) -> None:
    """Make every picture; ends the process with status 1 where an input failed.

    Raises:
        UsageError: options contradict each other.
        CnntasksError: the only input cannot be used, or nothing can be written.
    """
    visualizer = _open(job)
    sources = _sources(job, visualizer)
    together = not sources or (job.settings.method == "deconvnet" and len(sources) > 1)
    runs = [sources] if together else [[source] for source in sources]
    output = PictureOutput(job.output, job.save_array, job.style)
    output.check(len(runs))
    ending = f"{job.settings.method.replace('+', 'p')}.visualize.png"
    failed = 0
    for each in runs:
        try:
            with _progress(job) as progress:
                found = visualizer.run(each, job.settings, progress)
        except InputError as error:
            failed += 1
            say(f"error: {error}")
            continue
        for problem in found.errors:
            failed += 1
            say(f"error: {problem}")
        source = each[0] if len(each) == 1 else None
        output.write(output.path(ending, source, visualizer.card.name), found)
    if failed:
        raise SystemExit(1)


@contextlib.contextmanager
def _progress(job: Job) -> Iterator[Any]:
    with contextlib.ExitStack() as stack:
        yield lambda total, noun: stack.enter_context(progress_bar(total, noun, job.quiet))
