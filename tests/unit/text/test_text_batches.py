"""Batches: every text equally often, of about one length, with noise that a seed decides."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from cnntasks_text.batches import Collator, Order, TokenSet
from cnntasks_text.tokenization import UNKNOWN

LENGTHS = [1 + number % 17 for number in range(103)]


def drawn(order: Order, epoch: int = 0) -> list[list[tuple[int, int]]]:
    order.set_epoch(epoch)
    return list(order)


def indices(batches: list[list[tuple[int, int]]]) -> list[int]:
    return [index for batch in batches for index, _ in batch]


def test_an_epoch_has_every_text_once() -> None:
    order = Order(LENGTHS, 10, None, seed=0)
    batches = drawn(order)
    assert len(batches) == len(order) == 11
    assert sorted(indices(batches)) == list(range(103))


def test_shorter_and_longer_epochs_show_every_text_equally_often() -> None:
    for per_epoch in (30, 103, 250):
        order = Order(LENGTHS, 10, per_epoch, seed=0)
        seen = Counter(index for epoch in range(12) for index in indices(drawn(order, epoch)))
        assert sum(seen.values()) == 12 * per_epoch
        assert set(seen) == set(range(103))
        assert max(seen.values()) - min(seen.values()) <= 1


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    order = Order(LENGTHS, 10, None, seed=3)
    first = drawn(order)
    assert drawn(order, 1) != first
    assert drawn(order, 0) == first == drawn(Order(LENGTHS, 10, None, seed=3))
    assert drawn(Order(LENGTHS, 10, None, seed=4)) != first


def test_texts_of_a_batch_are_about_as_long() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 1000).tolist()
    for batch in drawn(Order(lengths, 20, None, seed=0)):
        long = [lengths[index] for index, _ in batch]
        assert max(long) - min(long) <= 4


def test_batches_are_padded_behind_the_text() -> None:
    batch = Collator()([(np.array([5, 6, 7]), 1, 0), (np.array([8]), 0, 0)])
    assert batch.tokens.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert batch.tokens.dtype == torch.int64
    assert batch.labels.tolist() == [1, 0]
    assert batch.to(torch.device("cpu")).tokens.tolist() == batch.tokens.tolist()


def test_words_become_their_pieces() -> None:
    pieces = np.zeros((10, 6), np.int32)
    pieces[5, :2] = (2, 3)
    pieces[7, :3] = (2, 4, 4)
    batch = Collator(pieces, split_words=1.0)([(np.array([5, 6, 7]), 0, 0), (np.array([7]), 0, 0)])
    assert batch.tokens.tolist() == [[2, 3, 6, 2, 4, 4], [2, 4, 4, 0, 0, 0]]
    batch = Collator(np.zeros((10, 0), np.int32), split_words=1.0)([(np.array([5]), 0, 0)])
    assert batch.tokens.tolist() == [[5]]


@pytest.mark.parametrize("rate", [0.1, 0.6])
def test_noise_is_as_frequent_as_told_and_its_seed_decides(rate: float) -> None:
    pieces = np.zeros((10, 6), np.int32)
    pieces[5, :2] = (2, 3)
    text = np.full(5000, 5)
    for collator, token, share in (
        (Collator(word_dropout=rate), UNKNOWN, rate),
        (Collator(pieces, split_words=rate), 2, rate / (1 + rate)),
    ):
        found = collator([(text, 0, 9)]).tokens
        assert float((found == token).float().mean()) == pytest.approx(share, abs=0.03)
        assert torch.equal(found, collator([(text, 0, 9)]).tokens)
        assert not torch.equal(found, collator([(text, 0, 8)]).tokens)


def test_a_long_text_is_shown_in_stretches() -> None:
    text = np.arange(2, 40)
    starts = set()
    for seed in range(30):
        tokens = Collator(crop=10)([(text, 0, seed)]).tokens[0].tolist()
        assert tokens == list(range(tokens[0], tokens[0] + 10))
        starts.add(tokens[0])
    assert len(starts) > 10
    assert Collator(crop=10)([(text[:7], 0, 0)]).tokens.shape == (1, 7)


def test_a_set_gives_tokens_label_and_seed() -> None:
    found = TokenSet([np.array([4]), np.array([5, 6])], [1, 0])
    tokens, label, seed = found[(1, 77)]
    assert (tokens.tolist(), label, seed, len(found)) == ([5, 6], 0, 77, 2)
