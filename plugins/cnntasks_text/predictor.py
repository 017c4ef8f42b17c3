"""Everything around the text classifier in NumPy: tokens, probabilities, and what decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from cnntasks import CnntasksError, InputError, ModelCard, ModelError, Source, UsageError
from cnntasks_text.encodings import decode_text, refuse_nul
from cnntasks_text.explain import Explanation, Windows, explain_text
from cnntasks_text.inputs import (
    SUFFIXES,
    InputSettings,
    sources_from_arguments,
    sources_from_values,
    stands_for_many,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER_FILE = "tokenizer.json"
#: Of a longer text only the beginning is read, so that no text is too large for the memory.
MOST_TOKENS = 2**16
#: N-grams of an explanation, where nobody says how many.
NGRAMS = 8


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model folder, without padding or truncation.

    Raises:
        ModelError: it is missing or damaged.
    """
    from tokenizers import Tokenizer

    path = folder / TOKENIZER_FILE
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises bare exceptions
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"{path}: cannot read this tokenizer ({line}); fetch the model again"
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as the network gets it.

    Attributes:
        text: as given.
        tokens: L int64, at least 1.
        offsets: for each token its first character, and the one after its last; empty where no
            explanation is asked for.
        cut: the text goes on after the last token.
    """

    text: str
    tokens: NDArray[np.int64]
    offsets: Sequence[tuple[int, int]]
    cut: bool


@dataclass(frozen=True, slots=True)
class TextClassification:
    """What one text is: the likeliest classes, best first.

    Attributes:
        text: as given.
        labels: N int64, index into `classes`.
        probabilities: N float32, 0..1; those of all classes add up to 1.
        classes: the names of the model's classes.
        cut: only the beginning of the text was read.
        explanation: which n-grams decided, where that was asked for.
    """

    text: str
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]
    cut: bool = False
    explanation: Explanation | None = None

    @property
    def names(self) -> list[str]:
        """The class names, likeliest first."""
        return [self.classes[label] for label in self.labels.tolist()]

    @property
    def label(self) -> str:
        """The name of the likeliest class."""
        return self.classes[int(self.labels[0])]

    @property
    def probability(self) -> float:
        """That of the likeliest class."""
        return float(self.probabilities[0])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: the text, its labels, and the explanation with its spans."""
        record: dict[str, Any] = {"text": self.text, "labels": self._labels()}
        if self.cut:
            record["cut"] = True
        if self.explanation is not None:
            record["explanation"] = self.explanation.to_dict()
        return record

    def to_rows(self) -> list[dict[str, Any]]:
        """One row for each label, likeliest first."""
        rows = [{**row, "text": self.text} for row in self._labels()]
        if self.explanation is not None:
            rows[0]["because"] = self.explanation.in_words()
            for row in rows[1:]:
                row["because"] = ""
        return rows

    def _labels(self) -> list[dict[str, Any]]:
        return [
            {"label": name, "probability": round(value, 4)}
            for name, value in zip(self.names, self.probabilities.tolist(), strict=True)
        ]


