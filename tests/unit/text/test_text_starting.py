"""Where a training starts: vectors put in their places, options that contradict each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from cnntasks_text.starting import Start, Started, start_training
from cnntasks_text.tokenization import Vocabulary
from cnntasks_text.vectors import WordVectors
from tokenizers import Tokenizer

from cnntasks import UsageError

TEXTS = ["a funny film", "a dull film", "the film bores"]
VECTORS = WordVectors(
    ("the", "Film", "funny", "two words", "zebra", "lion"),
    np.random.default_rng(0).normal(0, 3, (6, 4)).astype(np.float32),
)


def started(pieces: int = 60, **changes: Any) -> Started:
    settings = {"vectors": VECTORS, "dimensions": 6, "further_words": 5, **changes}
    return start_training(
        Start("x", vocabulary=Vocabulary(pieces=pieces), **settings), ("no", "yes"), TEXTS
    )


def test_words_get_their_vectors_and_the_others_random_ones_of_that_size() -> None:
    found = started(form="non-static")
    number = found.made.tokenizer.token_to_id
    weight = found.network.tables[0].table.weight.detach()
    scale = 0.4 / VECTORS.vectors.std()
    for word, row in (("the", 0), ("film", 1), ("funny", 2), ("zebra", 4)):
        torch.testing.assert_close(weight[number(word)], torch.tensor(VECTORS.vectors[row] * scale))
    assert not weight[0].any()
    assert float(weight[1:].std()) == pytest.approx(0.4, abs=0.1)
    assert found.found == 4


def test_further_words_are_as_many_as_asked_for_and_can_be_come_to() -> None:
    vocabulary = started().made.tokenizer.get_vocab()
    assert "zebra" in vocabulary
    assert "two words" not in vocabulary
    assert "lion" not in vocabulary  # the sixth
    vocabulary = started(further_words=0).made.tokenizer.get_vocab()
    assert "zebra" not in vocabulary
    assert "funny" not in vocabulary  # it is there but once, and so made of pieces
    vocabulary = started(further_words=0, pieces=0).made.tokenizer.get_vocab()
    assert "funny" in vocabulary  # which a word that has a vector is not where there are none


@pytest.mark.parametrize("form", ["static", "non-static", "multichannel", "joined"])
def test_every_form_starts_from_the_vectors(form: str) -> None:
    found = started(form=form)
    film = torch.tensor([[found.made.tokenizer.token_to_id("film")]])
    vector = torch.tensor(VECTORS.vectors[1] * 0.4 / VECTORS.vectors.std())
    with torch.inference_mode():
        x = found.network.embed(film, 0)[0, 0, :4]
    torch.testing.assert_close(x, 2 * vector if form == "multichannel" else vector)


def test_where_the_case_is_kept_a_word_has_the_vector_of_the_lower_case_one() -> None:
    vocabulary = Vocabulary(pieces=0, often=1, lower=False)
    start = Start("x", vocabulary=vocabulary, vectors=VECTORS, form="static", further_words=0)
    found = start_training(start, ("no", "yes"), ["The Funny film"])
    assert found.network.vectors is not None
    number = found.made.tokenizer.token_to_id("Funny")
    row = torch.tensor(VECTORS.vectors[2] * 0.4 / VECTORS.vectors.std())
    torch.testing.assert_close(found.network.vectors.weight[number], row)


def test_the_form_follows_from_the_vectors() -> None:
    assert started().network.shape.form == "joined"
    assert started(vectors=None).network.shape.form == "rand"


def test_the_card_describes_the_network_and_its_file_is_the_tokenizer() -> None:
    found = started(longest=9)
    assert found.card.task == "text"
    assert found.card.classes == ("no", "yes")
    assert found.card.preprocessing == {"level": "words", "max_length": 9}
    assert found.card.network["windows"] == [[1, 1, 100], [1, 2, 100], [2, 2, 100]]
    again = Tokenizer.from_str(found.files["tokenizer.json"].decode())
    assert again.encode(TEXTS[0]).ids == found.made.tokenizer.encode(TEXTS[0]).ids


def test_pieces_are_in_the_network() -> None:
    found = started(vectors=None)
    assert torch.equal(found.network.tables[0].pieces, torch.from_numpy(found.made.pieces))
    assert found.made.pieces.any()


def test_the_same_seed_starts_alike() -> None:
    one, same, other = started(), started(), started(seed=1)
    for name, value in one.network.state_dict().items():
        assert torch.equal(value, same.network.state_dict()[name]), name
    assert not torch.equal(one.network.members[0].output.weight,
                           other.network.members[0].output.weight)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"form": "rand"}, "leave --vectors out"),
        ({"form": "static", "vectors": None}, "name a file with --vectors"),
        ({"form": "other"}, "no such form"),
        ({"vectors": WordVectors(("x y",), np.ones((1, 4), np.float32))}, "has a vector"),
        ({"backbone": "resnet18"}, "no network for text"),
    ],
)
def test_contradictions_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        started(**changes)
