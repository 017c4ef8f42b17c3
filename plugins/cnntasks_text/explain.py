"""Which n-grams decided: exact, since max-over-time pooling knows the window that fired.

Every network of this task ends in a maximum over time for each map, then a linear layer: the logit
of class k is its bias plus the sum over maps m of w_km · max_t a_mt, and each term belongs to the
one window of words in which map m was largest (Kim 2014). Logits are determined up to a number that
is the same for all classes, as softmax does not see it; so from each contribution the mean over
the classes is subtracted. What is left adds up to the logit of the class less the mean logit: for
two classes half the log-odds, ½ ln(p / (1 - p)).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnntasks import ModelCard, ModelError

#: What adds less than this to a logit has said nothing: no map of that window was above 0.
_NOTHING = 1e-9
#: N-grams that `Explanation.in_words` names.
_IN_WORDS = 3
_WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]+")


@dataclass(frozen=True, slots=True)
class Windows:
    """How many tokens before and after the one it is centred on each map sees.

    Attributes:
        left, right: M int64.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]

    @classmethod
    def from_card(cls, card: ModelCard) -> Windows:
        """From `card.network["windows"]`, a list of (left, right, number of maps).

        Raises:
            ModelError: the card has none.
        """
        rows = card.network.get("windows")
        try:
            table = np.array(rows, np.int64).reshape(-1, 3)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"{card.name}: its card does not say how wide its windows are, so nothing can be "
                "explained; train the model again"
            ) from error
        left, right, count = table.T
        return cls(np.repeat(left, count), np.repeat(right, count))


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text and what it contributed.

    Attributes:
        start, end: its first character and the one after its last.
        text: what stands there.
        contribution: to the logit of the explained class less the mean logit; below 0 it speaks
            against the class.
    """

    start: int
    end: int
    text: str
    contribution: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "contribution": round(self.contribution, 4),
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """What decided for (and spoke against) the likeliest class.

    Attributes:
        label: the class that is explained.
        logit: of that class, less the mean of all logits.
        bias: the part of it that no text changes.
        ngrams: those that weigh most, largest first, whatever their sign; n-grams overlap.
        words: every word, in order; an n-gram's contribution in equal parts to its tokens.
        others: the sum of the n-grams that are not in `ngrams`.
    """

    label: str
    logit: float
    bias: float
    ngrams: tuple[Span, ...]
    words: tuple[Span, ...]
    others: float

    def in_words(self) -> str:
        """The n-grams that weigh most, for one cell of a table."""
        return "; ".join(
            f"{' '.join(span.text.split())} ({span.contribution:+.2f})"
            for span in self.ngrams[:_IN_WORDS]
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: `logit` is `bias` plus the `contribution` of `spans`, plus `others`."""
        return {
            "label": self.label,
            "logit": round(self.logit, 4),
            "bias": round(self.bias, 4),
            "others": round(self.others, 4),
            "spans": [span.to_dict() for span in self.ngrams],
            "words": [span.to_dict() for span in self.words],
        }


def explain_text(
    text: str,
    offsets: Sequence[tuple[int, int]],
    logits: NDArray[np.floating[Any]],
    contributions: NDArray[np.floating[Any]],
    positions: NDArray[np.int64],
    windows: Windows,
    classes: Sequence[str],
    most: int,
) -> Explanation:
    """Explain the likeliest class of one text.

    Args:
        text: as given.
        offsets: L; of each token the first character, and the one after its last.
        logits: K.
        contributions: K×M, of each map to each logit.
        positions: M, the token at which each map was largest.
        windows: of the M maps.
        classes: K names.
        most: n-grams at most.
    """
    label = int(np.argmax(logits))
    # In double precision: hundreds of terms of either sign are summed.
    terms = contributions.astype(np.float64)
    logit = float(logits[label] - logits.mean())
    weights = terms[label] - terms.mean(axis=0)
    last = len(offsets) - 1
    starts = np.clip(positions - windows.left, 0, last)
    ends = np.clip(positions + windows.right, 0, last)
    keys, which = np.unique(starts * (last + 1) + ends, return_inverse=True)
    sums = np.bincount(which.ravel(), weights=weights).astype(np.float64)
    first, final = keys // (last + 1), keys % (last + 1)
    order = np.argsort(-np.abs(sums), kind="stable")[:most]
    order = order[np.abs(sums[order]) > _NOTHING]
    ngrams = tuple(
        _span(text, offsets[first[it]][0], offsets[final[it]][1], sums[it]) for it in order
    )
    tokens = _per_token(first, final, sums, last + 1)
    return Explanation(
        label=classes[label],
        logit=logit,
        bias=logit - float(weights.sum()),
        ngrams=ngrams,
        words=_words(text, offsets, tokens),
        others=float(sums.sum() - sums[order].sum()),
    )


def _per_token(
    first: NDArray[np.int64], final: NDArray[np.int64], sums: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Each n-gram's contribution in equal parts to its tokens, those that overlap added up."""
    tokens = np.zeros(count)
    for start, end, value in zip(first.tolist(), final.tolist(), sums.tolist(), strict=True):
        tokens[start : end + 1] += value / (end + 1 - start)
    return tokens


def _words(
    text: str, offsets: Sequence[tuple[int, int]], tokens: NDArray[np.float64]
) -> tuple[Span, ...]:
    """The words that tokens belong to (a token may be a part of a word, or a letter)."""
    end = offsets[-1][1]
    found = [match.span() for match in _WORD.finditer(text, 0, max(end, 1))]
    if not found:
        return (_span(text, 0, end, float(tokens.sum())),)
    starts = np.array([start for start, _ in found])
    # A token belongs to the word in which it begins, white space before it aside.
    begins = np.array([_skip_space(text, start, end) for start, end in offsets])
    which = np.clip(np.searchsorted(starts, begins, side="right") - 1, 0, None)
    sums = np.bincount(which, weights=tokens, minlength=len(found))
    return tuple(
        Span(start, end, text[start:end], value)
        for (start, end), value in zip(found, sums.tolist(), strict=True)
    )


def _skip_space(text: str, start: int, end: int) -> int:
    while start < end - 1 and text[start].isspace():
        start += 1
    return start


def _span(text: str, start: int, end: int, value: float) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end, text[start:end], float(value))
