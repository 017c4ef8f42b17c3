"""What arguments and Python values stand for: texts, files of lines, tables, folders, lists."""

from __future__ import annotations

import errno
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cnntasks_text.inputs import (
    InputSettings,
    several,
    sources_from_arguments,
    sources_from_values,
    stands_for_many,
)

from cnntasks import InputError, Source, UsageError


def shown(sources: Iterator[Source]) -> list[tuple[str, str]]:
    """Name and text of each source; of a failing one the message after an exclamation mark."""
    found = []
    for source in sources:
        try:
            text = source.value if source.value is not None else source.read_bytes().decode()
        except InputError as error:
            text = f"!{error}"
        found.append((source.name, text))
    return found


def arguments(*given: str, stdin: bytes = b"", **settings: Any) -> list[tuple[str, str]]:
    return shown(sources_from_arguments(given, InputSettings(**settings), io.BytesIO(stdin)))


def values(value: Any, **settings: Any) -> list[tuple[str, str]]:
    return shown(sources_from_values(value, InputSettings(**settings)))


def test_arguments_are_texts_with_numbers(here: Path) -> None:
    given = ("a good film", "What?", "[sic] film", "u/v and w", "@user great!", "ends in.csv")
    assert arguments(*given[:5]) == [(f"text {n}", t) for n, t in enumerate(given[:5], 1)]
    assert arguments(given[5]) == [("text 1", given[5])]
    assert arguments("x" * 100_000) == [("text 1", "x" * 100_000)]
    assert arguments("") == [("text 1", "")]


def test_a_file_has_a_text_on_each_line(here: Path) -> None:
    (here / "reviews.txt").write_bytes(b'\xef\xbb\xbfgood film\r\nbad, "film"\r\n')
    expected = [("reviews.txt:1", "good film"), ("reviews.txt:2", 'bad, "film"')]
    assert arguments("reviews.txt") == expected
    (here / "good film").write_text("really bad\n")  # whoever has such a file means it
    assert arguments("good film") == [("good film:1", "really bad")]
    with gzip.open(here / "more.txt.gz", "wb") as stream:
        stream.write(b"one\ntwo")
    assert arguments("more.txt.gz", "reviews.txt") == [
        ("more.txt.gz:1", "one"),
        ("more.txt.gz:2", "two"),
        *expected,
    ]


def test_blank_lines_between_texts_are_told_once_and_those_at_the_end_are_none(here: Path) -> None:
    (here / "a.txt").write_text("good\n\nbad\n \n\t\n\nmore\n\n\n")
    assert arguments("a.txt") == [
        ("a.txt:1", "good"),
        ("a.txt:2", "!a.txt:2: the line is blank; remove it"),
        ("a.txt:3", "bad"),
        ("a.txt:4", "!a.txt:4: lines 4 to 6 are blank; remove them"),
        ("a.txt:7", "more"),
    ]


@pytest.mark.parametrize("content", ["", "\n", " \n\n"])
def test_a_file_without_a_text_is_an_error(here: Path, content: str) -> None:
    (here / "a.txt").write_text(content)
    assert arguments("a.txt") == [("a.txt", "!a.txt: there is no text in it")]


def test_one_bad_line_is_an_error_among_others(here: Path) -> None:
    (here / "a.txt").write_bytes(b"good\nb\xe4d\nmore\n")
    first, second, third = arguments("a.txt")
    assert (first, third) == (("a.txt:1", "good"), ("a.txt:3", "more"))
    assert second[1].startswith("!a.txt:2: byte 2 of the line (0xe4) is not utf-8")
    assert arguments("a.txt", encoding="cp1252")[1] == ("a.txt:2", "bäd")


def test_standard_input_is_read_line_by_line_and_once(here: Path) -> None:
    assert arguments("-", "x", stdin=b"good\nbad") == [
        ("-:1", "good"),
        ("-:2", "bad"),
        ("text 1", "x"),
    ]
    assert arguments("-", "-", stdin=b"good")[1][1].startswith("!-: standard input can be read")
    assert arguments("-") == [("-", "!-: there is no text in it")]
    assert arguments("-", stdin=b"good\nbad", whole=True) == [("-", "good\nbad")]


def test_standard_input_may_be_a_table(here: Path) -> None:
    expected = [("-:2", "good, film")]
    for written in ('n,note\n1,"good, film"\n', "n\tnote\n1\tgood, film\n"):
        assert arguments("-", stdin=written.encode(), column="note") == expected
    json_lines = b'{"n": 1, "note": "good, film"}\n'
    assert arguments("-", stdin=json_lines, column="note") == [("-:1", "good, film")]


