"""From the log-probabilities of a CTC network to units: greedily, or by prefix beam search.

A CTC network (Graves et al. 2006) says for every frame how likely each unit is, and the blank. A
path takes one of them per frame; what a path stands for is got by joining equal neighbours and then
leaving the blanks out. The probability of a sequence of units is the sum over all its paths.

`greedy` takes the likeliest path. `PrefixBeam` follows the likeliest sequences (Graves 2012,
section 7.5.2; Hannun et al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using
Bi-Directional Recurrent DNNs", algorithm 1, without a language model), if wanted only those that
are made of the words of a list. NumPy only; blank is index 0, units are counted from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cnntasks import UsageError

LogProbs = NDArray[np.float32]
BLANK = 0
#: Stands between words where units are characters.
SPACE = " "
_NEVER = -np.inf


def greedy(log_probs: LogProbs) -> list[int]:
    """The units of the likeliest path.

    Args:
        log_probs: T×(K+1).
    """
    path = log_probs.argmax(axis=1)
    starts = np.ones(len(path), bool)
    starts[1:] = path[1:] != path[:-1]
    return [int(unit) for unit in path[starts] if unit != BLANK]


class Lexicon:
    """Which sequences of units are made of the words of a list: a trie.

    Args:
        words: at least one.
        units: K, the units of the model.
        spelled: whether words are spelled in characters; or else a word is a unit.

    Raises:
        UsageError: no word is given, or one cannot be made of the units.
    """

    def __init__(self, words: Iterable[str], units: Sequence[str], spelled: bool) -> None:
        number = {unit: place + 1 for place, unit in enumerate(units)}
        self.spelled = spelled
        tables: list[dict[int, int]] = [{}]
        ends = [False]
        for word in words:
            node = 0
            for unit in word if spelled else [word]:
                if unit not in number or unit == SPACE:
                    what = f"the model has no {unit!r}; it has {_some(units)}"
                    raise UsageError(f"the word {word!r} of the list cannot be said: {what}")
                if number[unit] not in tables[node]:
                    tables[node][number[unit]] = len(tables)
                    tables.append({})
                    ends.append(False)
                node = tables[node][number[unit]]
            ends[node] = ends[node] or node != 0
        if not any(ends):
            raise UsageError("the list of words is empty; give one word a line")
        #: N×(K+1): the node that a unit leads to; -1 for none, and for the blank.
        self.next = np.full((len(tables), len(units) + 1), -1, np.int32)
        for node, table in enumerate(tables):
            for said, following in table.items():
                self.next[node, said] = following
        #: N: whether a word may end here.
        self.ends = np.array(ends)
        if spelled:
            if SPACE in number:
                self.next[self.ends, number[SPACE]] = 0
        else:  # any word may follow
            self.next[:] = np.where(self.next[:1] >= 0, self.next[:1], -1)

    def complete(self, nodes: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether an utterance may end in these nodes."""
        done: NDArray[np.bool_] = self.ends[nodes] | (nodes == 0)
        return done


def _some(units: Sequence[str]) -> str:
    shown = ", ".join(repr(unit) for unit in units[:12])
    return shown if len(units) <= 12 else f"{shown} and {len(units) - 12} more"


@dataclass(slots=True, eq=False)
class _Prefix:
    """A sequence of units: its last one, the sequence before it, and those one unit longer."""

    unit: int
    before: _Prefix | None
    longer: dict[int, _Prefix] = field(default_factory=dict)

    def with_unit(self, unit: int) -> _Prefix:
        """The sequence that is longer by `unit`, always the same object."""
        if unit not in self.longer:
            self.longer[unit] = _Prefix(unit, self)
        return self.longer[unit]

    def units(self) -> list[int]:
        found = [prefix.unit for prefix in self._back() if prefix.before is not None]
        return found[::-1]

    def _back(self) -> Iterator[_Prefix]:
        prefix: _Prefix | None = self
        while prefix is not None:
            yield prefix
            prefix = prefix.before


