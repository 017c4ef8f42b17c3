"""`benchmarks/kim2014.py` on sets of a few words."""

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
from cnntasks_text.data import TextExample

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
GOOD, BAD = "a wonderful , funny film", "a dull and tired film"


@pytest.fixture(scope="module")
def kim2014() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        return importlib.import_module("kim2014")


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tests keep theirs."""
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """`folded`, a file with two folds; `parted`, files for training and test."""
    texts = [f"{label}\t{text}" for _ in range(20) for label, text in (("1", GOOD), ("0", BAD))]
    folded = [f"{number // 2 % 2}\t{text}" for number, text in enumerate(texts)]
    folder = tmp_path / "data"
    for path, lines in {
        "folded/folded.tsv": ["fold\tlabel\ttext", *folded],
        "parted/parted_train.tsv": ["label\ttext", *texts[:30]],
        "parted/parted_test.tsv": ["label\ttext", *texts[30:]],
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("\n".join(lines) + "\n")
    return folder


def test_a_set_with_folds_and_one_with_files_are_measured_and_kept(
    kim2014: ModuleType, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "figures.json"
    arguments = ["--data", str(data), "--sets", "folded", "parted", "--recipes", "plain",
                 "--threads", "1", "--output", str(output)]  # fmt: skip
    kim2014.main(arguments)
    figures = json.loads(output.read_text())
    assert {name: len(values) for name, values in figures["rand"].items()} == {
        "folded": 2,
        "parted": 1,
    }
    assert figures["rand"]["parted"] == [100.0]  # the two classes share but two words
    assert "on the validation part" in capsys.readouterr().out

    kim2014.main(arguments)
    shown = capsys.readouterr().out
    assert "on the validation part" not in shown  # nothing was trained again
    assert "ours" in shown
    assert json.loads(output.read_text()) == figures


def test_figures_that_are_none_are_refused(kim2014: ModuleType, data: Path, tmp_path: Path) -> None:
    output = tmp_path / "figures.json"
    output.write_text("{")
    with pytest.raises(SystemExit, match=r"figures.json: holds no figures; remove it"):
        kim2014.main(["--data", str(data), "--sets", "parted", "--output", str(output)])
    assert output.read_text() == "{"


def test_a_set_that_is_not_there_is_named(kim2014: ModuleType, data: Path) -> None:
    with pytest.raises(SystemExit, match=r"has no folder or file 'gone'"):
        kim2014.main(["--data", str(data), "--sets", "gone"])


def test_texts_are_cleaned_as_in_the_paper(kim2014: ModuleType) -> None:
    clean = lambda text: kim2014.clean(TextExample(text, 0)).text  # noqa: E731
    assert clean("It's a film -- really; (95 %), no?") == "It's a film really (95 ), no?"
    assert clean("***") == "***"
