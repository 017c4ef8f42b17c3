"""What a person sees while a picture is painted: a bar, and Ctrl-C that loses nothing."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

#: Iterations over which the speed is told.
_WINDOW = 20


class Clock:
    """Speed and time left of an optimisation over scales, whose later iterations take longer.

    An iteration counts as much work as its picture has pixels.

    Args:
        sizes: width and height at each scale.
        iterations: at each scale.
        now: tells seconds.
    """

    def __init__(
        self,
        sizes: Sequence[tuple[int, int]],
        iterations: Sequence[int],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._costs = [
            width * height
            for (width, height), count in zip(sizes, iterations, strict=True)
            for _ in range(count)
        ]
        self.total = sum(self._costs)
        self.done = 0
        self._now = now
        self._begun = now()
        self._times: deque[float] = deque([self._begun], maxlen=_WINDOW + 1)

    def tick(self, iteration: int) -> None:
        """Note that `iteration`, counted from 1, is over."""
        self.done = sum(self._costs[:iteration])
        self._times.append(self._now())

    @property
    def speed(self) -> float:
        """Iterations a second of late; 0 where that cannot be told yet."""
        passed = self._times[-1] - self._times[0]
        return (len(self._times) - 1) / passed if passed > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds until the end, or None where that cannot be told yet."""
        if not self.done:
            return None
        return (self._times[-1] - self._begun) * (self.total - self.done) / self.done


@contextlib.contextmanager
def progress(clock: Clock, quiet: bool) -> Iterator[Callable[[Any], None]]:
    """A bar on standard error, advanced by giving each step to what the body gets.

    A step has `iteration`, `total`, `scale_size` and `losses`. Nothing is shown where `quiet`, or
    where standard error is no terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda step: clock.tick(step.iteration)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=20), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("the first iteration", total=clock.total)

        def advance(step: Any) -> None:
            clock.tick(step.iteration)
            bar.update(task, completed=clock.done, description=describe(step, clock))

        yield advance


def describe(step: Any, clock: Clock) -> str:
    """One line about a step: how far, at which size, the losses, how fast, how long still."""
    parts = [f"{step.iteration}/{step.total}", shape(step.scale_size), losses_line(step.losses)]
    if clock.speed:
        parts.append(f"{clock.speed:.1f} it/s")
    if clock.left is not None:
        minutes, seconds = divmod(round(clock.left), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    return "  ".join(part for part in parts if part)


def losses_line(losses: Mapping[str, float]) -> str:
    """The losses by their names, three digits each."""
    return " ".join(f"{name} {value:.3g}" for name, value in losses.items())


def shape(size: Any) -> str:
    """A size for people: `512x342`."""
    return "x".join(map(str, size)) if isinstance(size, Sequence) else str(size)


@contextlib.contextmanager
def gentle_interrupt(tell: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C ask, so that an iteration can be finished; the second ends at once.

    An optimiser that is stopped in the middle of a line search leaves a picture that is not its
    best one.

    Args:
        tell: called at the first Ctrl-C.

    Yields:
        Whether Ctrl-C was pressed.
    """
    pressed: list[bool] = []
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(True)
        tell()

    # Only the main thread may set handlers. A program in a shell's background has the signal
    # ignored, and that stays so.
    able = threading.current_thread() is threading.main_thread()
    if not able or before is signal.SIG_IGN or before is None:
        yield lambda: False
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
