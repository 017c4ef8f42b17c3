"""What one ATen operation does: its window, its multiply-adds, its name in a table.

Every layer, whatever module or function it is written with, arrives at a few ATen operations; a
convolution is `aten.convolution` for each class and number of axes. Here is what is needed of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from cnntasks.backbones.formulas import convolution_multiply_adds, linear_multiply_adds

#: Where they reduce dimensions that are places, they are global pooling.
REDUCTIONS = frozenset(("mean", "sum", "amax", "max"))
# Pointwise, though torch 2.11 does not say so.
_UNTAGGED = frozenset(("hardtanh", "hardswish", "prelu_kernel"))
_ACTIVATIONS = _UNTAGGED | frozenset(
    ("relu", "sigmoid", "tanh", "silu", "gelu", "hardsigmoid", "leaky_relu", "elu", "softmax")
)
_NAMES = {"addmm": "linear", "mm": "linear", "bmm": "matmul", "baddbmm": "matmul"}


@dataclass(frozen=True, slots=True)
class Window:
    """A window that slides over dimensions of a tensor.

    Attributes:
        dims: the tensor's dimensions that it slides over; the other tuples go with them.
        padding: (before, after) of each.
        whole: whether it is as large as the map and there is one place for it.
    """

    dims: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    whole: bool = False

    @classmethod
    def whole_of(cls, dims: Sequence[int], sizes: Sequence[int]) -> Window:
        """The one window that takes all of these dimensions."""
        zeros, ones = ((0, 0),) * len(dims), (1,) * len(dims)
        return cls(tuple(dims), tuple(sizes), tuple(sizes), zeros, ones, whole=True)

    def along(self, dims: Sequence[int]) -> Window | None:
        """What slides over the given dimensions; None where nothing does."""
        kept = [number for number, dim in enumerate(self.dims) if dim in dims]
        if not kept:
            return None
        return Window(
            tuple(self.dims[n] for n in kept),
            tuple(self.kernel[n] for n in kept),
            tuple(self.stride[n] for n in kept),
            tuple(self.padding[n] for n in kept),
            tuple(self.dilation[n] for n in kept),
            self.whole,
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an ATen operation.

    Attributes:
        name: without the overload and the underscore of the in-place form: `relu`, `add`.
        bound: every argument by its name in the schema.
        pointwise: whether each number of the output comes of numbers at its own place.
        outputs: the tensors that came out.
    """

    name: str
    bound: Mapping[str, Any]
    pointwise: bool
    outputs: tuple[Tensor, ...]

    @classmethod
    def of(cls, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> Call:
        """From what a `TorchDispatchMode` is told, and what came out."""
        schema = func._schema.arguments
        bound = {
            argument.name: args[place]
            if place < len(args)
            else kwargs.get(argument.name, argument.default_value)
            for place, argument in enumerate(schema)
        }
        name = func._schema.name.partition("::")[2].strip("_")
        pointwise = torch.Tag.pointwise in func.tags or name in _UNTAGGED
        return cls(name, bound, pointwise, tuple(tensors_in(out)))

    @property
    def inputs(self) -> list[Tensor]:
        """The tensors among the arguments, those in lists too."""
        return list(tensors_in(self.bound.values()))

    @property
    def main(self) -> Tensor | None:
        """The tensor that a layer works on, not its weights."""
        for name in ("input", "self", "indices"):  # the last one of an embedding
            if isinstance(self.bound.get(name), Tensor):
                return self.bound[name]  # type: ignore[no-any-return]
        return None

    @property
    def has_bias(self) -> bool:
        """Whether a convolution or a matrix product adds one."""
        return self.name in ("addmm", "baddbmm") or self.bound.get("bias") is not None

    @property
    def label(self) -> str:
        """As a person would write it: `conv2d`, `max_pool2d`, `linear`, `add`."""
        if self.name == "convolution":
            kind = "conv_transpose" if self.bound["transposed"] else "conv"
            return f"{kind}{self.bound['weight'].ndim - 2}d"
        return _NAMES.get(self.name, self.name.removesuffix("_with_indices"))

    @property
    def category(self) -> str:
        """`convolution`, `pooling`, `linear`, `join`, `activation` or `other`."""
        if self.name == "convolution":
            return "convolution"
        if "pool" in self.name or self.name in REDUCTIONS:
            return "pooling"
        if self.name in _NAMES:
            return "linear"
        if self.name in _ACTIVATIONS:
            return "activation"
        return "join" if self.pointwise or self.name == "cat" else "other"

    def window(self) -> Window | None:
        """The window of a convolution or a pooling; None for any other operation.

        None as well for a transposed convolution, and for an adaptive pooling whose windows are
        not all of one size.
        """
        if self.name == "convolution" and not self.bound["transposed"]:
            return self._sliding(self.bound["weight"].shape[2:])
        if "adaptive" in self.name:
            return self._adaptive()
        if "pool" in self.name and "kernel_size" in self.bound:
            return self._sliding(self.bound["kernel_size"])
        return None

    def _sliding(self, kernel: Sequence[int]) -> Window:
        axes = self.outputs[0].ndim - 2
        sizes = _each(kernel, axes)
        padding = _each(self.bound["padding"], axes)
        return Window(
            dims=tuple(range(2, 2 + axes)),
            kernel=sizes,
            stride=_each(self.bound["stride"] or sizes, axes),
            padding=tuple((side, side) for side in padding),
            dilation=_each(self.bound.get("dilation", 1), axes),
        )

    def _adaptive(self) -> Window | None:
        main = self.main
        assert main is not None
        axes = main.ndim - 2
        before, after = main.shape[2:], self.outputs[0].shape[2:]
        if any(n % m for n, m in zip(before, after, strict=True)):
            return None
        step = tuple(n // m for n, m in zip(before, after, strict=True))
        dims = tuple(range(2, 2 + axes))
        return Window(dims, step, step, ((0, 0),) * axes, (1,) * axes, whole=prod(after) == 1)

    def pads(self) -> dict[int, tuple[int, int]]:
        """(before, after) of each dimension that `functional.pad` enlarges."""
        key = {"constant_pad_nd": "pad"}.get(self.name, "padding")
        if self.name != "constant_pad_nd" and not self.name.endswith(
            ("reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d")
        ):
            return {}
        flat, ndim = self.bound[key], self.outputs[0].ndim
        sides = zip(flat[::2], flat[1::2], strict=True)
        return {ndim - 1 - back: side for back, side in enumerate(sides) if any(side)}

    def reduced(self) -> tuple[tuple[int, ...], bool] | None:
        """The dimensions that a reduction pools over, and whether they stay with size 1."""
        main = self.main
        if self.name not in REDUCTIONS or main is None or "dim" not in self.bound:
            return None
        dims = self.bound["dim"]
        named = dims if isinstance(dims, list) else [] if dims is None else [dims]
        reduced = tuple(dim % main.ndim for dim in named or range(main.ndim))
        return reduced, bool(self.bound.get("keepdim"))


def tensors_in(values: Any) -> list[Tensor]:
    """Every tensor in a value, a tuple, a list or a mapping, however deep."""
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, Mapping):
        values = values.values()
    elif isinstance(values, str) or not hasattr(values, "__iter__"):
        return []
    return [tensor for value in values for tensor in tensors_in(value)]


def _each(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    sizes = (value,) if isinstance(value, int) else tuple(value)
    return sizes * axes if len(sizes) == 1 else sizes


def multiply_adds(call: Call, func: Any, args: Sequence[Any], out: Any) -> int:
    """Multiply-adds of one operation; 0 where it is neither a convolution nor a matrix product.

    For attention and other fused operations half of what `torch.utils.flop_counter` counts.
    """
    own = _FORMULAS.get(call.name)
    if own is not None:
        return own(call)
    from torch.utils.flop_counter import flop_registry

    counted = flop_registry.get(func.overloadpacket)
    return int(counted(*args, out_val=out)) // 2 if counted else 0


def _of_convolution(call: Call) -> int:
    weight, groups = call.bound["weight"], call.bound["groups"]
    if call.bound["transposed"]:  # each input is spread over a window
        spread: int = call.bound["input"].numel() * prod(weight.shape[1:])
        return spread
    channels: int = weight.shape[1] * groups
    kernel: Sequence[int] = weight.shape[2:]
    return convolution_multiply_adds(channels, kernel, call.outputs[0].numel(), groups)


def _of_product(call: Call) -> int:
    inputs: int = call.inputs[-2].shape[-1]
    return linear_multiply_adds(inputs, call.outputs[0].numel())


_FORMULAS: dict[str, Callable[[Call], int]] = {
    "convolution": _of_convolution,
    "addmm": _of_product,
    "mm": _of_product,
    "bmm": _of_product,
    "baddbmm": _of_product,
}
