"""The contracts that a plugin fills in: `TaskSpec`, `Predictor`, `Learner`, and what flows between.

This module imports nothing heavy: a task registers with strings, and the command line can list
every verb without loading NumPy, ONNX Runtime or torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from cnntasks.errors import CnntasksError, InputError, PluginError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What a plugin registers: one verb, described by strings that are imported on use.

    Attributes:
        name: the verb (`cnntasks NAME`), lower case, letters, digits and hyphens.
        summary: one line for `cnntasks --help`.
        default_model: the card name that is used without `--model`; None for a verb that needs no
            model, or whose model must be named.
        command: `"package.module:attribute"` of the verb's `click.Command`.
        predictor: `"package.module:attribute"` of a `Predictor` class, for a task that gives one
            result for one input. A task that brings no model of its own (`default_model` is None,
            or `accepts` names other tasks) may do without predictor and opener.
        accepts: other tasks whose models this one can use too, by name or folder.
        network: of a function `(ModelCard) -> torch.nn.Module`; needed by the torch engine and by
            `cnntasks.open_network`. Where `forward` ends in a softmax, a method `logits` with the
            same arguments, whose dict has the `logits`, lets gradients start before it.
        train: of a `click.Command`, `cnntasks train NAME`; a task without one cannot be trained.
        evaluate: of a `click.Command`, `cnntasks evaluate NAME`.
        checker: of a function `(Path) -> DataReport` for `cnntasks data check`; further keyword
            arguments, strings that may be left out, are `--with NAME=VALUE` there.
        opener: instead of `predictor`, for any other task: of a function
            `(ModelCard, Path, EngineChoice, **options)` that opens the model folder with torch on
            the device that was chosen and returns a callable object; `cnntasks.load` returns that.
        data: of the `DataFormats` of its labelled data sets, by which other plugins read them; see
            `cnntasks.data_formats`.
    """

    name: str
    summary: str
    default_model: str | None
    command: str
    predictor: str | None = None
    network: str | None = None
    train: str | None = None
    evaluate: str | None = None
    checker: str | None = None
    opener: str | None = None
    accepts: tuple[str, ...] = ()
    data: str | None = None


def import_attribute(reference: str) -> Any:
    """Import `"package.module:attribute"`.

    Raises:
        PluginError: the reference is malformed, or its module or attribute does not exist.
    """
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise PluginError(f"{reference!r} is not of the form 'package.module:attribute'")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise PluginError(f"cannot import {reference!r}: {error}; is a package missing?") from error
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise PluginError(f"{module_name!r} has no attribute {attribute!r}") from error


@dataclass(frozen=True, slots=True)
class Source:
    """One named input, not yet read.

    Attributes:
        name: what a person recognises: the path as given, the URL, or `-`.
        relative: a relative path without `..` under which outputs for this input are named
            (`holiday/a.jpg` found under the argument `holiday/` has `a.jpg`).
        loader: returns the encoded bytes; raises `InputError`.
        path: the file on disk, where there is one.
        value: an object already in memory (an array, a picture or a text given from Python).
    """

    name: str
    relative: PurePosixPath
    loader: Callable[[], bytes]
    path: Path | None = None
    value: Any = None

    def read_bytes(self) -> bytes:
        """Return the encoded bytes of this input.

        Raises:
            InputError: it cannot be read; the message names it.
        """
        return self.loader()


