"""`cnntasks text` from the arguments to the files."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cnntasks.cli.root import main


@dataclass(frozen=True)
class Shown:
    """What a run ended with and wrote."""

    status: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Shown]


@pytest.fixture
def text(here: Path, tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """`text(*args)` runs `cnntasks text --model TINY ARGS` in an empty folder."""

    def run(*args: str | Path) -> Shown:
        capfd.readouterr()
        status = main(["text", "--model", str(tiny_model), *map(str, args)])
        shown = capfd.readouterr()
        return Shown(status, shown.out, shown.err)

    return run


def test_a_text_has_a_label_in_a_table(text: Run) -> None:
    shown = text("a good, funny film")
    assert shown.status == 0
    header, row = shown.out.splitlines()
    assert header.split() == ["source", "label", "probability", "text"]
    assert row.split(maxsplit=4) == ["text", "1", "positive", "0.92", "a good, funny film"]
    assert shown.err.startswith("tiny: ONNX Runtime ")


def test_a_long_text_is_shortened_in_the_table_alone(text: Run, here: Path) -> None:
    long = "a film with\nmany words " * 20 + "good"
    (here / "a.csv").write_text(f'text\n"{long}"\n')
    row = text("a.csv", "-q").out.splitlines()[1]
    assert row.endswith("…")
    assert "a film with many words a film" in row
    assert len(row) < 110
    assert text("a.csv", "--format", "json", "-q").records[0]["text"] == long
    rows = list(csv.DictReader(io.StringIO(text("a.csv", "--format", "csv", "-q").out, newline="")))
    assert [it["text"] for it in rows] == [long]


def test_a_text_that_is_read_in_part_is_named(text: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnntasks_text.predictor.MOST_TOKENS", 3)
    shown = text("good film", "good film, good film")
    assert shown.status == 0
    assert "text 2: only the first 3 tokens are read" in shown.err.splitlines()
    assert "text 1" not in shown.err
    assert text("good film, good film", "-q").err == ""


def test_records_come_in_the_order_of_the_texts(text: Run, here: Path) -> None:
    lines = ["good film", "bad " * 60, "not good", "film"] * 300
    (here / "a.txt").write_text("\n".join(lines))
    shown = text("a.txt", "and a good one", "--format", "json", "-q")
    assert (shown.status, shown.err) == (0, "")
    assert [it["source"] for it in shown.records] == [
        *(f"a.txt:{n}" for n in range(1, 1201)),
        "text 1",
    ]
    assert [it["text"].strip() for it in shown.records[:-1]] == [line.strip() for line in lines]
    labels = [it["labels"][0]["label"] for it in shown.records[:4]]
    assert labels == ["positive", "negative", "negative", "positive"]
    assert all(len(it["labels"]) == 2 for it in shown.records)
    assert all(sum(row["probability"] for row in it["labels"]) == pytest.approx(1, abs=2e-4)
               for it in shown.records)  # fmt: skip


def test_csv_into_a_file_with_both_labels(text: Run, here: Path) -> None:
    shown = text("good", "bad", "--top", "2", "-o", "out.csv")
    assert (shown.status, shown.out) == (0, "")
    with (here / "out.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(it["source"], it["label"]) for it in rows] == [
        ("text 1", "positive"),
        ("text 1", "negative"),
        ("text 2", "negative"),
        ("text 2", "positive"),
    ]


def test_words_are_coloured_and_ngrams_listed(text: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = text("Not good\x1b[31m", "--explain", "-q")
    assert plain.out.splitlines() == [
        "text 1: negative 0.62",
        "  Not good [31m",
        "  +1.50  Not good",
        "  -1.00  good",
    ]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    coloured = text("Not good", "--explain", "-q").out
    assert re.search(r"\x1b\[[0-9;]*38;2;46;160;67mNot\x1b", coloured)
    assert re.search(r"\x1b\[[0-9;]*38;2;218;54;51mgood\x1b", coloured)


def test_spans_in_json_and_words_in_csv(text: Run) -> None:
    [record] = text("A film not good", "--explain", "--format", "json", "--ngrams", "1").records
    [span] = record["explanation"]["spans"]
    assert span == {"start": 2, "end": 15, "text": "film not good", "contribution": 1.5}
    [row] = csv.DictReader(io.StringIO(text("not good", "--explain", "--format", "csv").out))
    assert row["because"] == "not good (+1.50); good (-1.00)"


def test_a_page_shows_the_words_and_needs_nothing_else(text: Run, here: Path) -> None:
    shown = text("a <b>good</b> film", "bad & not good", "-o", "page.html")
    assert shown.status == 0
    assert len(shown.out.splitlines()) == 3  # the table is there as well
    page = (here / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.rstrip().endswith("</html>")
    assert page.count("<article>") == 2
    assert "a &lt;b&gt;<span" in page
    assert re.search(r'rgba\(var\(--for\), 0\.45\)" title="\+1\.00">good</span>', page)
    assert "bad</span> <span" in page
    assert ">&amp;</span> <span" in page
    assert not re.search(r"https?://|<script|src=", page)
    explained = text("good", "--explain", "-o", "page.html", "-q")
    assert explained.out.startswith("text 1: positive 0.92\n")
    assert (here / "page.html").read_text().count("<article>") == 1


def test_a_page_that_cannot_be_written_is_an_error(text: Run, here: Path) -> None:
    (here / "page.html").mkdir()
    shown = text("good", "-o", "page.html", "-q")
    assert shown.status == 1
    assert "page.html: cannot be written" in shown.err
    assert "Traceback" not in shown.err


def test_bad_texts_are_named_and_the_others_come_out(text: Run, here: Path) -> None:
    (here / "a.txt").write_bytes(b"good\n\nb\xe4d\nb\0d\nbad\n\n")
    shown = text("a.txt", "", "gone.csv", "film", "--format", "json")
    assert shown.status == 1
    assert [it["source"] for it in shown.records] == ["a.txt:1", "a.txt:5", "text 2"]
    errors = [line for line in shown.err.splitlines() if ": error: " in line]
    starts = ["a.txt:2: the line is blank", "a.txt:3: byte 2", "a.txt:4: a NUL character",
              "text 1: the text is empty", "gone.csv: no such file"]  # fmt: skip
    assert len(errors) == len(starts)
    for line, start in zip(errors, starts, strict=True):
        assert line.startswith(f"cnntasks: error: {start}")
    assert shown.err.splitlines()[-1] == "texts: 3 done, 5 failed"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "no texts given"),
        (["good", "--top", "0"], 2, "--top"),
        (["good", "-o", "folder"], 2, "names the file for the records"),
        (["good", "--encoding", "klingon"], 2, "there is no encoding 'klingon'"),
        (["good", "--column", "a", "--whole"], 2, "a whole file has no columns"),
        (["gone.txt"], 1, "gone.txt: no such file"),
        (["good", "--model", "detect-lite0"], 1, "is a model for `cnntasks detect`"),
    ],
)
def test_wrong_usage_is_one_line(
    text: Run, arguments: list[str], status: int, message: str
) -> None:
    shown = text("-q", *arguments)
    assert (shown.status, shown.out) == (status, "")
    [line] = shown.err.splitlines()
    assert line.startswith("cnntasks: error: ")
    assert message in line


def test_missing_columns_are_listed(text: Run, here: Path) -> None:
    (here / "a.csv").write_text("id,note\n1,good\n")
    shown = text("a.csv", "--column", "text")
    assert "a.csv: has no column 'text'; its columns: id, note" in shown.err
    assert text("a.csv").status == 1
    assert text("a.csv", "--column", "note").status == 0


@pytest.mark.parametrize("way", ["terminal", "pipe"])
def test_a_person_who_types_is_answered_line_by_line(tiny_model: Path, way: str) -> None:
    there, here = os.openpty() if way == "terminal" else os.pipe()[::-1]
    chunks = [] if way == "terminal" else ["--batch-size", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "cnntasks", "text", "-", "-q", "--format", "json",
         "--model", str(tiny_model), *chunks],
        stdin=here, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(here)
    assert process.stdout
    for line, label in ((b"good film\n", "positive"), (b"bad film\n", "negative")):
        os.write(there, line)
        record = json.loads(process.stdout.readline())
        assert record["labels"][0]["label"] == label
    if way == "terminal":
        os.write(there, b"\x04")  # Ctrl-D
    else:
        os.close(there)
    assert process.wait(60) == 0
    process.stdout.close()
    if way == "terminal":
        os.close(there)


def test_nothing_heavy_is_imported(tiny_model: Path) -> None:
    code = (
        "import sys; from cnntasks.cli.root import main; "
        f"status = main(['text', 'a good film', '-q', '--model', {str(tiny_model)!r}]); "
        "found = {name.partition('.')[0] for name in sys.modules}; "
        "print(sorted(found & {'torch', 'matplotlib', 'rich', 'PIL', 'torchmetrics'})); "
        "sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_help_imports_no_tokenizers() -> None:
    code = (
        "import sys; from cnntasks.cli.root import main; main(['text', '--help']); "
        "sys.exit(bool({'tokenizers', 'numpy', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0