def test_tables_are_read_by_their_column(here: Path) -> None:
    (here / "a.csv").write_text('id,review,stars\n1,"good\nfilm",5\n2,"",1\n3,bad,1\n')
    assert arguments("a.csv") == [("a.csv:2", "good\nfilm"), ("a.csv:4", ""), ("a.csv:5", "bad")]
    assert arguments("a.csv", column="STARS")[0] == ("a.csv:2", "5")
    [(name, message)] = arguments("a.csv", column="text")
    assert (name, message) == (
        "a.csv",
        "!a.csv: has no column 'text'; its columns: id, review, stars",
    )
    (here / "b.tsv").write_text("n\tm\n1\t2\n")
    assert "Name it with --column; its columns: n, m" in arguments("b.tsv")[0][1]
    (here / "c.txt").write_text("n,note\n1,good\n")
    assert arguments("c.txt", column="note") == [("c.txt:2", "good")]
    (here / "empty.jsonl").touch()
    assert "the table is empty" in arguments("empty.jsonl")[0][1]


def test_whole_files_and_folders_of_files(here: Path) -> None:
    (here / "books").mkdir()
    for number in (10, 9):
        (here / "books" / f"b{number}.txt").write_text(f"line\n\nbook {number}\n")
    (here / "books" / "notes.md").write_text("no book")
    assert arguments("books/b9.txt", whole=True) == [("books/b9.txt", "line\n\nbook 9\n")]
    assert arguments("books") == [
        ("books/b9.txt", "line\n\nbook 9\n"),
        ("books/b10.txt", "line\n\nbook 10\n"),
    ]
    (here / "bare").mkdir()
    assert "no texts in this folder" in arguments("bare")[0][1]


def test_globs_that_match_are_files_and_others_are_texts(here: Path) -> None:
    for name in ("b.txt", "a.txt"):
        (here / name).write_text(name)
    assert arguments("*.txt") == [("a.txt:1", "a.txt"), ("b.txt:1", "b.txt")]
    assert arguments("really * good?") == [("text 1", "really * good?")]


def test_lists_name_files_and_texts(here: Path) -> None:
    (here / "a.txt").write_text("good")
    (here / "list").write_text("# comment\na.txt\n\na bad film\n@list2\n")
    (here / "list2").write_text("more\n")
    assert arguments("@list") == [("a.txt:1", "good"), ("text 1", "a bad film"), ("text 2", "more")]
    (here / "loop").write_text("@loop\n")
    assert "nested more than" in arguments("@loop")[0][1]
    (here / "folder").mkdir()
    assert arguments("@folder") == [("@folder", "!@folder: Is a directory; name a list of inputs")]


@pytest.mark.parametrize("name", ["gone.txt", "gone.csv", "d/gone.jsonl.gz", "*.tsv", "@gone.txt"])
def test_what_looks_like_a_file_and_is_none_is_an_error(here: Path, name: str) -> None:
    [(found, message)] = arguments(name)
    assert found == name
    assert message.startswith(f"!{name}: no such file; check the spelling")


def test_a_file_that_may_not_be_read_is_an_error(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(self: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    (here / "a.txt").write_text("good")
    monkeypatch.setattr(Path, "open", forbid)
    for whole in (False, True):
        [(name, message)] = arguments("a.txt", whole=whole)
        assert (name, message.partition(";")[0]) == (
            "a.txt",
            "!a.txt: cannot be read (Permission denied)",
        )


def test_strings_from_python_are_texts_and_paths_are_files(here: Path) -> None:
    (here / "a.txt").write_text("good\nbad\n")
    assert values("a.txt") == [("text 1", "a.txt")]
    assert values(Path("a.txt")) == [("a.txt:1", "good"), ("a.txt:2", "bad")]
    assert values(["x", Path("a.txt"), ("y", b"z")]) == [
        ("text 1", "x"),
        ("a.txt:1", "good"),
        ("a.txt:2", "bad"),
        ("text 2", "y"),
        ("text 3", "z"),
    ]
    assert values(f"text {n}" for n in range(2)) == [("text 1", "text 0"), ("text 2", "text 1")]
    assert values(Path("gone.txt"))[0][1].startswith("!gone.txt: the file is missing")
    assert values(5) == [("int", "!int: is no text; give a string, a path or a list")]


def test_what_stands_for_many(here: Path) -> None:
    (here / "d").mkdir()
    (here / "a.txt").touch()
    lines, whole = InputSettings(), InputSettings(whole=True)
    for one in ("good", "", b"good"):
        assert not stands_for_many(one, lines)
    for many in (["good"], [], ("a", "b"), Path("a.txt"), Path("d"), iter(["a"])):
        assert stands_for_many(many, lines)
    assert not stands_for_many(Path("a.txt"), whole)
    assert stands_for_many(Path("d"), whole)
    assert not several(["a good film"])
    for given in (["a", "b"], ["a.txt"], ["-"], ["d"], ["gone.csv"], ["*.txt"], []):
        assert several(given)


def test_a_file_of_any_size_streams(here: Path) -> None:
    path = here / "a.txt"
    path.write_bytes(b"a good film\n" * 300_000)
    sources = sources_from_arguments(["a.txt"], InputSettings())
    assert next(sources).name == "a.txt:1"
    path.write_bytes(b"")  # what was not read yet is gone
    assert sum(1 for _ in sources) < 20_000


def test_wrong_settings_are_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no encoding 'klingon'"):
        InputSettings(encoding="klingon")
    with pytest.raises(UsageError, match="a whole file has no columns"):
        InputSettings(column="text", whole=True)
