"""The pipeline with a toy predictor and toy engines: order, batches, failures, memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from cnntasks.engines.base import available_cores
from cnntasks.errors import DeviceError, InputError, ModelError, UsageError
from cnntasks.media.sources import stands_for_many
from cnntasks.models.card import ModelCard
from cnntasks.pipeline import Pipeline, load
from cnntasks.task import Outcome, Source

CARD = ModelCard(name="toy", task="toy", network={"name": "toy"})


class ToyPredictor:
    """An input is a number N in a text file; the network sees N ones (or `length` of them).

    `bad` cannot be decoded, `huge` does not fit into memory; numbers are late at random.
    """

    columns: Sequence[str] = ("value",)
    suffixes: Sequence[str] = (".num",)

    def __init__(self, length: int | None = None) -> None:
        self.length = length

    def decode(self, source: Source) -> int:
        text = source.read_bytes().decode()
        if text == "bad":
            raise InputError(f"{source.name}: is not a number")
        if text == "huge":
            raise MemoryError
        time.sleep(0.003 * (int(text) % 3))
        return int(text)

    def preprocess(self, item: int) -> dict[str, Any]:
        return {"x": np.full(self.length or item % 2 + 1, item, np.float32)}

    def postprocess(self, outputs: dict[str, Any], item: int) -> tuple[int, float]:
        if item == 666:
            raise InputError("666: nothing to see")
        return item, float(outputs["y"])


@dataclass
class ToyEngine:
    """Doubles the first number of each row, and remembers what went through it."""

    concurrency: int = 1
    fails_on: float | None = None
    error: Exception = field(default_factory=lambda: ModelError("the network cannot run"))
    description: str = "toy"
    batches: list[tuple[int, ...]] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def run(self, feeds: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self.batches.append(feeds["x"].shape)
        time.sleep(0.002)
        with self.lock:
            self.running -= 1
        if self.fails_on is not None and (feeds["x"] == self.fails_on).any():
            raise self.error
        return {"y": feeds["x"][:, 0] * 2}


def source(text: str) -> Source:
    return Source(f"{text}.num", PurePosixPath(f"{text}.num"), lambda: text.encode())


def make(
    concurrency: int = 1, batch_size: int = 1, length: int | None = None, **engine: Any
) -> tuple[Pipeline, ToyEngine]:
    toy = ToyEngine(concurrency, **engine)
    return Pipeline(CARD, ToyPredictor(length), toy, batch_size), toy


def values(outcomes: Iterator[Outcome[Any]]) -> list[Any]:
    """Numbers of the results, and the texts of the errors, as they come."""
    return [it.result[0] if it.error is None else str(it.error) for it in outcomes]


ENGINES = pytest.mark.parametrize(("concurrency", "batch_size"), [(1, 1), (1, 3), (2, 1), (4, 1)])


@ENGINES
def test_results_come_in_the_order_of_the_sources(concurrency: int, batch_size: int) -> None:
    made, _ = make(concurrency, batch_size)
    outcomes = list(made.run(source(str(n)) for n in range(40)))
    assert [it.result for it in outcomes] == [(n, 2.0 * n) for n in range(40)]
    assert [it.source.name for it in outcomes] == [f"{n}.num" for n in range(40)]
    assert [it.item for it in outcomes] == list(range(40))


@ENGINES
@pytest.mark.parametrize("bad", ["bad", "huge", "666"])
def test_one_bad_input_never_stops_the_rest(concurrency: int, batch_size: int, bad: str) -> None:
    made, _ = make(concurrency, batch_size, length=2)
    found = list(made.run(source(text) for text in ("1", "2", bad, "3", bad, "4")))
    assert [it.result and it.result[0] for it in found] == [1, 2, None, 3, None, 4]
    for outcome in (found[2], found[4]):
        assert isinstance(outcome.error, InputError)
        assert f"{bad}" in str(outcome.error)
        assert outcome.item is None


@ENGINES
def test_memory_that_does_not_suffice_is_told_with_the_name(
    concurrency: int, batch_size: int
) -> None:
    made, _ = make(concurrency, batch_size)
    [error] = values(made.run([source("huge")]))
    assert error == "huge.num: too large for this machine's memory; make it smaller first"


@ENGINES
@pytest.mark.parametrize(
    "error", [ModelError("it does not fit"), DeviceError("full"), MemoryError()]
)
def test_the_engine_failing_on_one_input_is_that_inputs_error(
    concurrency: int, batch_size: int, error: Exception
) -> None:
    made, _ = make(concurrency, batch_size, length=2, fails_on=4, error=error)
    found = list(made.run(source(str(n)) for n in range(7)))
    assert [it.result and it.result[0] for it in found] == [0, 1, 2, 3, None, 5, 6]
    failure = found[4].error
    assert str(failure).startswith("4.num: ")
    assert isinstance(failure, InputError if isinstance(error, MemoryError) else type(error))


def test_an_error_that_names_its_input_is_left_as_it_is() -> None:
    made, _ = make(fails_on=4, error=ModelError("4.num is odd"))
    assert values(made.run([source("4")])) == ["4.num is odd"]


def test_a_bug_in_a_predictor_is_not_taken_for_a_bad_input() -> None:
    made, _ = make()
    with pytest.raises(ValueError, match="invalid literal"):
        list(made.run([source("not a number")]))


def test_batches_hold_neighbours_of_equal_shape_only() -> None:
    made, engine = make(batch_size=3)
    # Lengths: an even number gives 1, an odd one 2.
    numbers = [0, 2, 4, 6, 1, 8, 10, 3, 5]
    assert values(made.run(source(str(n)) for n in numbers)) == numbers
    assert engine.batches == [(3, 1), (1, 1), (1, 2), (2, 1), (2, 2)]


def test_a_bad_input_ends_a_batch_so_that_the_order_stays() -> None:
    made, engine = make(batch_size=4, length=1)
    texts = ["1", "2", "bad", "3", "4", "5", "6", "7"]
    shown = values(made.run(source(text) for text in texts))
    assert shown == [1, 2, "bad.num: is not a number", 3, 4, 5, 6, 7]
    assert engine.batches == [(2, 1), (4, 1), (1, 1)]


def test_batches_may_be_larger_than_the_number_of_threads() -> None:
    made, engine = make(batch_size=50, length=1)
    assert values(made.run(source(str(n)) for n in range(120))) == list(range(120))
    assert engine.batches == [(50, 1), (50, 1), (20, 1)]


def test_an_engine_that_runs_several_gets_single_inputs_side_by_side() -> None:
    made, engine = make(concurrency=2, batch_size=8, length=1)
    assert values(made.run(source(str(n)) for n in range(30))) == list(range(30))
    assert set(engine.batches) == {(1, 1)}
    assert engine.most_running == 2


@pytest.mark.parametrize(("concurrency", "batch_size"), [(1, 1), (1, 6), (3, 1)])
def test_sources_are_read_ahead_by_a_window_only(concurrency: int, batch_size: int) -> None:
    taken = 0

    def endless() -> Iterator[Source]:
        nonlocal taken
        while True:
            taken += 1
            yield source(str(taken))

    made, _ = make(concurrency, batch_size, length=1)
    threads = concurrency if concurrency > 1 else available_cores()
    window = max(2 * threads, batch_size)
    outcomes = made.run(endless())
    for given in range(1, 60):
        assert values(iter([next(outcomes)])) == [given]
        # What waits for its batch was read, too.
        assert taken <= given + window + batch_size
    outcomes.close()  # type: ignore[attr-defined]


def test_nothing_is_read_before_the_first_result_is_asked_for() -> None:
    def untouchable() -> Iterator[Source]:
        raise AssertionError("read too early")
        yield

    for concurrency in (1, 2):
        made, _ = make(concurrency)
        made.run(untouchable())


def test_no_sources_give_no_outcomes() -> None:
    for concurrency in (1, 2):
        made, engine = make(concurrency)
        assert list(made.run([])) == []
        assert engine.batches == []


def test_threads_end_with_the_run() -> None:
    before = threading.active_count()
    for concurrency in (1, 3):
        made, _ = make(concurrency)
        outcomes = made.run(source(str(n)) for n in range(1000))
        next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]
        assert threading.active_count() == before


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`numbers/` with two inputs, `single/` with one, `empty/`, and a list; the current folder."""
    for place, numbers in (("numbers", (4, 7)), ("single", (5,)), ("empty", ())):
        (tmp_path / place).mkdir()
        for number in numbers:
            (tmp_path / place / f"{number}.num").write_text(str(number))
    (tmp_path / "list.txt").write_text("single/5.num\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_value_gives_one_result_and_several_give_a_list(folder: Path) -> None:
    made, _ = make()
    four, five, seven = (4, 8.0), (5, 10.0), (7, 14.0)
    assert made("numbers/4.num") == four
    assert made(Path("numbers/4.num")) == four
    assert made(b"4") == four
    assert made(["numbers/7.num", "numbers/4.num"]) == [seven, four]
    assert made(("numbers/7.num",)) == [seven]
    assert made([]) == []
    assert made("numbers") == made(Path("numbers")) == [four, seven]
    assert made([b"7", "numbers"]) == [seven, four, seven]
    # Whatever stands for any number of files gives a list even where it is one file.
    for one in ("single", folder / "single", "single/*.num", "@list.txt"):
        assert made(one) == [five]


def test_calling_raises_what_a_stream_returns(folder: Path) -> None:
    made, _ = make()
    with pytest.raises(InputError, match=r"^missing\.num: no such file"):
        made("missing.num")
    with pytest.raises(InputError, match=r"^empty: no pictures in this folder"):
        made("empty")
    with pytest.raises(InputError, match="int: cannot be read"):
        made(5)
    first, second = made.stream(["missing.num", "numbers/4.num"])
    assert isinstance(first.error, InputError)
    assert first.result is None
    assert second.result == (4, 8.0)


def test_a_name_too_long_for_the_file_system_is_an_error_like_any_other() -> None:
    made, _ = make()
    with pytest.raises(InputError, match="cannot be read"):
        made("x" * 5000)


def test_only_what_names_any_number_of_files_stands_for_many(folder: Path) -> None:
    (folder / "[1].num").touch()
    many = ["numbers", Path("empty"), "*.num", "@list.txt", [], ("a",)]
    # A question mark belongs to an address, and a file may be called like a glob. No address is
    # too long to be asked about, though a path may be.
    one = ["a.num", "[1].num", Path("*.num"), "-", b"4", "http://host/a?b=[c]", 5, "x" * 5000]
    assert [stands_for_many(value) for value in many] == [True] * len(many)
    assert [stands_for_many(value) for value in one] == [False] * len(one)


def test_load_says_what_does_not_exist() -> None:
    with pytest.raises(UsageError, match=r"no task 'detcet'; did you mean detect"):
        load("detcet")
    with pytest.raises(UsageError, match="there is no device 'gpu'"):
        load("detect", device="gpu")
    with pytest.raises(ModelError, match="there is no model named 'nothing-like-it'"):
        load("detect", "nothing-like-it")
