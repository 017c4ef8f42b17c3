"""What `cnntasks detect` does where something is wrong, and what it leaves alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from detect_runs import GIVEN, PROGRAM, Detect, files
from PIL import Image

from cnntasks.cli.root import main

HEAVY = ("torch", "torchvision", "lightning", "torchmetrics", "onnx", "matplotlib", "rich")


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
