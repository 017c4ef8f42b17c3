"""`cnntasks detect` from the arguments to the files and the exit status, on a tiny model."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cnntasks
from cnntasks.cli.root import main

SAMPLES = Path(__file__).parents[2] / "samples"
CLASSES = {"cat", "dog", "traffic light"}
PROGRAM = (
    sys.executable,
    "-c",
    "import sys; from cnntasks.cli.root import main; sys.exit(main())",
)
HEAVY = ("torch", "torchvision", "lightning", "torchmetrics", "onnx", "matplotlib", "rich")


@dataclass(frozen=True)
class Shown:
    """What a run ended with and wrote."""

    status: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as JSON Lines: every line of it must be one."""
        return [json.loads(line) for line in self.out.splitlines()]


Detect = Callable[..., Shown]


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `cat.webp` and, in `farm/`, `cow.webp` and `dog.webp`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "farm").mkdir()
    shutil.copy(SAMPLES / "cat.webp", tmp_path)
    for name in ("cow.webp", "dog.webp"):
        shutil.copy(SAMPLES / name, tmp_path / "farm")
    return tmp_path


@pytest.fixture
def detect(pictures: Path, tiny_detector: Path, capfd: pytest.CaptureFixture[str]) -> Detect:
    """`detect(*args)` runs `cnntasks detect --model TINY ARGS` in the folder `pictures`."""

    def run(*args: str | Path) -> Shown:
        capfd.readouterr()
        status = main(["detect", "--model", str(tiny_detector), *map(str, args)])
        shown = capfd.readouterr()
        return Shown(status, shown.out, shown.err)

    return run


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


GIVEN = ["cat.webp", "farm/cow.webp", "farm/dog.webp"]


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--classes", "unicorn"], "does not know 'unicorn'; its classes are cat, dog"),
        (["--threshold", "2"], "--threshold"),
        (["--size", "5"], "--size"),
        (["--format", "xml"], "--format"),
        (["--engine", "onnx", "--device", "cuda"], "onnx engine runs on the cpu"),
        (["--device", "gpu"], "there is no device 'gpu'"),
        (["--precision", "float16"], "float16 needs a GPU"),
        (["--nonsense"], "--nonsense"),
    ],
    ids=str,
)
def test_wrong_options_are_status_2(detect: Detect, options: list[str], message: str) -> None:
    shown = detect("cat.webp", *options)
    assert (shown.status, shown.out) == (2, "")
    [line] = shown.err.splitlines()
    assert line.startswith("cnntasks: error: ")
    assert message in line


def test_no_input_is_status_2(detect: Detect) -> None:
    shown = detect()
    assert (shown.status, shown.out) == (2, "")
    assert shown.err == "cnntasks: error: no pictures given; name files or folders, or see --help\n"