class Result(Protocol):
    """What a predictor returns for one input: a frozen dataclass that can describe itself."""

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        ...

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat mapping for each thing found; the rows of the table and of the CSV."""
        ...


ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT", bound=Result, covariant=True)


class Predictor(Protocol[ItemT, ResultT]):
    """Arrays in, arrays out: everything around the network, in NumPy, for one task.

    A predictor is constructed as `predictor(card, **options)`; unknown options are a `TypeError`.
    What a class may have besides, each only where its task needs it:

    - `open(card, folder, **options)`, a class method that makes it instead, for one that reads
      further files of the model (a tokenizer) from its folder.
    - `collate(feeds) -> feeds`: joins the feeds of several items, of whatever shapes, to those of
      a batch, padding them; without it only equal shapes run together. Then `batch_size` says how
      many inputs make a chunk, and those of a chunk that are about as large are collated.
    - `decode_batch(sources) -> items`: decodes a chunk for `collate` at once, where that is faster;
      an error stands in the place of its item.
    - `pieces(item) -> iterator of feeds` and `assemble(outputs, item) -> Result`, in place of
      `preprocess` and `postprocess`, for inputs that are larger than one run of the network (a
      recording of an hour): the network runs on the pieces, `batch_size` of equal shape at a time,
      those of neighbouring inputs among them, and `assemble` is given an iterator of their outputs
      in order. Both are lazy, so that memory is flat for an input of any length; what goes wrong
      on the way is raised from that iterator, and `assemble` lets it pass.
    - `outputs`: the names of the network's outputs that `postprocess` wants; all without it.
    - `sources_from_values(values)` and `stands_for_many(value)`: the sources that a value given
      from Python stands for, and whether its results are a list, where a string is no path.
    - `is_input(value)`: whether a value from Python is one input as it is, though it may be a
      tuple or a list (samples with their rate); its source has it as `value`.
    - `decimals`: column to the number of decimals in tables for people (times, say).
    - `noun`: what inputs are called in messages; `"pictures"` without it.
    """

    #: Columns of `Result.to_rows()`, in order; the header of the table and of the CSV.
    columns: Sequence[str]
    #: File name suffixes (lower case, with the dot) that a folder is searched for.
    suffixes: Sequence[str]

    def decode(self, source: Source) -> ItemT:
        """Read one source; raises `InputError`. Runs in several threads at once."""
        ...

    def preprocess(self, item: ItemT) -> Arrays:
        """The network's feeds for one item, without the batch dimension. Runs in threads."""
        ...

    def postprocess(self, outputs: Arrays, item: ItemT) -> ResultT:
        """The result of one item from its slice of the network's outputs."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome(Generic[ResultT]):
    """What became of one source: a result, or the error that names it; never both."""

    source: Source
    result: ResultT | None = None
    error: CnntasksError | None = None
    item: Any = None


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """How a network is exported: example feeds and which of their axes may vary.

    Attributes:
        feeds: name to a small example array, batch dimension included.
        dynamic: name to {axis: symbol} of the axes that may vary.
        outputs: the names of the network's outputs, in order.
    """

    feeds: Mapping[str, Any]
    dynamic: Mapping[str, Mapping[int, str]]
    outputs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Score:
    """What an evaluation measured.

    Attributes:
        metrics: flat name to value; the names are the metrics' standard ones.
        table: rows to show (one per class, say), plain JSON types.
        figures: file name to a function that draws it into the given path.
    """

    metrics: dict[str, float]
    table: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, Callable[[Path], None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `cnntasks data check` found.

    Attributes:
        severity: `"error"` (training would fail or learn something wrong) or `"warning"`.
        where: the file, picture or class that it is about.
        message: what is wrong and what to do.
    """

    severity: Literal["error", "warning"]
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class DataReport:
    """What `cnntasks data check` says of a data set.

    Attributes:
        summary: format, number of pictures, and so on; plain JSON types.
        table: one row for each class, plain JSON types.
        findings: what is wrong, errors first.
    """

    summary: dict[str, Any]
    table: list[dict[str, Any]]
    findings: list[Finding]


class Learner(Protocol):
    """What a task knows of training; `cnntasks.training` does the rest.

    A task's train command makes one and hands it to `cnntasks.train_model`.
    """

    #: The metric that early stopping and the best checkpoint watch; larger is better.
    monitor: str

    def parameter_groups(self, network: torch.nn.Module) -> list[dict[str, Any]]:
        """Optimiser groups: `params`, `scale` of the learning rate, `decay` (bool)."""
        ...

    def set_train_mode(self, network: torch.nn.Module) -> None:
        """Put the network into training mode (all of it, or all but what stays frozen)."""
        ...

    def train_batches(self, seed: int) -> Any:
        """A `DataLoader` of training batches."""
        ...

    def validation_batches(self) -> Any:
        """A `DataLoader` of validation batches."""
        ...

    def losses(self, network: torch.nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        """The named losses of one batch; their sum is minimised."""
        ...

    def new_metric(self) -> Any:
        """An object with `update(network, batch)`, `compute() -> Score` and `reset()`."""
        ...

    def graph(self) -> GraphSpec:
        """How the trained network is exported."""
        ...


def failed_source(name: str, message: str) -> Source:
    """A source whose reading raises `InputError(message)`: bad arguments stay in the stream."""

    def fail() -> bytes:
        raise InputError(message)

    return Source(name=name, relative=PurePosixPath("unreadable"), loader=fail)
