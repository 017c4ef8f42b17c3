"""Utterances composed of single words: of one speaker, in their order, at their level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cnntasks_speech.ctc.compose import Composer, room_noise, root_mean_square, trimmed
from cnntasks_speech.ctc.parts import read_composer, read_text_parts, read_texts
from tone_words import RATE, SPEAKERS, WORDS, tone, write_words

from cnntasks import UsageError


def tones(speakers: range = range(4)) -> dict[str, dict[str, list[np.ndarray]]]:
    return {
        SPEAKERS[number]: {
            word: [trimmed(tone(word, number, take), RATE) for take in range(3)] for word in WORDS
        }
        for number in speakers
    }


def test_what_surrounds_a_word_is_cut_but_for_a_margin() -> None:
    samples = tone("low", 0, 0)
    found = trimmed(samples, RATE)
    start = next(
        at for at in range(len(samples)) if np.array_equal(samples[at : at + 400], found[:400])
    )
    assert 0.05 * RATE < start <= 0.13 * RATE
    assert len(found) < len(samples) - 0.1 * RATE
    assert root_mean_square(found) > root_mean_square(samples)
    silence = np.zeros(RATE, np.float32)
    assert np.array_equal(trimmed(silence, RATE), silence)
    assert len(trimmed(np.zeros(3, np.float32), RATE)) == 3


def test_the_same_seed_gives_the_same_utterances() -> None:
    composer = Composer(tones(), RATE, 1, 12)
    one, two = (composer.compose(np.random.default_rng(5)) for _ in range(2))
    assert one.words == two.words
    assert np.array_equal(one.samples, two.samples)
    other = composer.compose(np.random.default_rng(6))
    assert other.words != one.words


def test_lengths_are_those_asked_for_and_all_come() -> None:
    composer = Composer(tones(), RATE, 2, 5)
    random = np.random.default_rng(0)
    counts = {len(composer.compose(random).words) for _ in range(60)}
    assert counts == {2, 3, 4, 5}
    assert len(composer.compose(random, 1).words) == 1


def test_words_lie_where_their_times_say_at_their_own_level() -> None:
    clips = tones(range(1))
    composer = Composer(clips, RATE, 6, 6)
    utterance = composer.compose(np.random.default_rng(1))
    for word, (start, end) in zip(utterance.words, utterance.times, strict=True):
        part = utterance.samples[round(start * RATE) : round(end * RATE)]
        spectrum = np.abs(np.fft.rfft(part))
        peak = int(spectrum.argmax()) * RATE / len(part)
        assert peak == pytest.approx(WORDS[word] * 0.97, rel=0.03)
        levels = [root_mean_square(it) for it in clips["ann"][word] if len(it) == len(part)]
        assert any(root_mean_square(part) == pytest.approx(level, rel=0.1) for level in levels)


def test_pauses_are_there_and_none_at_times() -> None:
    composer = Composer(tones(), RATE, 12, 12)
    random = np.random.default_rng(2)
    gaps = np.concatenate(
        [
            [b[0] - a[1] for a, b in zip(u.times, u.times[1:], strict=False)]
            for u in (composer.compose(random) for _ in range(30))
        ]
    )
    none = gaps <= 1e-9
    assert 0.2 < none.mean() < 0.4
    assert gaps.min() >= -0.0201
    assert 0.08 < gaps[~none].mean() < 0.16
    assert gaps.max() <= 0.8


def test_noise_has_the_level_asked_for_and_is_of_many_colours() -> None:
    random = np.random.default_rng(0)
    lows = []
    for _ in range(20):
        noise = room_noise(3000, 0.02, random)
        assert root_mean_square(noise) == pytest.approx(0.02, rel=1e-3)
        power = np.abs(np.fft.rfft(noise)) ** 2
        lows.append(power[: len(power) // 8].sum() / power.sum())
    assert min(lows) < 0.3 < 0.8 < max(lows)


def test_no_utterance_has_two_speakers(tmp_path: Path) -> None:
    texts, _ = read_texts(str(write_words(tmp_path / "words")), "train")
    composer = read_composer(texts, RATE, (1, 12))
    assert composer.speakers == ["ann", "bob"]
    assert composer.words() == sorted(WORDS)
    random = np.random.default_rng(0)
    levels = {"ann": 0.1, "bob": 0.2}
    for _ in range(10):
        utterance = composer.compose(random, 12)
        peaks = [
            np.abs(utterance.samples[round(a * RATE) : round(b * RATE)]).max()
            for a, b in utterance.times
        ]
        assert any(all(0.8 < peak / level < 1.25 for peak in peaks) for level in levels.values())


def test_speakers_of_few_words_are_put_together(tmp_path: Path) -> None:
    folder = write_words(tmp_path / "words")
    table = (folder / "train.csv").read_text().splitlines()
    kept = [row for row in table if "bob" not in row or "low-bob" in row]
    (folder / "train.csv").write_text("\n".join(kept) + "\n")
    texts, _ = read_texts(str(folder), "train")
    composer = read_composer(texts, RATE, (1, 3))
    assert composer.speakers == ["ann", "various"]
    assert [word for word, _ in composer.clips["various"]] == ["low"]


def test_further_speakers_bring_no_further_words(tmp_path: Path) -> None:
    folder = write_words(tmp_path / "words")
    own, _ = read_texts(f"{folder}:test")
    parts = read_text_parts([str(folder)], [str(folder)], 0.1, 0)
    assert len(parts.train) == 12
    assert len(parts.validation) == 6
    assert len(parts.extra) == 24
    only = [it for it in own if it.text != "high"]
    composer = read_composer(only, RATE, (1, 3), parts.extra, 0.25)
    assert composer.words() == ["low", "middle"]
    shares = dict(zip(composer.speakers, composer.shares, strict=True))
    assert shares["dan"] == pytest.approx(0.75)
    assert sum(v for name, v in shares.items() if name.startswith("extra")) == pytest.approx(0.25)


def test_sentences_cannot_be_composed(tmp_path: Path) -> None:
    folder = write_words(tmp_path / "words")
    table = (folder / "test.csv").read_text().replace(",low,", ",low low,")
    (folder / "test.csv").write_text(table.replace(",middle,", ",,").replace(",high,", ",a b,"))
    texts, _ = read_texts(f"{folder}:test")
    with pytest.raises(UsageError, match="single words"):
        read_composer(texts, RATE, (1, 3))
