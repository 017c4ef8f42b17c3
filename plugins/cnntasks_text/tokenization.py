"""Tokenizers of text models, made from the training texts: words, pieces of words, or characters.

All of them are files of the `tokenizers` library, which keeps for every token where it stands in
the text. Token 0 is padding and token 1 whatever the tokenizer cannot express. A text becomes
tokens in these steps:

1. Normalisation: NFC, then lower case, unless the case is kept.
2. Words: runs of letters and digits, with punctuation marks standing alone, and the clitics of
   English (`n't`, `'s`, `'re`, ...) apart from their words, as in the Penn Treebank and in the
   code of Kim 2014. A run of more than 40 characters counts as several words, so that the time is
   linear in the length of any text.
3. Word level: a word that the training texts have often enough is one token, and any other is a
   sequence of the longest known pieces (WordPiece, Wu et al. 2016). So no word is lost, and a
   network that is sometimes shown the pieces of known words learns what they mean.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from cnntasks import UsageError

PADDING, UNKNOWN = 0, 1
SPECIAL = ("[PAD]", "[UNK]")
LEVELS = ("words", "subwords", "characters")
#: Pieces that a word's vector is made of; those of longer words are left out.
MOST_PIECES = 6

_LONGEST = 40  # characters of a word
_CLITIC = r"n['’]t(?!\w)|['’](?:s|ve|re|d|ll|m)(?!\w)"
# Clitics first, then words: those before `n't` without its n, and all others.
_WORD = rf"{_CLITIC}|[^\W_]{{1,20}}?(?=n['’]t(?!\w))|[^\W_]{{1,{_LONGEST}}}|_|[^\w\s]"
_CONTINUES = "##"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How a tokenizer is made.

    Attributes:
        level: one of `LEVELS`.
        pieces: of words, at most; also the size of a vocabulary of subwords. 0 at the word level:
            every unknown word is the same token, as in the papers of that time.
        often: how often a word has to occur to be a token of its own.
        lower: whether `Film` is `film`.
    """

    level: str = "words"
    pieces: int = 4000
    often: int = 2
    lower: bool = True


@dataclass(frozen=True, slots=True)
class MadeTokenizer:
    """A tokenizer and what a network wants to know of it.

    Attributes:
        tokenizer: to be stored in the model folder.
        pieces: V×`MOST_PIECES`, the pieces that each token is made of, 0 where there is no further
            one; no row of a token that is itself a piece has any.
        learned: the number of tokens that the training texts gave; those behind are `more`.
    """

    tokenizer: Tokenizer
    pieces: NDArray[np.int32]
    learned: int


def make_tokenizer(
    texts: Iterable[str], vocabulary: Vocabulary, more: Iterable[str] = ()
) -> MadeTokenizer:
    """Make a tokenizer from training texts.

    Args:
        texts: the training part only.
        vocabulary: how.
        more: further words, in normal form, that are tokens (those that there are vectors for).
            Only the word level uses them.

    Raises:
        UsageError: no such level, or nothing in the texts.
    """
    if vocabulary.level not in LEVELS:
        raise UsageError(f"no such level {vocabulary.level!r}; one of {', '.join(LEVELS)}")
    if vocabulary.level == "characters":
        return _without_pieces(_characters(texts, vocabulary))
    counts = Counter(split_words(texts, vocabulary.lower))
    if not counts:
        raise UsageError("there is no word in the training texts")
    if vocabulary.level == "subwords":
        return _without_pieces(_subwords(counts, vocabulary))
    pieces: dict[str, int] = {}
    if vocabulary.pieces:
        # Each word once: pieces that many words share, rather than those of the commonest words.
        pieces, _ = _learn_pieces(dict.fromkeys(counts, 1), vocabulary.pieces)
    tokens = dict.fromkeys(SPECIAL) | dict.fromkeys(sorted(pieces, key=pieces.__getitem__))
    words_from = len(tokens)
    often = (word for word, count in counts.most_common() if count >= vocabulary.often)
    tokens |= dict.fromkeys(often)
    learned = len(tokens)
    tokens |= dict.fromkeys(more)
    numbers = {token: number for number, token in enumerate(tokens)}
    tokenizer = _finished(_word_piece(numbers), _word_splitter(), vocabulary.lower)
    return MadeTokenizer(tokenizer, _table_of_pieces(numbers, words_from), learned)


