"""The check finds what would be learned or measured wrongly, and says where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cnntasks_text.data.check import check_text_data

from cnntasks import DataReport
from cnntasks.cli.root import main

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def write(path: Path, *rows: tuple[str, ...], header: str = "text\tlabel") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *("\t".join(row) for row in rows)]) + "\n")
    return path


def messages(report: DataReport, severity: str | None = None) -> list[str]:
    return [
        f"{it.where}: {it.message}" for it in report.findings if severity in (None, it.severity)
    ]


def good(count: int = 6) -> list[tuple[str, ...]]:
    return [(f"text number {NUMBERS[n]}", "xy"[n % 2]) for n in range(count)]


def test_a_good_set_has_counts_lengths_and_no_findings(here: Path) -> None:
    write(here / "d" / "train.tsv", *good(), ("word " * 600, "x"), ("short", "y"))
    write(here / "d" / "test.tsv", ("another", "x"), ("a new one", "y"))
    report = check_text_data(here / "d")
    assert report.findings == []
    assert report.summary == {
        "name": "d",
        "format": "tsv",
        "splits": {"train": 8, "test": 2},
        "classes": 2,
        "texts": 10,
        "skipped": 0,
        "words": {"shortest": 1, "median": 3, "longest": 600},
        "texts by words": {"1-5": 9, "501-1000": 1},
    }
    assert report.table == [
        {"class": "x", "split": "train", "texts": 4},
        {"class": "y", "split": "train", "texts": 4},
        {"class": "x", "split": "test", "texts": 1},
        {"class": "y", "split": "test", "texts": 1},
    ]


def test_copies_within_and_across_splits(here: Path) -> None:
    write(here / "d" / "train.tsv", *good(), ("Text  Number ONE", "x"), ("text number two", "x"))
    write(here / "d" / "test.tsv", ("text number three", "x"), ("new", "y"))
    report = check_text_data(here / "d")
    assert messages(report, "warning") == [
        "d/train.tsv:8: the same text as train.tsv:2; remove one of them"
    ]
    errors = messages(report, "error")
    assert errors[0].startswith(
        "d/train.tsv:9: the same text as train.tsv:3, but labelled 'x' here and 'y' there"
    )
    assert errors[1].startswith(
        "d/test.tsv:2: the same text as train.tsv:4, in test here and in train there: results "
        "would look better than they are"
    )
    assert len(errors) == 2


def test_copies_in_two_folds_are_errors(here: Path) -> None:
    rows = [("a b", "x", "0"), ("c d", "y", "1"), ("A b", "x", "1"), ("c d", "y", "1")]
    path = write(here / "a.tsv", *rows, header="text\tlabel\tfold")
    report = check_text_data(path)
    assert messages(report, "error") == [
        "a.tsv:4: the same text as a.tsv:2, in fold 1 here and in 0 there: results would look "
        "better than they are; put both into one"
    ]
    assert len(messages(report, "warning")) == 1


def test_blank_texts_labels_and_broken_rows(here: Path) -> None:
    path = write(here / "a.tsv", *good(), (" ", "x"), ("fine", ""), ("a", "b", "c"))
    errors = messages(check_text_data(path), "error")
    assert f"{path}:8: the text is blank and is left out; remove the row" in errors
    assert f"{path}:9: the label is empty; fill it in or remove the row" in errors
    assert any(it.startswith(f"{path}:10: 3 cells where") for it in errors)
    assert len(errors) == 3


@pytest.mark.parametrize(
    "text", ["a cafÃ© in town", "itâ€™s good", "lost \ufffd letter", "na\u00c3\u00afve"]
)
def test_text_that_was_read_in_a_wrong_encoding(here: Path, text: str) -> None:
    path = write(here / "a.tsv", *good(), (text, "x"))
    [message] = messages(check_text_data(path))
    assert message.startswith("a.tsv:8: ")
    assert "looks like text that was read in a wrong encoding" in message


@pytest.mark.parametrize(
    "text", ["São Paulo, Ünïcode", "it’s “good”", "Ã is a letter", "€5", "SÃO PAULO"]
)
def test_text_in_other_languages_is_no_damage(here: Path, text: str) -> None:
    assert messages(check_text_data(write(here / "a.tsv", *good(), (text, "x")))) == []


def test_a_text_without_a_word_is_worth_a_look(here: Path) -> None:
    [message] = messages(check_text_data(write(here / "a.tsv", *good(), ("?!", "x"))))
    assert message == "a.tsv:8: there is no word in this text; is that on purpose?"


def test_labels_that_may_be_slips(here: Path) -> None:
    rows = [(f"text {NUMBERS[n % 10]} {NUMBERS[n // 10]}", "positive") for n in range(60)]
    rows += [(f"other {NUMBERS[n % 10]} {NUMBERS[n // 10]}", "negative") for n in range(60)]
    rows += [("a", "positve"), ("b", "Negative "), ("c", "Positive")]
    found = messages(check_text_data(write(here / "a.tsv", *rows)), "warning")
    assert any("the class 'positve' has 1 text and is spelt nearly like 'positive'" in it
               for it in found)  # fmt: skip
    assert any("the classes 'Positive' and 'positive' differ in case" in it for it in found)
    assert any("'Negative' and 'negative' differ in case" in it for it in found)
    assert any(it.startswith("a.tsv:all: 60 texts of 'positive' but 1 of") for it in found)


def test_classes_of_like_names_and_size_are_no_slips(here: Path) -> None:
    rows = [(f"text {NUMBERS[n]}", ("class a", "class b")[n % 2]) for n in range(10)]
    assert messages(check_text_data(write(here / "a.tsv", *rows))) == []
    rows = [(f"text {n} {n}", "1" if n else "2") for n in range(100)]
    found = messages(check_text_data(write(here / "b.tsv", *rows)))
    assert not any("spelt" in it for it in found)


def test_a_class_without_texts_in_a_split(here: Path) -> None:
    write(here / "d" / "train.tsv", *good())
    write(here / "d" / "test.tsv", ("new", "x"), ("newer", "z"))
    report = check_text_data(here / "d")
    [error] = messages(report, "error")
    assert error.startswith("d:train: the class 'z' has no text here")
    [warning] = messages(report, "warning")
    assert warning.startswith("d:test: the class 'y' has no text here")


def test_the_command_prints_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(here / "a.tsv", *good(), ("text number one", "y"))
    assert main(["data", "check", "text", str(path)]) == 1
    shown = capsys.readouterr().out
    assert "texts by words  1-5 7" in shown
    assert "1 error, 0 warnings" in shown
    assert main(["data", "check", "text", "--format", "json", str(path)]) == 1
    assert json.loads(capsys.readouterr().out)["summary"]["texts"] == 7


def test_columns_are_told_to_the_command(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(here / "a.tsv", *good(), header="q\tkind")
    check = ["data", "check", "text", str(path)]
    assert main(check) == 1
    assert "which column holds the texts? Name it with --text-column" in capsys.readouterr().err
    assert main([*check, "--with", "text-column=q", "--with", "label-column=kind"]) == 0
    assert main([*check, "--with", "columns=q"]) == 2
    assert "text-column, label-column, fold-column are known" in capsys.readouterr().err
    assert main(["data", "check", "classify", str(path), "--with", "a=b"]) == 2
    assert "for the task 'classify' there is nothing to tell" in capsys.readouterr().err
