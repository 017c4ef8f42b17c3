"""Where a training starts that goes on from another text model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from cnntasks import (
    ModelError,
    carry_over,
    find_model,
    read_card,
    read_weights,
    successor_card,
)
from cnntasks_text.network import Shape, TextClassifier
from cnntasks_text.predictor import read_tokenizer
from cnntasks_text.starting import Start, Started
from cnntasks_text.tokenization import MOST_PIECES, MadeTokenizer


def start_from_model(start: Start, classes: Sequence[str]) -> Started:
    """The network of another model; classes that both have keep their outputs.

    Its tokenizer stays as it is: a word that it does not know is read in pieces.

    Args:
        start: its `model`, a name or folder.
        classes: names, in the order of the outputs.

    Raises:
        ModelError: the model cannot be found, is none for text, or is damaged.
    """
    folder = find_model("text", start.model)
    old = read_card(folder)
    shape = Shape.of(old)
    tokenizer = read_tokenizer(folder)
    torch.manual_seed(start.seed)
    network = TextClassifier(shape, len(classes))
    stored = {name: torch.from_numpy(value) for name, value in read_weights(folder).items()}
    state = network.state_dict()
    if stored.keys() != state.keys():
        raise ModelError(f"{old.name}: its weights are not those of its network; it is damaged")
    for name, value in stored.items():
        if ".output." in name and len(value) == len(old.classes):
            state[name] = carry_over(state[name], value, classes, old.classes)
        elif state[name].shape == value.shape:
            state[name] = value
        else:
            raise ModelError(f"{old.name}: the shape of {name!r} does not fit; it is damaged")
    network.load_state_dict(state)
    card = successor_card(old, start.name, classes)
    made = MadeTokenizer(tokenizer, _pieces(network, tokenizer), shape.learned)
    return Started(network, card, made, 0)


def _pieces(network: TextClassifier, tokenizer: Tokenizer) -> NDArray[np.int32]:
    """What known words are made of, V×P, as the network has it stored."""
    if not network.shape.pieces:
        return np.zeros((tokenizer.get_vocab_size(), 0), np.int32)
    table = np.zeros((tokenizer.get_vocab_size(), MOST_PIECES), np.int32)
    known = network.tables[0].pieces
    assert known is not None
    table[: len(known)] = known.numpy()
    return table