class PrefixBeam:
    """Prefix beam search, frame by frame.

    Args:
        units: K, number of units.
        width: sequences that are followed.
        lexicon: what sequences are allowed; all without.
    """

    def __init__(self, units: int, width: int, lexicon: Lexicon | None = None) -> None:
        self.units = units
        self.width = width
        self.lexicon = lexicon
        self._prefixes = [_Prefix(BLANK, None)]
        self._blank = np.zeros(1)  # log-probability of all paths that end in a blank
        self._unit = np.full(1, _NEVER)  # and of those that end in the last unit
        self._nodes = np.zeros(1, np.int32)

    def push(self, log_probs: LogProbs) -> None:
        """Go on by T frames.

        Args:
            log_probs: T×(K+1).
        """
        for frame in log_probs.astype(np.float64):
            self._step(frame)

    def best(self) -> tuple[list[int], float]:
        """The likeliest sequence that is allowed to end here, and its log-probability.

        The empty one where none may end.
        """
        total = np.logaddexp(self._blank, self._unit)
        if self.lexicon is not None:
            total = np.where(self.lexicon.complete(self._nodes), total, _NEVER)
        place = int(total.argmax())
        if total[place] == _NEVER:
            return [], float(_NEVER)
        return self._prefixes[place].units(), float(total[place])

    def _step(self, frame: NDArray[np.float64]) -> None:
        count = len(self._prefixes)
        total = np.logaddexp(self._blank, self._unit)
        last = np.array([prefix.unit for prefix in self._prefixes])
        blank = total + frame[BLANK]
        unit = np.where(last == BLANK, _NEVER, self._unit + frame[last])
        # A unit that is the last one over again is a new one only behind a blank.
        longer = total[:, None] + frame[None, :]
        rows = np.flatnonzero(last != BLANK)
        longer[rows, last[rows]] = self._blank[rows] + frame[last[rows]]
        longer[:, BLANK] = _NEVER
        following = None
        if self.lexicon is not None:
            following = self.lexicon.next[self._nodes]
            longer[following < 0] = _NEVER
        # A longer sequence may be followed already.
        place = {id(prefix): row for row, prefix in enumerate(self._prefixes)}
        for row, prefix in enumerate(self._prefixes):
            before = place.get(id(prefix.before))
            if before is not None:
                unit[row] = np.logaddexp(unit[row], longer[before, prefix.unit])
                longer[before, prefix.unit] = _NEVER
        scores = np.concatenate([np.logaddexp(blank, unit), longer.ravel()])
        kept = _largest(scores, self.width)
        kept = kept[scores[kept] > _NEVER]
        prefixes, nodes = [], np.empty(len(kept), np.int32)
        for number, index in enumerate(kept.tolist()):
            if index < count:
                prefixes.append(self._prefixes[index])
                nodes[number] = self._nodes[index]
                continue
            row, new = divmod(index - count, self.units + 1)
            prefixes.append(self._prefixes[row].with_unit(new))
            nodes[number] = 0 if following is None else following[row, new]
        old = kept < count
        same = np.where(old, kept, 0)
        self._blank = np.where(old, blank[same], _NEVER)
        self._unit = np.where(old, unit[same], scores[kept])
        self._prefixes, self._nodes = prefixes, nodes


def _largest(scores: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Places of the largest scores, the largest first; of equal ones the first."""
    if len(scores) > count:
        some = np.argpartition(-scores, count - 1)[:count]
        some.sort()
    else:
        some = np.arange(len(scores))
    order: NDArray[np.int64] = some[np.argsort(-scores[some], kind="stable")]
    return order


def beam_search(
    log_probs: LogProbs, width: int, lexicon: Lexicon | None = None
) -> tuple[list[int], float]:
    """The likeliest sequence of units, and its log-probability as far as the beam has seen it.

    Args:
        log_probs: T×(K+1).
        width: sequences that are followed.
        lexicon: what sequences are allowed; all without.
    """
    beam = PrefixBeam(log_probs.shape[1] - 1, width, lexicon)
    beam.push(log_probs)
    return beam.best()