def test_a_bad_file_among_good_ones_is_named_and_the_others_come_out(
    detect: Detect, pictures: Path
) -> None:
    (pictures / "farm/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    (pictures / "farm/empty.png").touch()
    shown = detect("farm", "missing.jpg", "cat.webp", "--format", "json", "-o", "out")
    assert shown.status == 1
    assert [it["source"] for it in shown.records] == ["farm/cow.webp", "farm/dog.webp", "cat.webp"]
    errors = [line for line in shown.err.splitlines() if "error:" in line]
    for line, name in zip(
        errors, ("farm/broken.jpg", "farm/empty.png", "missing.jpg"), strict=True
    ):
        assert line.startswith(f"cnntasks: error: {name}: ")
    assert "3 done, 3 failed" in shown.err
    assert files(pictures / "out") == ["cat.detect.jpg", "cow.detect.jpg", "dog.detect.jpg"]


def test_a_file_of_records_is_complete_in_spite_of_a_bad_input(
    detect: Detect, pictures: Path
) -> None:
    shown = detect("missing.jpg", "cat.webp", "--no-picture", "-o", "out.jsonl")
    assert shown.status == 1
    [record] = [json.loads(line) for line in (pictures / "out.jsonl").read_text().splitlines()]
    assert record["source"] == "cat.webp"
    assert not (pictures / "out.jsonl.partial").exists()


@pytest.mark.parametrize("format_name", ["table", "json", "csv", "coco"])
def test_bad_inputs_alone_give_no_records(detect: Detect, format_name: str) -> None:
    shown = detect("missing.jpg", "--format", format_name)
    assert shown.status == 1
    expected = {"csv": "source,class,score,x0,y0,x1,y1\n", "coco": "[]\n"}.get(format_name, "")
    assert shown.out == expected
    assert shown.err.splitlines()[1].startswith("cnntasks: error: missing.jpg: no such file")


def test_an_empty_folder_is_an_error_that_says_so(detect: Detect, pictures: Path) -> None:
    (pictures / "empty").mkdir()
    shown = detect("empty")
    assert shown.status == 1
    assert "cnntasks: error: empty: no pictures in this folder" in shown.err


def test_a_picture_that_cannot_be_written_stops_no_other(detect: Detect, pictures: Path) -> None:
    Image.new("RGB", (66_000, 2)).save("long.png")  # JPEG ends at 65,535
    shown = detect("long.png", "cat.webp", "--format", "json")
    assert shown.status == 1
    assert [it["source"] for it in shown.records] == ["long.png", "cat.webp"]
    assert "cnntasks: error: long.detect.jpg: cannot be written" in shown.err
    assert files(pictures) == ["cat.detect.jpg", "cat.webp", *GIVEN[1:], "long.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("format_name", ["table", "json", "csv", "coco"])
def test_a_file_name_that_is_no_text_or_steers_terminals(
    detect: Detect, pictures: Path, format_name: str
) -> None:
    strange = os.fsdecode(b"caf\xe9.webp")
    Path("cat.webp").rename(strange)
    (pictures / "\x1b[2Jevil.jpg").touch()
    shown = detect(strange, "\x1b[2Jevil.jpg", "--format", format_name)
    assert shown.status == 1
    assert "caf" in shown.out
    assert "\x1b" not in shown.out + shown.err
    assert "evil.jpg: " in shown.err
    if format_name == "json":
        assert shown.records[0]["source"] == strange


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


def test_an_absent_gpu_is_an_error_and_nothing_runs_elsewhere(
    detect: Detect, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    shown = detect("cat.webp", "--device", "cuda")
    assert (shown.status, shown.out) == (1, "")
    [line] = shown.err.splitlines()
    assert line.startswith("cnntasks: error: device 'cuda:0' is not available")
    assert files(pictures) == GIVEN


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("detect-lite", "there is no model named 'detect-lite'; did you mean detect-lite0"),
        ("./no/such/folder", "no/such/folder"),
    ],
)
def test_an_unknown_model_is_status_1(
    pictures: Path, capfd: pytest.CaptureFixture[str], model: str, message: str
) -> None:
    assert main(["detect", "cat.webp", "--model", model]) == 1
    shown = capfd.readouterr()
    assert shown.out == ""
    [line] = shown.err.splitlines()
    assert message in line
    assert files(pictures) == GIVEN


def test_a_damaged_model_is_one_line(
    pictures: Path, tiny_detector: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_detector, "damaged")
    graph = pictures / "damaged/graph.onnx"
    graph.write_bytes(graph.read_bytes()[:5000])
    assert main(["detect", "cat.webp", "--model", "./damaged"]) == 1
    shown = capfd.readouterr()
    assert shown.out == ""
    [line] = shown.err.splitlines()
    assert line.startswith("cnntasks: error: damaged")


def test_a_prediction_imports_neither_torch_nor_anything_else_that_is_slow(
    pictures: Path,
) -> None:
    code = (
        "import sys; from cnntasks.cli.root import main; status = main(sys.argv[1:]); "
        f"print('loaded:', sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr); "
        "sys.exit(status)"
    )
    arguments = ["detect", "cat.webp", "--format", "json", "--offline"]
    shown = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert shown.stderr.splitlines()[-1] == "loaded: []"
    # Standard output holds records alone; the embedded model knows a cat when it sees one.
    [line] = shown.stdout.splitlines()
    assert json.loads(line)["detections"][0]["class"] == "cat"
    assert files(pictures) == ["cat.detect.jpg", *GIVEN]


def test_a_reader_that_goes_away_ends_the_run_quietly(pictures: Path, tiny_detector: Path) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "detect", "farm", "-q", "--model", str(tiny_detector), "--format", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 141


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
