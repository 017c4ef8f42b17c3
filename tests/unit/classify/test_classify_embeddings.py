"""Files of feature vectors: whole at the end, readable after an interruption."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from cnntasks_classify import embeddings
from cnntasks_classify.embeddings import EmbeddingWriter, embedding_format
from cnntasks_classify.predictor import Classification

from cnntasks import InputError, Outcome, Source, UsageError

SIZE = 5
SUFFIXES = (".npz", ".parquet")


def outcome(number: int, name: str | None = None, found: bool = True) -> Outcome[Any]:
    """Picture `number`: its embedding, class and score follow from the number."""
    count = 2 if found else 0
    result = Classification(
        np.array([number % 3, 3])[:count],
        np.array([0.5 + number / 1000, 0.1], np.float32)[:count],
        ("ant", "bee", "cow", "dog"),
        np.arange(SIZE, dtype=np.float32) + number / 7,
    )
    source = Source(name or f"dir/{number}.png", PurePosixPath("x"), bytes)
    return Outcome(source, result=result)


def writer(path: Path) -> EmbeddingWriter:
    return embedding_format(path)(path)


def write(path: Path, count: int, interrupted: type[BaseException] | None = None) -> None:
    with writer(path) as sink:
        for number in range(count):
            sink.write(outcome(number))
        if interrupted is not None:
            raise interrupted


def read(path: Path, suffix: str) -> dict[str, Any]:
    if suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    table = pyarrow.parquet.read_table(path)
    columns = {name: table[name].to_pylist() for name in table.column_names}
    vectors = np.array(columns.pop("embedding"), np.float32)
    return {**{k: np.array(v) for k, v in columns.items()}, "embedding": vectors}


def assert_rows(found: dict[str, Any], count: int) -> None:
    numbers = range(count)
    assert found["source"].tolist() == [f"dir/{number}.png" for number in numbers]
    assert found["class"].tolist() == [("ant", "bee", "cow")[number % 3] for number in numbers]
    np.testing.assert_allclose(found["score"], [0.5 + n / 1000 for n in numbers], rtol=1e-6)
    expected = np.arange(SIZE) + np.arange(count)[:, None] / 7
    np.testing.assert_allclose(found["embedding"], expected, rtol=1e-6)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("count", [1, 64, 300])
def test_every_row_in_its_order(
    suffix: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "_GROUP", 64)
    path = tmp_path / "deep" / f"out{suffix}"
    write(path, count)
    assert_rows(read(path, suffix), count)
    assert [it.name for it in path.parent.iterdir()] == [path.name]


def test_types_of_an_archive(tmp_path: Path) -> None:
    write(tmp_path / "a.npz", 3)
    found = read(tmp_path / "a.npz", ".npz")
    assert sorted(found) == ["class", "embedding", "score", "source"]
    assert (found["embedding"].dtype, found["score"].dtype) == (np.float32, np.float32)
    assert found["embedding"].shape == (3, SIZE)
    assert {found[key].dtype.kind for key in ("class", "source")} == {"U"}


def test_types_and_groups_of_a_parquet_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "_GROUP", 40)
    write(tmp_path / "a.parquet", 100)
    file = pyarrow.parquet.ParquetFile(tmp_path / "a.parquet")
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [40, 40, 20]
    kinds = {field.name: str(field.type) for field in file.schema_arrow}
    assert kinds.pop("embedding").startswith("fixed_size_list<")
    assert kinds == {"source": "string", "class": "string", "score": "float"}
    file.close()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_rows(suffix: str, tmp_path: Path) -> None:
    write(tmp_path / f"a{suffix}", 0)
    found = read(tmp_path / f"a{suffix}", suffix)
    assert [len(column) for column in found.values()] == [0, 0, 0, 0]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_picture_without_a_class_has_a_row(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    with writer(path) as sink:
        sink.write(outcome(0, found=False))
    found = read(path, suffix)
    assert (found["class"].tolist(), found["score"].tolist()) == ([""], [0.0])
    assert found["embedding"].shape == (1, SIZE)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_name_that_is_no_unicode_spoils_nothing(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    with writer(path) as sink:
        sink.write(outcome(0, "caf\udce9.png"))
        sink.write(outcome(1, "日本 é.png"))
    assert read(path, suffix)["source"].tolist() == ["caf\\udce9.png", "日本 é.png"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_file_appears_at_the_end_only(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("old")
    with writer(path) as sink:
        sink.write(outcome(0))
        assert path.read_text() == "old"
        assert sink.partial.exists()
    assert not sink.partial.exists()
    assert_rows(read(path, suffix), 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, RuntimeError])
@pytest.mark.parametrize("count", [0, 100])
def test_what_was_done_before_an_interruption_can_be_read(
    suffix: str,
    kind: type[BaseException],
    count: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embeddings, "_GROUP", 64)
    path = tmp_path / f"a{suffix}"
    path.write_text("old")
    with pytest.raises(kind):
        write(path, count, interrupted=kind)
    assert path.read_text() == "old"
    found = read(tmp_path / f"a{suffix}.partial", suffix)
    assert len(found["source"]) == count
    if count:
        assert_rows(found, count)


@pytest.mark.parametrize("name", ["a.csv", "a", "a.npz.gz", "parquet"])
def test_an_unknown_suffix(name: str) -> None:
    with pytest.raises(UsageError, match=rf"{name}: embeddings are written as .npz or .parquet"):
        embedding_format(Path(name))
    assert embedding_format(Path("A.NPZ")) is embeddings.NpzWriter


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    suffix: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / f"a{suffix}"
    with pytest.raises(InputError, match=r"cannot be written .*choose another place") as caught:
        writer(path).__enter__()
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_in_its_place_leaves_the_rows_in_the_partial_file(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    (path / "in").mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be written"):
        write(path, 3)
    assert_rows(read(tmp_path / f"a{suffix}.partial", suffix), 3)
