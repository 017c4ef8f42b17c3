"""What is checked, and what a check that fails raises."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnntasks.cli.root import main
from cnntasks.errors import CnntasksError
from cnntasks.plugins import PluginInfo, get_task, registry
from cnntasks.task import TaskSpec


class ContractError(AssertionError):
    """A plugin breaks the contract; the message says how, and what to do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A task under test.

    Attributes:
        task: its verb.
        work: an empty folder for whatever the checks write.
        sample: a valid input as it stands on the command line: a file, or a text.
        broken: an input that cannot be used; a file of the sample's suffix with nonsense in it
            where the sample is a file.
        model: a name or a folder; the task's default when None.
        train: arguments of `cnntasks train TASK` that train on tiny data in seconds: the data set
            and the options that make it small, without `--output`, `--epochs` and `--device`.
        options: further arguments of the verb, such as those without which it does nothing.
        tolerance: how far numbers of a result may differ between ONNX Runtime and torch.
    """

    task: str
    work: Path
    sample: str = ""
    broken: str = ""
    model: str | None = None
    train: Sequence[str] = ()
    options: Sequence[str] = field(default=())
    tolerance: float = 1e-2

    @property
    def spec(self) -> TaskSpec:
        """What the plugin registered.

        Raises:
            ContractError: no plugin that works registers this task.
        """
        try:
            return get_task(self.task)
        except CnntasksError as error:
            raise ContractError(f"{error}; install the plugin (`pip install -e .`)") from error

    @property
    def plugin(self) -> PluginInfo:
        """The plugin that brings the task."""
        owners = [info for info in registry().plugins if self.task in info.verbs]
        if not owners:
            raise ContractError(
                f"no plugin registers the verb {self.task!r}; install it (`pip install -e .`)"
            )
        return owners[0]

    @property
    def argument(self) -> str:
        """The sample as it stands on the command line, in whatever folder that runs."""
        value = self.value
        return str(value.resolve()) if isinstance(value, Path) else self.sample

    @property
    def value(self) -> Any:
        """The sample as it is given from Python: a path where it is a file."""
        return as_value(self.sample)

    @property
    def bad_value(self) -> Any:
        """The input that cannot be used, as it is given from Python."""
        return as_value(self.bad_argument())

    def bad_argument(self) -> str:
        """The input that cannot be used, as it stands on the command line.

        Raises:
            ContractError: the sample is no file and none was given.
        """
        if self.broken:
            return self.broken
        sample = Path(self.sample)
        if not sample.is_file():
            raise ContractError("the sample is no file; say by `broken` which input cannot be used")
        bad = self.work / f"broken{sample.suffix}"
        bad.parent.mkdir(parents=True, exist_ok=True)
        bad.write_bytes(b"\x00\x01 this is nothing that anyone can read \xff\xfe")
        return str(bad)


def as_value(argument: str) -> Any:
    """A path where there is such a file, or else the text itself."""
    path = Path(argument)
    try:
        return path if path.exists() else argument
    except OSError:  # a text too long for the name of a file
        return argument


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the command line did."""

    status: int
    out: str
    err: str

    def told(self) -> str:
        """The last line on standard error, for messages."""
        lines = self.err.strip().splitlines()
        return lines[-1] if lines else "nothing on standard error"


def run(folder: Path, *arguments: str) -> Run:
    """Run the command line within this process, in a folder for what it writes."""
    out, err = _Stream(), _Stream()
    folder.mkdir(parents=True, exist_ok=True)
    with chdir(folder), redirect_stdout(out), redirect_stderr(err):
        status = main(list(arguments))
        for stream in (out, err):
            stream.flush()
    return Run(status, out.text(), err.text())


class _Stream(io.TextIOWrapper):
    """A standard stream that keeps everything, with a buffer for those who write bytes."""

    def __init__(self) -> None:
        self._kept = io.BytesIO()
        super().__init__(self._kept, encoding="utf-8", write_through=True)

    def text(self) -> str:
        return self._kept.getvalue().decode("utf-8", "replace")


@contextmanager
def violated(message: str) -> Iterator[None]:
    """Whatever is raised within is a violation of the contract, told with `message`."""
    try:
        yield
    except ContractError:
        raise
    except Exception as error:
        raise ContractError(f"{message}: {type(error).__name__}: {error}") from error


def require(condition: object, message: str) -> None:
    """Raise `ContractError` unless the condition holds."""
    if not condition:
        raise ContractError(message)
