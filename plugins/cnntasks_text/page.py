"""Explanations as a page of HTML that needs nothing but itself."""

from __future__ import annotations

from contextlib import ExitStack
from html import escape
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cnntasks import open_records
from cnntasks_text.shades import shade

if TYPE_CHECKING:
    from cnntasks import Outcome
    from cnntasks_text.explain import Explanation
    from cnntasks_text.predictor import TextClassification

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --for: 46, 160, 67; --against: 218, 54, 51; }}
body {{ font: 1rem/1.7 system-ui, sans-serif; max-width: 46rem; }}
body {{ margin: 2rem auto; padding: 0 1rem; }}
article {{ border-top: 1px solid rgba(128, 128, 128, .4); padding: .6rem 0 1rem; }}
h2 {{ font-size: 1rem; margin: .4rem 0; }}
h2 small {{ font-weight: normal; opacity: .7; }}
p.text {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0; }}
p.text span {{ border-radius: .2em; padding: .1em 0; }}
table {{ border-collapse: collapse; font-size: .9rem; }}
td {{ padding: 0 1rem 0 0; vertical-align: top; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>Green words speak for the label,
<span style="background: rgba(var(--for), .4)">strongly</span> or
<span style="background: rgba(var(--for), .12)">a little</span>; red words
<span style="background: rgba(var(--against), .4)">against it</span>. A number is what a phrase
adds to the logit of the label less the mean logit of all labels; for two labels that is half the
log-odds.</p>
"""
_TAIL = "</body>\n</html>\n"


class PageWriter:
    """A page with every result: its label, its text with coloured words, the n-grams that decided.

    A context manager; the page appears when it is complete.

    Args:
        path: of the page.
        model: its name.

    Raises:
        InputError: the place cannot be written.
    """

    def __init__(self, path: Path, model: str) -> None:
        self._path = path
        self._title = f"cnntasks text, model {model}"
        self._stack = ExitStack()
        self._stream: Any = None

    def __enter__(self) -> PageWriter:
        self._stream = self._stack.enter_context(open_records(self._path))
        self._stream.write(_HEAD.format(title=escape(self._title)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._stream.write(_TAIL)
        self._stack.__exit__(kind, error, trace)

    def write(self, outcome: Outcome[Any]) -> None:
        """Add one result."""
        assert outcome.result is not None
        self._stream.write(article(outcome.source.name, outcome.result))


def article(name: str, result: TextClassification) -> str:
    """One result as HTML.

    Args:
        name: of its source.
        result: with an explanation.
    """
    explanation = result.explanation
    assert explanation is not None
    labels = ", ".join(
        f"{escape(label)} {value:.1%}"
        for label, value in zip(result.names, result.probabilities.tolist(), strict=True)
    )
    rows = "".join(
        f'<tr><td class="number">{span.contribution:+.2f}</td><td>{_visible(span.text)}</td></tr>\n'
        for span in explanation.ngrams
    )
    cut = "<p>Only the beginning of this text was read.</p>\n" if result.cut else ""
    return (
        f"<article>\n<h2>{labels} <small>{_visible(name)}</small></h2>\n"
        f'<p class="text">{_coloured(result.text, explanation)}</p>\n{cut}'
        f"<table>\n{rows}</table>\n</article>\n"
    )


def _coloured(text: str, explanation: Explanation) -> str:
    largest = max((abs(word.contribution) for word in explanation.words), default=0.0)
    parts = []
    last = 0
    for word in explanation.words:
        strength = shade(word.contribution, largest)
        if not strength:
            continue
        side = "for" if strength > 0 else "against"
        parts.append(_visible(text[last : word.start]))
        parts.append(
            f'<span style="background: rgba(var(--{side}), {0.45 * abs(strength):.2f})" '
            f'title="{word.contribution:+.2f}">{_visible(word.text)}</span>'
        )
        last = word.end
    parts.append(_visible(text[last:]))
    return "".join(parts)


def _visible(text: str) -> str:
    """Escaped, and without characters that HTML does not allow."""
    kept = "".join(c if c.isprintable() or c in "\n\t" or c.isspace() else "\ufffd" for c in text)
    return escape(kept.encode("utf-8", "replace").decode())
