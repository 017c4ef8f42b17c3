"""From the command's arguments to pictures, arrays and what is printed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cnntasks import IMAGE_SUFFIXES, InputError, PictureOutput, expand_sources, say
from cnntasks_features.extract import extract
from cnntasks_features.settings import Settings


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
    output = PictureOutput(job.output, job.save_array, job.style)
    output.check(len(sources))
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
        path = output.path(f"{job.settings.method}.features.png", source)
        output.write(path, found, left_out=("masks",))
    if failed:
        raise SystemExit(1)
