"""One run of `cnntasks style`: from files to a picture and the record of how it was made."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import cnntasks
from cnntasks import DeviceError, InputError
from cnntasks_style.masks import pair_regions, read_mask
from cnntasks_style.memory import available_memory, format_bytes, format_seconds, largest_size
from cnntasks_style.pictures import Picture, read_bytes, read_picture, result_size, scaled_size
from cnntasks_style.progress import Clock, gentle_interrupt, progress, shape
from cnntasks_style.record import Input, Record, check_record_place, write_record
from cnntasks_style.settings import StyleSettings
from cnntasks_style.writing import (
    beside,
    check_apart,
    check_output,
    check_place,
    side_by_side,
    to_bytes,
    write_picture,
)

#: Of the memory that did not suffice, what a smaller picture may need.
_ROOM = 0.7


@dataclass(frozen=True, slots=True)
class Job:
    """What was asked for.

    Attributes:
        content, styles, content_masks, style_masks: files.
        output: the picture to write; the record goes beside it.
        settings: what is None comes from the model's card.
        model: name or folder; the task's default when None.
        device: as for `cnntasks.load`.
        offline: never download a model.
        compare: write content, styles and result side by side as well.
        quiet: no progress and no remarks.
        before: the record that is followed, if any.
    """

    content: Path
    styles: tuple[Path, ...]
    output: Path
    settings: StyleSettings
    content_masks: tuple[Path, ...] = ()
    style_masks: tuple[Path, ...] = ()
    model: str | None = None
    device: str = "auto"
    offline: bool = False
    compare: bool = False
    quiet: bool = False
    before: Record | None = None

    @property
    def record(self) -> Path:
        """Where the record goes."""
        return self.output.with_suffix(".json")


@dataclass
class Inputs:
    """Everything that is read before the work, checked."""

    content: Picture
    styles: list[Picture]
    content_masks: list[NDArray[np.float32]]
    style_masks: list[NDArray[np.float32]]
    size: tuple[int, int]
    files: dict[str, tuple[Input, ...]]


@dataclass
class State:
    """What is known of an optimisation that is under way."""

    step: Any = None
    trace: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


def run_job(job: Job) -> None:
    """Do a job: read, check, say what will be done, optimise, write.

    Raises:
        InputError, UsageError: an input, a mask or the output cannot be used; before the work.
        ModelError, DeviceError: the model or device is not there, or memory does not suffice.
        KeyboardInterrupt: Ctrl-C; the picture so far is saved, and the message says where.
    """
    inputs = read_inputs(job)
    transfer = cnntasks.load("style", job.model, device=job.device, offline=job.offline)
    card = transfer.card
    settings = job.settings.filled(card.defaults, card.name)

    def plan_for(size: int) -> Any:
        width, height = scaled_size(*inputs.content.size, size)
        return transfer.plan(
            width, height, [it.size for it in inputs.styles], settings.changed(size=size)
        )

    plan = plan_for(settings.size)
    announce(job, inputs, card.name, plan)
    memory = available_memory() if job.device in ("auto", "cpu") else None
    if memory is not None and plan.bytes > memory:
        raise DeviceError(
            f"{shape(inputs.size)} needs about {format_bytes(plan.bytes)} of memory, and "
            f"{format_bytes(memory)} are free; {_remedy(inputs.size, plan_for, memory)}"
        )

    state = State()
    stopped: BaseException | None = None
    try:
        interrupted = optimise(job, inputs, transfer, settings, plan, state)
    except KeyboardInterrupt as error:
        interrupted, stopped = True, error
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        room = _ROOM * plan.bytes
        raise DeviceError(
            f"out of memory at {shape(inputs.size)}; {_remedy(inputs.size, plan_for, room)}"
        ) from error
    if state.step is None:
        raise KeyboardInterrupt("nothing is saved before the first iteration") from stopped
    values = state.step.picture()
    record = Record(
        job.model or card.name,
        job.device,
        settings,
        inputs.files,
        "" if interrupted else hashlib.sha256(to_bytes(values).tobytes()).hexdigest(),
    )
    save(job, inputs, values, record, state, interrupted)
    if interrupted:
        raise KeyboardInterrupt(
            f"{job.output} has the picture after {state.step.iteration} of {state.step.total} "
            "iterations"
        ) from stopped


def read_inputs(job: Job) -> Inputs:
    """Read and check all files of a job, and the place of its output.

    Raises:
        InputError, UsageError: something cannot be used; the message names it.
    """
    check_output(job.output)
    check_place(job.record)
    check_record_place(job.record)
    given = [job.content, *job.styles, *job.content_masks, *job.style_masks]
    check_apart([job.output, beside(job.output, "compare"), job.record], given)
    regions = pair_regions(
        len(job.content_masks),
        len(job.style_masks),
        len(job.styles),
        blended=job.settings.style_blend is not None,
    )
    job.settings.blend(len(job.styles))
    content = read_picture(job.content)
    styles = [read_picture(path) for path in job.styles]
    size = result_size(content, job.settings.size)
    check_output(job.output, size)
    for style in styles:
        result_size(style, job.settings.size, job.settings.style_scale)
    files = {
        "content": (Input(str(job.content), content.sha256),),
        "styles": tuple(
            Input(str(path), it.sha256) for path, it in zip(job.styles, styles, strict=True)
        ),
        "content_masks": _hashed(job.content_masks),
        "style_masks": _hashed(job.style_masks),
    }
    if job.before is not None:
        _warn_of_changes(job.before, files)
    return Inputs(
        content=content,
        styles=styles,
        content_masks=[read_mask(path, content) for path in job.content_masks],
        style_masks=[
            read_mask(path, styles[index])
            for path, index in zip(job.style_masks, regions, strict=False)
        ],
        size=size,
        files=files,
    )


def announce(job: Job, inputs: Inputs, model: str, plan: Any) -> None:
    """Say in one line what will be done, and what it will take."""
    if job.quiet:
        return
    styles = " and ".join(path.name for path in job.styles)
    device = "cpu" if job.device == "auto" else job.device
    scales = ", ".join(
        f"{count} at {shape(size)}" for size, count in zip(plan.sizes, plan.iterations, strict=True)
    )
    takes = [f"about {format_bytes(plan.bytes)} of memory"]
    if plan.seconds is not None:
        takes.append(format_seconds(plan.seconds))
    _say(
        f"{model} on {device}: {job.content.name} ({shape(inputs.content.size)}) in the style of "
        f"{styles}; iterations: {scales}; {', '.join(takes)}"
    )


def optimise(
    job: Job,
    inputs: Inputs,
    transfer: Any,
    settings: StyleSettings,
    plan: Any,
    state: State,
) -> bool:
    """Run the optimisation, filling `state`; returns whether Ctrl-C ended it."""

    def tell() -> None:
        _say("stopping after this iteration; Ctrl-C again stops at once")

    begun = time.monotonic()
    steps = transfer.iterate(
        inputs.content.resized(*inputs.size).pixels,
        [style.pixels for style in inputs.styles],
        content_masks=inputs.content_masks or None,
        style_masks=inputs.style_masks or None,
        **{it.name: getattr(settings, it.name) for it in fields(settings)},
    )
    clock = Clock(plan.sizes, plan.iterations)
    with gentle_interrupt(tell) as stop, progress(clock, job.quiet) as advance:
        for step in steps:
            state.step = step
            state.seconds = time.monotonic() - begun
            state.trace.append(_traced(step))
            advance(step)
            if stop():
                return bool(step.iteration < step.total)
            every = settings.preview_every
            if every and step.iteration % every == 0 and step.iteration < step.total:
                _write_preview(job, inputs, step)
    return False


def _write_preview(job: Job, inputs: Inputs, step: Any) -> None:
    values = step.picture()
    path = beside(job.output, f"{step.iteration:04d}")
    try:
        write_picture(path, values, alpha=_alpha(inputs, values))
    except InputError as error:  # a full disk may have room again before the end
        _say(f"warning: {error}")


def save(
    job: Job,
    inputs: Inputs,
    values: NDArray[np.float32],
    record: Record,
    state: State,
    interrupted: bool,
) -> None:
    """Write the picture, what was asked for besides, and then the record."""
    alpha = _alpha(inputs, values)
    write_picture(job.output, values, alpha=alpha, metadata=inputs.content.metadata)
    written = [str(job.output)]
    if job.compare:
        styles = [style.pixels for style in inputs.styles]
        row = side_by_side(inputs.content.pixels, styles, values)
        write_picture(beside(job.output, "compare"), row)
        written.append(str(beside(job.output, "compare")))
    height, width = values.shape[:2]
    run = {
        "picture": {"name": str(job.output), "width": width, "height": height},
        "iterations_done": state.step.iteration,
        "interrupted": interrupted,
        "seconds": round(state.seconds, 2),
    }
    write_record(job.record, record, run, state.trace)
    if job.quiet:
        return
    if not interrupted:
        _say(
            f"picture: {', '.join(written)} ({width}x{height}, {state.step.iteration} iterations "
            f"in {state.seconds:.1f} s); settings and losses: {job.record}"
        )
    if alpha is not None and job.output.suffix.lower() in (".jpg", ".jpeg"):
        _say(f"{job.output}: JPEG has no transparency; it lies over white")
    if job.before is not None and job.before.pixels and record.pixels:
        same = job.before.pixels == record.pixels
        _say(
            "the same picture as recorded, pixel for pixel"
            if same
            else "not pixel for pixel the picture that was recorded"
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the machine or of a GPU, did not suffice."""
    # torch's own class must not be imported here; its allocator for the CPU raises RuntimeError.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
        or "not enough memory" in str(error)
    )


