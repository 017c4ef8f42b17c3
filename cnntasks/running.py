"""Sources to outcomes, in order: whole inputs side by side, batches of one shape, or padded ones.

One bad input never stops the rest, and memory does not grow with the number of inputs: only a
window of them is under way at any time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from cnntasks.engines.base import Engine, available_cores
from cnntasks.errors import CnntasksError, InputError
from cnntasks.task import Outcome, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    Arrays = dict[str, Any]
    Prepared = tuple[Source, Any, Arrays]

T = TypeVar("T")

#: A padded batch has at most so many elements (tokens of texts), whatever the batch size; what is
#: larger alone runs alone.
PADDED_ELEMENTS = 2**15


class Runner:
    """A predictor and an engine, and how inputs go through both.

    Args:
        predictor: see `cnntasks.Predictor`; one with `collate` has its inputs padded to batches.
        engine: runs the network.
        batch_size: inputs that run together.
    """

    def __init__(self, predictor: Any, engine: Engine, batch_size: int) -> None:
        self.predictor = predictor
        self.engine = engine
        self.batch_size = batch_size
        self._join: Callable[[Sequence[Arrays]], Arrays] = getattr(
            predictor, "collate", stack_feeds
        )

    def run(self, sources: Iterable[Source]) -> Iterator[Outcome[Any]]:
        """One outcome for each source, in their order."""
        if hasattr(self.predictor, "collate"):
            return self._run_collated(sources)
        if self.engine.concurrency > 1:
            return self._run_side_by_side(sources)
        return self._run_batches(sources)

    def _run_side_by_side(self, sources: Iterable[Source]) -> Iterator[Outcome[Any]]:
        """Whole inputs in as many threads as the engine runs at once."""
        threads = self.engine.concurrency
        with ThreadPoolExecutor(threads) as pool:
            yield from in_order(pool, self._predict_one, sources, window=2 * threads)

    def _predict_one(self, source: Source) -> Outcome[Any]:
        source, item, feeds, error = self._prepare(source)
        if error is not None:
            return Outcome(source, error=error)
        return self._run_one(source, item, feeds)

    def _run_one(self, source: Source, item: Any, feeds: Arrays) -> Outcome[Any]:
        try:
            outputs = self.engine.run(self._join([feeds]))
            result = self.predictor.postprocess(row_of(outputs, 0), item)
        except CnntasksError as error:
            return Outcome(source, error=named_error(source, error))
        except MemoryError:
            return Outcome(source, error=too_large_error(source))
        return Outcome(source, result=result, item=item)

    def _run_batches(self, sources: Iterable[Source]) -> Iterator[Outcome[Any]]:
        """Decode in threads; neighbours of equal shape go through the engine together."""
        threads = available_cores()
        with ThreadPoolExecutor(threads) as pool:
            waiting: list[Prepared] = []
            window = max(2 * threads, self.batch_size)
            for source, item, feeds, error in in_order(pool, self._prepare, sources, window):
                if waiting and (error is not None or not same_shapes(waiting[0][2], feeds)):
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

    def _run_collated(self, sources: Iterable[Source]) -> Iterator[Outcome[Any]]:
        """Chunks of inputs of any shapes, each as a whole in a thread of its own.

        A chunk of one is answered before the next input is read, so that a person can type.
        """
        if self.batch_size == 1:
            for source in sources:
                yield self._predict_one(source)
            return
        threads = self.engine.concurrency
        with ThreadPoolExecutor(threads) as pool:
            chunks = _chunks(sources, self.batch_size)
            for outcomes in in_order(pool, self._predict_chunk, chunks, window=2 * threads):
                yield from outcomes

    def _predict_chunk(self, sources: list[Source]) -> list[Outcome[Any]]:
        outcomes: dict[int, Outcome[Any]] = {}
        prepared: dict[int, Prepared] = {}
        for number, (source, item, feeds, error) in enumerate(self._prepare_chunk(sources)):
            if error is not None:
                outcomes[number] = Outcome(source, error=error)
            else:
                prepared[number] = source, item, feeds
        sizes = {number: _elements(feeds) for number, (_, _, feeds) in prepared.items()}
        for group in _alike(sizes):
            batch = [prepared[number] for number in group]
            finished = self._finish(batch)
            outcomes.update(zip(group, finished, strict=True))
        return [outcomes[number] for number in range(len(sources))]

    def _prepare_chunk(
        self, sources: list[Source]
    ) -> Iterable[tuple[Source, Any, Arrays, CnntasksError | None]]:
        """Decode a chunk at once where the predictor can, or else one source after the other."""
        decode = getattr(self.predictor, "decode_batch", None)
        if decode is None:
            return map(self._prepare, sources)
        preprocess = self.predictor.preprocess
        try:
            return [
                (source, None, {}, found)
                if isinstance(found, CnntasksError)
                else (source, found, preprocess(found), None)
                for source, found in zip(sources, decode(sources), strict=True)
            ]
        except MemoryError:
            return map(self._prepare, sources)  # finds the one that is too large

    def _prepare(self, source: Source) -> tuple[Source, Any, Arrays, CnntasksError | None]:
        try:
            item = self.predictor.decode(source)
            return source, item, self.predictor.preprocess(item), None
        except CnntasksError as error:
            return source, None, {}, error
        except MemoryError:
            return source, None, {}, too_large_error(source)

    def _finish(self, batch: Sequence[Prepared]) -> Iterator[Outcome[Any]]:
        try:
            outputs = self.engine.run(self._join([feeds for _, _, feeds in batch]))
            results = [
                self.predictor.postprocess(row_of(outputs, row), item)
                for row, (_, item, _) in enumerate(batch)
            ]
        except (CnntasksError, MemoryError):
            # One by one, so that only the input that is to blame has no result.
            yield from (self._run_one(*each) for each in batch)
        else:
            for (source, item, _), result in zip(batch, results, strict=True):
                yield Outcome(source, result=result, item=item)


def in_order(
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


def _chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _elements(feeds: Arrays) -> int:
    return sum(value.size for value in feeds.values())


def _alike(sizes: dict[int, int]) -> Iterator[list[int]]:
    """Groups of inputs by size, smallest first, that lose little by being padded to one shape.

    The largest of a group has at most a quarter more elements than the smallest, and the padded
    group at most `PADDED_ELEMENTS`. On a CPU small batches are as fast for each input as large
    ones, and padding is work for nothing.
    """
    group: list[int] = []
    for number in sorted(sizes, key=sizes.__getitem__):
        size = sizes[number]
        if group and (4 * size > 5 * sizes[group[0]] or size * (len(group) + 1) > PADDED_ELEMENTS):
            yield group
            group = []
        group.append(number)
    if group:
        yield group


def stack_feeds(feeds: Sequence[Arrays]) -> Arrays:
    """Feeds of equal shapes as those of a batch."""
    import numpy as np

    if len(feeds) == 1:
        return {name: value[None] for name, value in feeds[0].items()}
    return {name: np.stack([feed[name] for feed in feeds]) for name in feeds[0]}


def row_of(outputs: Arrays, row: int) -> Arrays:
    """The outputs of one member of a batch."""
    return {name: value[row] for name, value in outputs.items()}


def same_shapes(first: Arrays, second: Arrays) -> bool:
    """Whether feeds can be stacked."""
    return all(first[name].shape == second[name].shape for name in first)


def too_large_error(source: Source) -> InputError:
    """What to say where the memory does not suffice for one input."""
    return InputError(f"{source.name}: too large for this machine's memory; make it smaller first")


def named_error(source: Source, error: CnntasksError) -> CnntasksError:
    """An engine does not know which input it runs; people must."""
    if source.name in str(error):
        return error
    named = type(error)(f"{source.name}: {error}")
    named.__cause__ = error
    return named
