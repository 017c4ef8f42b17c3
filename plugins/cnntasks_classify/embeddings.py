"""Feature vectors of many pictures in one file, written as they come, at flat memory."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np

from cnntasks import InputError, Outcome, UsageError
from cnntasks_classify.predictor import Classification

#: Rows that a Parquet file gets at a time.
_GROUP = 1024


class EmbeddingWriter(ABC):
    """Writes one row for each picture: its name, its embedding, its likeliest class.

    The file appears under its name when all is done; until then it is `FILE.partial`, which an
    interruption leaves behind, readable.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(path.name + ".partial")
        self._size: int | None = None

    def __enter__(self) -> Self:
        with _named(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _named(self.path):
            self._finish()
            if kind is None:
                self.partial.replace(self.path)

    def write(self, outcome: Outcome[Any]) -> None:
        """Take the result of one picture.

        Raises:
            InputError: the file cannot be written.
        """
        found = outcome.result
        assert isinstance(found, Classification)
        with _named(self.path):
            name = found.names[0] if len(found) else ""
            score = float(found.scores[0]) if len(found) else 0.0
            # A file's name need not be valid Unicode; what goes into a file of ours has to.
            source = outcome.source.name.encode("utf-8", "backslashreplace").decode()
            self._add(source, np.ascontiguousarray(found.embedding), name, score)

    @abstractmethod
    def _open(self) -> None:
        """Begin the partial file."""

    @abstractmethod
    def _add(self, source: str, embedding: np.ndarray[Any, Any], name: str, score: float) -> None:
        """Take one row."""

    @abstractmethod
    def _finish(self) -> None:
        """Make a whole file of what was taken."""


class NpzWriter(EmbeddingWriter):
    """NumPy's archive: `source` N, `embedding` N×D float32, `class` N, `score` N float32."""

    def _open(self) -> None:
        self.partial.write_bytes(b"")  # fails now rather than at the end
        self._vectors: IO[bytes] = tempfile.TemporaryFile(dir=self.path.parent)  # noqa: SIM115
        self._rows: list[tuple[str, str, float]] = []

    def _add(self, source: str, embedding: np.ndarray[Any, Any], name: str, score: float) -> None:
        self._vectors.write(embedding.astype("<f4").tobytes())
        self._rows.append((source, name, score))
        self._size = len(embedding)

    def _finish(self) -> None:
        columns = {
            "source": np.array([row[0] for row in self._rows], dtype=np.str_),
            "class": np.array([row[1] for row in self._rows], dtype=np.str_),
            "score": np.array([row[2] for row in self._rows], dtype=np.float32),
        }
        with self._vectors as vectors, zipfile.ZipFile(self.partial, "w") as archive:
            for name, column in columns.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, column, allow_pickle=False)
            vectors.seek(0)
            header = {
                "descr": "<f4",
                "fortran_order": False,
                "shape": (len(self._rows), self._size or 0),
            }
            with archive.open("embedding.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array_header_1_0(file, header)
                shutil.copyfileobj(vectors, file)


class ParquetWriter(EmbeddingWriter):
    """Apache Parquet: `source`, `class`, `score`, and `embedding`, a list of D float32."""

    def _open(self) -> None:
        self.partial.write_bytes(b"")
        self._waiting: list[tuple[str, str, float, np.ndarray[Any, Any]]] = []
        self._writer: Any = None

    def _add(self, source: str, embedding: np.ndarray[Any, Any], name: str, score: float) -> None:
        self._size = len(embedding)
        self._waiting.append((source, name, score, embedding.astype(np.float32)))
        if len(self._waiting) == _GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow
        import pyarrow.parquet

        size = self._size or 0
        vectors = [row[3] for row in self._waiting]
        flat = np.concatenate(vectors) if vectors else np.zeros(0, np.float32)
        table = pyarrow.table(
            {
                "source": pyarrow.array([row[0] for row in self._waiting], pyarrow.string()),
                "class": pyarrow.array([row[1] for row in self._waiting], pyarrow.string()),
                "score": pyarrow.array([row[2] for row in self._waiting], pyarrow.float32()),
                "embedding": pyarrow.FixedSizeListArray.from_arrays(flat, max(size, 1)),
            }
        )
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(self.partial, table.schema)
        self._writer.write_table(table)
        self._waiting.clear()

    def _finish(self) -> None:
        if self._waiting or self._writer is None:
            self._flush()
        self._writer.close()


_WRITERS: dict[str, type[EmbeddingWriter]] = {".npz": NpzWriter, ".parquet": ParquetWriter}


def embedding_format(path: Path) -> type[EmbeddingWriter]:
    """The writer for the suffix of `path`.

    Raises:
        UsageError: there is none.
    """
    kind = _WRITERS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{path}: embeddings are written as {' or '.join(_WRITERS)}")
    return kind


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """What the disk refuses, in words."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another place"
        ) from error
