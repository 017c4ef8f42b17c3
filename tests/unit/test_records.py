"""Writers of records, and the file in which they appear when all is done."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from cnntasks.errors import InputError, UsageError
from cnntasks.output.files import open_records
from cnntasks.output.records import FORMATS, open_writer
from cnntasks.task import Outcome, Source

COLUMNS = ("class", "score", "x0")


@dataclass(frozen=True)
class Found:
    """A result with one row for each thing found."""

    things: list[tuple[str, float, float]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {"count": len(self.things), "things": [list(thing) for thing in self.things]}

    def to_rows(self) -> list[dict[str, Any]]:
        return [dict(zip(COLUMNS, thing, strict=True)) for thing in self.things]


def outcome(name: str, *things: tuple[str, float, float]) -> Outcome[Found]:
    source = Source(name, PurePosixPath("x"), lambda: b"")
    return Outcome(source, result=Found(list(things)))


CAT = ("cat", 0.98765, 12.34)
DOG = ("dog", 0.5, 1234.5)


def written(format_name: str, *outcomes: Outcome[Found]) -> str:
    stream = io.StringIO(newline="")
    writer = open_writer(format_name, stream, COLUMNS)
    for each in outcomes:
        writer.write(each)
    writer.close()
    return stream.getvalue()


class Pipe(io.StringIO):
    """Notes what a reader has seen at each flush."""

    def __init__(self) -> None:
        super().__init__(newline="")
        self.seen: list[str] = []

    def flush(self) -> None:
        self.seen.append(self.getvalue())


def test_json_has_one_object_a_line() -> None:
    lines = written("json", outcome("a.jpg", CAT, DOG), outcome("b.jpg")).splitlines()
    assert [json.loads(line) for line in lines] == [
        {"source": "a.jpg", "count": 2, "things": [list(CAT), list(DOG)]},
        {"source": "b.jpg", "count": 0, "things": []},
    ]


def test_json_keeps_letters_readable() -> None:
    assert '"source": "Straße.jpg"' in written("json", outcome("Straße.jpg"))


def test_csv_has_a_header_and_a_row_for_each_thing() -> None:
    text = written("csv", outcome("a, b.jpg", CAT, DOG), outcome("none.jpg"), outcome("c", DOG))
    assert text == (
        "source,class,score,x0\n"
        '"a, b.jpg",cat,0.98765,12.34\n'
        '"a, b.jpg",dog,0.5,1234.5\n'
        "c,dog,0.5,1234.5\n"
    )


def test_csv_of_nothing_has_its_header() -> None:
    assert written("csv") == written("csv", outcome("a.jpg")) == "source,class,score,x0\n"


def test_csv_refuses_a_result_with_other_columns_than_it_announced() -> None:
    class Odd(Found):
        def to_rows(self) -> list[dict[str, Any]]:
            return [{"surprise": 1}]

    stream = io.StringIO()
    writer = open_writer("csv", stream, COLUMNS)
    source = Source("a", PurePosixPath("a"), lambda: b"")
    with pytest.raises(ValueError, match="surprise"):
        writer.write(Outcome(source, result=Odd()))


def test_a_table_is_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "get_terminal_size", lambda fallback: os.terminal_size((80, 24)))
    header, *rows = written(
        "table", outcome("a.jpg", CAT, DOG), outcome("folder/b.jpg", DOG)
    ).splitlines()
    assert header.split() == ["source", *COLUMNS]
    assert [row.split() for row in rows] == [
        ["a.jpg", "cat", "0.99", "12.3"],
        ["a.jpg", "dog", "0.50", "1234.5"],
        ["folder/b.jpg", "dog", "0.50", "1234.5"],
    ]
    # Names start where their header starts; numbers end at one place.
    assert {row.index(row.split()[1]) for row in rows} == {header.index("class")}
    assert len({len(row) for row in rows}) == 1


def test_a_table_says_where_nothing_was_found() -> None:
    assert written("table") == ""
    header, row = written("table", outcome("empty.jpg")).splitlines()
    assert header.split() == ["source", *COLUMNS]
    assert row.split() == ["empty.jpg", "-", "-", "-"]
    # The first result decides on widths: an empty one must leave room for those that follow.
    lines = written("table", outcome("empty.jpg"), outcome("a.jpg", CAT)).splitlines()
    assert lines[2].index("cat") == lines[0].index("class")


def test_a_long_name_is_shortened_where_paths_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "get_terminal_size", lambda fallback: os.terminal_size((60, 24)))
    name = "/a/very/long/path/that/leads/to/a/picture/named/last.jpg"
    header, row = written("table", outcome(name, CAT)).splitlines()
    assert row.startswith("…")
    assert row.split()[0].endswith("/last.jpg")
    assert row.index("cat") == header.index("class")
    assert len(row) <= 60


def test_a_tiny_terminal_still_shows_some_of_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "get_terminal_size", lambda fallback: os.terminal_size((5, 24)))
    _, row = written("table", outcome("folder/picture.jpg", CAT)).splitlines()
    assert row.split()[0] == "…picture.jpg"


def test_running_text_in_a_cell_is_cut_to_one_line_in_the_table_alone() -> None:
    long = "many words\nin  lines " * 10
    for name in (long, long.replace(" ", "").replace("\n", "")):
        row = written("table", outcome("a", (name, 0.5, 1.0))).splitlines()[1]
        assert "…" in row
        assert len(row) < 100
        assert json.loads(written("json", outcome("a", (name, 0.5, 1.0))))["things"][0][0] == name
    row = written("table", outcome("a", (long, 0.5, 1.0))).splitlines()[1]
    assert "many words in lines many words in lines" in row


def test_a_name_cannot_steer_the_terminal() -> None:
    _, row = written("table", outcome("\x1b[2J\nevil.jpg", CAT)).splitlines()
    assert row.startswith("?[2J?evil.jpg")


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_pipe_sees_each_result_at_once(format_name: str) -> None:
    pipe = Pipe()
    writer = open_writer(format_name, pipe, COLUMNS)
    for number in range(3):
        writer.write(outcome(f"{number}.jpg", CAT))
        assert f"{number}.jpg" in pipe.seen[-1]
        assert pipe.seen[-1].endswith("\n")


@pytest.mark.parametrize("format_name", FORMATS)
def test_many_results_are_flushed_together_and_the_last_ones_in_the_end(format_name: str) -> None:
    pipe = Pipe()
    writer = open_writer(format_name, pipe, COLUMNS, every=3)
    for number in range(2):
        writer.write(outcome(f"{number}.jpg", CAT))
    assert not pipe.seen
    writer.write(outcome("2.jpg", CAT))
    assert len(pipe.seen) == 1
    writer.write(outcome("3.jpg", CAT))
    assert "3.jpg" not in pipe.seen[-1]
    writer.close()
    assert "3.jpg" in pipe.seen[-1]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
@pytest.mark.parametrize("format_name", FORMATS)
def test_no_name_is_too_strange_for_a_stream(format_name: str, encoding: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    writer = open_writer(format_name, stream, COLUMNS)
    # A Linux file name that is not UTF-8, and letters that this encoding may not have.
    names = [os.fsdecode(b"caf\xe9.jpg"), "Ωmega.jpg", "é.jpg"]
    for name in names:
        writer.write(outcome(name, CAT))
    writer.close()
    stream.flush()
    text = raw.getvalue().decode(encoding)
    assert text.count(".jpg") == 3
    if format_name == "json":
        assert [json.loads(line)["source"] for line in text.splitlines()] == names
    if format_name == "csv":
        assert [row["class"] for row in csv.DictReader(io.StringIO(text))] == ["cat"] * 3


def test_an_unknown_format_is_told_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no format 'xml'; choose one of table, json, csv"):
        open_writer("xml", io.StringIO(), COLUMNS)


# ---- the file


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "out.csv"
    partial = path.with_name("out.csv.partial")
    with open_records(path) as stream:
        stream.write("é\r\n")
        stream.flush()
        assert partial.read_bytes() == "é\r\n".encode()
        assert not path.exists()
    assert path.read_bytes() == "é\r\n".encode()
    assert not partial.exists()


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_an_interruption_keeps_what_there_is_and_the_old_file(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old\n")

    def write_and_fail() -> None:
        with open_records(path) as stream:
            stream.write("hours of work\n")
            raise interruption

    with pytest.raises(interruption):
        write_and_fail()
    assert path.read_text() == "old\n"
    assert (tmp_path / "out.jsonl.partial").read_text() == "hours of work\n"


def test_the_next_run_replaces_the_file_and_what_was_left(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    (tmp_path / "out.csv.partial").write_text("left over from an interrupted run")
    with open_records(path) as stream:
        stream.write("new")
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]
    assert path.read_text() == "new"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with (
        pytest.raises(InputError, match=r"file/out\.csv: cannot be written .*; choose another"),
        open_records(tmp_path / "file" / "out.csv"),
    ):
        pass
    (tmp_path / "folder.csv").mkdir()
    with (
        pytest.raises(InputError, match=r"folder\.csv: cannot be written"),
        open_records(tmp_path / "folder.csv") as stream,
    ):
        stream.write("x")


def test_columns_may_have_decimals_of_their_own() -> None:
    stream = io.StringIO()
    writer = open_writer("table", stream, COLUMNS, decimals={"x0": 3})
    writer.write(outcome("a", ("cat", 98.765, 123.4567)))
    writer.close()
    assert stream.getvalue().splitlines()[1].split() == ["a", "cat", "98.8", "123.457"]