def split_words(texts: Iterable[str], lower: bool = True) -> Iterator[str]:
    """The words of texts in normal form, one after the other."""
    normalizer, splitter = _normalizer(lower), _word_splitter()
    for text in texts:
        for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)):
            yield word


def encode_texts(
    tokenizer: Tokenizer, texts: Sequence[str], longest: int = 0
) -> list[NDArray[np.int64]]:
    """The tokens of each text, at least one.

    Args:
        tokenizer: of a model.
        texts: any.
        longest: tokens of a text at most; 0 for no limit.
    """
    end = longest or None
    return [
        np.array(encoding.ids[:end] or [UNKNOWN], np.int64)
        for encoding in tokenizer.encode_batch(list(texts))
    ]


def _learn_pieces(counts: Mapping[str, int], size: int) -> tuple[dict[str, int], list[Any]]:
    """Byte-pair encoding (Sennrich, Haddow & Birch 2016): numbers of the pieces, and merges.

    Every character that there is can begin a word and go on with one, so that no word made of
    known characters is lost. They get their numbers beforehand: the library would give them in the
    order of a hash table, which differs from run to run, and so would the pieces then.
    """
    characters = sorted({char for word in counts for char in word})
    singles = [*characters, *(_CONTINUES + char for char in characters)]
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=[*SPECIAL, *singles],
        continuing_subword_prefix=_CONTINUES,
        show_progress=False,
    )
    words = (word for word, count in sorted(counts.items()) for _ in range(count))
    tokenizer.train_from_iterator(words, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def _table_of_pieces(numbers: dict[str, int], words_from: int) -> NDArray[np.int32]:
    table = np.zeros((len(numbers), MOST_PIECES), np.int32)
    words = [token for token, number in numbers.items() if number >= words_from]
    known = {token: number for token, number in numbers.items() if number < words_from}
    splitter = Tokenizer(_word_piece(known))
    splitter.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    for word, encoding in zip(words, splitter.encode_batch(words), strict=True):
        found = [number for number in encoding.ids if number != UNKNOWN][:MOST_PIECES]
        table[numbers[word], : len(found)] = found
    return table


def _subwords(counts: Mapping[str, int], vocabulary: Vocabulary) -> Tokenizer:
    numbers, merges = _learn_pieces(counts, vocabulary.pieces)
    model = models.BPE(
        numbers,
        merges,
        unk_token=SPECIAL[UNKNOWN],
        continuing_subword_prefix=_CONTINUES,
    )
    return _finished(model, _word_splitter(), vocabulary.lower)


def _characters(texts: Iterable[str], vocabulary: Vocabulary) -> Tokenizer:
    normalizer = _normalizer(vocabulary.lower)
    counts = Counter(char for text in texts for char in normalizer.normalize_str(text))
    if not counts:
        raise UsageError("there is no character in the training texts")
    common = [char for char, count in sorted(counts.items()) if count >= vocabulary.often]
    numbers = {token: number for number, token in enumerate([*SPECIAL, *common])}
    model = models.WordLevel(numbers, unk_token=SPECIAL[UNKNOWN])
    return _finished(model, pre_tokenizers.Split(Regex(r"(?m:.)|\n"), "isolated"), vocabulary.lower)


def _without_pieces(tokenizer: Tokenizer) -> MadeTokenizer:
    size = tokenizer.get_vocab_size()
    return MadeTokenizer(tokenizer, np.zeros((size, 0), np.int32), size)


def _finished(model: Any, splitter: Any, lower: bool) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = _normalizer(lower)
    tokenizer.pre_tokenizer = splitter
    return tokenizer


def _word_piece(numbers: dict[str, int]) -> Any:
    return models.WordPiece(
        numbers,
        unk_token=SPECIAL[UNKNOWN],
        continuing_subword_prefix=_CONTINUES,
        max_input_chars_per_word=_LONGEST,
    )


def _normalizer(lower: bool) -> Any:
    return normalizers.Sequence([normalizers.NFC(), *([normalizers.Lowercase()] if lower else [])])


def _word_splitter() -> Any:
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(_WORD), "isolated"), pre_tokenizers.WhitespaceSplit()]
    )
