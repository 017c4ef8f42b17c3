"""From sources to results: decode, preprocess, run, postprocess; streamed, in order.

One bad input never stops the rest, and memory does not grow with the number of inputs: only a
window of them is under way at any time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnntasks.engines.base import Engine, EngineChoice, available_cores, choose_engine
from cnntasks.errors import CnntasksError, InputError, PluginError, UsageError
from cnntasks.models.card import ModelCard, read_card
from cnntasks.models.folder import graph_path
from cnntasks.models.store import resolve_model
from cnntasks.models.weights import WEIGHTS_FILE
from cnntasks.plugins import get_task, model_entries
from cnntasks.task import Outcome, Source, TaskSpec, import_attribute

if TYPE_CHECKING:
    from collections.abc import Callable

    Arrays = dict[str, Any]


class Pipeline:
    """A task with a model, ready to predict; what `cnntasks.load` returns.

    Args:
        card: of the model.
        predictor: the task's, made for the card.
        engine: runs the network.
        batch_size: inputs of equal shape that run together; ignored by an engine that runs
            several single inputs at once instead.
    """

    def __init__(
        self, card: ModelCard, predictor: Any, engine: Engine, batch_size: int = 1
    ) -> None:
        self.card = card
        self.predictor = predictor
        self.engine = engine
        self.batch_size = batch_size

    def __call__(self, value: Any) -> Any:
        """Predict for one value, or for a list of them.

        Args:
            value: a path, URL, bytes, array, Pillow picture, or a list of these; a folder, a
                glob or `@list.txt` stands for any number of files.

        Returns:
            One result for one value, a list for a list, a folder, a glob or `@list.txt`.

        Raises:
            InputError: an input cannot be used; the message names it.
        """
        from cnntasks.media.sources import stands_for_many

        results = []
        for outcome in self.stream(value):
            if outcome.error is not None:
                raise outcome.error
            results.append(outcome.result)
        return results if stands_for_many(value) else results[0]

    def stream(self, values: Any) -> Iterator[Outcome[Any]]:
        """Predict for many values, one outcome each, in their order; errors are outcomes too."""
        from cnntasks.media.sources import sources_from_values

        return self.run(sources_from_values(values, suffixes=self.predictor.suffixes))

    def run(self, sources: Iterable[Source]) -> Iterator[Outcome[Any]]:
        """Predict for sources, one outcome each, in their order."""
        if self.engine.concurrency > 1:
            return self._run_side_by_side(sources)
        return self._run_batches(sources)

    def _run_side_by_side(self, sources: Iterable[Source]) -> Iterator[Outcome[Any]]:
        """Whole inputs in as many threads as the engine runs at once."""
        threads = self.engine.concurrency
        with ThreadPoolExecutor(threads) as pool:
            yield from _in_order(pool, self._predict_one, sources, window=2 * threads)

    def _predict_one(self, source: Source) -> Outcome[Any]:
        source, item, feeds, error = self._prepare(source)
        if error is not None:
            return Outcome(source, error=error)
        return self._run_one(source, item, feeds)

    def _run_one(self, source: Source, item: Any, feeds: Arrays) -> Outcome[Any]:
        try:
            outputs = self.engine.run(_stack([feeds]))
            result = self.predictor.postprocess(_slice(outputs, 0), item)
        except CnntasksError as error:
            return Outcome(source, error=_named(source, error))
        except MemoryError:
            return Outcome(source, error=_too_large(source))
        return Outcome(source, result=result, item=item)

    def _run_batches(self, sources: Iterable[Source]) -> Iterator[Outcome[Any]]:
        """Decode in threads; neighbours of equal shape go through the engine together."""
        threads = available_cores()
        with ThreadPoolExecutor(threads) as pool:
            waiting: list[tuple[Source, Any, Arrays]] = []
            window = max(2 * threads, self.batch_size)
            for source, item, feeds, error in _in_order(pool, self._prepare, sources, window):
                if waiting and (error is not None or not _same_shapes(waiting[0][2], feeds)):
                    yield from self._finish(waiting)
                    waiting = []
                if error is not None:
                    yield Outcome(source, error=error)
                    continue
                waiting.append((source, item, feeds))
                if len(waiting) == self.batch_size:
                    yield from self._finish(waiting)
                    waiting = []
            if waiting:
                yield from self._finish(waiting)

    def _prepare(self, source: Source) -> tuple[Source, Any, Arrays, CnntasksError | None]:
        try:
            item = self.predictor.decode(source)
            return source, item, self.predictor.preprocess(item), None
        except CnntasksError as error:
            return source, None, {}, error
        except MemoryError:
            return source, None, {}, _too_large(source)

    def _finish(self, batch: list[tuple[Source, Any, Arrays]]) -> Iterator[Outcome[Any]]:
        try:
            outputs = self.engine.run(_stack([feeds for _, _, feeds in batch]))
            results = [
                self.predictor.postprocess(_slice(outputs, row), item)
                for row, (_, item, _) in enumerate(batch)
            ]
        except (CnntasksError, MemoryError):
            # One by one, so that only the input that is to blame has no result.
            yield from (self._run_one(*each) for each in batch)
        else:
            for (source, item, _), result in zip(batch, results, strict=True):
                yield Outcome(source, result=result, item=item)


def load(
    task: str,
    model: str | Path | None = None,
    *,
    device: str = "auto",
    engine: str = "auto",
    precision: str = "float32",
    batch_size: int = 1,
    offline: bool = False,
    many: bool = False,
    **options: Any,
) -> Any:
    """Make a task ready: a `Pipeline`, or what the task's own opener returns.

    Args:
        task: the verb, `"detect"` for example.
        model: a model's name or folder; the task's default when None.
        device: `auto` (the CPU), `cpu`, `cuda`, `cuda:N` or `mps`.
        engine: `auto`, `onnx` or `torch`; a task with an opener always runs in torch.
        precision: `float32`, or on a GPU `float16` or `bfloat16`.
        batch_size: inputs that go through a GPU together; 1 for a task with an opener.
        offline: never download a model.
        many: many inputs will come: on a CPU run them side by side, one core each.
        options: the predictor's or opener's own, such as `threshold`.

    Raises:
        UsageError: no such task, or options that do not exist or contradict each other.
        ModelError: the model cannot be found, downloaded or opened.
        DeviceError: the device is not on this machine.
    """
    spec = get_task(task)
    if spec.opener is not None:
        choice = choose_engine(_gradients_engine(task, engine, batch_size), device, precision)
        folder = find_model(task, model, offline=offline)
        return open_task(spec, folder, choice, options=options)
    choice = choose_engine(engine, device, precision)
    folder = find_model(task, model, offline=offline)
    return open_pipeline(spec, folder, choice, batch_size=batch_size, many=many, options=options)


def _gradients_engine(task: str, engine: str, batch_size: int) -> str:
    """The engine of a task with an opener, which is torch."""
    if engine == "onnx":
        raise UsageError(f"{task} runs in torch only; use --engine torch, or leave --engine out")
    if batch_size != 1:
        raise UsageError(f"{task} works on one input at a time; leave the batch size at 1")
    return "torch" if engine == "auto" else engine


def find_model(task: str, model: str | Path | None = None, *, offline: bool = False) -> Path:
    """The model folder that a name, a folder, or None (the task's default) means.

    A published model that is not here is downloaded; how large it is, its licence and its
    progress are shown on standard error.

    Raises:
        UsageError: there is no such task.
        ModelError: no such model, a model of another task, or its download failed.
    """
    from cnntasks.output.downloads import PullDisplay

    spec = get_task(task)
    name = str(model) if model is not None else spec.default_model
    with PullDisplay() as display:
        return resolve_model(
            name,
            task,
            model_entries(),
            also=spec.accepts,
            offline=offline,
            progress=display.progress,
            log=display.log,
        )


def open_pipeline(
    spec: TaskSpec,
    folder: Path,
    choice: EngineChoice,
    *,
    batch_size: int = 1,
    many: bool = False,
    options: dict[str, Any] | None = None,
) -> Pipeline:
    """A pipeline on the model folder `folder`; see `load`.

    Raises:
        PluginError: the task has an opener instead of a predictor.
    """
    if spec.predictor is None:
        raise PluginError(f"{spec.name}: this task has no predictor")
    card = read_card(folder)
    predictor = import_attribute(spec.predictor)(card, **(options or {}))
    return Pipeline(card, predictor, open_engine(spec, card, folder, choice, many), batch_size)


def open_task(
    spec: TaskSpec, folder: Path, choice: EngineChoice, *, options: dict[str, Any] | None = None
) -> Any:
    """What the opener of a task makes of the model folder `folder`; see `load`.

    Raises:
        PluginError: the task has no opener, or what it returns cannot be called.
        DeviceError: the device is not on this machine.
    """
    if spec.opener is None:
        raise PluginError(f"{spec.name}: this task has no opener")
    from cnntasks.engines.torch import open_device

    open_device(choice.device)  # before the work of building a network for nothing
    opened = import_attribute(spec.opener)(read_card(folder), folder, choice, **(options or {}))
    if not callable(opened):
        raise PluginError(
            f"{spec.name}: {spec.opener!r} returned a {type(opened).__name__}, which cannot be "
            "called"
        )
    return opened


def open_engine(
    spec: TaskSpec, card: ModelCard, folder: Path, choice: EngineChoice, many: bool = False
) -> Engine:
    """The engine of `choice` with the model in `folder`.

    Raises:
        ModelError: the model cannot be opened.
        DeviceError: the device is not on this machine.
    """
    if choice.engine == "onnx":
        from cnntasks.engines.onnx import OnnxEngine

        return OnnxEngine(graph_path(folder), parallel=many)
    from cnntasks.engines.torch import TorchEngine, load_weights, open_device

    open_device(choice.device)  # before the work of building a network for nothing
    if spec.network is None:
        raise PluginError(f"{spec.name}: this task has no torch network; use --engine onnx")
    network = import_attribute(spec.network)(card)
    load_weights(network, folder / WEIGHTS_FILE)
    return TorchEngine(network, choice)


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[Any], Any], values: Iterable[Any], window: int
) -> Iterator[Any]:
    """Results of `work` in the order of `values`, at most `window` of them under way."""
    pending: deque[Future[Any]] = deque()
    iterator = iter(values)
    try:
        for value in islice(iterator, window):
            pending.append(pool.submit(work, value))
        while pending:
            result = pending.popleft().result()
            for value in islice(iterator, 1):
                pending.append(pool.submit(work, value))
            yield result
    finally:
        for future in pending:
            future.cancel()


def _stack(feeds: Sequence[Arrays]) -> Arrays:
    import numpy as np

    if len(feeds) == 1:
        return {name: value[None] for name, value in feeds[0].items()}
    return {name: np.stack([feed[name] for feed in feeds]) for name in feeds[0]}


def _slice(outputs: Arrays, row: int) -> Arrays:
    return {name: value[row] for name, value in outputs.items()}


def _same_shapes(first: Arrays, second: Arrays) -> bool:
    return all(first[name].shape == second[name].shape for name in first)


def _too_large(source: Source) -> InputError:
    return InputError(f"{source.name}: too large for this machine's memory; make it smaller first")


def _named(source: Source, error: CnntasksError) -> CnntasksError:
    """An engine does not know which input it runs; people must."""
    if source.name in str(error):
        return error
    named = type(error)(f"{source.name}: {error}")
    named.__cause__ = error
    return named
