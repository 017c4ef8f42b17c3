"""Word vectors from a file: GloVe, word2vec and fastText as text, or NumPy's `.npz`."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from cnntasks import InputError

_ARRAYS = ("words", "vectors")
_LEAST = 2  # numbers of a vector


@dataclass(frozen=True, slots=True)
class WordVectors:
    """Words and what stands for them.

    Attributes:
        words: V different ones, in the order of the file (usually the commonest first).
        vectors: V×D float32.
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]

    @property
    def dimensions(self) -> int:
        """D."""
        return int(self.vectors.shape[1])

    def places(self) -> dict[str, int]:
        """Word to its row. A word in lower case that is not there stands where it is capitalised
        (`london` where `London` is), as tokenizers of texts in lower case need it."""
        places: dict[str, int] = {}
        for row, word in enumerate(self.words):
            places.setdefault(word.lower(), row)
        places.update({word: row for row, word in enumerate(self.words)})
        return places


def read_vectors(path: Path) -> WordVectors:
    """Read a file of word vectors.

    Text (UTF-8, gzipped where the name ends in `.gz`): a line for each word, the word and its
    numbers apart by spaces, as GloVe writes it; a first line of two whole numbers (how many words,
    how many dimensions), as word2vec and fastText write it, is understood. A word that comes again
    is left out. `.npz`: the arrays `words` (strings) and `vectors` (V×D); nothing pickled is read.

    Raises:
        InputError: the file cannot be read or is something else; the message names the line.
    """
    try:
        if path.suffix == ".npz":
            return _read_arrays(path)
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8", newline="\n") as stream:
            return _read_lines(path, stream)
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        line = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot read these word vectors ({line})") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: word vectors as text have to be UTF-8 ({error.reason}); a binary file of "
            "word2vec has to be written as text first"
        ) from error


def _read_arrays(path: Path) -> WordVectors:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = [name for name in _ARRAYS if name not in arrays]
            if missing:
                raise InputError(
                    f"{path}: has no array {missing[0]!r}; word vectors are `words` and `vectors`"
                )
            words, vectors = arrays["words"], arrays["vectors"]
    except ValueError as error:
        raise InputError(f"{path}: cannot read these word vectors ({error})") from error
    fits = words.ndim == 1 and vectors.ndim == 2 and len(words) == len(vectors) > 0
    if not fits or words.dtype.kind != "U" or vectors.dtype.kind != "f":
        raise InputError(
            f"{path}: `words` has to be V strings and `vectors` V×D numbers, not "
            f"{words.dtype}{list(words.shape)} and {vectors.dtype}{list(vectors.shape)}"
        )
    return _checked(path, [str(word) for word in words], vectors.astype(np.float32))


def _read_lines(path: Path, stream: TextIO) -> WordVectors:
    words: list[str] = []
    rows: list[NDArray[np.float32]] = []
    width = promised = 0
    for number, line in _numbered(stream):
        parts = line.rstrip(" \r\n").split(" ")
        if number == 1 and len(parts) == 2 and all(part.isdecimal() for part in parts):
            promised = width = int(parts[1])
            continue
        width = width or len(parts) - 1
        # Some words of GloVe's larger files have spaces in them.
        word, numbers = " ".join(parts[: len(parts) - width]), parts[-width:]
        if width < _LEAST or len(parts) <= width:
            wanted = f"{promised or width} numbers" if width >= _LEAST else "numbers"
            raise InputError(
                f"{path}:{number}: a word and {wanted} are expected, not {len(parts) - 1} "
                f"behind {parts[0][:40]!r}"
            )
        try:
            rows.append(np.array(numbers, np.float32))
        except ValueError as error:
            raise InputError(
                f"{path}:{number}: behind {word[:40]!r} there is something that is no number "
                f"({error})"
            ) from error
        words.append(word)
    if not words:
        raise InputError(f"{path}: has no word vectors in it")
    return _checked(path, words, np.stack(rows))


def _numbered(stream: TextIO) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers."""
    for number, line in enumerate(stream, 1):
        if line.strip():
            yield number, line


def _checked(path: Path, words: list[str], vectors: NDArray[np.float32]) -> WordVectors:
    """Without the words that come again."""
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        word = words[int(bad.argmax())]
        raise InputError(f"{path}: the vector of {word[:40]!r} has a number that is not finite")
    first = dict.fromkeys(words)
    if len(first) == len(words):
        return WordVectors(tuple(words), vectors)
    rows = {word: row for row, word in reversed(list(enumerate(words)))}
    return WordVectors(tuple(first), vectors[[rows[word] for word in first]])
