"""Tables of recordings: CSV, TSV and JSON Lines, with words or with transcripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cnntasks_speech.data import UNKNOWN, available_splits, read_speech_data
from speech_folders import write_table

from cnntasks import InputError

HEADER = "path,label,speaker,word"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "b.wav", "c.wav"):
        (tmp_path / name).touch()
    return tmp_path


def test_a_table_for_each_split(folder: Path) -> None:
    rows = [("a.wav", "yes", "s1", "yes"), ("b.wav", "_unknown_", "s2", "cat")]
    write_table(folder, rows, HEADER, "train.csv")
    write_table(folder, [("c.wav", "yes", "", "yes")], HEADER, "words_test.csv")
    assert available_splits(folder) == ["train", "test"]
    data = read_speech_data(folder, "train")
    assert (data.format, data.classes) == ("csv", (UNKNOWN, "yes"))
    first, second = data.examples
    assert (first.label, first.speaker, first.word) == (1, "s1", "yes")
    assert (second.label, second.word, second.path) == (0, "cat", folder / "b.wav")
    (third,) = read_speech_data(folder, "test").examples
    assert (third.label, third.speaker) == (1, None)


def test_one_table_with_a_split_column(folder: Path) -> None:
    rows = [("a.wav", "yes", "training"), ("b.wav", "no", "dev"), ("c.wav", "no", "train")]
    path = write_table(folder, rows, "audio,Label,split", "all.csv")
    assert available_splits(path) == ["train", "val"]
    assert [clip.name for clip in read_speech_data(path, "train").examples] == ["a.wav", "c.wav"]


def test_json_lines_with_transcripts(folder: Path) -> None:
    lines = [
        {"audio": "a.wav", "transcript": "seven three", "speaker": "lucas"},
        {"audio": "b.wav", "text": "one"},
    ]
    path = folder / "digits.jsonl"
    path.write_text("".join(json.dumps(line) + "\n\n" for line in lines))
    data = read_speech_data(path)
    assert data.classes == ()
    assert data.has_transcripts
    assert [(clip.transcript, clip.label) for clip in data.examples] == [
        ("seven three", -1),
        ("one", -1),
    ]


def test_json_lines_with_labels(folder: Path) -> None:
    path = folder / "words.jsonl"
    path.write_text('{"path": "a.wav", "command": "go"}\n{"path": "b.wav", "command": "up"}\n')
    assert read_speech_data(path).classes == ("go", "up")


def test_tabs(folder: Path) -> None:
    path = folder / "words.tsv"
    path.write_text("path\tlabel\na.wav\tyes\nb.wav\tno, thanks\n")
    assert read_speech_data(path).classes == ("no, thanks", "yes")


def test_a_table_of_words_only(folder: Path) -> None:
    path = write_table(folder, [("a.wav", "yes"), ("b.wav", "no")], "path,word", "words.csv")
    data = read_speech_data(path)
    assert [(data.classes[clip.label], clip.word) for clip in data.examples] == [
        ("yes", ""),
        ("no", ""),
    ]


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (
            "path,label",
            ("missing.wav", "yes"),
            r"words\.csv:2: there is no recording 'missing.wav'",
        ),
        ("path,label", ("a.wav", ""), r"words\.csv:2: neither label nor transcript"),
        ("file,label", ("", "yes"), r"words\.csv:2: there is no recording ''"),
        ("sound,label", ("a.wav", "yes"), r"words\.csv:2: there is no path \(but sound, label\)"),
        ("path,what", ("a.wav", "yes"), r"words\.csv:2: there is no label"),
        ("path,label,split", ("a.wav", "yes", "some"), r"words\.csv:2: the split 'some' is none"),
    ],
)
def test_rows_that_training_could_not_use(
    folder: Path, header: str, row: tuple[str, ...], message: str
) -> None:
    path = write_table(folder, [row], header, "words.csv")
    with pytest.raises(InputError, match=message) as caught:
        read_speech_data(path)
    assert "\n" not in str(caught.value)


def test_json_that_is_none(folder: Path) -> None:
    path = folder / "words.jsonl"
    path.write_text('{"path": "a.wav", "label": "go"}\n{"path"\n')
    with pytest.raises(InputError, match=r"words\.jsonl:2: not JSON"):
        read_speech_data(path)
    path.write_text("[1]\n")
    with pytest.raises(InputError, match=r"words\.jsonl:1: not a JSON object"):
        read_speech_data(path)


def test_a_table_that_is_no_text(folder: Path) -> None:
    path = folder / "words.csv"
    path.write_bytes(b"path,label\n\xff\xfe,yes\n")
    with pytest.raises(InputError, match="not UTF-8 text"):
        read_speech_data(path)


def test_which_table_is_meant(folder: Path) -> None:
    for name in ("one.csv", "two.csv"):
        write_table(folder, [("a.wav", "yes")], "path,label", name)
    with pytest.raises(InputError, match=r"one\.csv and two\.csv: which one"):
        read_speech_data(folder)
    (folder / "one.csv").rename(folder / "train.csv")
    (folder / "two.csv").rename(folder / "training.csv")
    with pytest.raises(InputError, match="both look like its train split"):
        read_speech_data(folder)


def test_an_empty_table(folder: Path) -> None:
    path = write_table(folder, [], "path,label", "words.csv")
    with pytest.raises(InputError, match="there is no recording in it"):
        read_speech_data(path)
