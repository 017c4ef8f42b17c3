"""What `cnntasks plugins new` writes keeps the contract and works: its own tests say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from written_plugins import import_file, keep_contract

import cnntasks
from cnntasks.cli.root import main

Write = Callable[[str], Path]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["image", "text", "audio"])
def test_a_classifier_predicts_trains_and_keeps_the_contract(
    kind: str, written: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = written(kind)
    card = cnntasks.read_card(cnntasks.find_model("try-out"))
    assert card.summary.startswith("Untrained")
    # Resuming takes three trainings; the slow tests run the projects' own tests, all of them.
    tests = project / "tests" / "test_contract.py"
    checked = keep_contract(tests, "TestTheContract", tmp_path / "work", ["test_training_resumes"])
    assert {"test_engines_agree", "test_registration_is_light", "test_verb_works"} <= set(checked)
    data = import_file(project / "tests" / "tiny_data.py").write_tiny(tmp_path / "tiny")
    assert main(["data", "check", "try-out", str(data)]) == 0
    training = ["train", "try-out", str(data), "-o", "my-model", "--epochs", "1"]
    assert main([*training, "--batch-size", "8", "--device", "cpu", "-q"]) == 0
    capsys.readouterr()
    assert main(["try-out", "--model", "my-model", str(data / "val"), "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "source,class,score"
    assert len(lines) > 4
    assert main(["evaluate", "try-out", "--model", "my-model", str(data), "-q"]) == 0
    assert "accuracy" in capsys.readouterr().out
    if kind == "text":
        check_texts(tmp_path, capsys)
    if kind == "audio":
        check_recordings(project)


def check_texts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A text is given in quotes or as a file, and texts of a batch do not see each other."""
    (folder / "a.txt").write_text("a lovely film")
    predict = cnntasks.load("try-out")
    assert predict("a lovely film") == predict("a.txt") == predict(folder / "a.txt")
    assert predict(["a lovely film", "a.txt"])[1] == predict("a.txt")
    [short, _] = predict(["a lovely film", "a lovely film " * 40])
    assert short.scores == pytest.approx(predict("a lovely film").scores, abs=1e-4)
    assert main(["try-out", "a lovely film", "missing.txt", "-q"]) == 1
    shown = capsys.readouterr()
    assert "a lovely film" in shown.out
    assert "missing.txt" in shown.err


def check_recordings(project: Path) -> None:
    """The project's own tests of WAV files and of resampling."""
    tests = import_file(project / "tests" / "test_wav.py")
    for width in (1, 2, 3, 4):
        tests.test_samples_of_any_width_are_read_and_channels_averaged(width)
    for rate in (8000, 22050):
        tests.test_a_slow_tone_survives_another_rate(rate)


def test_a_backbone_keeps_the_contract(written: Write, tmp_path: Path) -> None:
    project = written("backbone")
    file = project / "tests" / "test_backbone.py"
    assert "test_it_exports" in keep_contract(file, "TestTheContract", tmp_path / "work", [])
    tests = import_file(file)
    tests.test_weights_are_read_and_others_refused(tmp_path)
    assert "try-out" in cnntasks.list_backbones()


def test_a_format_keeps_the_contract(written: Write, tmp_path: Path) -> None:
    project = written("writer")
    file = project / "tests" / "test_writer.py"
    assert len(keep_contract(file, "TestTheContract", tmp_path / "work", [])) == 4
    tests = import_file(file)
    tests.test_records_are_sections_and_rows_are_items()
