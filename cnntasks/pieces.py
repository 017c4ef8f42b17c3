"""Inputs larger than one run of the network: their pieces run in batches, in order, lazily.

Pieces of all inputs flow as one stream through the engine and are sorted back to their inputs:
many short inputs fill batches as one long input does, and memory grows with neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

from cnntasks.engines.base import Engine, available_cores
from cnntasks.errors import CnntasksError
from cnntasks.running import (
    in_order,
    named_error,
    row_of,
    same_shapes,
    stack_feeds,
    too_large_error,
)
from cnntasks.task import Outcome, Source

if TYPE_CHECKING:
    Arrays = dict[str, Any]


@dataclass(eq=False, slots=True)
class _Job:
    """One input on its way; `stopped` once nobody wants its further pieces."""

    source: Source
    item: Any = None
    error: CnntasksError | None = None
    stopped: bool = False


@dataclass(slots=True)
class _Step:
    """A piece of a job before the network and after it; neither where the job ends."""

    job: _Job
    feeds: Arrays | None = None
    outputs: Arrays | None = None
    error: CnntasksError | None = None


class PieceRunner:
    """A predictor with `pieces` and `assemble`, and an engine.

    Args:
        predictor: see `cnntasks.Predictor`.
        engine: runs the network.
        batch_size: pieces that run together, of equal shape.
    """

    def __init__(self, predictor: Any, engine: Engine, batch_size: int) -> None:
        self.predictor = predictor
        self.engine = engine
        self.batch_size = batch_size

    def run(self, sources: Iterable[Source]) -> Iterator[Outcome[Any]]:
        """One outcome for each source, in their order.

        With a batch size of one each piece is answered before the next is asked for, so that a
        predictor can tell what it hears while its input is still going on.
        """
        if self.batch_size == 1:
            for source in sources:
                yield self._follow(source)
            return
        cores, threads = available_cores(), self.engine.concurrency
        with ThreadPoolExecutor(cores) as decoders, ThreadPoolExecutor(threads) as runners:
            jobs = in_order(decoders, self._decode, sources, window=2 * cores)
            batches = self._batches(self._steps(jobs))
            done = in_order(runners, self._run, batches, window=2 * threads)
            steps = chain.from_iterable(done)
            for job, own in groupby(steps, key=lambda step: step.job):
                yield self._assemble(job, own)

    def _follow(self, source: Source) -> Outcome[Any]:
        job = self._decode(source)
        steps = (
            _Step(job, outputs=outputs)
            for outputs in follow_pieces(self.predictor, self.engine, job.item)
        )
        return self._assemble(job, steps)

    def _decode(self, source: Source) -> _Job:
        try:
            return _Job(source, self.predictor.decode(source))
        except CnntasksError as error:
            return _Job(source, error=error)
        except MemoryError:
            return _Job(source, error=too_large_error(source))

    def _steps(self, jobs: Iterable[_Job]) -> Iterator[_Step]:
        """The pieces of all jobs; each job ends with a step that has none, or an error."""
        for job in jobs:
            error = job.error
            try:
                # A job that failed farther on is not read to its end.
                if error is None:
                    for feeds in self.predictor.pieces(job.item):
                        yield _Step(job, feeds)
                        if job.stopped:
                            break
            except CnntasksError as raised:
                error = raised
            except MemoryError:
                error = too_large_error(job.source)
            yield _Step(job, error=error)

    def _batches(self, steps: Iterable[_Step]) -> Iterator[list[_Step]]:
        """Neighbouring steps, at most `batch_size` pieces of one shape among them."""
        batch: list[_Step] = []
        first: Arrays | None = None
        pieces = 0
        for step in steps:
            if step.feeds is not None:
                if first is not None and not same_shapes(first, step.feeds):
                    yield batch
                    batch, pieces = [], 0
                first = step.feeds
                pieces += 1
            batch.append(step)
            # Jobs that end, or fail, without a piece must not pile up either.
            if pieces == self.batch_size or len(batch) >= 2 * self.batch_size + 2:
                yield batch
                batch, first, pieces = [], None, 0
        if batch:
            yield batch

    def _run(self, batch: list[_Step]) -> list[_Step]:
        todo = [step for step in batch if step.feeds is not None]
        try:
            self._run_together(todo)
        except (CnntasksError, MemoryError):
            # One by one, so that only the input that is to blame has no result.
            for step in todo:
                self._run_alone(step)
        return batch

    def _run_together(self, steps: list[_Step]) -> None:
        if not steps:
            return
        outputs = self.engine.run(stack_feeds([step.feeds for step in steps if step.feeds]))
        for row, step in enumerate(steps):
            step.outputs, step.feeds = row_of(outputs, row), None

    def _run_alone(self, step: _Step) -> None:
        try:
            self._run_together([step])
        except CnntasksError as error:
            step.error = error
        except MemoryError:
            step.error = too_large_error(step.job.source)

    def _assemble(self, job: _Job, steps: Iterable[_Step]) -> Outcome[Any]:
        """The outcome of one job from its steps, as far as they are wanted."""

        def outputs() -> Iterator[Arrays]:
            for step in steps:
                if step.error is not None:
                    raise step.error
                if step.outputs is not None:
                    yield step.outputs

        try:
            if job.error is not None:
                raise job.error
            result = self.predictor.assemble(outputs(), job.item)
        except CnntasksError as error:
            return Outcome(job.source, error=named_error(job.source, error))
        except MemoryError:
            return Outcome(job.source, error=too_large_error(job.source))
        finally:
            job.stopped = True
        return Outcome(job.source, result=result, item=job.item)


def follow_pieces(predictor: Any, engine: Engine, item: Any) -> Iterator[Arrays]:
    """The outputs of each piece of one item, before the next piece is asked for.

    Raises:
        CnntasksError: a piece cannot be made or run.
    """
    for feeds in predictor.pieces(item):
        yield row_of(engine.run(stack_feeds([feeds])), 0)
