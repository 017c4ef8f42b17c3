"""Labelled texts in tables: every format, their splits and folds, and what is wrong with rows."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from cnntasks_text.data import Columns, available_splits, read_text_data
from cnntasks_text.data.recognise import text_formats

from cnntasks import InputError

ROWS = [("good film", "pos"), ("bad film", "neg"), ('say "good", film', "pos"), ("no", "neg")]


def write(path: Path, header: str, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{row}\n" for row in (header, *rows)).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def as_csv(name: str = "a.csv", folder: Path = Path()) -> Path:
    rows = [f'{label},"{text.replace(chr(34), 2 * chr(34))}"' for text, label in ROWS]
    return write(folder / name, "Label,Text", *rows)


def as_tsv(name: str = "a.tsv", folder: Path = Path()) -> Path:
    return write(folder / name, "id\tsentence\tclass",
                 *(f"7\t{text}\t{label}" for text, label in ROWS))  # fmt: skip


def as_json(name: str = "a.jsonl", folder: Path = Path()) -> Path:
    rows = [{"review": text, "sentiment": label, "n": 1} for text, label in ROWS]
    first, *rest = map(json.dumps, rows)
    return write(folder / name, first, *rest)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_every_format_gives_the_same(here: Path, suffix: str) -> None:
    for make, name in ((as_csv, "a.csv"), (as_tsv, "a.tsv"), (as_json, "a.jsonl")):
        file = make(name + suffix, here)
        data = read_text_data(file)
        assert data.classes == ("neg", "pos")
        assert [(it.text, data.classes[it.label]) for it in data.examples] == ROWS
        start = 1 if "json" in name else 2
        assert [it.name for it in data.examples] == [
            f"{file.name}:{n}" for n in range(start, start + 4)
        ]
        assert (data.name, data.split, data.skipped) == (file.name, "all", 0)
        assert available_splits(file) == ["all"]


def test_columns_are_named_where_their_names_are_unusual(here: Path) -> None:
    file = write(here / "a.tsv", "coarse\tfine\tq", "A\ta1\tone", "B\tb1\ttwo")
    with pytest.raises(
        InputError, match=r"which column holds the texts.*its columns: coarse, fine"
    ):
        read_text_data(file)
    with pytest.raises(InputError, match=r"which column holds the classes.*--label-column"):
        read_text_data(file, columns=Columns(text="q"))
    with pytest.raises(InputError, match="has no column 'x'; its columns: coarse, fine, q"):
        read_text_data(file, columns=Columns(text="x", label="fine"))
    assert read_text_data(file, columns=Columns("q", "fine")).classes == ("a1", "b1")
    assert read_text_data(file, columns=Columns("Q", "coarse")).classes == ("A", "B")


def test_files_of_a_folder_are_splits_by_a_word_of_their_names(here: Path) -> None:
    for name in ("trec_train.tsv", "trec-dev.tsv.gz", "TREC_Test.tsv"):
        as_tsv(name, here / "trec")
    assert available_splits(here / "trec") == ["train", "val", "test"]
    assert read_text_data(here / "trec", "dev").split == "val"
    assert read_text_data(Path(f"{here / 'trec'}:test")).examples[0].name == "TREC_Test.tsv:2"
    everything = read_text_data(here / "trec")
    assert (everything.split, len(everything.examples)) == ("all", 12)
    formats = text_formats()
    assert formats.splits_to_learn(here / "trec") == ("train", "val")
    assert formats.split_to_measure(here / "trec") == "test"
    with pytest.raises(InputError, match=r"no split 'x'; it has train, val, test"):
        read_text_data(here / "trec", "x")
    as_tsv("old_train.tsv", here / "trec")
    with pytest.raises(InputError, match="both look like its train split"):
        read_text_data(here / "trec")


def test_a_folder_with_one_table_is_that_table(here: Path) -> None:
    as_csv("reviews.csv", here / "one")
    assert read_text_data(here / "one").split == "all"
    as_csv("more.csv", here / "one")
    with pytest.raises(InputError, match="which one"):
        read_text_data(here / "one")


def test_split_and_fold_columns(here: Path) -> None:
    file = write(here / "a.csv", "text,label,split,fold",
                 "a,x,Train,0", "b,y,training,1", "c,x,dev,", "d,y,test,2")  # fmt: skip
    assert available_splits(file) == ["train", "val", "test"]
    train = read_text_data(file, "train")
    assert [(it.text, it.fold) for it in train.examples] == [("a", "0"), ("b", "1")]
    assert train.classes == read_text_data(file, "val").classes == ("x", "y")
    other = write(here / "b.tsv", "text\tlabel\tpart", "a\tx\t3", "b\ty\t4")
    data = read_text_data(other, columns=Columns(fold="part"))
    assert [it.fold for it in data.examples] == ["3", "4"]
    with pytest.raises(InputError, match="has no column 'fold'"):
        read_text_data(other, columns=Columns(fold="fold"))
    wrong = write(here / "c.csv", "text,label,split", "a,x,train", "b,y,trian")
    with pytest.raises(InputError, match=r"c\.csv:3: the split 'trian' is none of train"):
        read_text_data(wrong)


def test_numbers_are_classes_in_their_order(here: Path) -> None:
    file = write(here / "a.tsv", "label\ttext", *(f"{n}\tt{n}" for n in (10, 2, 0, 1)))
    assert read_text_data(file).classes == ("0", "1", "2", "10")
    lines = [json.dumps({"text": "t", "label": label}) for label in (1, 0, True)]
    assert read_text_data(write(here / "b.jsonl", *lines)).classes == ("0", "1", "true")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("good,", "a.csv:3: the label is empty"),
        ("a,b,c", "a.csv:3: 3 cells where the first line names 2"),
        ("g\0d,x", "a.csv:3: a NUL character at place 2"),
        ('"good,x', "a.csv:3: this row is not well-formed"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_line(
    here: Path, row: str, message: str
) -> None:
    file = write(Path("a.csv"), "text,label", "fine,x", row, "more,y")
    with pytest.raises(InputError) as caught:
        read_text_data(file)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_blank_texts_are_left_out_and_counted(here: Path) -> None:
    file = write(here / "a.csv", "text,label", "good,x", '"  ",x', "bad,y")
    data = read_text_data(file)
    assert ([it.text for it in data.examples], data.skipped) == (["good", "bad"], 1)


def test_every_class_needs_a_text_to_learn_from(here: Path) -> None:
    write(here / "d" / "train.csv", "text,label", "a,x", "b,y")
    write(here / "d" / "test.csv", "text,label", "a,x", "b,z")
    with pytest.raises(InputError, match="the class 'z' has no text here"):
        read_text_data(here / "d", "train")
    assert len(read_text_data(here / "d", "test").examples) == 2
    with pytest.raises(InputError, match="it has only the class 'x'; a classifier needs"):
        read_text_data(write(here / "one.csv", "text,label", "a,x"))
    with pytest.raises(InputError, match="it has no class"):
        read_text_data(write(here / "none.csv", "text,label"))


@pytest.mark.parametrize("name", ["gone.csv", "notes.md", "empty"])
def test_what_is_no_data_set_is_told(here: Path, name: str) -> None:
    (here / "notes.md").write_text("x")
    (here / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        read_text_data(here / name)
    expected = "there is no such file" if name == "gone.csv" else "not a text data set; expected a"
    assert expected in str(caught.value)


def test_a_file_of_another_encoding_is_refused_at_its_line(here: Path) -> None:
    (here / "a.tsv").write_bytes("text\tlabel\ncafé\tx\ngood\ty\n".encode("cp1252"))
    with pytest.raises(InputError, match=r"a\.tsv:2: byte 4 of the line \(0xe9\) is not utf-8"):
        read_text_data(here / "a.tsv")
    (here / "b.tsv").write_bytes("text\tlabel\ncafé\tx\ngood\ty\n".encode("utf-16"))
    assert read_text_data(here / "b.tsv").examples[0].text == "café"
