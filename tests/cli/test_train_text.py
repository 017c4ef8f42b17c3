"""From a table of texts to a classifier that is measured and used, by the command line."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import cnntasks
from cnntasks.cli.root import main
from cnntasks.models.folder import verify_folder

WORDS = {"negative": ("awful", "boring", "dull"), "positive": ("gripping", "funny", "lovely")}
AROUND = ("the", "film", "is", "a", "story", "of", "people", "and", "music")
SETTINGS = ("--dimensions", "8", "--pieces", "100", "--batch-size", "16", "--texts-per-epoch",
            "160", "--epochs", "3", "--rate", "0.01", "--device", "cpu", "-q")  # fmt: skip


def write_table(path: Path, count: int, seed: int) -> Path:
    chosen = random.Random(seed)
    lines = ["label\tpart\ttext"]
    for number in range(count):
        label = sorted(WORDS)[number % 2]
        words = [chosen.choice(AROUND) for _ in range(chosen.randint(0, 7))]
        words.insert(chosen.randint(0, len(words)), chosen.choice(WORDS[label]))
        lines.append(f"{label}\t{number % 3}\t{' '.join(words)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `texts.tsv`, and `model/` trained on it after a cross-validation."""
    root = tmp_path_factory.mktemp("texts")
    table = write_table(root / "texts.tsv", 180, 0)
    vectors = root / "vectors.txt"
    vectors.write_text("film 1 2 3\nfunny 3 1 2\nzebra 0 1 0\n", encoding="utf-8")
    command = ["train", "text", str(table), "-o", str(root / "model"), *SETTINGS,
               "--fold-column", "part", "--vectors", str(vectors), "--members", "2"]  # fmt: skip
    assert main(command) == 0
    return root


def test_the_model_folder_is_whole_and_says_how_it_came_to_be(trained: Path) -> None:
    assert verify_folder(trained / "model") == []
    assert (trained / "model" / "tokenizer.json").is_file()
    card = cnntasks.read_card(trained / "model")
    assert card.classes == ("negative", "positive")
    assert card.network["form"] == "joined"
    assert len(card.network["windows"]) == 6
    assert card.recipe["texts"] == 162
    assert card.recipe["vectors"] == "vectors.txt"
    assert str(trained) not in card.to_json()
    assert card.metrics["validation_accuracy"] > 0.8
    assert 0.8 < card.metrics["folds_accuracy"] <= 1
    assert 0 <= card.metrics["folds_accuracy_spread"] < 0.2
    assert 0.25 <= card.defaults["temperature"] <= 8


def test_the_model_is_used_and_measured_like_any_other(
    trained: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = str(trained / "model")
    assert main(["text", "--model", model, "a funny film", "an awful one", "--format", "json"]) == 0
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [record["labels"][0]["label"] for record in records] == ["positive", "negative"]
    test = write_table(trained / "test.tsv", 40, 1)
    assert main(["evaluate", "text", "--model", model, str(test)]) == 0
    assert "accuracy" in capfd.readouterr().out


def test_a_training_goes_on_from_a_model(trained: Path) -> None:
    table = write_table(trained / "more.tsv", 60, 2)
    model = trained / "second"
    command = ["train", "text", str(table), "-o", str(model), "--from", str(trained / "model"),
               "--batch-size", "16", "--texts-per-epoch", "16", "--epochs", "1", "--rate", "0.0001",
               "--device", "cpu", "-q"]  # fmt: skip
    assert main(command) == 0
    card = cnntasks.read_card(model)
    assert card.recipe["start"] == str(trained / "model").rsplit("/", 1)[-1]
    assert card.network == cnntasks.read_card(trained / "model").network
    # One step at a tiny rate: what it knows comes from the first model.
    assert card.metrics["validation_accuracy"] > 0.8
    assert (model / "tokenizer.json").read_bytes() == (
        trained / "model" / "tokenizer.json"
    ).read_bytes()


def test_what_a_model_has_decided_cannot_be_asked_for(
    trained: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "text", str(trained / "texts.tsv"), "-o", str(trained / "no"), "--from",
               str(trained / "model"), "--form", "rand", "--keep-case"]  # fmt: skip
    assert main(command) == 2
    assert "drop --form, --keep-case" in capfd.readouterr().err
    assert not (trained / "no").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--form", "static"), "name a file with --vectors"),
        (("--vectors", "none.txt"), "none.txt: cannot read these word vectors"),
        (("--backbone", "resnet18"), "is no network for text"),
        (("--text-column", "review"), "review"),
        (("--fold-column", "round"), "round"),
    ],
)
def test_wrong_options_are_told_in_one_line(
    trained: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    message: str,
) -> None:
    capfd.readouterr()
    command = ["train", "text", str(trained / "texts.tsv"), "-o", str(tmp_path / "m"), *SETTINGS]
    assert main([*command, *options]) in (1, 2)
    shown = capfd.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "m" / "card.json").exists()
