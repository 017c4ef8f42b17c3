"""`cnntasks evaluate speech` on clips, on long recordings, on transcripts."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cnntasks_speech.transcripts import edits
from PIL import Image
from recordings import encoded, tone
from tiny_spotter import spoken

from cnntasks.cli.root import main

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Clips: 3 low, 2 high (one of them labelled `low`, so that it is a mistake), 1 of others."""
    monkeypatch.chdir(tmp_path)
    clips = {
        "low/a.wav": spoken([("low", 0.2)], 1.0),
        "low/b.wav": spoken([("low", 0.3)], 1.0),
        "low/c.wav": spoken([("low", 0.4)], 1.9),
        "low/wrong.wav": spoken([("high", 0.2)], 1.0),
        "high/a.wav": spoken([("high", 0.3)], 1.0),
        "Middle/a.wav": spoken([], 1.0) + tone(1.0, hertz=1200.0, peak=0.3),
        "_silence_/a.wav": np.zeros(16000, np.float32),
    }
    for name, samples in clips.items():
        path = tmp_path / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(samples))
    return tmp_path / "clips"


@pytest.fixture
def evaluate(tones: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """`evaluate(*args, model=TONES)`: status, the report, and standard error."""

    def run(*args: str | Path, model: Path = tones) -> tuple[int, Any, str]:
        capfd.readouterr()
        status = main(
            ["evaluate", "speech", "--model", str(model), "--format", "json", *map(str, args)]
        )
        shown = capfd.readouterr()
        return status, json.loads(shown.out) if shown.out else None, shown.err

    return run


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_accuracy_recall_and_figures(data: Path, evaluate: Run, tmp_path: Path) -> None:
    status, report, _ = evaluate(f"{data}:all", "-o", tmp_path / "report")
    assert status == 0
    assert report["metrics"]["accuracy"] == pytest.approx(6 / 7)
    rows = {row["class"]: row for row in report["classes"]}
    assert rows["low"]["recall"] == pytest.approx(3 / 4)
    assert rows["high"]["precision"] == pytest.approx(1 / 2)
    assert rows["unknown"]["recordings"] == rows["silence"]["recordings"] == 1
    with Image.open(tmp_path / "report" / "confusion-matrix.png") as picture:
        assert picture.width > 300
    [mistake] = rows_of(tmp_path / "report" / "mistakes.csv")
    assert mistake["recording"].endswith("wrong.wav")
    assert (mistake["true"], mistake["found"]) == ("low", "high")


def test_mistakes_are_printed(data: Path, tones: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "speech", "--model", str(tones), f"{data}:all"]) == 0
    out = capfd.readouterr().out
    assert "mistake: low/wrong.wav: low, taken for high (1.00)" in out
    assert "accuracy 0.857" in out


def test_composed_recordings(data: Path, evaluate: Run, tmp_path: Path) -> None:
    (data / "low" / "wrong.wav").unlink()
    status, report, _ = evaluate(f"{data}:all", "--long", "1", "-o", tmp_path / "report")
    assert status == 0
    metrics = report["metrics"]
    assert metrics["accuracy"] == 1.0
    assert metrics["miss_rate"] == 0.0
    assert metrics["false_alarms_per_hour"] == 0.0
    assert metrics["miss_rate_at_1_per_hour"] == 0.0
    assert metrics["hours"] == pytest.approx(1 / 60)
    assert metrics["threshold"] == 0.6
    rows = {row["class"]: row for row in report["classes"]}
    assert rows["low"]["said"] > 5
    assert rows["low"]["missed"] == 0
    assert (tmp_path / "report" / "det.png").is_file()
    assert (tmp_path / "report" / "det.csv").is_file()
    _, strict, _ = evaluate(f"{data}:all", "--long", "1", "--threshold", "1")
    assert strict["metrics"]["miss_rate"] == 1.0
    assert strict["metrics"]["miss_rate_at_1_per_hour"] == 0.0


def test_annotated_recordings(evaluate: Run, tmp_path: Path) -> None:
    folder = tmp_path / "talks"
    folder.mkdir()
    said = [("low", 0.5), ("high", 2.0), ("low", 4.0)]
    (folder / "a.wav").write_bytes(encoded(spoken(said, 6.0)))
    (folder / "a.txt").write_text(
        "0.5\t1.0\tlow\n2.0\t2.5\tlow\n4.0\t4.5\tlow\n5.0\t5.5\tstrange\n"
    )
    status, report, _ = evaluate(folder)
    assert status == 0
    assert report["metrics"]["miss_rate"] == pytest.approx(1 / 3)
    assert report["metrics"]["false_alarms_per_hour"] == pytest.approx(600)
    assert report["classes"] == [
        {"class": "low", "said": 3, "missed": 1, "false_alarms": 0},
        {"class": "high", "said": 0, "missed": 0, "false_alarms": 1},
    ]


def test_transcripts(dictation: Path, evaluate: Run, tmp_path: Path) -> None:
    said = [("low", 0.3), ("high", 1.2)]
    (tmp_path / "a.wav").write_bytes(encoded(spoken(said, 2.0)))
    (tmp_path / "b.wav").write_bytes(encoded(spoken([*said, ("low", 2.2)], 3.0)))
    (tmp_path / "test.jsonl").write_text(
        '{"audio": "a.wav", "transcript": "Low, high!"}\n'
        '{"audio": "b.wav", "transcript": "low high high"}\n'
    )
    table = tmp_path / "test.jsonl"
    status, report, _ = evaluate(table, "-o", tmp_path / "report", model=dictation)
    assert status == 0
    assert report["metrics"]["WER"] == pytest.approx(1 / 5)
    assert report["metrics"]["sentence_accuracy"] == pytest.approx(1 / 2)
    [mistake] = rows_of(tmp_path / "report" / "mistakes.csv")
    assert (mistake["said"], mistake["heard"]) == ("low high high", "low high low")


def test_composed_utterances(dictation: Path, data: Path, evaluate: Run, tmp_path: Path) -> None:
    for name in ("low/wrong.wav", "Middle/a.wav"):
        (data / name).unlink()
    args = (f"{data}:all", "--compose", "2-3", "--count", "5", "--seed", "7")
    status, report, _ = evaluate(*args, model=dictation)
    assert status == 0
    assert report["metrics"]["WER"] < 0.3
    written = tmp_path / "written"
    assert evaluate(*args, "--save-composed", written, model=dictation)[1] == report
    assert len(list(written.glob("*.wav"))) == 5
    again = evaluate(written, model=dictation)[1]
    assert again["metrics"]["WER"] == report["metrics"]["WER"]
    status, _, error = evaluate(written, "--save-composed", tmp_path, model=dictation)
    assert (status, "goes with --compose" in error) == (2, True)


@pytest.mark.parametrize(
    ("args", "message"),
    [(("--beam", "3"), "are for transcribing models"), (("--compose", "1-3"), "are for")],
)
def test_wrong_usage(
    data: Path, evaluate: Run, args: tuple[str, ...], message: str, dictation: Path
) -> None:
    status, _, error = evaluate(data, *args)
    assert status == 2
    assert message in error
    status, _, error = evaluate(data, "--long", "1", model=dictation)
    assert status == 2
    assert "--long is for word spotters" in error


def test_edits() -> None:
    assert edits(["a", "b", "c"], ["a", "x", "c", "d"]) == 2
    assert edits([], ["a"]) == 1
    assert edits(["a", "b"], []) == 2
    assert edits(["a"], ["a"]) == 0
