"""`cnntasks detect` from the arguments to the files, on a tiny model."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detect_runs import GIVEN, PROGRAM, SAMPLES, Detect, files
from PIL import Image

import cnntasks

CLASSES = {"cat", "dog", "traffic light"}


def test_a_picture_gives_a_table_and_a_picture(detect: Detect, pictures: Path) -> None:
    shown = detect("cat.webp")
    assert shown.status == 0
    header, *rows = (line.split() for line in shown.out.splitlines())
    assert header == ["source", "class", "score", "x0", "y0", "x1", "y1"]
    assert len(rows) > 1
    for row in rows:
        assert row[0] == "cat.webp"
        assert 0.3 <= float(row[-5]) <= 1
    remark, written = shown.err.splitlines()
    assert remark.startswith("tiny: ONNX Runtime ")
    assert remark.endswith(" on cpu")
    assert written == "picture: cat.detect.jpg"
    assert files(pictures) == ["cat.detect.jpg", *GIVEN]
    with Image.open("cat.detect.jpg") as drawn, Image.open("cat.webp") as original:
        assert drawn.size == original.size
        difference = np.abs(np.asarray(drawn, int) - np.asarray(original.convert("RGB"), int))
    assert (difference.max(axis=2) > 100).mean() > 0.005


def test_quiet_says_nothing_but_the_records(detect: Detect) -> None:
    shown = detect("cat.webp", "-q", "--format", "json")
    assert (shown.status, shown.err) == (0, "")
    assert len(shown.records) == 1


def test_json_lines_come_in_the_order_of_the_arguments(detect: Detect) -> None:
    shown = detect("farm", "cat.webp", "--format", "json", "--no-picture")
    assert shown.status == 0
    assert [it["source"] for it in shown.records] == ["farm/cow.webp", "farm/dog.webp", "cat.webp"]
    for record in shown.records:
        with Image.open(record["source"]) as image:
            assert (record["width"], record["height"]) == image.size
        assert record["detections"]
        scores = [found["score"] for found in record["detections"]]
        assert scores == sorted(scores, reverse=True)
        for found in record["detections"]:
            x0, y0, x1, y1 = found["box"]
            assert 0 <= x0 < x1 <= record["width"]
            assert 0 <= y0 < y1 <= record["height"]
            assert found["class"] in CLASSES


def test_python_and_the_command_line_say_the_same(detect: Detect, tiny_detector: Path) -> None:
    [record] = detect("cat.webp", "--format", "json", "--no-picture").records
    by_python = cnntasks.load("detect", tiny_detector)("cat.webp")
    assert record == {"source": "cat.webp", **by_python.to_dict()}


def test_csv_has_a_row_for_each_box(detect: Detect) -> None:
    shown = detect("cat.webp", "farm", "--format", "csv", "--no-picture")
    rows = list(csv.DictReader(io.StringIO(shown.out)))
    records = detect("cat.webp", "farm", "--format", "json", "--no-picture").records
    assert [(row["source"], row["class"], float(row["x1"])) for row in rows] == [
        (record["source"], found["class"], found["box"][2])
        for record in records
        for found in record["detections"]
    ]


def test_coco_is_one_array_on_standard_output_or_in_a_file(detect: Detect, pictures: Path) -> None:
    shown = detect("cat.webp", "farm", "--format", "coco", "--no-picture")
    assert shown.status == 0
    found = json.loads(shown.out)
    assert [it["file_name"] for it in found] == sorted(it["file_name"] for it in found)
    assert {it["file_name"] for it in found} == {"cat.webp", "cow.webp", "dog.webp"}
    assert {it["category_id"] for it in found} <= {17, 18, 10}  # COCO's cat, dog, traffic light
    to_file = detect("cat.webp", "farm", "--format", "coco", "--no-picture", "-o", "new/coco.json")
    assert (to_file.status, to_file.out) == (0, "")
    assert json.loads((pictures / "new" / "coco.json").read_text()) == found
    assert files(pictures) == [*GIVEN, "new/coco.json"]


def test_yolo_writes_label_files(detect: Detect, pictures: Path) -> None:
    shown = detect("cat.webp", "farm", "--format", "yolo", "--no-picture", "-o", "out")
    assert (shown.status, shown.out) == (0, "")
    assert files(pictures / "out") == [
        "classes.txt",
        "labels/cat.txt",
        "labels/cow.txt",
        "labels/dog.txt",
    ]
    assert (pictures / "out/classes.txt").read_text().splitlines() == [
        "cat",
        "dog",
        "traffic light",
    ]
    for line in (pictures / "out/labels/cow.txt").read_text().splitlines():
        label, *numbers = line.split()
        assert int(label) in range(3)
        assert all(0 <= float(number) <= 1 for number in numbers)


def test_output_names_the_folder_of_the_pictures(detect: Detect, pictures: Path) -> None:
    shown = detect("cat.webp", "farm", "--output", "out/there")
    assert shown.status == 0
    assert files(pictures / "out/there") == ["cat.detect.jpg", "cow.detect.jpg", "dog.detect.jpg"]
    assert shown.err.splitlines()[-1] == "3 pictures with boxes in out/there/"
    assert shown.out.startswith("source")


@pytest.mark.parametrize("name", ["boxes.json", "boxes.jsonl", "boxes.csv", "boxes.txt"])
def test_output_names_the_file_of_the_records(detect: Detect, pictures: Path, name: str) -> None:
    kind = {".json": "json", ".jsonl": "json", ".csv": "csv", ".txt": "table"}[Path(name).suffix]
    expected = detect("cat.webp", "farm", "--no-picture", "--format", kind).out
    shown = detect("cat.webp", "farm", "--no-picture", "--output", name)
    assert (shown.status, shown.out) == (0, "")
    assert (pictures / name).read_text() == expected
    assert files(pictures) == sorted([name, *GIVEN])


def test_output_names_the_one_picture(detect: Detect, pictures: Path) -> None:
    shown = detect("cat.webp", "--output", "new/found.png")
    assert shown.status == 0
    assert shown.err.splitlines()[-1] == "picture: new/found.png"
    with Image.open(pictures / "new/found.png") as image:
        assert image.format == "PNG"
    assert files(pictures) == [*GIVEN, "new/found.png"]


def test_one_picture_cannot_hold_several(detect: Detect, pictures: Path) -> None:
    shown = detect("cat.webp", "farm/cow.webp", "--output", "found.png")
    assert shown.status == 2
    assert "--output found.png is one picture; for several name a folder" in shown.err
    assert files(pictures) == GIVEN
    assert detect("farm", "--output", "found.png").status == 2


def test_no_picture_writes_none(detect: Detect, pictures: Path) -> None:
    assert detect("cat.webp", "--no-picture").status == 0
    assert files(pictures) == GIVEN


def test_save_crops_writes_each_box_by_its_class(detect: Detect, pictures: Path) -> None:
    shown = detect("farm", "--save-crops", "--no-picture", "--format", "json", "-o", "out")
    expected = [
        f"crops/{found['class']}/{Path(record['source']).stem}-{number}.jpg"
        for record in shown.records
        for number, found in enumerate(record["detections"], 1)
    ]
    assert files(pictures / "out") == sorted(expected)
    first = shown.records[0]["detections"][0]
    x0, y0, x1, y1 = first["box"]
    with Image.open(pictures / "out" / expected[0]) as crop:
        assert abs(crop.width - (x1 - x0)) <= 2
        assert abs(crop.height - (y1 - y0)) <= 2


def test_pictures_that_differ_in_their_suffix_share_no_output(
    detect: Detect, pictures: Path
) -> None:
    with Image.open("cat.webp") as image:
        image.save("cat.png")
    records = detect("cat.webp", "cat.png", "--save-crops", "-o", "out", "--format", "json").records
    drawn = [name for name in files(pictures / "out") if name.endswith(".detect.jpg")]
    assert drawn == ["cat.detect.jpg", "cat.png.detect.jpg"]
    crops = [name for name in files(pictures / "out") if name.startswith("crops/")]
    assert len(crops) == sum(len(record["detections"]) for record in records)


def test_own_outputs_are_not_taken_for_inputs(detect: Detect) -> None:
    first = detect("farm", "-o", "farm", "--format", "json")
    assert len(first.records) == 2
    assert detect("farm", "-o", "farm", "--format", "json").out == first.out


def test_options_of_the_predictor_arrive(detect: Detect) -> None:
    def found(*options: str) -> list[dict[str, Any]]:
        shown = detect("farm/cow.webp", "--no-picture", "--format", "json", *options)
        assert shown.status == 0
        detections: list[dict[str, Any]] = shown.records[0]["detections"]
        return detections

    plain = found()
    assert len({each["class"] for each in plain}) > 1
    assert found("--threshold", "0.7") == [each for each in plain if each["score"] >= 0.7]
    assert found("--max-detections", "2") == plain[:2]
    light = [each for each in plain if each["class"] == "traffic light"]
    assert found("--classes", "Traffic Light, cat") == light
    assert len(plain) > len(found("--iou", "0"))
    assert found("--size", "96") != plain


def test_globs_and_lists(detect: Detect, pictures: Path) -> None:
    (pictures / "list.txt").write_text("# two\nfarm/dog.webp\ncat.webp\n")
    shown = detect("farm/*.webp", "@list.txt", "--no-picture", "--format", "json")
    names = [record["source"] for record in shown.records]
    assert names == ["farm/cow.webp", "farm/dog.webp", "farm/dog.webp", "cat.webp"]


def test_standard_input(detect: Detect, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BytesIO((pictures / "cat.webp").read_bytes())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(data))
    [record] = detect("-", "--format", "json").records
    assert record["source"] == "-"
    [by_name] = detect("cat.webp", "--format", "json", "--no-picture").records
    assert record["detections"] == by_name["detections"]
    assert "stdin.detect.jpg" in files(pictures)


@pytest.mark.parametrize("options", [(), ("--size", "224")])
def test_both_engines_find_the_same(detect: Detect, options: tuple[str, ...]) -> None:
    arguments = (*map(str, sorted(SAMPLES.glob("*.webp"))), "--no-picture", "--format", "json")
    by_onnx = detect(*arguments, *options, "--engine", "onnx")
    by_torch = detect(*arguments, *options, "--engine", "torch")
    assert by_torch.err.startswith("tiny: torch ")
    assert len(by_onnx.records) == len(by_torch.records) == len(list(SAMPLES.glob("*.webp")))
    for one, other in zip(by_onnx.records, by_torch.records, strict=True):
        assert [f["class"] for f in one["detections"]] == [f["class"] for f in other["detections"]]
        for mine, theirs in zip(one["detections"], other["detections"], strict=True):
            assert mine["score"] == pytest.approx(theirs["score"], abs=1e-3)
            np.testing.assert_allclose(mine["box"], theirs["box"], atol=0.5)


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_batches_find_what_single_pictures_find(
    detect: Detect, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On one core, pictures do not run side by side even in ONNX Runtime.
    monkeypatch.setattr("cnntasks.engines.onnx.available_cores", lambda: 1)
    options = ("--engine", engine, "--no-picture", "--format", "json")
    with Image.open("cat.webp") as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save("tac.webp", lossless=True)
        image.save("again.webp", lossless=True)
    names = ("cat.webp", "again.webp", "tac.webp", "farm")
    single = detect(*names, *options).records
    batched = detect(*names, *options, "--batch-size", "3").records
    assert [it["source"] for it in batched] == [it["source"] for it in single]
    for one, other in zip(single, batched, strict=True):
        assert len(one["detections"]) == len(other["detections"])
        for mine, theirs in zip(one["detections"], other["detections"], strict=True):
            assert mine["score"] == pytest.approx(theirs["score"], abs=1e-3)
            np.testing.assert_allclose(mine["box"], theirs["box"], atol=0.5)


def test_help_names_every_option() -> None:
    shown = subprocess.run(
        [*PROGRAM, "detect", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for option in (
        *("--model", "--device", "--engine", "--precision", "--batch-size", "--output"),
        *("--format", "--quiet", "--debug", "--offline", "--threshold", "--iou", "--classes"),
        *("--max-detections", "--size", "--no-picture", "--save-crops"),
    ):
        assert option in shown
