"""Training a spotter on tones: parts, learner, and the command from data to model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from cnntasks_speech.batches import SILENT
from cnntasks_speech.data import SILENCE, UNKNOWN
from cnntasks_speech.features import LogMel
from cnntasks_speech.learner import SpotLearner
from cnntasks_speech.network import build
from cnntasks_speech.parts import read_parts
from cnntasks_speech.settings import SpotSettings
from cnntasks_speech.starting import Start, start_network
from cnntasks_speech.train import train
from speech_folders import write_folders, write_table, write_word

from cnntasks import UsageError, load_weights, read_card


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folders(tmp_path_factory.mktemp("data") / "words", speakers=14)


def test_words_unknown_and_silence(words: Path) -> None:
    parts = read_parts([str(words)], (), ["yes", "no"], 0.2, 0)
    assert parts.classes == ("no", "yes", UNKNOWN, SILENCE)
    assert parts.further_words(3) == ["cat", "dog"]
    assert parts.further_words(1000) == []
    assert [path.name for path in parts.noise] == ["white.wav"]
    speakers = [{clip.speaker for clip in part} for part in (parts.train, parts.validation)]
    assert speakers[0]
    assert speakers[1]
    assert not speakers[0] & speakers[1]


def test_all_classes_without_words(words: Path) -> None:
    assert read_parts([str(words)], (), (), 0.2, 0).classes == ("cat", "dog", "no", "yes")


def test_extra_data_are_never_validated_with(words: Path, tmp_path: Path) -> None:
    extra = tmp_path / "voices"
    for word, hertz in (("yes", 400.0), ("tree", 1300.0)):
        write_word(extra / word / "robot_nohash_0.wav", hertz)
    parts = read_parts([str(words)], [str(extra)], ["yes", "no"], 0.2, 0)
    assert {clip.name for clip in parts.extra} == {
        "voices/yes/robot_nohash_0.wav",
        "voices/tree/robot_nohash_0.wav",
    }
    labels = {clip.name.split("/")[1]: parts.classes[clip.label] for clip in parts.extra}
    assert labels == {"yes": "yes", "tree": UNKNOWN}
    assert not {clip.name for clip in parts.validation} & {clip.name for clip in parts.extra}


def test_recordings_of_one_speaker_validate_as_well(tmp_path: Path) -> None:
    for word, hertz in (("yes", 400.0), ("no", 900.0)):
        for number in range(10):
            write_word(tmp_path / word / f"me_nohash_{number}.wav", hertz, seed=number)
    parts = read_parts([f"{tmp_path}:all"], (), (), 0.2, 0)
    assert (len(parts.train), len(parts.validation)) == (16, 4)


def test_what_cannot_be_learned(words: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no recording of maybe in the data"):
        read_parts([str(words)], (), ["yes", "maybe"], 0.2, 0)
    path = write_word(tmp_path / "one.wav", 400.0)
    table = write_table(tmp_path, [(path.name, "yes")], "path,label", "train.csv")
    with pytest.raises(UsageError, match="fewer than two classes"):
        read_parts([str(table)], (), (), 0.2, 0)


def test_the_learner_knows_words_behind_unknown(words: Path) -> None:
    parts = read_parts([str(words)], (), ["yes", "no"], 0.2, 0)
    start = Start("w", "lenet5", features=LogMel(8000))
    network, card = start_network(start, parts.classes, parts.further_words(3))
    settings = SpotSettings(batch=8, silence=0.3, cut=0.0)
    learner = SpotLearner(card, settings, parts.train, parts.validation)
    drawn = {index for keys in learner.train_batches(0).batch_sampler for index, _ in keys}
    assert SILENT not in drawn  # there is no noise to cut it from

    batch = next(iter(learner.train_batches(0)))
    learner.set_train_mode(network)
    losses = learner.losses(network, batch)

    names = {card.network["outputs"][output] for output in batch.outputs.tolist()}
    assert names & {"cat", "dog"}
    for label, output in zip(batch.labels.tolist(), batch.outputs.tolist(), strict=True):
        assert card.network["merge"][output] == label
    assert float(losses["cross_entropy"].detach()) > 0
    groups = learner.parameter_groups(network)
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))


def test_a_start_keeps_its_features(words: Path) -> None:
    arguments = [str(words), "-o", "x", "--from", "commands", "--mels", "64", "--backbone", "res15"]
    ran = CliRunner().invoke(train, arguments)
    assert isinstance(ran.exception, UsageError)
    assert "drop --from or --backbone, --mels" in str(ran.exception)


def test_training_learns_the_tones(words: Path, tmp_path: Path) -> None:
    model = tmp_path / "tones"
    arguments = [
        str(words), "--words", "yes,no", "-o", str(model), "--backbone", "lenet5",
        "--sample-rate", "8000", "--mels", "32", "--validation", "0.3", "--batch-size", "8",
        "--unknown", "1", "--cut", "0", "--noise", "0.2", "--speed", "0", "--masks", "0",
        "--dropout", "0", "--epochs", "6", "--rate", "0.01", "--ema", "0", "--device", "cpu", "-q",
    ]  # fmt: skip
    ran = CliRunner().invoke(train, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    card = read_card(model)
    assert card.classes == ("no", "yes", UNKNOWN, SILENCE)
    assert card.metrics["validation_accuracy"] > 0.85
    assert 0.25 <= card.defaults["temperature"] <= 8
    assert 0 < card.defaults["threshold"] < 1
    assert card.recipe["data"] == ["words"]
    assert card.recipe["recordings"] + card.recipe["validation_recordings"] > 40

    network = build(card)
    load_weights(network, model / "weights.safetensors")
    parts = read_parts([str(words)], (), ["yes", "no"], 0.3, 0)
    learner = SpotLearner(card, SpotSettings(), parts.train, parts.validation)
    logits, labels = learner.validation_logits(network)
    accuracy = float((logits.argmax(dim=1) == labels).float().mean())
    assert accuracy == pytest.approx(card.metrics["validation_accuracy"], abs=1e-3)
    assert torch.isfinite(logits).all()
