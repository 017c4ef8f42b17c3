"""Word vectors in the formats that they come in, and files that are something else."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from cnntasks_text.vectors import WordVectors, read_vectors

from cnntasks import InputError

LINES = "the 0.5 -1 2e-1\nfilm 1 2 3\n"


def written(folder: Path, text: str, name: str = "vectors.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def check(found: WordVectors) -> None:
    assert found.words == ("the", "film")
    assert found.vectors.dtype == np.float32
    np.testing.assert_allclose(found.vectors, [[0.5, -1, 0.2], [1, 2, 3]])
    assert found.dimensions == 3


def test_glove_word2vec_and_fasttext(tmp_path: Path) -> None:
    check(read_vectors(written(tmp_path, LINES)))
    check(read_vectors(written(tmp_path, "2 3\n" + LINES, "vectors.vec")))
    # fastText ends its lines with a space.
    check(read_vectors(written(tmp_path, "2 3\n" + LINES.replace("\n", " \n"))))
    check(read_vectors(written(tmp_path, LINES.replace("\n", "\r\n") + "\n")))


def test_gzipped(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt.gz"
    path.write_bytes(gzip.compress(LINES.encode()))
    check(read_vectors(path))


def test_arrays(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    vectors = np.array([[0.5, -1, 0.2], [1, 2, 3]], np.float64)
    np.savez(path, words=np.array(["the", "film"]), vectors=vectors)
    check(read_vectors(path))


def test_a_word_with_spaces_in_it_and_an_odd_one(tmp_path: Path) -> None:
    found = read_vectors(written(tmp_path, "2 2\nat name@ 1 2\n\u2028x 3 4\n"))
    assert found.words == ("at name@", "\u2028x")


def test_a_word_that_comes_again_counts_once(tmp_path: Path) -> None:
    found = read_vectors(written(tmp_path, "a 1 2\nb 3 4\na 5 6\n"))
    assert found.words == ("a", "b")
    assert found.vectors.tolist() == [[1, 2], [3, 4]]


def test_a_lower_case_word_stands_where_it_is_capitalised() -> None:
    places = WordVectors(("London", "us", "US"), np.eye(3, dtype=np.float32)).places()
    assert (places["london"], places["us"], places["US"]) == (0, 1, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1 2 3\nb 1 2\n", r"txt:2: a word and 3 numbers are expected, not 2 behind 'b'"),
        ("3 4\na 1 2 3\n", r"vectors\.txt:2: a word and 4 numbers are expected, not 3"),
        ("a 1 x 3\n", r"vectors\.txt:1: behind 'a' there is something that is no number"),
        ("hello\n", r"vectors\.txt:1: a word and numbers are expected"),
        ("a 1 nan\n", "the vector of 'a' has a number that is not finite"),
        ("\n", "has no word vectors in it"),
        ("", "has no word vectors in it"),
    ],
)
def test_other_files_are_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_vectors(written(tmp_path, text))


def test_binary_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors.bin"
    path.write_bytes(b"2 3\nthe \xff\xfe\x00\x80")
    with pytest.raises(InputError, match="have to be UTF-8"):
        read_vectors(path)
    with pytest.raises(InputError, match="No such file"):
        read_vectors(tmp_path / "none.txt")
    (tmp_path / "x.txt.gz").write_text(LINES)
    with pytest.raises(InputError, match="cannot read these word vectors"):
        read_vectors(tmp_path / "x.txt.gz")


def test_arrays_of_other_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    cases = {
        "no array 'vectors'": {"words": np.array(["a"])},
        "V strings": {"words": np.array(["a", "b"]), "vectors": np.ones((1, 2))},
        "not int64": {"words": np.array([1]), "vectors": np.ones((1, 2))},
        "cannot read": {"words": np.array(["a"], object), "vectors": np.ones((1, 2))},
    }
    for message, arrays in cases.items():
        np.savez(path, **arrays)
        with pytest.raises(InputError, match=message):
            read_vectors(path)
    path.write_bytes(b"no archive")
    with pytest.raises(InputError, match="cannot read"):
        read_vectors(path)
