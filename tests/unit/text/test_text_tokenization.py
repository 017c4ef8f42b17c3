"""Texts to tokens: nothing lost, every token where it stands, in linear time."""

from __future__ import annotations

import time

import pytest
from cnntasks_text.tokenization import (
    PADDING,
    UNKNOWN,
    MadeTokenizer,
    Vocabulary,
    encode_texts,
    make_tokenizer,
    split_words,
)
from tokenizers import Tokenizer

from cnntasks import UsageError

TEXTS = (
    "It isn't funny, it's fun.",
    "Unfun! DON'T watch it; they're fools",
    "a funny film, funnier films, the funniest filming",
    "watching films is fun: it is funny",
)


def made(**settings: object) -> MadeTokenizer:
    return make_tokenizer(TEXTS, Vocabulary(**{"pieces": 200, **settings}))  # type: ignore[arg-type]


def test_clitics_and_marks_are_words() -> None:
    words = list(split_words(["It isn't Bob's, they're can't?! x_y I'M"]))
    assert words == [
        *("it", "is", "n't", "bob", "'s", ",", "they", "'re", "ca", "n't", "?", "!"),
        *("x", "_", "y", "i", "'m"),
    ]


def test_tokens_stand_where_they_stood_in_the_text() -> None:
    text = "  A FUNNY film\n isn't\tunfunny…"
    encoding = made().tokenizer.encode(text)
    for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
        if token != "[UNK]":
            assert text[start:end].lower() == token.removeprefix("##")


def test_the_case_can_be_kept() -> None:
    tokenizer = made(lower=False, often=1, pieces=0).tokenizer
    assert tokenizer.encode("It it Funny").tokens == ["It", "it", "[UNK]"]


def test_accents_written_in_two_characters_are_one() -> None:
    texts = ["caf\u00e9 caf\u00e9", "cafe\u0301"]
    tokenizer = make_tokenizer(texts, Vocabulary(pieces=0)).tokenizer
    one, other = encode_texts(tokenizer, texts)
    assert one.tolist() == [other.item()] * 2 != [UNKNOWN] * 2


def test_a_word_that_was_never_seen_is_its_pieces() -> None:
    tokens = made().tokenizer.encode("unfilmed").tokens
    assert len(tokens) > 1
    assert "".join(token.removeprefix("##") for token in tokens) == "unfilmed"


def test_any_word_of_known_characters_has_pieces() -> None:
    tokens = made().tokenizer.encode("yyyhhhwww").tokens
    assert "[UNK]" not in tokens
    assert made(level="subwords").tokenizer.encode("yyyhhhwww").ids.count(UNKNOWN) == 0


def test_without_pieces_every_unknown_word_is_the_same_token() -> None:
    tokenizer = made(pieces=0, often=1).tokenizer
    assert tokenizer.encode("funny unfilmed qqq").tokens == ["funny", "[UNK]", "[UNK]"]
    assert "foolish" not in tokenizer.get_vocab()


def test_a_rare_word_is_no_token_of_its_own() -> None:
    assert "fools" in made(often=1).tokenizer.get_vocab()
    tokens = made(often=2).tokenizer.encode("fools").tokens
    assert tokens != ["fools"]


def test_the_table_says_what_words_are_made_of() -> None:
    texts = ["the funniest filmings", "the funniest film", "funny filmings"]
    found = make_tokenizer(texts, Vocabulary(pieces=60))
    numbers = found.tokenizer.get_vocab()
    names = {number: token for token, number in numbers.items()}
    row = [n for n in found.pieces[numbers["filmings"]].tolist() if n != PADDING]
    assert len(row) > 1
    assert "".join(names[n].removeprefix("##") for n in row) == "filmings"
    for number in set(row):
        assert not found.pieces[number].any()  # a piece is made of nothing else


def test_further_words_come_behind_all_others() -> None:
    found = make_tokenizer(TEXTS, Vocabulary(pieces=200), ["funny", "zebra"])
    numbers = found.tokenizer.get_vocab()
    assert numbers["zebra"] == found.learned == len(numbers) - 1
    assert numbers["funny"] < found.learned
    assert found.tokenizer.encode("Zebra").tokens == ["zebra"]


@pytest.mark.parametrize("level", ["words", "subwords", "characters"])
def test_a_tokenizer_survives_its_file_and_the_same_texts_make_the_same(level: str) -> None:
    tokenizer = made(level=level).tokenizer
    text = tokenizer.to_str()
    again = Tokenizer.from_str(text)
    for sentence in (*TEXTS, "unfilmed Ünfun", "x"):
        assert again.encode(sentence).ids == tokenizer.encode(sentence).ids
    assert made(level=level).tokenizer.get_vocab() == tokenizer.get_vocab()
    assert (tokenizer.token_to_id("[PAD]"), tokenizer.token_to_id("[UNK]")) == (0, 1)


def test_characters_are_all_there_is_of_a_text() -> None:
    tokenizer = made(level="characters", often=1).tokenizer
    assert tokenizer.encode("Fun\n it!").tokens == ["f", "u", "n", "[UNK]", " ", "i", "t", "!"]


def test_subwords_put_a_word_together() -> None:
    tokens = made(level="subwords").tokenizer.encode("funniest unfilmed").tokens
    assert "".join(token.removeprefix("##") for token in tokens) == "funniestunfilmed"


@pytest.mark.parametrize("level", ["words", "subwords", "characters"])
@pytest.mark.parametrize("text", ["a", "n't", "!", "é", "😀", "fun'"])
def test_time_grows_no_faster_than_a_text_without_spaces(level: str, text: str) -> None:
    tokenizer = made(level=level).tokenizer

    def cost(count: int) -> float:
        started = time.process_time()
        assert len(tokenizer.encode(text * count).ids) >= count // 40
        return time.process_time() - started

    cost(100)
    short, long = min(cost(500) for _ in range(3)), cost(5_000)
    assert long < 60 * short + 0.2  # a square would be 100 times


def test_an_empty_text_has_one_token_and_long_ones_are_cut() -> None:
    found = encode_texts(made().tokenizer, ["", "it is fun", " \n"], longest=2)
    assert [len(tokens) for tokens in found] == [1, 2, 1]
    assert found[0].tolist() == [UNKNOWN]


@pytest.mark.parametrize("level", ["words", "characters"])
def test_there_must_be_something_to_make_it_of(level: str) -> None:
    with pytest.raises(UsageError, match="in the training texts"):
        make_tokenizer([""], Vocabulary(level=level))


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(UsageError, match="words, subwords, characters"):
        make_tokenizer(TEXTS, Vocabulary(level="letters"))
