"""CTC training: batches, losses, and a network that learns tones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from cnntasks_speech.ctc.augment import Augment, Strength, resampled
from cnntasks_speech.ctc.batches import (
    IGNORED,
    ComposedOrder,
    ComposedSet,
    SpokenOrder,
    collate,
    framewise,
    spoken,
)
from cnntasks_speech.ctc.compose import Composer, Utterance, compose_many, root_mean_square, trimmed
from cnntasks_speech.ctc.learner import CtcLearner
from cnntasks_speech.ctc.network import SpeechCTC, network_of
from cnntasks_speech.ctc.settings import CtcSettings
from cnntasks_speech.ctc.units import Speller
from cnntasks_speech.features import LogMel
from cnntasks_speech.train import train
from tone_words import RATE, SPEAKERS, WORDS, tone, write_words

from cnntasks import ModelCard, read_card

FEATURES = LogMel(RATE, n_mels=16)
SPELLER = Speller(sorted(WORDS), "words")


def tone_composer(speakers: range = range(3)) -> Composer:
    clips = {
        SPEAKERS[number]: {
            word: [trimmed(tone(word, number, take), RATE) for take in range(2)] for word in WORDS
        }
        for number in speakers
    }
    return Composer(clips, RATE, 1, 4)


def tone_learner(**settings: object) -> tuple[SpeechCTC, CtcLearner]:
    torch.manual_seed(0)
    network = SpeechCTC("quartznet_small", FEATURES.n_mels, len(WORDS))
    card = ModelCard(
        name="tones",
        task="speech",
        network=network_of(network, "quartznet_small", "words"),
        classes=SPELLER.units,
        preprocessing=FEATURES.to_dict(),
    )
    made = [spoken(it, SPELLER) for it in compose_many(tone_composer(range(3, 4)), 12, 7)]
    values = {"units": "words", "compose": (1, 4), "batch_seconds": 8.0, "batches": 10}
    chosen = CtcSettings(**{**values, **settings})  # type: ignore[arg-type]
    validation = [it for it in made if it is not None]
    return network, CtcLearner(card, chosen, tone_composer(), validation)


def test_training_learns_tones() -> None:
    network, learner = tone_learner(dropout=0.0, growing=1)
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    loader = learner.train_batches(0)
    found = []
    for epoch in range(4):
        loader.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]
        learner.set_train_mode(network)
        for batch in loader:
            losses = learner.losses(network, batch)
            optimizer.zero_grad()
            torch.stack(list(losses.values())).sum().backward()
            optimizer.step()
            found.append(float(losses["ctc"].detach()))
    assert np.mean(found[-6:]) < 0.5 * np.mean(found[:6])
    network.eval()
    metric = learner.new_metric()
    for batch in learner.validation_batches():
        metric.update(network, batch)
    assert metric.compute().metrics["WER"] < 0.5


def test_the_loss_is_the_probability_of_the_transcript() -> None:
    network, learner = tone_learner()
    network.eval()
    (batch,) = [*learner.validation_batches()][:1]
    found = learner.losses(network, batch)
    assert set(found) == {"ctc"}  # recorded utterances have no known frames
    log_probs = network(batch.features, batch.lengths)["log_probs"]
    start, each = 0, []
    for row, length, count in zip(
        log_probs, batch.lengths.tolist(), batch.target_lengths.tolist(), strict=True
    ):
        loss = torch.nn.functional.ctc_loss(
            row[: -(-length // 4)][:, None],
            batch.targets[start : start + count][None],
            torch.tensor([-(-length // 4)]),
            torch.tensor([count]),
            reduction="sum",
        )
        each.append(loss / count)
        start += count
    torch.testing.assert_close(found["ctc"], torch.stack(each).mean())


def test_the_framewise_loss_fades_out() -> None:
    network, learner = tone_learner(framewise=2)
    loader = learner.train_batches(0)
    values = []
    for epoch in range(3):
        loader.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]
        batch = next(iter(loader))
        values.append(set(learner.losses(network, batch)))
    assert values == [{"ctc", "framewise"}, {"ctc", "framewise"}, {"ctc"}]


def test_frames_are_labelled_where_there_is_no_doubt() -> None:
    times = ((0.0, 0.4), (0.4, 0.8), (1.2, 1.6))
    found = framewise(Utterance(np.zeros(8), ("a", "b", "a"), times), [1, 2, 1], 20, 10.0)
    assert found.tolist()[:9] == [IGNORED, 1, 1, 1, IGNORED, 2, 2, 2, IGNORED]
    assert found.tolist()[9:12] == [0, 0, 0]
    assert found.tolist()[12:] == [IGNORED, 1, 1, 1, IGNORED, 0, 0, 0]


def test_the_same_key_gives_the_same_example() -> None:
    data = ComposedSet(tone_composer(), SPELLER, Augment(FEATURES, Strength()), 4)
    one, two, other = data[3, 11], data[3, 11], data[3, 12]
    assert np.array_equal(one[0], two[0])
    assert one[1].tolist() == two[1].tolist()
    assert len(one[1]) == 3
    assert one[0].shape != other[0].shape or not np.array_equal(one[0], other[0])
    batch = collate([data[1, 0], data[4, 0]])
    assert batch.features.shape[2] == int(batch.lengths.max())
    assert batch.target_lengths.tolist() == [1, 4]
    assert len(batch.targets) == 5
    assert batch.frames is not None
    assert batch.frames.shape == (2, -(-int(batch.lengths.max()) // 4))


def test_composed_utterances_grow() -> None:
    order = ComposedOrder(1, 12, 30, 40.0, 3, 0)
    longest = []
    for epoch in range(5):
        order.set_epoch(epoch)
        batches = list(order)
        assert len(batches) == len(order) == 30
        longest.append(max(count for batch in batches for count, _ in batch))
        spread = [max(c for c, _ in b) - min(c for c, _ in b) for b in batches]
        assert max(spread) <= 1
        assert all(sum(c * 0.55 + 0.4 for c, _ in b) < 65 for b in batches)
    assert longest[0] <= 4 < longest[2] < longest[3] == longest[4] == 12
    order.set_epoch(2)
    again = list(order)
    order.set_epoch(2)
    assert again == list(order)


def test_recorded_utterances_come_once_an_epoch_in_batches_of_one_length() -> None:
    seconds = np.random.default_rng(0).uniform(1, 10, 200).tolist()
    order = SpokenOrder(seconds, 60.0, 0)
    batches = list(order)
    assert len(batches) == len(order)
    assert sorted(index for batch in batches for index, _ in batch) == list(range(200))
    for batch in batches:
        lengths = [seconds[index] for index, _ in batch]
        assert max(lengths) * len(lengths) <= 60.0
    order.set_epoch(1)
    assert list(order) != batches


def test_playing_faster_is_higher_and_shorter() -> None:
    wave = np.sin(2 * np.pi * 400 * np.arange(RATE) / RATE).astype(np.float32)
    found = resampled(wave, 1.25)
    assert len(found) == RATE / 1.25
    peak = np.abs(np.fft.rfft(found)).argmax() * RATE / len(found)
    assert peak == pytest.approx(500, abs=3)


def test_without_strength_only_the_level_changes() -> None:
    samples = tone("middle", 1, 0)
    strength = Strength(level=(-30.0, -30.0)).scaled(0.0)
    found = Augment(FEATURES, strength)(samples, np.random.default_rng(0))
    gain = 10 ** (-30 / 20) / root_mean_square(samples)
    np.testing.assert_allclose(found, FEATURES.log_mel(samples * gain), atol=1e-3)


def test_augmentation_changes_tempo_voice_and_hides_runs() -> None:
    samples = tone_composer().compose(np.random.default_rng(0), 4).samples
    augment = Augment(FEATURES, Strength(), [np.ones(500, np.float32)])
    found = [augment.timed(samples, np.random.default_rng(seed)) for seed in range(30)]
    frames = np.array([features.shape[1] for features, _ in found])
    rates = np.array([rate for _, rate in found])
    plain = FEATURES.log_mel(samples).shape[1]
    assert frames.min() < 0.9 * plain < 1.1 * plain < frames.max()
    np.testing.assert_allclose(frames / rates, len(samples) / RATE, rtol=0.05)
    assert all(np.isfinite(features).all() for features, _ in found)
    hidden = [features for features, _ in found if (features.std(axis=1) < 1e-6).any()]
    assert len(hidden) > 10


@pytest.mark.slow  # the export
@pytest.mark.parametrize("form", ["composed", "recorded"])
def test_the_command_trains_a_model_that_reads(form: str, tmp_path: Path) -> None:
    folder = write_words(tmp_path / "tones")
    options = ["--kind", "ctc", "--sample-rate", str(RATE), "--mels", "16", "--epochs", "1"]
    if form == "composed":
        options += ["--units", "words", "--compose", "1-3", "--batches", "2"]
    arguments = [str(folder), "-o", str(tmp_path / "model"), *options, "--batch-seconds", "4", "-q"]
    result = CliRunner().invoke(train, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    card = read_card(tmp_path / "model")
    assert card.network["name"] == "speech-ctc"
    assert card.network["context"] == 116
    assert "validation_WER" in card.metrics
    assert card.recipe["recordings"] == 12
    if form == "composed":
        assert card.classes == ("high", "low", "middle")
        assert set(card.network) >= {"lead", "trail"}
        assert card.recipe["compose"] in ([1, 3], (1, 3))
    else:
        assert card.network["units"] == "characters"
        assert " " not in card.classes


def test_options_of_spotters_are_refused(tmp_path: Path) -> None:
    folder = write_words(tmp_path / "tones", takes=1)
    arguments = [str(folder), "-o", str(tmp_path / "model"), "--kind", "ctc", "--words", "low"]
    result = CliRunner().invoke(train, arguments)
    assert "--words is for word spotters" in str(result.exception)
    result = CliRunner().invoke(train, [str(folder), "-o", "x", "--compose", "12-1"])
    assert result.exit_code == 2
    assert "fewest words first" in result.output
