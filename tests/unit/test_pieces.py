"""Predictors whose inputs go through the network in pieces: order, batches, failures, memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest

from cnntasks.errors import InputError, ModelError
from cnntasks.models.card import ModelCard
from cnntasks.pipeline import Pipeline
from cnntasks.task import Source

CARD = ModelCard(name="runs", task="runs", network={"name": "runs"})


class RunsPredictor:
    """An input `3-7` is the numbers 3 to 6, a piece each; its result is the list of their doubles.

    `bad` cannot be decoded, `5-9!7` cannot go on at 7, a number beyond 1000 has another shape.
    """

    columns: Sequence[str] = ("value",)
    suffixes: Sequence[str] = ()
    batch_size = 4

    def __init__(self) -> None:
        self.made = 0
        self.ahead = 0
        self.assembled = 0
        self.closed: list[str] = []

    def decode(self, source: Source) -> str:
        text: str = source.value
        if text == "bad":
            raise InputError(f"{source.name}: is no run of numbers")
        return text

    def pieces(self, item: str) -> Iterator[dict[str, Any]]:
        span, _, end = item.partition("!")
        start, stop = map(int, span.split("-"))
        try:
            for number in range(start, stop):
                if end and number == int(end):
                    raise InputError("cannot go on") if end != "13" else MemoryError
                self.made += 1
                self.ahead = max(self.ahead, self.made - self.assembled)
                yield {"x": np.full(3 if number > 1000 else 2, number, np.float32)}
        finally:
            self.closed.append(item)

    def assemble(self, outputs: Iterator[dict[str, Any]], item: str) -> list[float]:
        found = []
        for output in outputs:
            self.assembled += 1
            found.append(float(output["y"]))
            if found[-1] == 2 * 77:
                raise InputError("does not like 77")
            if found[-1] == 2 * 88:
                return found  # wants no more
        return found


@dataclass
class RunsEngine:
    """Doubles; cannot bear `fails_on`."""

    concurrency: int = 1
    fails_on: float | None = None
    description: str = "runs"
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def run(self, feeds: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            self.shapes.append(feeds["x"].shape)
        if self.fails_on is not None and (feeds["x"] == self.fails_on).any():
            raise ModelError("unlucky")
        return {"y": feeds["x"][:, 0] * 2}


def make(concurrency: int = 1, **engine: Any) -> tuple[Pipeline, RunsPredictor, RunsEngine]:
    predictor, runs = RunsPredictor(), RunsEngine(concurrency, **engine)
    return Pipeline(CARD, predictor, runs), predictor, runs


def run(pipeline: Pipeline, *texts: str) -> list[Any]:
    """Results, and the texts of errors."""
    sources = (Source(text, PurePosixPath("a"), text.encode, value=text) for text in texts)
    return [it.result if it.error is None else str(it.error) for it in pipeline.run(sources)]


def doubles(start: int, stop: int) -> list[float]:
    return [2.0 * number for number in range(start, stop)]


CORES = pytest.mark.parametrize("concurrency", [1, 3])


@CORES
def test_each_input_has_the_outputs_of_its_own_pieces_in_order(concurrency: int) -> None:
    pipeline, _, _ = make(concurrency)
    texts = [f"{n}-{n + n % 6}" for n in range(50)]
    assert run(pipeline, *texts) == [doubles(n, n + n % 6) for n in range(50)]


def test_short_inputs_share_batches() -> None:
    pipeline, _, engine = make()
    run(pipeline, *(f"{n}-{n + 1}" for n in range(8)))
    assert engine.shapes == [(4, 2), (4, 2)]


def test_results_are_written_one_by_one() -> None:
    """A batch may hold pieces of many inputs, but a long input has many batches."""
    pipeline, _, _ = make()
    assert (pipeline.batch_size, pipeline.together) == (4, 1)


def test_pieces_of_another_shape_run_apart() -> None:
    pipeline, _, engine = make()
    assert run(pipeline, "998-1003", "1-3") == [doubles(998, 1003), doubles(1, 3)]
    assert engine.shapes == [(3, 2), (2, 3), (2, 2)]


@CORES
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("bad", "bad: is no run of numbers"),
        ("5-9!7", "5-9!7: cannot go on"),
        ("5-9!5", "5-9!5: cannot go on"),
        ("12-15!13", "12-15!13: too large for this machine's memory; make it smaller first"),
        ("60-64", "60-64: unlucky"),
        ("75-80", "75-80: does not like 77"),
    ],
)
def test_one_bad_input_never_stops_the_rest(concurrency: int, bad: str, message: str) -> None:
    pipeline, predictor, _ = make(concurrency, fails_on=61)
    found = run(pipeline, "1-3", bad, "4-9", bad, "90-90", "2-3")
    expected = [doubles(1, 3), message, doubles(4, 9), message, [], doubles(2, 3)]
    assert found == expected
    opened = {"1-3", "4-9", "90-90", "2-3"} | ({bad} if bad != "bad" else set())
    assert set(predictor.closed) == opened


@CORES
def test_only_a_few_batches_are_under_way(concurrency: int) -> None:
    pipeline, predictor, _ = make(concurrency)
    [found] = run(pipeline, "100-1000")
    assert found == doubles(100, 1000)
    assert predictor.ahead <= (2 * concurrency + 2) * predictor.batch_size


def test_an_input_that_is_done_with_is_not_read_to_its_end() -> None:
    pipeline, predictor, _ = make()
    assert run(pipeline, "86-1000", "1-2") == [doubles(86, 89), [2.0]]
    assert predictor.made < 30
    assert predictor.closed == ["86-1000", "1-2"]


def test_errors_alone_do_not_pile_up() -> None:
    pipeline, _, _ = make()
    sources = (Source("bad", PurePosixPath("a"), bytes, value="bad") for _ in range(10**9))
    stream = pipeline.run(sources)
    assert "no run of numbers" in str(next(stream).error)
    stream.close()  # type: ignore[attr-defined]


def test_what_goes_on_is_answered_piece_by_piece() -> None:
    pipeline, predictor, engine = make()
    followed = pipeline.follow("1-1000")
    assert [float(next(followed)["y"]) for _ in range(3)] == doubles(1, 4)
    assert predictor.made == 3
    assert engine.shapes == [(1, 2)] * 3
    followed.close()  # type: ignore[attr-defined]
    assert predictor.closed == ["1-1000"]


def test_with_a_batch_size_of_one_each_piece_is_answered_at_once() -> None:
    predictor, engine = RunsPredictor(), RunsEngine(concurrency=2, fails_on=61)
    pipeline = Pipeline(CARD, predictor, engine, batch_size=1)
    found = run(pipeline, "1-4", "bad", "5-9!7", "60-64", "12-15!13", "75-80", "2-3")
    assert found == [
        doubles(1, 4),
        "bad: is no run of numbers",
        "5-9!7: cannot go on",
        "60-64: unlucky",
        "12-15!13: too large for this machine's memory; make it smaller first",
        "75-80: does not like 77",
        doubles(2, 3),
    ]
    assert engine.shapes[:3] == [(1, 2)] * 3
    predictor.made = predictor.assembled = predictor.ahead = 0
    run(pipeline, "100-200")
    assert predictor.ahead == 1


def test_values_that_are_inputs_as_they_are() -> None:
    class PairPredictor(RunsPredictor):
        noun = "runs"

        def is_input(self, value: Any) -> bool:
            return isinstance(value, tuple)

        def decode(self, source: Source) -> str:
            if source.value is None:
                source.read_bytes()
            return f"{source.value[0]}-{source.value[1]}"

    pipeline = Pipeline(CARD, PairPredictor(), RunsEngine())
    assert pipeline((1, 4)) == doubles(1, 4)
    assert pipeline([(1, 4), (7, 8)]) == [doubles(1, 4), doubles(7, 8)]
    names = [outcome.source.name for outcome in pipeline.stream([(1, 4), (7, 8)])]
    assert names == ["array", "array-2"]
    with pytest.raises(InputError, match="no runs in this folder"):
        pipeline(".")
