"""A text training that goes on from another model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cnntasks_text.continuing import start_from_model
from cnntasks_text.network import graph_spec
from cnntasks_text.starting import Start, Started, start_training
from cnntasks_text.tokenization import Vocabulary, encode_texts

from cnntasks import ModelError, write_model

TEXTS = ["a gripping, funny film", "a dull film", "dull and dreary", "funny and gripping"] * 3


def first(folder: Path, **changes: int) -> tuple[Started, Path]:
    start = Start("first", vocabulary=Vocabulary(pieces=60, often=2), dimensions=8, **changes)
    started = start_training(start, ("bad", "good"), TEXTS)
    card = replace(started.card, defaults={"temperature": 2.0}, summary="The first.")
    spec = graph_spec(started.network.shape)
    write_model(started.network, spec, card, folder, half=False, files=started.files)
    return started, folder


def test_weights_tokenizer_and_the_classes_of_both_are_kept(tmp_path: Path) -> None:
    old, folder = first(tmp_path / "first", members=2)
    found = start_training(
        Start("second", model=str(folder)), ("good", "middling", "bad"), ["of no account"]
    )
    assert found.card.name == "second"
    assert found.card.classes == ("good", "middling", "bad")
    assert found.card.defaults == {}
    assert found.card.summary == ""
    assert found.card.network == old.card.network
    assert found.files == old.files
    for place in range(2):
        torch.testing.assert_close(
            found.network.tables[place].table.weight, old.network.tables[place].table.weight
        )
        fresh, stored = (it.network.members[place].output.weight for it in (found, old))
        torch.testing.assert_close(fresh[[0, 2]], stored[[1, 0]])
        assert not torch.allclose(fresh[1], stored[0])
    tokens = encode_texts(found.made.tokenizer, ["a funny film"])[0]
    logits = [
        it.network.eval()(torch.from_numpy(tokens)[None])["logits"].detach() for it in (found, old)
    ]
    torch.testing.assert_close(logits[0][:, [2, 0]], logits[1])


def test_known_words_can_still_be_shown_as_their_pieces(tmp_path: Path) -> None:
    old, folder = first(tmp_path / "first")
    found = start_from_model(Start("second", model=str(folder)), ("bad", "good"))
    np.testing.assert_array_equal(found.made.pieces, old.made.pieces)
    assert found.made.pieces.any()
    assert found.made.learned == old.made.learned


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    _, folder = first(tmp_path / "first")
    card = (folder / "card.json").read_text()
    assert '"dimensions": 8' in card
    (folder / "card.json").write_text(card.replace('"dimensions": 8', '"dimensions": 9'))
    with pytest.raises(ModelError, match="damaged"):
        start_from_model(Start("second", model=str(folder)), ("bad", "good"))
