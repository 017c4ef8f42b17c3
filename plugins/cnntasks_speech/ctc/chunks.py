"""Long recordings through a convolutional network in chunks, exactly as in one pass.

An output frame sees the input no farther than the network's context to either side. So a chunk is
given with that much of its surroundings, of which the outputs are thrown away; only at the true
beginning and end is there padding, as there is in one pass. NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Input of one run of the network.

    Attributes:
        features: M×T.
        drop: so many output frames at the beginning are of the surroundings.
        keep: so many behind them count.
    """

    features: Features
    drop: int
    keep: int

    def kept(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """T'×N, the network's output for this chunk, without the surroundings."""
        return outputs[self.drop : self.drop + self.keep]


class Chunker:
    """Cuts a stream of features into chunks that overlap by the context; memory is flat.

    Args:
        context: frames that an output frame sees on each side.
        stride: input frames per output frame.
        frames: input frames of a chunk without its context; made a multiple of the stride.
    """

    def __init__(self, context: int, stride: int, frames: int = 1000) -> None:
        self.stride = stride
        # In whole output frames, so that those of a chunk are the same as in one pass.
        self.around = -(-context // stride) * stride
        self.frames = max(frames // stride, 1) * stride
        self._kept: Features | None = None
        self._before = 0  # of the frames that are kept, those that only surround the next chunk

    def push(self, features: Features) -> list[Chunk]:
        """Further features, M×t, t from 0 on; returns the chunks that are complete now."""
        if self._kept is None:
            self._kept = features
        else:
            self._kept = np.concatenate([self._kept, features], axis=1)
        found = []
        # More than needed, so that the last chunk is never empty.
        while self._kept.shape[1] > self._before + self.frames + self.around:
            found.append(self._chunk(self._before + self.frames + self.around, self.frames))
            done = self._before + self.frames
            forget = max(done - self.around, 0)
            self._kept = self._kept[:, forget:]
            self._before = done - forget
        return found

    def finish(self) -> list[Chunk]:
        """What is left; nothing where no feature came."""
        kept = self._kept
        if kept is None or kept.shape[1] <= self._before:
            return []
        return [self._chunk(kept.shape[1], kept.shape[1] - self._before)]

    def _chunk(self, upto: int, frames: int) -> Chunk:
        assert self._kept is not None
        drop = self._before // self.stride
        return Chunk(self._kept[:, :upto], drop, -(-frames // self.stride))
