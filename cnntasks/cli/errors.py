"""The one place where an exception becomes a line on stderr and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import IO, Any

import click

from cnntasks.errors import CnntasksError

INTERRUPTED = 130  # what a shell reports for a program that SIGINT ended
OUTPUT_CLOSED = 141  # ... and for one that SIGPIPE ended
_FOR_TRAINING = ("torch", "torchvision", "lightning")
_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), " ")


def run_guarded(action: Callable[[], Any], *, debug: bool) -> int:
    """Run `action`; never raises.

    Args:
        action: what a command does; an integer that it returns is the exit status.
        debug: print the traceback of a failure as well.

    Returns:
        The exit status: 0 all well, 1 something failed, 2 wrong usage, 130 interrupted, 141 the
        reader of the output has gone (`| head`).
    """
    try:
        result = action()
        status = result if type(result) is int else 0
    except BaseException as error:
        status = _report(error, debug)
    for stream in (sys.stdout, sys.stderr):
        status = _finish(stream, status)
    return status


def _report(error: BaseException, debug: bool) -> int:
    if isinstance(error, SystemExit):
        if isinstance(error.code, str):
            say(f"error: {error.code}")
            return 1
        return error.code or 0
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, BrokenPipeError) and _output_is_closed():
        return OUTPUT_CLOSED
    if isinstance(error, click.ClickException):
        return _report_click(error)
    if debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        say(f"interrupted: {error}" if str(error) else "interrupted")
        return INTERRUPTED
    if isinstance(error, click.Abort):
        say("aborted")
        return 1
    say(f"error: {_explain(error)}")
    return error.exit_status if isinstance(error, CnntasksError) else 1


def _report_click(error: click.ClickException) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2 and later: the help is the message
        error.show()
        return error.exit_code
    message = error.format_message().rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    say(f"error: {message}" + (f" (see {context.command_path} --help)" if context else ""))
    return error.exit_code


def _explain(error: BaseException) -> str:
    if isinstance(error, CnntasksError):
        return str(error)
    # torch has its own class for a full GPU, which must not be imported here.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory; use a smaller --batch-size, smaller inputs, or fewer at once"
    if isinstance(error, ModuleNotFoundError) and error.name in _FOR_TRAINING:
        return (
            f"{error.name} is not installed, which training and the torch engine need; run: "
            "pip install torch torchvision lightning (prediction on a CPU does without)"
        )
    detail = f": {error}" if str(error) else ""
    return f"unexpected {type(error).__name__}{detail} (--debug shows the traceback)"


def say(message: str) -> None:
    """Print one line on standard error, after the program's name.

    Messages quote file names and servers' answers: none may steer the terminal.
    """
    print(f"cnntasks: {message.translate(_CONTROL)}", file=sys.stderr)


def _output_is_closed() -> bool:
    """Whether a broken pipe is that of our own output, and not that of a worker, say."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()  # what could not be written is still there ...
            if _reader_has_gone(stream):  # ... unless output is not buffered
                return True
        except BrokenPipeError:
            return True
        except OSError:  # a stand-in without a file behind it
            continue
    return False


def _reader_has_gone(stream: IO[str]) -> bool:
    import select

    if not hasattr(select, "poll"):  # Windows, where this is no BrokenPipeError either
        return False
    poll = select.poll()
    poll.register(stream.fileno(), select.POLLOUT)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _finish(stream: IO[str] | None, status: int) -> int:
    """Flush now, while a failure can still be told; the interpreter would only complain."""
    if stream is None:  # closed by whoever started us
        return status
    try:
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if isinstance(error, BrokenPipeError):
            return OUTPUT_CLOSED
        say(f"error: cannot write the output: {error}")
        return status or 1
    return status
