"""The line beside the bar: speed, time left, losses; and Ctrl-C as a request."""

from __future__ import annotations

import io
import signal
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from cnntasks_style.progress import Clock, describe, gentle_interrupt, losses_line, progress, shape


class Time:
    """Seconds that pass as a test says."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def step(iteration: int) -> SimpleNamespace:
    losses = {"style": 0.123456, "content": 45.0}
    return SimpleNamespace(iteration=iteration, total=15, scale_size=(20, 10), losses=losses)


def test_later_scales_count_as_much_work_as_they_have_pixels() -> None:
    time = Time()
    clock = Clock([(10, 5), (20, 10)], [10, 5], time)
    assert clock.total == 10 * 50 + 5 * 200
    assert (clock.speed, clock.left) == (0, None)
    for number in range(1, 11):  # a second each at the coarse scale
        time.seconds += 1
        clock.tick(number)
    assert clock.speed == pytest.approx(1)
    assert clock.left == pytest.approx(20)  # five of four times the pixels
    time.seconds += 4
    clock.tick(11)
    assert clock.left == pytest.approx(16)
    for number in range(12, 16):
        time.seconds += 4
        clock.tick(number)
    assert clock.done == clock.total
    assert clock.left == 0


def test_the_speed_is_that_of_late() -> None:
    time = Time()
    clock = Clock([(1, 1)], [100], time)
    for number in range(1, 101):
        time.seconds += 1.0 if number <= 50 else 0.1
        clock.tick(number)
    assert clock.speed == pytest.approx(10)


def test_a_step_in_one_line() -> None:
    time = Time()
    clock = Clock([(10, 5), (20, 10)], [10, 5], time)
    assert describe(step(0), clock) == "0/15  20x10  style 0.123 content 45"
    time.seconds += 40
    clock.tick(10)
    assert describe(step(10), clock) == (
        "10/15  20x10  style 0.123 content 45  0.0 it/s  1:20 left"
    )
    assert losses_line({}) == ""
    assert shape(512) == "512"


class Terminal(io.StringIO):
    """Standard error on a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("quiet", [False, True])
def test_a_bar_on_a_terminal(quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    clock = Clock([(20, 10)], [15])
    with progress(clock, quiet) as advance:
        for number in range(1, 16):
            advance(step(number))
    assert clock.done == clock.total
    assert ("15/15  20x10  style 0.123 content 45" in shown.getvalue()) is not quiet


def test_nothing_is_drawn_into_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock([(20, 10)], [15])
    with progress(clock, quiet=False) as advance:
        advance(step(3))
    assert clock.done == 3 * 200
    assert capsys.readouterr().err == ""


@pytest.fixture
def usual() -> Iterator[None]:
    """A process in a shell's background inherits an ignored SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual")
def test_the_first_ctrl_c_asks_and_the_second_ends() -> None:
    told: list[int] = []
    with gentle_interrupt(lambda: told.append(1)) as stop:
        assert not stop()
        signal.raise_signal(signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert told == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("usual")
def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with gentle_interrupt(lambda: None) as stop:
        signal.raise_signal(signal.SIGINT)
        assert not stop()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_other_threads_leave_the_signal_alone() -> None:
    asked: list[bool] = []

    def work() -> None:
        with gentle_interrupt(lambda: None) as stop:
            asked.append(stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [False]
