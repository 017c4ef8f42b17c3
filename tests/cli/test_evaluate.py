"""`cnntasks evaluate`: what is printed, the report, and what goes into the card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detect_runs import Shown
from PIL import Image

import cnntasks
from cnntasks.cli.root import main

Evaluate = Callable[..., Shown]


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Three pictures of noise with a cat or a dog boxed in each, as a test split."""
    root = tmp_path / "pets"
    (root / "images").mkdir(parents=True)
    random = np.random.default_rng(0)
    images, boxes = [], []
    for number in range(1, 4):
        noise = random.integers(0, 256, (96, 128, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / "images" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 128, "height": 96})
        box = [10 * number, 10, 60, 50]
        boxes.append({"id": number, "image_id": number, "category_id": 1 + number % 2, "bbox": box})
    document = {
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "images": images,
        "annotations": boxes,
    }
    (root / "test.json").write_text(json.dumps(document), encoding="utf-8")
    return root


@pytest.fixture
def evaluate(
    tiny_detector: Path, tmp_path: Path, coco: Path, capfd: pytest.CaptureFixture[str]
) -> Evaluate:
    """`evaluate(*args)` measures a copy of the tiny detector, `tmp_path / "tiny"`."""
    model = shutil.copytree(tiny_detector, tmp_path / "tiny")

    def run(*args: str | Path) -> Shown:
        capfd.readouterr()
        status = main(["evaluate", "detect", "--model", str(model), str(coco), *map(str, args)])
        shown = capfd.readouterr()
        return Shown(status, shown.out, shown.err)

    return run


def test_a_table_of_classes_and_the_metrics(evaluate: Evaluate) -> None:
    shown = evaluate()
    assert shown.status == 0, shown.err
    title, header, *rows = (line.split() for line in shown.out.splitlines())
    assert title == ["3", "pictures"]
    assert header == ["class", "AP50", "AP"]
    assert [row[0] for row in rows[:2]] == ["cat", "dog"]
    metrics = {row[0]: float(row[1]) for row in rows[3:]}
    assert {"mAP50", "mAP"} <= metrics.keys()
    assert all(0 <= value <= 1 for value in metrics.values())


def test_json_the_report_and_the_card_say_the_same(evaluate: Evaluate, tmp_path: Path) -> None:
    shown = evaluate("--format", "json", "-o", tmp_path / "report", "--record", "test", "-q")
    assert (shown.status, shown.err) == (0, "")
    printed: dict[str, Any] = json.loads(shown.out)
    written = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert printed == written
    assert [row["class"] for row in printed["classes"]] == ["cat", "dog"]
    with Image.open(tmp_path / "report" / "precision-recall.png") as picture:
        assert min(picture.size) > 300
    for name in ("reliability.png", "best.jpg", "typical.jpg", "worst.jpg"):
        with Image.open(tmp_path / "report" / name) as picture:
            assert min(picture.size) > 200
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        "best.jpg",
        "precision-recall.png",
        "reliability.png",
        "report.json",
        "typical.jpg",
        "worst.jpg",
    ]
    card = cnntasks.read_card(tmp_path / "tiny")
    expected = {f"test_{key}": round(v, 4) for key, v in printed["metrics"].items()}
    assert {key: card.metrics[key] for key in expected} == expected
    rows = [
        {k: v if k == "class" else round(v, 4) for k, v in r.items()} for r in printed["classes"]
    ]
    assert card.tables == {"test by class": rows}


def test_the_card_has_the_figures_of_each_data_set(
    evaluate: Evaluate, tmp_path: Path, coco: Path
) -> None:
    second = shutil.copytree(coco, tmp_path / "more")
    assert evaluate(second, "--record", "test", "-q").status == 0
    card = cnntasks.read_card(tmp_path / "tiny")
    rows = card.tables["test by data set"]
    assert [row["data set"] for row in rows] == ["pets", "more"]
    assert all(0 <= row["mAP50"] <= 1 for row in rows)
    assert main(["models", "show", str(tmp_path / "tiny")]) == 0


def test_without_record_the_card_stays(evaluate: Evaluate, tmp_path: Path) -> None:
    before = (tmp_path / "tiny" / "card.json").read_bytes()
    assert evaluate().status == 0
    assert (tmp_path / "tiny" / "card.json").read_bytes() == before


def test_some_classes_only(evaluate: Evaluate) -> None:
    shown = evaluate("--classes", "dog", "--format", "json")
    assert [row["class"] for row in json.loads(shown.out)["classes"]] == ["dog"]
    wrong = evaluate("--classes", "horse")
    assert wrong.status == 2
    assert "tiny does not know horse" in wrong.err


def test_a_report_that_cannot_be_written_is_one_line(evaluate: Evaluate, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    shown = evaluate("-o", tmp_path / "file" / "report", "-q")
    assert shown.status == 1
    (line,) = shown.err.splitlines()
    assert "the report cannot be written" in line


def test_a_damaged_picture_is_named(evaluate: Evaluate, coco: Path) -> None:
    (coco / "images" / "2.png").write_bytes(b"no picture")
    shown = evaluate("-q")
    assert shown.status == 1
    assert "2.png: not a picture" in shown.err