def _remedy(size: tuple[int, int], plan_for: Callable[[int], Any], memory: float) -> str:
    fits = largest_size(lambda it: plan_for(it).bytes, memory, most=max(size))
    return f"--size {fits} should fit" if fits else "not even a small picture would fit"


def _say(line: str) -> None:
    """One line on standard error; no file name may steer the terminal."""
    click.echo("".join(it if it.isprintable() else " " for it in line), err=True)


def _hashed(paths: Sequence[Path]) -> tuple[Input, ...]:
    return tuple(Input(str(it), hashlib.sha256(read_bytes(it)).hexdigest()) for it in paths)


def _warn_of_changes(before: Record, files: dict[str, tuple[Input, ...]]) -> None:
    for role, found in files.items():
        recorded = before.inputs.get(role, ())
        for index, now in enumerate(found):
            if index >= len(recorded) or recorded[index].sha256 != now.sha256:
                _say(
                    f"warning: {now.name}: is not the file that was recorded (its SHA-256 "
                    "differs); the picture will be another"
                )


def _traced(step: Any) -> dict[str, Any]:
    size = step.scale_size
    return {
        "iteration": int(step.iteration),
        "scale": [int(it) for it in size] if isinstance(size, Sequence) else int(size),
        "losses": {name: float(f"{value:.6g}") for name, value in step.losses.items()},
    }


def _alpha(inputs: Inputs, values: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    height, width = values.shape[:2]
    return inputs.content.resized(width, height).alpha if inputs.content.alpha is not None else None
