"""`features compare`: the same pictures for every classifier, measured and drawn."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from cnntasks_features import comparison
from cnntasks_features.machines import (
    Measured,
    hog_cell,
    hog_features,
    measure_machine,
    pixel_features,
)
from cnntasks_features.samples import grey_squares, labels_of, read_split, write_tables

import cnntasks
from cnntasks import InputError
from cnntasks.cli.root import main


def bars(kind: str, number: int, side: int = 28) -> np.ndarray:
    """A bright bar somewhere in the noise, upright or level."""
    generator = np.random.default_rng([number, len(kind)])
    picture = generator.integers(0, 60, (side, side), np.uint8)
    place = int(generator.integers(4, side - 8))
    if kind == "upright":
        picture[2:-2, place : place + 3] = 250
    else:
        picture[place : place + 3, 2:-2] = 250
    return picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder per class, twenty pictures each."""
    for kind in ("upright", "level"):
        for number in range(20):
            picture = bars(kind, number)[..., None].repeat(3, axis=2)
            cnntasks.write_image(tmp_path / "bars" / kind / f"{number}.png", picture)
    return tmp_path / "bars"


def write_idx(folder: Path, part: str, count: int) -> None:
    pictures = np.stack([bars(("upright", "level")[n % 2], n) for n in range(count)])
    labels = np.arange(count, dtype=np.uint8) % 2
    for name, values, dims in (("images-idx3", pictures, 3), ("labels-idx1", labels, 1)):
        head = struct.pack(f">BBBB{dims}I", 0, 0, 8, dims, *values.shape)
        (folder / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(head + values.tobytes()))


def test_a_quarter_of_a_folder_is_measured_on(folder: Path) -> None:
    split = read_split(folder, None, None, 0)
    assert split.classes == ("level", "upright")
    assert (len(split.train), len(split.test)) == (30, 10)
    assert split.held_out
    assert not split.whole
    assert labels_of(split.test).tolist() == [0] * 5 + [1] * 5
    names = {example.name for example in split.train}
    assert not names & {example.name for example in split.test}
    assert [it.name for it in read_split(folder, None, None, 0).train] == [
        it.name for it in split.train
    ]


def test_idx_files_keep_their_test_part_and_limits_are_balanced(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", 40)
    write_idx(tmp_path, "t10k", 12)
    split = read_split(tmp_path, None, None, 0)
    assert (len(split.train), len(split.test), split.whole) == (40, 12, True)
    assert split.locations == (f"{tmp_path}:train", f"{tmp_path}:test")
    few = read_split(tmp_path, 10, 6, 0)
    assert (len(few.train), len(few.test), few.whole) == (10, 6, False)
    assert np.bincount(labels_of(few.train))[:2].tolist() == [5, 5]
    with pytest.raises(InputError, match="too few pictures"):
        read_split(one_of_each(tmp_path), None, None, 0)


def one_of_each(folder: Path) -> Path:
    """Nothing is left to measure on."""
    only = folder / "only"
    cnntasks.write_image(only / "a" / "1.png", np.zeros((8, 8, 3), np.uint8))
    cnntasks.write_image(only / "b" / "1.png", np.zeros((8, 8, 3), np.uint8))
    return only


def test_both_parts_as_tables_for_the_network(folder: Path, tmp_path: Path) -> None:
    split = read_split(folder, 8, 4, 0)
    train, test = write_tables(split, tmp_path / "tables")
    formats = cnntasks.data_formats("classify")
    for location, examples in ((train, split.train), (test, split.test)):
        (part,) = formats.read(Path(location))
        assert part.classes == split.classes
        assert [it.label for it in part.examples] == [it.label for it in examples]
        assert np.array_equal(part.examples[0].load(), examples[0].load())


def test_machines_learn_bars_and_say_what_they_cost(folder: Path) -> None:
    split = read_split(folder, None, None, 0)
    train = grey_squares(split.train, None), labels_of(split.train)
    test = grey_squares(split.test, 28), labels_of(split.test)
    assert train[0].shape == (30, 28, 28)
    assert 0 <= train[0].min() < train[0].max() <= 1
    hogs = measure_machine("HOG", hog_features, train, test, 0)
    assert hogs.accuracy == 1
    assert hogs.details["features"] == 3 * 3 * 4 * 9
    # One machine tells two classes apart: weights, intercept, and the mean.
    assert hogs.parameters == 324 + 1 + 324
    assert hogs.kilobytes == pytest.approx(hogs.parameters * 4 / 1000)
    assert hogs.train_seconds > 0
    assert hogs.picture_ms > 0
    raw = measure_machine("raw", pixel_features, train, test, 0)
    assert raw.details["features"] == 784
    assert raw.accuracy == measure_machine("raw", pixel_features, train, test, 0).accuracy


def test_squares_of_photos_and_cells() -> None:
    class Photo:
        def load(self) -> np.ndarray:
            return np.zeros((100, 300, 3), np.uint8)

    assert grey_squares([Photo()], None).shape == (1, 64, 64)
    assert grey_squares([Photo()], 48).shape == (1, 48, 48)
    assert [hog_cell(side) for side in (16, 28, 32, 64, 128)] == [4, 7, 8, 8, 16]


def test_the_command_writes_and_prints_all_three(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def network(plan: comparison.Plan, split: object) -> Measured:
        return Measured(plan.backbone, 0.9, 3.0, 1.5, 60_000, 240.0, {"epochs": plan.epochs})

    monkeypatch.setattr(comparison, "_network", network)
    out = tmp_path / "out"
    command = ["features", "compare", str(folder), "-o", str(out), "--quiet"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    for word in ("raw pixels + SVM", "HOG + SVM", "lenet5", "60,000", "30 pictures to learn from"):
        assert word in shown
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert [it["method"] for it in results["classifiers"]][2] == "lenet5"
    assert results["held_out"] is True
    picture = cnntasks.read_image(next(iter(cnntasks.expand_sources(
        [str(out / "compare.png")], suffixes=(".png",)))))  # fmt: skip
    assert picture.shape[1] > 1000
    assert main([*command, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["classifiers"][1]["accuracy"] == 1


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", "compare", str(tmp_path / "none")]) == 1
    assert "there is no such file or folder" in capsys.readouterr().err
    assert main(["features", "compare", str(tmp_path), "--backbone", "lenet6"]) == 2
    assert "there is no backbone 'lenet6'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_network_learns_the_same_pictures(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["features", "compare", str(folder), "-o", str(out), "--quiet", "--format", "json"]
    assert main([*command, "--epochs", "40"]) == 0
    results = json.loads(capsys.readouterr().out)
    network = results["classifiers"][2]
    assert network["accuracy"] >= 0.8
    assert network["parameters"] == 60_000
    assert cnntasks.read_card(out / "cnn").classes == ("level", "upright")
