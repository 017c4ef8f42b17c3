"""Bytes become exactly the text that was written, or an error that names the place."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from cnntasks_text.encodings import (
    LONGEST_LINE,
    PATIENCE,
    check_encoding,
    decode_text,
    open_file,
    read_lines,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from cnntasks import InputError, UsageError

FEW = settings(max_examples=40, deadline=None, derandomize=True)
TEXT = "naïve café 😀\nзвезда\n映画"


def lines(data: bytes, encoding: str | None = None) -> list[str]:
    """What `read_lines` gives: texts as they are, errors after an exclamation mark."""
    found = []
    for _, line in read_lines(io.BytesIO(data), "f", check_encoding(encoding)):
        found.append(line if isinstance(line, str) else f"!{line}")
    return found


def numbers(data: bytes) -> list[int]:
    return [number for number, _ in read_lines(io.BytesIO(data), "f")]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_told_by_its_marks(codec: str) -> None:
    data = TEXT.encode(codec)
    assert decode_text(data, "f", None) == TEXT
    assert lines(data) == TEXT.splitlines(keepends=True)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-8-sig", "UTF_8"])
def test_unicode_without_marks_is_read_where_it_is_named(codec: str) -> None:
    data = TEXT.encode(codec)
    assert decode_text(data, "f", check_encoding(codec)) == TEXT
    assert lines(data, codec) == TEXT.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp1252", "caf\xe9 “x”\nb"),
        ("cp1251", "звезда\nещё"),
        ("shift_jis", "映画\n表"),
        ("gb18030", "电影\n好"),
        ("big5", "電影\n功"),
        ("cp500", "ab\ncd"),
        ("utf-16", "a\nb"),
    ],
)
def test_other_encodings_are_read_by_their_names(codec: str, text: str) -> None:
    data = text.encode(codec)
    assert decode_text(data, "f", check_encoding(codec)) == text
    assert "".join(lines(data, codec)) == text
    assert len(lines(data, codec)) == 2


@FEW
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=40)
)
def test_lines_put_together_are_the_text(text: str) -> None:
    assert "".join(lines(text.encode())) == text
    assert "".join(lines(text.encode("utf-16"))) == text
    assert decode_text(text.encode(), "f", None) == text


def test_a_byte_that_is_not_utf8_is_named_with_its_line() -> None:
    data = b"good\ncaf\xe9\nbad\n"
    first, second, third = lines(data)
    assert (first, third) == ("good\n", "bad\n")
    assert second.startswith("!f:2: byte 4 of the line (0xe9) is not utf-8; name the encoding with")
    assert "--encoding" in second
    with pytest.raises(InputError, match=r"^f:2: byte 9 \(0xe9\) is not utf-8"):
        decode_text(data, "f", None)


def test_a_file_of_another_encoding_is_given_up_after_some_lines() -> None:
    data = b"good\n" + b"caf\xe9\n" * 1000
    found = lines(data)
    assert len(found) == 1 + PATIENCE + 1
    assert "the rest is not read" in found[-1]


def test_a_nul_is_named_with_its_place_and_the_next_line_is_read() -> None:
    first, second, third = lines(b"a\nb\0c\nd")
    assert (first, third) == ("a\n", "d")
    assert second.startswith("!f:2: a NUL character at place 2")
    with pytest.raises(InputError, match="a NUL character at place 4"):
        decode_text(b"a\nb\0c", "f", None)


def test_utf16_that_is_cut_off_is_an_error() -> None:
    data = "ab\ncd".encode("utf-16")[:-1]
    assert lines(data)[0] == "ab\n"
    assert "near line 2: not utf-16" in lines(data)[-1]
    with pytest.raises(InputError, match="is not utf-16"):
        decode_text(data, "f", None)


def test_lines_count_from_one_whatever_is_wrong_with_them() -> None:
    assert numbers(b"a\n\xff\n\nb\n") == [1, 2, 3, 4]
    assert numbers(b"") == []


def test_only_one_line_is_read_at_a_time() -> None:
    class Counting(io.BytesIO):
        taken = 0

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            count = super().readinto(buffer)
            self.taken += count
            return count

    stream = Counting(b"a line of text\n" * 100_000)
    reader = read_lines(stream, "f")
    assert next(reader) == (1, "a line of text\n")
    assert stream.taken < 100_000


def test_a_line_without_an_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnntasks_text.encodings.LONGEST_LINE", 1000)
    for codec in ("utf-8", "utf-16"):
        first, second = lines(("a\n" + "x" * 5000).encode(codec))
        assert first == "a\n"
        assert second.startswith("!f:2: the line goes on beyond")
    assert LONGEST_LINE > 2**20  # a text of a megabyte is one


def test_compressed_files_are_read_and_damage_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"good\nbad\n" * 5000))
    with open_file(path) as stream:
        assert sum(1 for _ in read_lines(stream, "a")) == 10_000
    path.write_bytes(path.read_bytes()[:-12])
    with open_file(path) as stream:
        *_, (_, last) = read_lines(stream, "a")
    assert isinstance(last, InputError)
    assert "cannot be read on" in str(last)
    path.write_bytes(b"no gzip at all")
    with open_file(path) as stream:
        [(_, only)] = read_lines(stream, "a")
    assert "cannot be read on" in str(only)


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "", "utf-8\0"])
def test_what_is_no_encoding_of_text_is_wrong_usage(name: str) -> None:
    with pytest.raises(UsageError, match=r"cp1252"):
        check_encoding(name)


def test_no_encoding_stays_none() -> None:
    assert check_encoding(None) is None
    assert check_encoding("latin-1") == "iso8859-1"
