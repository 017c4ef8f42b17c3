"""From the log-probabilities of a CTC network to words with their times, as the frames come.

Frames are gathered until the speaker pauses, or, greedily, until a word has ended; then that
stretch is decoded, aligned, and forgotten. Where it is cut depends on the frames alone, never on
the pieces in which they come; so a live stream, a long recording in chunks and the same in one
piece give the same words. Memory is that of the longest stretch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnntasks import ModelCard, ModelError
from cnntasks_speech.ctc.alignment import Span, align
from cnntasks_speech.ctc.decoding import BLANK, SPACE, Lexicon, LogProbs, beam_search, greedy
from cnntasks_speech.results import Word

#: A blank is sure from this probability on; a pause is so long a row of sure blanks. Nobody pauses
#: so long inside a word.
_SURE = 0.99
_PAUSE_SECONDS = 0.5
#: Who speaks longer without a pause is cut where a blank is the likeliest, in the second half.
_LONGEST_SECONDS = 30.0
#: Width of the search where a list of words is given and no width.
_LISTED_WIDTH = 16


@dataclass(frozen=True, slots=True)
class Timing:
    """How places of the network's output lie in time, all in seconds.

    Attributes:
        step: from one output frame to the next.
        middle: of the first output frame.
        lead, trail: how much earlier a word begins, and later it ends, than the network says: it
            tells a unit somewhere within it. Measured when the model was trained; 0 where not.
    """

    step: float
    middle: float
    lead: float = 0.0
    trail: float = 0.0

    @classmethod
    def of(cls, card: ModelCard) -> Timing:
        """What a card says.

        Raises:
            ModelError: it does not say enough.
        """
        try:
            settings = card.preprocessing
            step = float(card.network["stride"]) * float(settings["hop_ms"]) / 1000
            middle = float(settings["window_ms"]) / 2000
            lead, trail = (float(card.network.get(name, 0.0)) for name in ("lead", "trail"))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{card.name}: its card does not say how its frames lie in time ({error})"
            ) from error
        return cls(step, middle, lead, trail)

    def edges(self, start: int, stop: int) -> tuple[float, float]:
        """When output frames `start` to before `stop` begin and end, from 0 on."""
        first = self.middle + (start - 0.5) * self.step
        last = self.middle + (stop - 0.5) * self.step
        return max(first, 0.0), max(last, 0.0)


@dataclass(frozen=True, slots=True)
class Said:
    """One word of a stretch: its name, its score, and its frames from `start` to before `stop`."""

    word: str
    start: int
    stop: int
    score: float


def words_of(spans: Sequence[Span], units: Sequence[str], spelled: bool) -> Iterator[Said]:
    """Put units together to words: each is one, or the characters between two spaces are."""
    group: list[Span] = []
    for span in spans:
        if not spelled:
            yield _said([span], units)
        elif units[span.unit - 1] != SPACE:
            group.append(span)
        elif group:
            yield _said(group, units)
            group = []
    if group:
        yield _said(group, units)


def _said(spans: Sequence[Span], units: Sequence[str]) -> Said:
    word = "".join(units[span.unit - 1] for span in spans)
    score = sum(span.score for span in spans) / len(spans)
    return Said(word, spans[0].start, spans[-1].stop, score)


class Transcriber:
    """Decodes a stream of log-probabilities.

    Args:
        card: of the model.
        beam: sequences that are followed; 1 for the likeliest path only.
        words: nothing but these words is written down, in their model's spelling; any without.

    Raises:
        ModelError: the card is not that of a transcribing model.
        UsageError: a word of the list cannot be written with the model's units, or there is none.
    """

    def __init__(self, card: ModelCard, beam: int = 1, words: Sequence[str] | None = None) -> None:
        kind = card.network.get("units")
        if kind not in ("characters", "words") or not card.classes:
            raise ModelError(f"{card.name}: its card does not say what its units are")
        self.units = card.classes
        self.spelled = kind == "characters"
        self.timing = Timing.of(card)
        self.lexicon = None if words is None else Lexicon(words, self.units, self.spelled)
        self.width = _LISTED_WIDTH if words is not None and beam < 2 else beam
        self._pause = max(round(_PAUSE_SECONDS / self.timing.step), 1)
        self._longest = max(round(_LONGEST_SECONDS / self.timing.step), 2)
        space = self.units.index(SPACE) + 1 if SPACE in self.units else -1
        self._ends = space if self.spelled else BLANK  # what ends a word at once
        self._frames: LogProbs = np.zeros((0, len(self.units) + 1), np.float32)
        self._first = 0  # number of the first frame that is kept
        self._seen = 0  # so many of those that are kept have been looked at
        self._blanks = 0  # the last of them were sure blanks
        self._end = 0.0  # of the last word

    def push(self, log_probs: LogProbs) -> list[Word]:
        """Further frames.

        Args:
            log_probs: T×(K+1), T from 0 on.

        Returns:
            The words that are complete now. The confidence of a word is the geometric mean of the
            probabilities of its units, of each where it is the largest.
        """
        self._frames = np.concatenate([self._frames, log_probs.astype(np.float32)])
        found: list[Word] = []
        fresh = self._frames[self._seen :]
        sure = (fresh[:, BLANK] >= np.log(_SURE)).tolist()
        ends = (fresh.argmax(axis=1) == self._ends).tolist()
        for is_sure, is_end in zip(sure, ends, strict=True):
            self._seen += 1
            self._blanks = self._blanks + 1 if is_sure else 0
            if self._blanks >= self._pause or (self.width < 2 and is_end):
                found += self._cut(self._seen)
            elif self._seen >= self._longest:
                half = self._seen // 2
                blank = self._frames[half : self._seen, BLANK]
                found += self._cut(half + int(blank.argmax()) + 1)
        return found

    def finish(self) -> list[Word]:
        """The words of what is left; nothing follows."""
        return self._cut(len(self._frames))

    def _cut(self, count: int) -> list[Word]:
        """The words of the first frames; those are forgotten."""
        words = [self._timed(it) for it in self._decoded(self._frames[:count])]
        self._frames = self._frames[count:]
        self._first += count
        self._seen -= count
        self._blanks = min(self._blanks, self._seen)
        return words

    def _decoded(self, frames: LogProbs) -> list[Said]:
        if not len(frames) or not (frames.argmax(axis=1) != BLANK).any():
            return []
        if self.width < 2:
            units = greedy(frames)
        else:
            units, _ = beam_search(frames, self.width, self.lexicon)
        return list(words_of(align(frames, units), self.units, self.spelled))

    def _timed(self, said: Said) -> Word:
        start, end = self.timing.edges(self._first + said.start, self._first + said.stop)
        # Not into the word before, which has been told already.
        begin = min(max(start - self.timing.lead, self._end, 0.0), start)
        self._end = max(end + self.timing.trail, begin)
        return Word(said.word, begin, self._end, float(np.exp(said.score)))


def transcribe(
    log_probs: NDArray[np.float32],
    card: ModelCard,
    beam: int = 1,
    words: Sequence[str] | None = None,
) -> list[Word]:
    """The words of a whole recording; see `Transcriber`.

    Args:
        log_probs: T×(K+1).
    """
    transcriber = Transcriber(card, beam, words)
    return [*transcriber.push(log_probs), *transcriber.finish()]
