"""Receptive fields that are followed through a network, branches included.

The output at place i of an axis can see the input positions first + i·jump .. last + i·jump. A
window moves and widens that interval (Araujo et al. 2019, "Computing Receptive Fields of
Convolutional Neural Networks", section 3, which writes it as the size r and the start); where
paths meet, the interval is the smallest that holds those of all paths. Where paths are centred
alike, as in residual blocks and Inception modules, its size is that of the widest path.

What cannot be followed is None, never a guess: paths of different jumps that meet, attention,
windows of unequal sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Axis:
    """What the places along one axis of a feature map see of the input.

    Attributes:
        first: the first input position that place 0 sees; negative in the padding.
        last: the last one, inclusive.
        jump: input positions from one place to the next; None where there is one place only,
            which was pooled over all others.
        everyone: the interval that every place sees besides, through a path that was pooled
            over the whole map (squeeze-and-excitation).
    """

    first: int
    last: int
    jump: int | None
    everyone: tuple[int, int] | None = None

    def window(self, kernel: int, stride: int, dilation: int, before: int) -> Axis:
        """After a convolution or pooling with `before` positions of padding before the input."""
        if self.jump is None:  # whatever the window is, it holds one place and padding
            return self
        return replace(
            self,
            first=self.first - before * self.jump,
            last=self.last + ((kernel - 1) * dilation - before) * self.jump,
            jump=self.jump * stride,
        )

    def merged(self, places: int) -> Axis:
        """After everything along the axis went into one number."""
        first, last = self.first, self.last + (places - 1) * (self.jump or 0)
        if self.everyone is not None:
            first, last = min(first, self.everyone[0]), max(last, self.everyone[1])
        return Axis(first, last, None)

    def union(self, other: Axis) -> Axis | None:
        """Where two paths meet, place by place; None where their places lie differently."""
        everyone = _hull(self.everyone, other.everyone)
        if self.jump == other.jump:
            first, last = min(self.first, other.first), max(self.last, other.last)
            return Axis(first, last, self.jump, everyone)
        if other.jump is None:
            return replace(self, everyone=_hull(everyone, (other.first, other.last)))
        if self.jump is None:
            return other.union(self)
        return None

    def size(self, places: int) -> int:
        """The receptive field of the middle one of so many places, padding included."""
        shift = (places - 1) // 2 * (self.jump or 0)
        seen = _hull((self.first + shift, self.last + shift), self.everyone)
        assert seen is not None
        return seen[1] - seen[0] + 1


def _hull(one: tuple[int, int] | None, two: tuple[int, int] | None) -> tuple[int, int] | None:
    if one is None or two is None:
        return one or two
    return min(one[0], two[0]), max(one[1], two[1])


@dataclass(frozen=True, slots=True)
class Field:
    """The axes of one tensor that are places in the input.

    Attributes:
        axes: one for each spatial axis of the network's input, in that order.
        dims: the tensor's dimension that each lies along; empty where the tensor has none left.
        laid: the number of places along each axis, where a map was flattened into a vector and no
            layer has mixed its numbers yet.
    """

    axes: tuple[Axis, ...]
    dims: tuple[int, ...]
    laid: tuple[int, ...] | None = None

    @classmethod
    def of_input(cls, dims: Sequence[int]) -> Field:
        """Of the network's input: each place sees itself."""
        return cls(tuple(Axis(0, 0, 1) for _ in dims), tuple(dims))

    @property
    def is_vector(self) -> bool:
        """Whether each number has seen all that there is: no layer can change that."""
        return not self.dims and self.laid is None

    def each(self, change: Callable[[int, Axis], Axis]) -> Field:
        """With `change(dimension, axis)` instead of each axis."""
        return replace(
            self, axes=tuple(change(d, a) for d, a in zip(self.dims, self.axes, strict=True))
        )

    def merged(self, shape: Sequence[int], reduced: Sequence[int], keep: bool) -> Field | None:
        """After a reduction over the dimensions `reduced` of a tensor of this shape."""
        inside = [dim in reduced for dim in self.dims]
        if not self.dims:
            return self
        pooled = self.each(lambda dim, a: a.merged(shape[dim]) if dim in reduced else a)
        if keep:
            return pooled
        if all(inside):
            return Field(pooled.axes, ())
        if any(inside):
            return None
        left = tuple(dim - sum(r < dim for r in reduced) for dim in self.dims)
        return replace(self, dims=left)

    def mixed(self) -> Field | None:
        """After a fully connected layer over the last dimension."""
        if self.laid is not None:
            axes = zip(self.axes, self.laid, strict=True)
            return Field(tuple(axis.merged(places) for axis, places in axes), ())
        return self if self.is_vector else None

    def reshaped(self, before: Sequence[int], after: Sequence[int]) -> Field | None:
        """After a view of another shape."""
        if tuple(before) == tuple(after) or not self.dims:
            return self
        places = tuple(before[dim] for dim in self.dims)
        trailing = tuple(range(len(before) - len(places), len(before)))
        if len(after) == 2 and after[0] == before[0]:  # flattened, image by image
            if all(axis.jump is None for axis in self.axes):
                return Field(self.axes, ())
            return Field(self.axes, (), places)
        if self.dims == trailing and tuple(after[-len(places) :]) == places:
            shift = len(after) - len(before)  # the channels alone: shuffled, or in groups
            return replace(self, dims=tuple(dim + shift for dim in self.dims))
        return None


def meet(fields: Sequence[Field | None]) -> Field | None:
    """Where tensors are added, multiplied or concatenated along their channels."""
    found = fields[0]
    for other in fields[1:]:
        if found is None or other is None:
            return None
        if found == other:
            continue
        if (found.dims, found.laid) != (other.dims, other.laid):
            return None
        axes = [one.union(two) for one, two in zip(found.axes, other.axes, strict=True)]
        if any(axis is None for axis in axes):
            return None
        found = replace(found, axes=tuple(axis for axis in axes if axis is not None))
    return found
