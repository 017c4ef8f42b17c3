"""A plugin whose verb `act` ends in every way that a verb can end; for tests of the start."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

Install = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[str]]

HEAVY = ("numpy", "torch", "onnxruntime", "PIL", "rich", "onnx", "lightning", "matplotlib")
START = "import sys; from cnntasks.cli.root import main; status = main(sys.argv[1:]); "

#: The verb `act`, in a module of its own as a real plugin has it.
ACT = """
import signal, sys, warnings
import click
import cnntasks

class Panic(BaseException):
    pass

def out_of_gpu():
    class OutOfMemoryError(RuntimeError):
        pass
    raise OutOfMemoryError("CUDA out of memory")

def fail(error):
    raise error

def kill():
    # A process in a shell's background inherits an ignored SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)

ACTIONS = {
    "nothing": lambda: None,
    "status": lambda: 1,
    "true": lambda: True,
    "exit": lambda: click.get_current_context().exit(1),
    "system-exit": lambda: sys.exit(1),
    "system-exit-text": lambda: sys.exit("so long"),
    "input": lambda: fail(cnntasks.InputError("a.jpg: is no picture")),
    "usage": lambda: fail(cnntasks.UsageError("--a contradicts --b")),
    "click": lambda: fail(click.ClickException("Cannot do that.")),
    "value": lambda: fail(ValueError("two\\nlines \\x1b[31m")),
    "bare": lambda: fail(RuntimeError()),
    "memory": lambda: fail(MemoryError()),
    "gpu-memory": out_of_gpu,
    "eof": lambda: fail(EOFError("ran out of input")),
    "pipe": lambda: fail(BrokenPipeError(32, "a worker has gone")),
    "panic": lambda: fail(Panic("at the disco")),
    "interrupt": lambda: fail(KeyboardInterrupt()),
    "abort": lambda: fail(click.Abort()),
    "warn": lambda: warnings.warn("careful"),
    "flood": lambda: [print("x" * 1000) for _ in range(10_000)],
    "print": lambda: print("done"),
    "kill": kill,
}

@click.command()
@click.argument("action", type=click.Choice(list(ACTIONS)))
@click.option("--debug", is_flag=True)
def act(action, debug):
    return ACTIONS[action]()
"""
PLUGIN = """
import cnntasks

@cnntasks.hookimpl
def register_tasks():
    return [cnntasks.TaskSpec("act", "Act as told.", "m", "act_command:act", "act_command:P"),
            cnntasks.TaskSpec("absent", "Not there.", "m", "no_such_module:act", "p:P"),
            cnntasks.TaskSpec("unready", "Raises.", "m", "unready_module:act", "p:P"),
            cnntasks.TaskSpec("wrong", "No command.", "m", "act_command:ACTIONS", "p:P")]

@cnntasks.hookimpl
def register_commands():
    return {"serve": ("Serve it.", "act_command:act")}
"""
