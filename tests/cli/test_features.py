"""`cnntasks features`: what it writes and prints, and that it answers without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

import cnntasks
from cnntasks.cli.root import cli, main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the current folder."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    cnntasks.write_image(tmp_path / "a.png", pixels)
    return Path("a.png")


def test_picture_arrays_and_summary(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["features", str(picture), "--method", "kirsch", "--save-array", "--format", "json"]
    assert main(command) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["method"] == "kirsch"
    assert record["arrays"]["responses"] == [8, 40, 50]
    assert record["picture"] == "a.kirsch.features.png"
    with np.load("a.kirsch.features.npz") as arrays:
        assert arrays["masks"].shape == (8, 3, 3)
        assert arrays["responses"].shape == (8, 40, 50)
    assert Path("a.kirsch.features.png").is_file()


def test_options_may_stand_before_the_picture(
    picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["features", "--method", "lbp", str(picture), "-o", "x.jpg"]) == 0
    assert "histogram: " in capsys.readouterr().out
    assert Path("x.jpg").is_file()
    assert main(["features", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Usage: cnntasks features [OPTIONS] INPUT..." in shown
    assert "robinson, kirsch" in shown
    assert main(["features", "compare", "--help"]) == 0
    assert "Usage: cnntasks features compare [OPTIONS] DATA" in capsys.readouterr().out


def test_a_folder_one_bad_picture_and_our_own_outputs(
    picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.png").write_bytes(b"no picture")
    for expected in (1, 1):  # the second time there are outputs in the folder
        assert main(["features", ".", "--method", "canny"]) == expected
        shown = capsys.readouterr()
        assert shown.out.count("picture: ") == 1
        assert "broken.png" in shown.err
    assert Path("a.canny.features.png").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no pictures given"),
        (["a.png", "--method", "sobel", "--match", "a.png"], "--match compares keypoints"),
        (["a.png", "--method", "canny", "--low", "0.5"], "--low 0.5 must not lie above --high"),
        (["a.png", "--method", "gabor", "--wavelengths", "1,4"], "between 2 and 256"),
        (["a.png", "--method", "gabor", "--wavelengths", "x"], "give numbers, as in 4,8,16"),
        (["a.png", "a.png", "-o", "x.png"], "--output x.png is one picture"),
    ],
)
def test_wrong_usage_is_one_line(
    picture: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["features", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_missing_picture_to_match(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", str(picture), "--method", "sift", "--match", "gone.png"]) == 1
    assert "gone.png: no such file" in capsys.readouterr().err


def test_no_torch_is_imported(picture: Path) -> None:
    code = (
        "import sys; from cnntasks.cli.root import main; "
        "assert main(['features', 'a.png', '--method', 'sobel']) == 0; "
        "print([name for name in ('torch', 'sklearn', 'skimage', 'matplotlib', 'onnxruntime') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=picture.parent
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_options_of_both_commands_are_on_the_page() -> None:
    text = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    group = cli.get_command(click.Context(cli), "features")
    assert isinstance(group, click.Group)
    for name in ("photo.jpg", "compare"):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option):
                assert any(f"`{it}" in text or f"{it}`" in text for it in option.opts), option.opts
