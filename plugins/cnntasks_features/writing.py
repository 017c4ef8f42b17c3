"""From the command's arguments to pictures, arrays and what is printed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks import (
    IMAGE_SUFFIXES,
    InputError,
    UsageError,
    expand_sources,
    save_arrays,
    say,
    write_image,
)
from cnntasks_features.extract import extract
from cnntasks_features.settings import Settings

if TYPE_CHECKING:
    from cnntasks_features.result import Features

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")


@dataclass(frozen=True, slots=True)
class Job:
    """What the command was told besides its settings."""

    inputs: tuple[str, ...]
    settings: Settings
    output: Path | None
    save_array: bool
    style: str
    offline: bool


def run_job(job: Job) -> None:
    """Make every picture; ends the process with status 1 where an input failed.

    Raises:
        UsageError: options contradict each other.
        InputError: nothing can be written.
    """
    job.settings.check()
    sources = list(
        expand_sources(job.inputs, suffixes=IMAGE_SUFFIXES, verb="features", offline=job.offline)
    )
    one_file = job.output is not None and job.output.suffix.lower() in _PICTURES
    if one_file and len(sources) > 1:
        raise UsageError(f"--output {job.output} is one picture; for several name a folder")
    other = None
    if job.settings.match is not None:
        (other,) = expand_sources([str(job.settings.match)], suffixes=IMAGE_SUFFIXES)
    failed = 0
    for source in sources:
        try:
            found = extract(source, job.settings, other)
        except InputError as error:
            failed += 1
            say(f"error: {error}")
            continue
        if one_file and job.output is not None:
            path = job.output
        else:
            relative = source.relative
            name = f"{relative.stem}.{job.settings.method}.features.png"
            path = (job.output or Path()) / relative.parent / name
        write_image(path, found.picture)
        if job.save_array:
            save_arrays(path.with_suffix(".npz"), found.arrays)
        _report(job, path, found)
    if failed:
        raise SystemExit(1)


def _report(job: Job, path: Path, found: Features) -> None:
    if job.style == "json":
        click.echo(json.dumps({**found.to_dict(), "picture": str(path)}))
        return
    for name, value in found.summary.items():
        if name != "masks":
            click.echo(f"{name}: {_line(value)}")
    click.echo(f"picture: {path}")


def _line(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
