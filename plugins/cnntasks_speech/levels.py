"""How loud a recording is: its peak, and the share that is cut off at full scale."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A sample this loud is at full scale: 127/128 is, the loudest of 8 bits.
FULL_SCALE = 0.99
#: So many samples on end at full scale are a wave whose top is missing; one or two may be a peak.
FLAT_TOP = 3
#: With a greater share of its samples in flat tops a recording is called clipped.
CLIPPED_SHARE = 0.001
#: Peak below which a recording is called silent: one step of 16 bits is 3.1e-5.
SILENT_PEAK = 1e-4


@dataclass(slots=True)
class Levels:
    """What `add` has been given so far.

    Attributes:
        peak: the largest absolute sample.
        samples: how many, over all channels.
        flat: of these, how many lie in flat tops.
        missing: seconds that the file's header promises and that are not there.
    """

    peak: float = 0.0
    samples: int = 0
    flat: int = 0
    missing: float = 0.0
    _tail: NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)

    @property
    def clipped_share(self) -> float:
        """The share of samples in flat tops, 0..1."""
        return self.flat / self.samples if self.samples else 0.0

    @property
    def clipped(self) -> bool:
        """Whether so many tops are missing that words may be misheard."""
        return self.clipped_share > CLIPPED_SHARE

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear in it."""
        return self.samples > 0 and self.peak < SILENT_PEAK

    def add(self, frames: NDArray[np.floating[Any]]) -> None:
        """Take the next samples×channels, in [-1, 1]."""
        size = np.abs(frames)
        self.peak = max(self.peak, float(size.max(initial=0.0)))
        self.samples += frames.size
        known = 0 if self._tail is None else len(self._tail)
        full = size >= FULL_SCALE
        if self._tail is not None:
            full = np.concatenate((self._tail, full))
        # Most recordings have no sample at full scale at all.
        if full.any():
            self.flat += _in_runs(full) - _in_runs(full[:known])
        self._tail = full[-(FLAT_TOP - 1) :]

    def remark(self) -> str:
        """What a person should know of the recording; empty where all is well."""
        if self.silent:
            return "is silent; was the microphone on?"
        remarks = []
        if self.clipped:
            remarks.append(
                f"is clipped ({self.clipped_share:.1%} of it is cut off at full scale), words may "
                "be misheard; record it with less gain"
            )
        if self.missing:
            remarks.append(f"is cut: its last {self.missing:.1f} s are not there; get a whole copy")
        return "; ".join(remarks)


def _in_runs(full: NDArray[np.bool_]) -> int:
    """How many entries, T×C, lie in runs of at least `FLAT_TOP` along T."""
    if len(full) < FLAT_TOP:
        return 0
    starts = np.ones((len(full) - FLAT_TOP + 1, full.shape[1]), bool)
    for shift in range(FLAT_TOP):
        starts &= full[shift : shift + len(starts)]
    inside = np.zeros_like(full)
    for shift in range(FLAT_TOP):
        inside[shift : shift + len(starts)] |= starts
    return int(inside.sum())
