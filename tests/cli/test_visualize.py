"""`cnntasks visualize`: what it writes and prints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import cnntasks
from cnntasks import ModelCard
from cnntasks.cli.root import main


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two pictures and a broken one, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for number in range(2):
        picture = np.zeros((28, 28, 3), np.uint8)
        picture[4:24, 12 + number : 15 + number] = 255
        cnntasks.write_image(tmp_path / "digits" / f"{number}.png", picture)
    (tmp_path / "digits" / "2.png").write_bytes(b"no picture")
    return Path("digits")


def run(*words: str) -> int:
    return main(["visualize", "--model", "mnist-lenet5", *words])


def test_picture_arrays_and_summary(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("digits/0.png", "--save-array", "--format", "json", "--class", "1") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["method"] == "gradcam"
    assert record["class"] == "1"
    assert record["picture"] == "0.gradcam.visualize.png"
    with np.load("0.gradcam.visualize.npz") as arrays:
        assert arrays["map"].shape == (5, 5)
        assert arrays["heat"].shape == (32, 32)
    assert run("digits/1.png", "--method", "occlusion", "-o", "x.jpg") == 0
    assert "largest_fall: " in capsys.readouterr().out
    assert Path("x.jpg").is_file()


def test_every_picture_of_a_folder_and_the_bad_one_named(
    digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("digits", "--method", "gradcam++", "-o", "out") == 1
    shown = capsys.readouterr()
    assert shown.out.count("picture: ") == 2
    assert "digits/2.png" in shown.err
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "0.gradcampp.visualize.png",
        "1.gradcampp.visualize.png",
    ]
    assert run("digits", "--method", "deconvnet", "--layer", "s4", "--unit", "2") == 1
    shown = capsys.readouterr()
    assert "inputs: 2" in shown.out
    assert "digits/2.png" in shown.err
    assert Path("mnist-lenet5.deconvnet.visualize.png").is_file()
    assert run("digits/2.png", "--method", "deconvnet") == 1
    assert run("digits", "-o", "one.png") == 2
    assert "--output one.png is one picture" in capsys.readouterr().err


def test_methods_without_input(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--method", "filters", "--quiet") == 0
    assert "size: 5 5" in capsys.readouterr().out
    assert run("--method", "maximize", "--class", "3", "--iterations", "2", "--quiet") == 0
    assert "name 3 start" in capsys.readouterr().out
    assert Path("mnist-lenet5.maximize.visualize.png").is_file()


def test_layers_are_listed(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--layer", "list") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["c3.0", "PartialConv2d", "16", "10×10"] in lines
    assert run("digits/0.png", "--layer", "list", "--format", "json") == 0
    assert {"layer": "embed.1", "kind": "Linear", "units": 84, "places": ""} in json.loads(
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no input given; gradcam needs one"),
        (
            ["digits/0.png", "--layer", "c9"],
            "there is no layer 'c9'; there are c1.0, c1.1, c1, s2.0",
        ),
        (["digits/0.png", "--unit", "x", "--method", "deconvnet"], "give numbers, as in 3, 0,5,7"),
        (["digits/0.png", "--place", "a", "--method", "deconvnet"], "give center, or ROW,COLUMN"),
        (["digits/0.png", "--class", "1", "--class", "2"], "explains one class at a time"),
        (["digits/0.png", "--method", "activations", "--unit", "7"], "its units are 0 to 5"),
    ],
)
def test_wrong_usage_is_one_line(
    digits: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_model_without_gradients_says_what_is_needed(
    digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = ModelCard("graph", "classify", {"name": "classifier", "backbone": "lenet5"}, ("a", "b"))
    cnntasks.write_model_folder(Path("graph"), card, {}, None)
    Path("graph/weights.safetensors").unlink()
    assert main(["visualize", "digits/0.png", "--model", "graph/"]) == 1
    assert "gradients need the network's weights" in capsys.readouterr().err
    assert main(["visualize", "digits/0.png", "--model", "sentiment"]) == 1
    assert "is a model for `cnntasks text`, not for `cnntasks visualize`" in capsys.readouterr().err
