"""Predictors that collate inputs of different shapes, read files, and know their own sources."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from cnntasks.engines.base import EngineChoice
from cnntasks.errors import InputError, ModelError
from cnntasks.models.card import ModelCard
from cnntasks.models.folder import write_model_folder
from cnntasks.pipeline import Pipeline, open_pipeline
from cnntasks.running import PADDED_ELEMENTS
from cnntasks.task import Source, TaskSpec

CARD = ModelCard(name="sums", task="sums", network={"name": "sums"})


class SumPredictor:
    """An input is a row of numbers in a text; the result is their sum. Padding is 0."""

    columns: Sequence[str] = ("sum",)
    suffixes: Sequence[str] = ()
    batch_size = 8

    def decode(self, source: Source) -> list[int]:
        text = source.value
        if text == "bad":
            raise InputError(f"{source.name}: no numbers")
        return [int(word) for word in text.split()]

    def preprocess(self, item: list[int]) -> dict[str, Any]:
        return {"x": np.array(item, np.int64)}

    def collate(self, feeds: Sequence[dict[str, Any]]) -> dict[str, Any]:
        longest = max(len(feed["x"]) for feed in feeds)
        batch = np.zeros((len(feeds), longest), np.int64)
        for row, feed in zip(batch, feeds, strict=True):
            row[: len(feed["x"])] = feed["x"]
        return {"x": batch}

    def postprocess(self, outputs: dict[str, Any], item: list[int]) -> int:
        return int(outputs["sum"])

    def sources_from_values(self, values: Any) -> Iterator[Source]:
        for number, text in enumerate([values] if isinstance(values, str) else values, 1):
            yield Source(f"text {number}", PurePosixPath("text"), text.encode, value=text)

    def stands_for_many(self, value: Any) -> bool:
        return not isinstance(value, str)


@dataclass
class SumEngine:
    """Adds each row; cannot bear a 13."""

    concurrency: int = 1
    description: str = "sums"
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def run(self, feeds: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            self.shapes.append(feeds["x"].shape)
        if (feeds["x"] == 13).any():
            raise ModelError("unlucky")
        return {"sum": feeds["x"].sum(axis=1)}


def make(concurrency: int = 1, batch_size: int | None = None) -> tuple[Pipeline, SumEngine]:
    engine = SumEngine(concurrency)
    return Pipeline(CARD, SumPredictor(), engine, batch_size), engine


def rows(count: int) -> list[str]:
    random = np.random.default_rng(3)
    lengths = random.integers(1, 40, count)
    return [" ".join(map(str, random.integers(20, 99, length))) for length in lengths]


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 7, None, 500])
def test_inputs_of_any_lengths_come_out_in_order(concurrency: int, batch_size: int | None) -> None:
    texts = rows(100)
    made, engine = make(concurrency, batch_size)
    assert made(texts) == [sum(map(int, text.split())) for text in texts]
    assert sum(shape[0] for shape in engine.shapes) == 100
    assert max(shape[0] for shape in engine.shapes) <= (batch_size or SumPredictor.batch_size)


def test_the_batch_size_is_the_predictors_own_unless_one_is_asked_for() -> None:
    made, engine = make()
    made(["20 21"] * 20)
    assert [shape[0] for shape in engine.shapes] == [8, 8, 4]
    made, engine = make(batch_size=20)
    made(["20 21"] * 20)
    assert [shape[0] for shape in engine.shapes] == [20]


def test_no_input_is_padded_by_more_than_a_quarter() -> None:
    made, engine = make(batch_size=100)
    lengths = [8, 1, 1, 2, 3, 4, 10, 9, 11, 500]
    made([" ".join(["20"] * length) for length in lengths])
    assert engine.shapes == [(2, 1), (1, 2), (1, 3), (1, 4), (3, 10), (1, 11), (1, 500)]


def test_long_inputs_are_collated_to_batches_that_fit_into_memory() -> None:
    made, engine = make(batch_size=100)
    length = PADDED_ELEMENTS // 3
    made([" ".join(["20"] * length)] * 7 + [" ".join(["20"] * (2 * PADDED_ELEMENTS))])
    assert [shape[0] for shape in engine.shapes] == [3, 3, 1, 1]


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize(("bad", "message"), [("bad", "no numbers"), ("20 13", "unlucky")])
def test_one_bad_input_never_stops_the_rest(
    concurrency: int, batch_size: int, bad: str, message: str
) -> None:
    made, _ = make(concurrency, batch_size)
    outcomes = list(made.stream(["20 1", bad, "20 2", "20 3", bad]))
    assert [it.result for it in outcomes] == [21, None, 22, 23, None]
    assert [str(it.error) for it in outcomes if it.error] == [
        f"text 2: {message}",
        f"text 5: {message}",
    ]


class AtOncePredictor(SumPredictor):
    """Decodes a chunk at once."""

    def __init__(self, room: int = 100) -> None:
        self.room = room
        self.chunks: list[int] = []

    def decode(self, source: Source) -> list[int]:
        if len(source.value) > self.room:
            raise MemoryError
        return super().decode(source)

    def decode_batch(self, sources: Sequence[Source]) -> list[Any]:
        self.chunks.append(len(sources))
        found: list[Any] = []
        for source in sources:
            try:
                found.append(self.decode(source))
            except InputError as error:
                found.append(error)
        return found


def test_a_chunk_is_decoded_at_once_with_errors_in_their_places() -> None:
    predictor = AtOncePredictor()
    made = Pipeline(CARD, predictor, SumEngine(), batch_size=3)
    outcomes = list(made.stream(["20 1", "bad", "20 2", "20 3"]))
    assert [it.result for it in outcomes] == [21, None, 22, 23]
    assert str(outcomes[1].error) == "text 2: no numbers"
    assert predictor.chunks == [3, 1]


def test_what_is_too_large_for_the_memory_is_found_in_its_chunk() -> None:
    made = Pipeline(CARD, AtOncePredictor(room=6), SumEngine(), batch_size=4)
    outcomes = list(made.stream(["20 1", "20 20 20", "20 2"]))
    assert [it.result for it in outcomes] == [21, None, 22]
    assert "text 2: too large for this machine's memory" in str(outcomes[1].error)


def test_a_single_value_gives_a_single_result() -> None:
    made, _ = make()
    assert made("20 30") == 50
    assert made(["20 30"]) == [50]
    assert made([]) == []
    with pytest.raises(InputError, match="text 1: no numbers"):
        made("bad")


@pytest.mark.parametrize(("concurrency", "batch_size"), [(1, 1), (2, 1), (1, 5), (2, 5)])
def test_sources_are_read_ahead_by_a_window_only(concurrency: int, batch_size: int) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "20"

    made, _ = make(concurrency, batch_size)
    outcomes = made.stream(endless())
    ahead = 0 if batch_size == 1 else (2 * concurrency + 1) * batch_size
    for given in range(1, 60):
        assert next(outcomes).result == 20
        assert taken <= given + ahead
    outcomes.close()  # type: ignore[attr-defined]


class FilePredictor(SumPredictor):
    """Reads a file of its model, and wants one output of two."""

    outputs = ("double",)

    def __init__(self, card: ModelCard, offset: int) -> None:
        self.offset = offset

    @classmethod
    def open(cls, card: ModelCard, folder: Path, *, more: int = 0) -> FilePredictor:
        return cls(card, int((folder / "offset.txt").read_bytes()) + more)

    def postprocess(self, outputs: dict[str, Any], item: list[int]) -> int:
        assert set(outputs) == {"double"}
        return int(outputs["double"]) + self.offset


def graph_of_two_outputs() -> bytes:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0, noop_with_empty_axes=0),
            helper.make_node("Add", ["sum", "sum"], ["double"]),
            helper.make_node("Gather", ["x", "zero"], ["first"], axis=1),
        ],
        "sums",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["n", "l"])],
        [
            helper.make_tensor_value_info("double", TensorProto.INT64, []),
            helper.make_tensor_value_info("first", TensorProto.INT64, ["n"]),
        ],
        [helper.make_tensor("zero", TensorProto.INT64, [], [0])],
    )
    opset = helper.make_opsetid("", 18)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    return bytes(model.SerializeToString())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "m"
    write_model_folder(place, CARD, {}, graph_of_two_outputs(), files={"offset.txt": b"5"})
    return place


SPEC = TaskSpec("sums", "Sums.", "sums", "none:none", f"{__name__}:FilePredictor")


def test_a_predictor_may_read_files_of_its_model_and_choose_outputs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnntasks.pipeline.import_attribute", lambda _: FilePredictor)
    monkeypatch.setattr("cnntasks.running.row_of", lambda outputs, row: outputs)
    made = open_pipeline(SPEC, folder, EngineChoice("onnx", "cpu"), options={"more": 1})
    assert made("20 21 22") == 2 * 63 + 6


def test_an_output_that_the_graph_lacks_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnntasks.pipeline.import_attribute", lambda _: FilePredictor)
    monkeypatch.setattr(FilePredictor, "outputs", ("triple",))
    with pytest.raises(ModelError, match="no output 'triple', only double, first"):
        open_pipeline(SPEC, folder, EngineChoice("onnx", "cpu"))
