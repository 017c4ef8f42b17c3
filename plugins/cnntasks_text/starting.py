"""Where a training starts: a tokenizer and a network made for the training texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from cnntasks import ModelCard, UsageError
from cnntasks_text.network import FORMS, SPREAD, Shape, TextClassifier
from cnntasks_text.tokenization import (
    PADDING,
    MadeTokenizer,
    Vocabulary,
    make_tokenizer,
    split_words,
)
from cnntasks_text.vectors import WordVectors

#: Vectors are scaled to this standard deviation, whatever file they come from.
_DEVIATION = 0.4
TOKENIZER_FILE = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class Start:
    """What was asked for.

    Attributes:
        name: of the new model.
        backbone: a network for text.
        form: one of `FORMS`; None for `rand` without vectors and `joined` with them.
        vectors: of words; needed by all forms but `rand`.
        vocabulary: how the tokenizer is made.
        dimensions: of the trained embeddings of the forms `rand` and `joined`.
        spread: those lie between this and its negative.
        members: classifiers whose logits are averaged.
        further_words: so many of the first words of `vectors` become tokens though the training
            texts do not have them.
        longest: tokens of a text that are read; 0 for all.
        seed: of random weights.
        model: a text model to start from instead, which brings its tokenizer, its network and its
            weights with it; none of what stands above is used then but `name` and `seed`.
    """

    name: str
    backbone: str = "kim_cnn"
    form: str | None = None
    vectors: WordVectors | None = None
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    dimensions: int = 64
    spread: float = SPREAD
    members: int = 1
    further_words: int = 10_000
    longest: int = 0
    seed: int = 0
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """What a training begins with.

    Attributes:
        network: with random weights, and the vectors where there are any.
        card: its network, classes and preprocessing.
        made: the tokenizer and the pieces of its words.
        found: how many tokens have a vector.
    """

    network: TextClassifier
    card: ModelCard
    made: MadeTokenizer
    found: int

    @property
    def files(self) -> dict[str, bytes]:
        """The further files of the model folder."""
        return {TOKENIZER_FILE: tokenizer_file(self.made.tokenizer)}


def tokenizer_file(tokenizer: Tokenizer) -> bytes:
    """The tokenizer as JSON, without the spaces that double its size."""
    return str(tokenizer.to_str(pretty=False)).encode()


def start_training(start: Start, classes: Sequence[str], texts: Iterable[str]) -> Started:
    """The network that a training starts from, with its tokenizer and its card.

    Args:
        start: what was asked for.
        classes: names, in the order of the outputs.
        texts: of the training part.

    Raises:
        UsageError: there is no such backbone, form or level, or options contradict each other.
        ModelError: the model to start from cannot be found or is damaged.
    """
    if start.model is not None:
        from cnntasks_text.continuing import start_from_model

        return start_from_model(start, classes)
    form = _form(start)
    texts = list(texts)
    words = start.vocabulary.level == "words"
    places = start.vectors.places() if start.vectors is not None else {}
    more: list[str] = []
    if places and words:
        if not start.vocabulary.pieces:  # or else rare words are pieces
            seen = set(split_words(texts, start.vocabulary.lower))
            more += sorted(word for word in seen if _place(word, places) is not None)
        more += (start.vectors.words if start.vectors else ())[: start.further_words]
    made = make_tokenizer(
        texts,
        start.vocabulary,
        [word for word in more if _is_one_word(word, start.vocabulary.lower)],
    )
    random = form in ("rand", "joined")
    shape = Shape(
        backbone=start.backbone,
        form=form,
        tokens=len(made.pieces),
        learned=made.learned,
        dimensions=start.dimensions if random else 0,
        vectors=start.vectors.dimensions if start.vectors is not None else 0,
        pieces=random and words and start.vocabulary.pieces > 0,
        members=start.members,
    )
    torch.manual_seed(start.seed)
    network = TextClassifier(shape, len(classes), start.spread)
    if shape.pieces:
        for table in network.tables:
            assert table.pieces is not None
            table.pieces.copy_(torch.from_numpy(made.pieces[: made.learned]))
    found = 0
    if start.vectors is not None:
        found = _put_in(network, made.tokenizer, start.vectors, places)
    card = ModelCard(
        name=start.name,
        task="text",
        network=shape.to_network(network.windows),
        classes=tuple(classes),
        preprocessing={"level": start.vocabulary.level, "max_length": start.longest},
    )
    return Started(network, card, made, found)


def _form(start: Start) -> str:
    form = start.form or ("rand" if start.vectors is None else "joined")
    if form not in FORMS:
        raise UsageError(f"no such form {form!r}; one of {', '.join(FORMS)}")
    if form == "rand" and start.vectors is not None:
        raise UsageError("the form rand has no use for word vectors; leave --vectors out")
    if form != "rand" and start.vectors is None:
        raise UsageError(f"the form {form} needs word vectors; name a file with --vectors")
    return form


def _is_one_word(word: str, lower: bool) -> bool:
    """Whether the tokenizer can come to this word at all."""
    return list(split_words([word], lower)) == [word]


def _place(word: str, places: dict[str, int]) -> int | None:
    """Where the vector of a word is; many files have words in lower case only."""
    row = places.get(word)
    return places.get(word.lower()) if row is None else row


def _put_in(
    network: TextClassifier, tokenizer: Tokenizer, vectors: WordVectors, places: dict[str, int]
) -> int:
    """Put the vectors into a network; returns for how many tokens there is one.

    Tokens without one get a random one of the same variance (the paper's section 3.1).
    """
    scale = _DEVIATION / float(vectors.vectors.std() or 1.0)
    table = _random_rows(network.shape, tokenizer.get_vocab_size())
    found = 0
    for token, number in tokenizer.get_vocab().items():
        row = _place(token, places)
        if row is not None:
            table[number] = vectors.vectors[row] * scale
            found += 1
    table[PADDING] = 0
    filled = torch.from_numpy(table)
    with torch.no_grad():
        if network.vectors is not None:
            network.vectors.weight.copy_(filled)
        if network.shape.form in ("non-static", "multichannel"):
            for member in network.tables:
                member.table.weight.copy_(filled)
    if not found:
        raise UsageError("none of the words of the training texts has a vector in --vectors")
    return found


def _random_rows(shape: Shape, tokens: int) -> NDArray[Any]:
    bound = _DEVIATION * 3**0.5  # of a uniform distribution with that deviation
    size = (tokens, shape.vectors)
    return np.random.default_rng(0).uniform(-bound, bound, size).astype(np.float32)
