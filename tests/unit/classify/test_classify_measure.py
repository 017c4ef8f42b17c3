"""An evaluation is what a person would count by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from classification_folders import write_folders, write_mnist
from click.testing import CliRunner
from cnntasks_classify.data import Example
from cnntasks_classify.evaluate import evaluate
from cnntasks_classify.measure import measure, read_for_evaluation
from PIL import Image
from small_classifiers import KINDS, pattern, patterns

import cnntasks
from cnntasks import InputError


@pytest.fixture
def pipeline(pattern_model: Path) -> cnntasks.Pipeline:
    return cnntasks.load("classify", pattern_model, many=True, top=None, threshold=0.0)


def mislabelled(count: int = 12) -> list[Example]:
    """Every fourth picture is said to be of the next class."""
    return [
        Example(it.name, (it.label + (n % 4 == 0)) % 3, it.path, it.pixels)
        for n, it in enumerate(patterns(count, first=600))
    ]


def test_the_score_is_that_of_the_single_pictures(
    pipeline: cnntasks.Pipeline, pattern_model: Path
) -> None:
    examples = mislabelled()
    done: list[int] = []
    score, mistakes = measure(pipeline, examples, lambda: done.append(1))
    single = cnntasks.load("classify", pattern_model, top=1)
    found = [single(example.load()) for example in examples]
    wrong = [n for n, it in enumerate(examples) if found[n].names[0] != KINDS[it.label]]
    assert len(done) == 12
    assert 0 < len(wrong) < 12
    assert score.metrics["top1"] == pytest.approx(1 - len(wrong) / 12)
    assert sorted(it.number for it in mistakes) == wrong
    assert [it.score for it in mistakes] == sorted((it.score for it in mistakes), reverse=True)
    for it in mistakes:
        assert it.name == examples[it.number].name
        assert (it.truth, it.found) == (KINDS[examples[it.number].label], found[it.number].names[0])
        assert it.score == pytest.approx(float(found[it.number].scores[0]), abs=1e-5)
    assert score.figures == {}


def test_a_damaged_picture_is_named(pipeline: cnntasks.Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "bad.png"
    Image.fromarray(pattern(0, 0)).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    examples = [*patterns(3), Example("bad.png", 0, path)]
    with pytest.raises(InputError, match=r"bad\.png: the picture is damaged") as caught:
        measure(pipeline, examples)
    assert "\n" not in str(caught.value)


def test_the_split_to_measure_on(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "pets")
    assert read_for_evaluation(str(root)).split == "val"
    assert read_for_evaluation(f"{root}:train").split == "train"
    assert read_for_evaluation(str(write_mnist(tmp_path / "digits"))).split == "test"
    (root / "val/cat").rename(tmp_path / "cat")
    (root / "train/dog").rename(tmp_path / "dog")
    only = tmp_path / "only"
    only.mkdir()
    for name in ("cat", "dog"):
        (tmp_path / name).rename(only / name)
    assert read_for_evaluation(str(only)).split == "all"
    with pytest.raises(InputError, match="there is no such file or folder"):
        read_for_evaluation(str(tmp_path / "lost"))


def write_set(root: Path) -> Path:
    """Four pictures of each kind as files; one disk lies among the tops."""
    for kind, name in enumerate(("Top", "left", "disk")):
        (root / name).mkdir(parents=True)
        for number in range(4):
            shown = 2 if (kind, number) == (0, 3) else kind
            grey = Image.fromarray(pattern(shown, 700 + number))
            grey.save(root / name / f"{number}.png")
    return root


def test_the_command_matches_classes_by_name_and_writes_a_report(
    pattern_model: Path, tmp_path: Path
) -> None:
    data, report = write_set(tmp_path / "data"), tmp_path / "report"
    arguments = [str(data), "--model", str(pattern_model), "-o", str(report), "--mistakes", "1"]
    result = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    metrics = json.loads((report / "report.json").read_text())["metrics"]
    with (report / "mistakes.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert metrics["top1"] == pytest.approx(1 - len(rows) / 12)
    by_name = {row["picture"]: row for row in rows}
    assert (by_name["Top/3.png"]["true"], by_name["Top/3.png"]["found"]) == ("top", "disk")
    assert "12 pictures" in result.stdout
    shown = [line for line in result.stdout.splitlines() if line.startswith("mistake: ")]
    assert len(shown) == 1
    first = rows[0]
    assert shown[0].startswith(f"mistake: {first['picture']}: {first['true']}, taken for ")
    for name in ("confusion-matrix.png", "mistakes.jpg"):
        with Image.open(report / name) as picture:
            assert np.asarray(picture.convert("L")).std() > 5


def test_classes_that_the_model_does_not_know_are_named(
    pattern_model: Path, tmp_path: Path
) -> None:
    (write_set(tmp_path / "data") / "disk").rename(tmp_path / "data/star")
    with pytest.raises(InputError, match="the model does not know its class 'star'"):
        CliRunner().invoke(
            evaluate,
            [str(tmp_path / "data"), "--model", str(pattern_model)],
            catch_exceptions=False,
        )
