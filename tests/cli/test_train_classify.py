"""From a folder of pictures to a classifier that is measured and used, by the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from detect_runs import Shown
from PIL import Image

import cnntasks
from cnntasks.cli.root import main
from cnntasks.models.folder import verify_folder

Run = Callable[..., Shown]
SETTINGS = ("--backbone", "lenet5", "--epochs", "8", "--batch-size", "8", "--rate", "0.005",
            "--device", "cpu", "-q")  # fmt: skip


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def start(*args: str | Path) -> Shown:
        capfd.readouterr()
        status = main([str(arg) for arg in args])
        shown = capfd.readouterr()
        return Shown(status, shown.out, shown.err)

    return start


def bar(upright: bool, random: np.random.Generator) -> Image.Image:
    """28×28, a light bar through the middle of dark ground, with noise."""
    square = random.integers(0, 60, (28, 28)).astype(np.uint8)
    place = int(random.integers(11, 14))
    view = square if upright else square.T
    view[3:25, place : place + 4] = 220
    return Image.fromarray(square)


def write_bars(root: Path, count: int, seed: int) -> Path:
    random = np.random.default_rng(seed)
    for name in ("lying", "upright"):
        (root / name).mkdir(parents=True)
        for number in range(count):
            bar(name == "upright", random).save(root / name / f"{number:03}.png")
    return root


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data/`, and `model/` trained on it."""
    root = tmp_path_factory.mktemp("bars")
    write_bars(root / "data", 40, seed=0)
    command = ["train", "classify", str(root / "data"), "-o", str(root / "model"), *SETTINGS]
    assert main(command) == 0
    return root


def test_the_model_folder_is_whole_and_says_how_it_came_to_be(trained: Path) -> None:
    assert verify_folder(trained / "model") == []
    card = cnntasks.read_card(trained / "model")
    assert card.classes == ("lying", "upright")
    assert card.network == {"name": "classifier", "backbone": "lenet5"}
    assert card.preprocessing["color"] == "L"
    assert card.preprocessing["light_on_dark"]
    assert card.recipe["pictures"] == 68
    assert card.recipe["validation_pictures"] == 12
    assert card.recipe["fit"]["seed"] == 0
    # Chosen by what the pictures are like, and recorded.
    assert (card.recipe["area"], card.recipe["flip"], card.recipe["jitter"]) == (1, 0, 0)
    assert card.metrics["validation_top1"] == 1
    network = cnntasks.create_classifier("lenet5", classes=2, in_channels=1)
    assert card.parameters == sum(weight.numel() for weight in network.parameters())


def test_the_split_is_recorded_class_by_class(trained: Path) -> None:
    text = (trained / "model" / "training" / "split.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 80
    held = [row["class"] for row in rows if row["part"] == "val"]
    assert (held.count("lying"), held.count("upright")) == (6, 6)


def test_new_pictures_are_told_apart_light_or_dark(trained: Path, run: Run, tmp_path: Path) -> None:
    write_bars(tmp_path / "new", 5, seed=1)
    for path in list((tmp_path / "new").rglob("*.png")):  # ink on paper, and much larger
        picture = 255 - np.asarray(Image.open(path))
        large = Image.fromarray(picture).resize((140, 140))
        large.save(path.with_name(f"dark-{path.name}"))
    shown = run("classify", "--model", trained / "model", tmp_path / "new", "--format", "json",
                "--top", "1")  # fmt: skip
    assert shown.status == 0
    assert len(shown.records) == 20
    for record in shown.records:
        assert record["classes"][0]["class"] == Path(record["source"]).parent.name


def test_evaluation_by_name_with_pictures_of_the_mistakes(
    trained: Path, run: Run, tmp_path: Path
) -> None:
    data = write_bars(tmp_path / "data", 6, seed=2)
    # Two lie in the wrong folder; the classes are spelled and ordered otherwise.
    (data / "upright" / "000.png").rename(data / "lying" / "wrong-0.png")
    (data / "upright" / "001.png").rename(data / "lying" / "wrong-1.png")
    (data / "upright").rename(data / "UPRIGHT")
    shown = run("evaluate", "classify", "--model", trained / "model", data, "-o",
                tmp_path / "report", "--format", "json", "-q")  # fmt: skip
    assert shown.status == 0, shown.err
    report = json.loads(shown.out)
    assert report["metrics"]["top1"] == pytest.approx(10 / 12)
    rows = {row["class"]: row for row in report["classes"]}
    assert rows["lying"]["recall"] == pytest.approx(6 / 8)
    assert rows["upright"]["precision"] == pytest.approx(4 / 6)
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names == {"report.json", "confusion-matrix.png", "mistakes.csv", "mistakes.jpg"}
    table = (tmp_path / "report" / "mistakes.csv").read_text(encoding="utf-8").splitlines()
    assert sorted(line.split(",")[0] for line in table[1:]) == [
        "lying/wrong-0.png",
        "lying/wrong-1.png",
    ]


def test_the_same_seed_gives_the_same_weights(trained: Path, run: Run, tmp_path: Path) -> None:
    shown = run("train", "classify", trained / "data", "-o", tmp_path / "again", *SETTINGS)
    assert shown.status == 0
    first, second = (
        (folder / "weights.safetensors").read_bytes()
        for folder in (trained / "model", tmp_path / "again")
    )
    assert first == second


def test_a_loss_of_ones_own_lies_in_the_current_folder(
    trained: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_losses.py").write_text(
        "def focal(logits, targets):\n"
        "    p = logits.softmax(dim=1)\n"
        "    return -(targets * (1 - p) ** 2 * p.clamp(min=1e-6).log()).sum(dim=1)\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    shown = run("train", "classify", trained / "data", "-o", "model", *SETTINGS, "--epochs", "1",
                "--loss", "my_losses:focal")  # fmt: skip
    assert shown.status == 0, shown.err
    assert cnntasks.read_card(tmp_path / "model").recipe["loss"] == "my_losses:focal"


def test_data_that_the_model_does_not_know_are_refused(
    trained: Path, run: Run, tmp_path: Path
) -> None:
    data = write_bars(tmp_path / "data", 2, seed=3)
    (data / "lying").rename(data / "slanted")
    shown = run("evaluate", "classify", "--model", trained / "model", data)
    assert shown.status == 1
    (line,) = shown.err.splitlines()
    assert "does not know its class 'slanted'" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--loss", "hinge"], "there is no loss 'hinge'"),
        (["--loss", "math:nothing"], "--loss math:nothing: 'math' has no attribute 'nothing'"),
        (["--backbone", "lenet6"], "did you mean lenet5"),
        (["--freeze", "c9"], "has no stage 'c9'; it has c1"),
        (["--weights", "gone.pth"], "gone.pth: cannot read these weights"),
        (["--weights", "imagenet"], "lenet5: no ImageNet weights come with cnntasks"),
        (["--from", "no-such-model"], "there is no model named 'no-such-model'"),
    ],
)
def test_wrong_usage_is_one_line_and_leaves_nothing(
    trained: Path, run: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    shown = run("train", "classify", trained / "data", "-o", tmp_path / "new", *SETTINGS,
                *arguments)  # fmt: skip
    assert shown.status in (1, 2)
    (line,) = shown.err.splitlines()
    assert line.startswith("cnntasks: error: ")
    assert message in line
    assert not (tmp_path / "new").exists() or not (tmp_path / "new" / "card.json").exists()
