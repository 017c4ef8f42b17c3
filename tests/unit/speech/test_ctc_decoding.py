"""Greedy decoding and prefix beam search against every path there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from cnntasks_speech.ctc.decoding import Lexicon, PrefixBeam, beam_search, greedy
from numpy.typing import NDArray

from cnntasks import UsageError


def some_log_probs(frames: int, units: int, seed: int) -> NDArray[np.float32]:
    logits = np.random.default_rng(seed).normal(0, 1.5, (frames, units + 1))
    return (logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).astype(np.float32)


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(unit for unit, _ in itertools.groupby(path) if unit)


def every_sequence(log_probs: NDArray[np.float32]) -> dict[tuple[int, ...], float]:
    """The log-probability of each sequence, summed over all of its paths."""
    found: dict[tuple[int, ...], float] = {}
    frames, outputs = log_probs.shape
    for path in itertools.product(range(outputs), repeat=frames):
        score = float(sum(log_probs[frame, unit] for frame, unit in enumerate(path)))
        key = collapsed(path)
        found[key] = np.logaddexp(found.get(key, -np.inf), score)
    return found


def test_greedy_joins_equal_neighbours_and_leaves_blanks_out() -> None:
    path = [0, 1, 1, 0, 1, 2, 2, 0, 0]
    log_probs = np.log(np.full((len(path), 3), 0.1, np.float32))
    log_probs[np.arange(len(path)), path] = np.log(0.8)
    assert greedy(log_probs) == [1, 1, 2]
    assert greedy(log_probs[:0]) == []


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_finds_the_likeliest_of_all_sequences(seed: int) -> None:
    log_probs = some_log_probs(6, 2, seed)
    every = every_sequence(log_probs)
    best = max(every, key=lambda units: every[units])
    units, score = beam_search(log_probs, 1000)
    assert tuple(units) == best
    assert score == pytest.approx(every[best], abs=1e-5)


def test_beam_search_finds_what_the_likeliest_path_hides() -> None:
    # Graves 2012, figure 7.5: the likeliest path is all blanks, the likeliest sequence is not.
    log_probs = np.log(np.array([[0.6, 0.4], [0.6, 0.4]], np.float32))
    assert greedy(log_probs) == []
    units, score = beam_search(log_probs, 4)
    assert units == [1]
    assert np.exp(score) == pytest.approx(1 - 0.36)


@pytest.mark.parametrize("seed", range(4))
def test_frames_in_any_pieces_give_the_same(seed: int) -> None:
    log_probs = some_log_probs(30, 4, seed)
    beam = PrefixBeam(4, 8)
    for part in np.array_split(log_probs, [1, 1, 7, 20]):
        beam.push(part)
    assert beam.best() == beam_search(log_probs, 8)


@pytest.mark.parametrize("seed", range(5))
def test_the_score_is_that_of_ctc(seed: int) -> None:
    import torch

    log_probs = some_log_probs(9, 3, seed)
    units, score = beam_search(log_probs, 5000)
    loss = torch.nn.functional.ctc_loss(
        torch.from_numpy(log_probs)[:, None],
        torch.tensor([units]),
        torch.tensor([9]),
        torch.tensor([len(units)]),
        reduction="sum",
    )
    assert score == pytest.approx(-float(loss), abs=1e-4)


UNITS = (" ", "a", "b", "n")


def spelled(units: list[int]) -> str:
    return "".join(UNITS[unit - 1] for unit in units)


@pytest.mark.parametrize("seed", range(6))
def test_a_lexicon_allows_its_words_and_nothing_else(seed: int) -> None:
    log_probs = some_log_probs(5, 4, seed)
    words = {"ab", "a", "ban"}
    every = every_sequence(log_probs)

    def allowed(units: tuple[int, ...]) -> bool:
        text = spelled(list(units))
        parts = text.split(" ")
        # A space stands behind a word: none at the beginning, and no two together.
        return not text or (set(parts[:-1]) <= words and parts[-1] in words | {""})

    best = max((units for units in every if allowed(units)), key=lambda units: every[units])
    units, score = beam_search(log_probs, 5000, Lexicon(words, UNITS, spelled=True))
    assert tuple(units) == best
    assert score == pytest.approx(every[best], abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_a_lexicon_of_word_units_leaves_the_others_out(seed: int) -> None:
    log_probs = some_log_probs(5, 3, seed)
    every = every_sequence(log_probs)
    best = max((units for units in every if 2 not in units), key=lambda units: every[units])
    lexicon = Lexicon(["three", "one"], ("one", "two", "three"), spelled=False)
    units, score = beam_search(log_probs, 5000, lexicon)
    assert tuple(units) == best
    assert score == pytest.approx(every[best], abs=1e-5)


def test_a_narrow_beam_still_ends_in_a_word() -> None:
    lexicon = Lexicon(["ban"], UNITS, spelled=True)
    log_probs = np.log(np.full((4, 5), 0.05, np.float32))
    log_probs[[0, 1, 2, 3], [3, 2, 4, 0]] = np.log(0.8)
    assert spelled(beam_search(log_probs, 8, lexicon)[0]) == "ban"
    assert beam_search(log_probs[:2], 8, lexicon)[0] == []  # no time for a word


def test_words_that_cannot_be_written_are_named() -> None:
    with pytest.raises(UsageError, match="'ox'"):
        Lexicon(["ab", "ox"], UNITS, spelled=True)
    with pytest.raises(UsageError, match="'four'"):
        Lexicon(["four"], ("one", "two"), spelled=False)
    with pytest.raises(UsageError, match="empty"):
        Lexicon([], UNITS, spelled=True)
    with pytest.raises(UsageError, match="'a b'"):
        Lexicon(["a b"], UNITS, spelled=True)
