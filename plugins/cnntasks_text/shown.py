"""Explanations on a terminal: words in colour, and the n-grams that weigh most."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

from cnntasks_text.shades import shade

if TYPE_CHECKING:
    from rich.text import Text

    from cnntasks import Outcome
    from cnntasks_text.explain import Explanation

#: Characters of a text that are shown; a terminal is no place to read a book.
LONGEST = 2000
_FOR, _AGAINST = (46, 160, 67), (218, 54, 51)


class WordsWriter:
    """For each result its label, its text in colour, and a line for each n-gram that decided.

    Green words speak for the label and red ones against it. Where colours are not shown (a pipe,
    `NO_COLOR`) the lines below have the numbers.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        from rich.console import Console

        out = stream or sys.stdout
        self._console = Console(file=out, highlight=False, soft_wrap=True, emoji=False)

    def write(self, outcome: Outcome[Any]) -> None:
        """Show one result."""
        from rich.text import Text

        result = outcome.result
        assert result is not None
        labels = ", ".join(
            f"{name} {value:.2f}"
            for name, value in zip(result.names, result.probabilities.tolist(), strict=True)
        )
        line = Text(_plain(f"{outcome.source.name}: "))
        self._console.print(line.append(_plain(labels), style="bold"))
        self._console.print(Text("  ").append_text(_coloured(result.text, result.explanation)))
        for span in result.explanation.ngrams:
            words = _plain(" ".join(span.text.split()))
            self._console.print(Text(f"  {span.contribution:+.2f}  {words}"))

    def close(self) -> None:
        """Nothing is left."""


def _coloured(text: str, explanation: Explanation) -> Text:
    from rich.text import Text

    shown = Text(_plain(text[:LONGEST]))
    largest = max((abs(word.contribution) for word in explanation.words), default=0.0)
    for word in explanation.words:
        if word.end > LONGEST:
            break
        strength = shade(word.contribution, largest)
        if strength:
            red, green, blue = _FOR if strength > 0 else _AGAINST
            color = f"rgb({red},{green},{blue})"
            weight = "bold " if abs(strength) > 0.5 else ""
            shown.stylize(f"{weight}{color}", word.start, word.end)
    if len(text) > LONGEST:
        shown.append(" …")
    return shown


def _plain(text: str) -> str:
    """As many characters, none of which steers a terminal or breaks a line."""
    return "".join(char if char.isprintable() else " " for char in text)
