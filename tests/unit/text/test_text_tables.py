"""CSV, TSV and JSON Lines: every row as it was written, and what is wrong named with its line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cnntasks_text.encodings import Line, read_lines
from cnntasks_text.tables import (
    CSV,
    JSON_LINES,
    TEXT_COLUMNS,
    TSV,
    Table,
    open_table,
    table_kind,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from cnntasks import InputError

FEW = settings(max_examples=40, deadline=None, derandomize=True)
NASTY = [
    "plain",
    'say "hi"',
    "a, b; c",
    "two\nlines",
    "",
    " space ",
    '"quoted"',
    "tab\there",
    "é😀",
]


def table(text: str, kind: str) -> Table:
    return open_table(read_lines(io.BytesIO(text.encode()), "f"), "f", kind)


def rows(text: str, kind: str, *columns: str) -> list[object]:
    """Cells of rows (a string where one column is asked for), and the messages of errors."""
    made = table(text, kind)
    found: list[object] = []
    for number, cells in made.rows(columns or made.columns):
        if isinstance(cells, InputError):
            found.append(str(cells))
        else:
            found.append((number, *cells))
    return found


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_comes_back_as_a_program_wrote_it(delimiter: str) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(("id", "text", "more"))
    writer.writerows((number, text, "x") for number, text in enumerate(NASTY))
    found = rows(stream.getvalue(), CSV, "text", "id")
    assert [it[1:] for it in found] == [(t, str(n)) for n, t in enumerate(NASTY)]  # type: ignore[index]
    assert [it[0] for it in found] == [2, 3, 4, 5, 7, 8, 9, 10, 11]  # type: ignore[index]


@FEW
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff")),
                min_size=1))  # fmt: skip
def test_json_lines_come_back_as_a_program_wrote_them(texts: list[str]) -> None:
    written = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    assert [it[1] for it in rows(written, JSON_LINES, "text")] == texts  # type: ignore[index]


def test_tsv_is_split_at_tabs_whatever_the_quotation_marks() -> None:
    written = 'label\ttext\n1\t"good" film\n0\tit\'s 6" long\n1\t"\n0\t"a ""real"" film"\n'
    assert rows(written, TSV, "text") == [
        (2, '"good" film'),
        (3, "it's 6\" long"),
        (4, '"'),
        (5, 'a "real" film'),  # as a spreadsheet writes a quotation mark
    ]


def test_a_megabyte_in_one_cell_is_read() -> None:
    text = "x" * 2**20
    assert rows(f"text,label\n{text},1\n", CSV, "text") == [(2, text)]


def test_blank_lines_are_no_rows_but_count() -> None:
    for kind, delimiter in ((CSV, ","), (TSV, "\t")):
        written = f"\ntext{delimiter}label\n\ngood{delimiter}1\n  \nbad{delimiter}0\n\n"
        assert rows(written, kind, "text") == [(4, "good"), (6, "bad")]
    assert rows('\n{"text": "a"}\n\n{"text": "b"}\n', JSON_LINES, "text") == [(2, "a"), (4, "b")]


def test_a_row_of_another_width_is_an_error_among_others() -> None:
    found = rows("text,label\na good film, really,1\nbad,0\n", CSV)
    assert found[0] == (
        "f:2: 3 cells where the first line names 2 columns; quote a text with a delimiter in it"
    )
    assert found[1] == (3, "bad", "0")


def test_an_open_quotation_mark_is_an_error_and_ends_the_file() -> None:
    found = rows('text,label\ngood,1\n"bad,0\nmore,1\n', CSV)
    assert found[0] == (2, "good", "1")
    assert len(found) == 2
    assert "f:3: this row is not well-formed" in str(found[1])


def test_bad_bytes_in_a_csv_end_it_with_an_error() -> None:
    lines = read_lines(io.BytesIO(b"text\ngood\nb\xe4d\nmore\n"), "f")
    found = list(open_table(lines, "f", CSV).rows(["text"]))
    assert found[0] == (2, ("good",))
    assert "f:3: byte 2 of the line (0xe4)" in str(found[1][1])
    assert len(found) == 2


def test_json_rows_that_are_no_objects_or_no_texts_are_errors_among_others() -> None:
    written = '{"text": "a", "n": 1}\n[1]\n{"text"\n{"n": 2}\n{"text": {"x": 1}}\n{"text": 5}\n'
    found = rows(written, JSON_LINES, "text")
    assert found[0] == (1, "a")
    assert found[1] == "f:2: a JSON list where an object is expected"
    assert str(found[2]).startswith("f:3: not JSON (")
    assert found[3] == (4, "")
    assert found[4] == "f:5: 'text' is a dict and no text"
    assert found[5] == (6, "5")


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", CSV, "the table is empty"),
        ("\n \n", TSV, "the table is empty"),
        ("a,a\n", CSV, "two columns are called 'a'"),
        ("[1]\n", JSON_LINES, "f:1: a JSON list"),
        ("text\n", JSON_LINES, "f:1: not JSON"),
        ('"a,b\n', CSV, "does not name columns"),
    ],
)
def test_a_table_without_a_usable_first_line_is_an_error(
    text: str, kind: str, message: str
) -> None:
    with pytest.raises(InputError, match=r"^f") as caught:
        table(text, kind)
    assert message in str(caught.value)


def test_columns_are_found_by_their_names() -> None:
    made = table("ID,Review,Text,label\n", CSV)
    assert made.find(None, TEXT_COLUMNS, "texts", "--column") == "Text"
    assert made.find("review", TEXT_COLUMNS, "texts", "--column") == "Review"
    assert made.lookup(("nothing", "label")) == "label"
    assert made.lookup(("nothing",)) is None
    with pytest.raises(InputError, match=r"^f: has no column 'x'; its columns: ID, Review, Text"):
        made.find("x", TEXT_COLUMNS, "texts", "--column")
    other = table("id,body of it\n", CSV)
    with pytest.raises(InputError, match=r"Name it with --column; its columns: id, body of it"):
        other.find(None, TEXT_COLUMNS, "texts", "--column")


def test_names_that_differ_by_case_alone_are_two_columns() -> None:
    made = table("text,TEXT\n", CSV)
    assert made.find("TEXT", (), "texts", "--column") == "TEXT"
    assert made.find("Text", (), "texts", "--column") == "text"


def test_the_only_column_is_taken_where_that_is_wanted() -> None:
    made = table("utterance\n", CSV)
    assert made.find(None, TEXT_COLUMNS, "texts", "--column", only=True) == "utterance"
    with pytest.raises(InputError):
        made.find(None, TEXT_COLUMNS, "texts", "--column")


def test_the_kind_of_a_table_is_in_its_name() -> None:
    kinds = {"a.csv": CSV, "a.TSV.gz": TSV, "a.b.jsonl": JSON_LINES, "a.ndjson.gz": JSON_LINES}
    assert {name: table_kind(Path(name)) for name in kinds} == kinds
    assert [table_kind(Path(name)) for name in ("a.txt", "a.gz", "csv", "a.csv.zip")] == [None] * 4


def test_rows_are_read_as_they_are_asked_for() -> None:
    taken = 0

    def lines() -> Iterator[Line]:
        nonlocal taken
        yield 1, "text\n"
        while True:
            taken += 1
            yield taken + 1, "good\n"

    for kind in (CSV, TSV):
        taken = 0
        found = open_table(lines(), "f", kind).rows(["text"])
        for _ in range(5):
            next(found)
        assert taken <= 6