class TextPredictor:
    """The predictor of `cnntasks text`.

    Args:
        card: of the model.
        tokenizer: of the model.
        top: labels per text at most; all when None.
        explain: say which n-grams decided.
        ngrams: at most so many of them, those that weigh most.
        encoding, column, whole: how files are read; see `InputSettings`.

    Raises:
        UsageError: a value out of range, an unknown encoding.
        ModelError: the card lacks what an explanation needs.
    """

    suffixes: Sequence[str] = SUFFIXES
    batch_size = 256

    def __init__(
        self,
        card: ModelCard,
        tokenizer: Tokenizer,
        *,
        top: int | None = None,
        explain: bool = False,
        ngrams: int = NGRAMS,
        encoding: str | None = None,
        column: str | None = None,
        whole: bool = False,
    ) -> None:
        if top is not None and top < 1:
            raise UsageError(f"top must be at least 1, not {top}")
        if ngrams < 1:
            raise UsageError(f"ngrams must be at least 1, not {ngrams}")
        self.card = card
        self.tokenizer = tokenizer
        self.top = min(top or len(card.classes), len(card.classes))
        self.ngrams = ngrams
        self.windows = Windows.from_card(card) if explain else None
        self.settings = InputSettings(encoding, column, whole)
        self.temperature = float(card.defaults.get("temperature", 1.0))
        self.longest = int(card.preprocessing.get("max_length") or MOST_TOKENS)
        explained = ("contributions", "positions") if explain else ()
        self.outputs: Sequence[str] = ("logits", *explained)
        because = ("because",) if explain else ()
        self.columns: Sequence[str] = ("label", "probability", "text", *because)

    @classmethod
    def open(cls, card: ModelCard, folder: Path, **options: Any) -> TextPredictor:
        """The predictor of a model folder, with the tokenizer in it.

        Raises:
            ModelError: the tokenizer is missing or damaged.
            UsageError: as for the class.
        """
        return cls(card, read_tokenizer(folder), **options)

    def decode(self, source: Source) -> Reading:
        """Read a text and take it apart; raises InputError."""
        [found] = self.decode_batch([source])
        if isinstance(found, CnntasksError):
            raise found
        return found

    def decode_batch(self, sources: Sequence[Source]) -> list[Reading | CnntasksError]:
        """Several texts at once, during which other threads go on."""
        texts: list[str | CnntasksError] = []
        for source in sources:
            try:
                texts.append(self._text(source))
            except CnntasksError as error:
                texts.append(error)
        whole = [text for text in texts if isinstance(text, str)]
        # `encode` would keep all other threads waiting.
        encodings = iter(self.tokenizer.encode_batch(whole))
        return [
            self._reading(source, text, next(encodings)) if isinstance(text, str) else text
            for source, text in zip(sources, texts, strict=True)
        ]

    def _text(self, source: Source) -> str:
        """A text that the tokenizer can take; raises InputError."""
        text: str | None = source.value
        if text is None:
            text = decode_text(source.read_bytes(), source.name, self.settings.encoding)
        elif "\0" in text:
            refuse_nul(text, source.name)
        if not text or text.isspace():
            raise InputError(f"{source.name}: the text is empty; there is nothing to classify")
        if not text.isascii():
            _refuse_surrogates(text, source.name)
        return text

    def _reading(self, source: Source, text: str, encoding: Any) -> Reading | CnntasksError:
        ids = encoding.ids
        if not ids:
            return InputError(
                f"{source.name}: there is nothing in it that the model reads; give some words"
            )
        cut = len(ids) > self.longest
        tokens = np.array(ids[: self.longest] if cut else ids, np.int64)
        offsets = encoding.offsets[: self.longest] if self.windows is not None else ()
        return Reading(text, tokens, offsets, cut)

    def preprocess(self, item: Reading) -> dict[str, Any]:
        """`tokens` L int64."""
        return {"tokens": item.tokens}

    def collate(self, feeds: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """`tokens` B×L int64, short texts filled up with 0."""
        longest = max(len(feed["tokens"]) for feed in feeds)
        tokens = np.zeros((len(feeds), longest), np.int64)
        for row, feed in zip(tokens, feeds, strict=True):
            row[: len(feed["tokens"])] = feed["tokens"]
        return {"tokens": tokens}

    def postprocess(self, outputs: dict[str, Any], item: Reading) -> TextClassification:
        """The likeliest classes; of equal ones the first of the card."""
        logits = outputs["logits"].astype(np.float64) / self.temperature
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        order = (-probabilities).argsort(kind="stable")[: self.top]
        explanation = None
        if self.windows is not None:
            explanation = explain_text(
                item.text,
                item.offsets,
                logits,
                outputs["contributions"] / self.temperature,
                outputs["positions"],
                self.windows,
                self.card.classes,
                self.ngrams,
            )
        return TextClassification(
            item.text,
            order,
            probabilities[order].astype(np.float32),
            self.card.classes,
            item.cut,
            explanation,
        )

    def sources_from_arguments(
        self, arguments: Sequence[str], stdin: BinaryIO | None = None
    ) -> Iterator[Source]:
        """The texts of a command line."""
        return sources_from_arguments(arguments, self.settings, stdin)

    def sources_from_values(self, values: Any) -> Iterator[Source]:
        """The texts of a Python value: a string is a text, a path a file."""
        return sources_from_values(values, self.settings)

    def stands_for_many(self, value: Any) -> bool:
        """Whether a value has a list of results: a file of lines, a list of texts."""
        return stands_for_many(value, self.settings)


def _refuse_surrogates(text: str, name: str) -> None:
    """Raise InputError where a text holds half of a surrogate pair, as `"\\ud83d"` in JSON does."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{name}: the character at place {error.start + 1} is half of a surrogate pair; write "
            "the text anew as UTF-8"
        ) from error
