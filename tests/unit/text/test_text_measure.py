"""An evaluation of texts is what a person would count by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cnntasks_text.data import Columns, TextExample
from cnntasks_text.measure import measure, read_for_evaluation
from cnntasks_text.metrics import TextMetric
from PIL import Image
from tiny_text import TinyText, copy_model, make_tokenizer

import cnntasks
from cnntasks import InputError
from cnntasks.cli.root import main

#: What the model made by hand says of these is known: right, right, wrong, right, wrong.
TEXTS = [
    ("a good film", 1),
    ("a bad film", 0),
    ("very good film", 0),
    ("not good", 0),
    ("bad", 1),
]
EXAMPLES = [TextExample(text, label, f"f:{n}") for n, (text, label) in enumerate(TEXTS, 1)]


def test_accuracy_f1_and_mistakes_by_hand(load_tiny: Callable[..., cnntasks.Pipeline]) -> None:
    done: list[int] = []
    score, mistakes = measure(load_tiny(many=True, top=None), EXAMPLES, lambda: done.append(1))
    assert len(done) == 5
    assert score.metrics["accuracy"] == pytest.approx(3 / 5)
    # negative: 2 of 3 found, 2 of 3 right; positive: 1 of 2 found, 1 of 2 right.
    assert score.metrics["macro_F1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert score.metrics["macro_recall"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert score.table[0] == pytest.approx(
        {"class": "negative", "precision": 2 / 3, "recall": 2 / 3, "F1": 2 / 3, "texts": 3}
    )
    assert [(it.name, it.truth, it.found) for it in mistakes] == [
        ("f:3", "negative", "positive"),
        ("f:5", "positive", "negative"),
    ]
    assert score.figures == {}


def test_the_metric_of_a_learner_is_the_same() -> None:
    class Batch:
        tokens = torch.tensor(
            [
                [*e.ids, *[0] * (5 - len(e.ids))]
                for e in make_tokenizer().encode_batch([t for t, _ in TEXTS])
            ]
        )
        labels = torch.tensor([label for _, label in TEXTS])  # fmt: skip

    metric = TextMetric(("negative", "positive"))
    assert metric.compute().metrics == {"accuracy": 0.0}
    metric.update(TinyText(), Batch())
    assert metric.compute().metrics["accuracy"] == pytest.approx(3 / 5)
    metric.reset()
    assert metric.compute().metrics == {"accuracy": 0.0}


def test_a_text_that_cannot_be_read_is_named(
    load_tiny: Callable[..., cnntasks.Pipeline],
) -> None:
    with pytest.raises(InputError, match="f:9: a NUL character"):
        measure(load_tiny(), [*EXAMPLES, TextExample("a\0", 0, "f:9")])


def write_data(folder: Path) -> Path:
    folder.mkdir()
    names = ("Negative", "positive")
    for split in ("train", "test"):
        rows = "".join(f"{text}\t{names[label]}\n" for text, label in TEXTS)
        (folder / f"{split}.tsv").write_text(f"text\tlabel\n{rows}")
    return folder


def test_the_split_to_measure_on(here: Path) -> None:
    data = write_data(here / "d")
    assert read_for_evaluation(str(data), Columns()).split == "test"
    assert read_for_evaluation(f"{data}:train", Columns()).split == "train"
    assert read_for_evaluation(str(data / "test.tsv"), Columns()).split == "all"


def test_the_command_writes_a_report_and_a_record(
    here: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, model = write_data(here / "d"), copy_model(tiny_model, here / "m")
    arguments = ["evaluate", "text", str(data), "--model", str(model)]
    assert main([*arguments, "-o", "report", "--mistakes", "1", "--record", "test"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "5 texts"
    assert "accuracy 0.600" in shown
    assert shown[-1] == ("mistake: test.tsv:4: negative, taken for positive (0.92): very good film")
    metrics = json.loads((here / "report" / "report.json").read_text())["metrics"]
    assert metrics["accuracy"] == pytest.approx(0.6)
    with (here / "report" / "mistakes.csv").open(newline="") as stream:
        assert [row["text"] for row in csv.DictReader(stream)] == ["test.tsv:4", "test.tsv:6"]
    for name in ("confusion-matrix.png", "reliability.png"):
        with Image.open(here / "report" / name) as picture:
            assert min(picture.size) > 300
    assert cnntasks.read_card(model).metrics["test_accuracy"] == 0.6


def test_several_sets_have_a_line_each(
    here: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_data(here / "d")
    (here / "more.csv").write_text("note,kind\ngood,positive\nbad,negative\n")
    columns = ["--text-column", "note", "--label-column", "kind"]
    arguments = ["evaluate", "text", "--model", str(tiny_model), "--format", "json"]
    assert main([*arguments, "more.csv", *columns]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["accuracy"] == 1.0
    assert main([*arguments, str(data), f"{data}:train"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {name: it["accuracy"] for name, it in report["sets"].items()} == {
        str(data): pytest.approx(0.6),
        f"{data}:train": pytest.approx(0.6),
    }


def test_classes_that_the_model_does_not_know_are_named(
    here: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "a.csv").write_text("text,label\ngood,positive\nbad,awful\n")
    assert main(["evaluate", "text", "a.csv", "--model", str(tiny_model)]) == 1
    assert "the model does not know its class 'awful'" in capsys.readouterr().err
