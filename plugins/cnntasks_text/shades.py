"""How strongly a word is coloured."""

from __future__ import annotations

#: A word with less than this share of the strongest word's contribution stays plain.
_FAINTEST = 0.04


def shade(contribution: float, largest: float) -> float:
    """The strength of a word's colour in -1..1; 0 for a word that hardly counts.

    Args:
        contribution: of the word.
        largest: contribution of the strongest word of the text, without its sign.
    """
    if largest <= 0 or abs(contribution) < _FAINTEST * largest:
        return 0.0
    return max(min(contribution / largest, 1.0), -1.0)
