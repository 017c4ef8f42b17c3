"""How each ATen operation changes the receptive field; None where that is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from cnntasks.backbones.fields import Axis, Field, meet
from cnntasks.backbones.operations import Call, Window

_SAME = frozenset(("native_batch_norm", "clone", "to_copy", "detach", "alias"))
_LAST_DIMS = frozenset(("native_layer_norm", "softmax", "log_softmax", "safe_softmax"))


def after(call: Call, followed: Sequence[tuple[Tensor, Field | None]]) -> Field | None:
    """The receptive field after one operation.

    Args:
        call: the operation.
        followed: those of its input tensors that depend on the network's input, not empty, with
            the receptive field of each.
    """
    field = meet([field for _, field in followed])
    main = call.main
    if field is None:
        return None
    if call.pointwise or field.is_vector:
        # Broadcasting adds dimensions in front, which moves those of the places.
        moved = any(tensor.ndim != call.outputs[0].ndim for tensor, _ in followed)
        return None if moved and field.dims else field
    if call.name == "cat":
        return field if call.bound["dim"] % call.outputs[0].ndim not in field.dims else None
    if main is None or len(followed) > 1:
        return None
    if call.name in _SAME:
        # An instance norm arrives as a batch norm that takes the mean of the whole map.
        return None if call.bound.get("training") else field
    if call.name in ("addmm", "mm"):
        return field.mixed()
    if (window := call.window()) is not None:
        return _windowed(field, window, call)
    if pads := call.pads():
        return field.each(lambda dim, a: a.window(1, 1, 1, pads.get(dim, (0, 0))[0]))
    if (reduced := call.reduced()) is not None:
        return field.merged(main.shape, *reduced)
    return _rearranged(call, field)


def _windowed(field: Field, window: Window, call: Call) -> Field:
    main = call.main
    assert main is not None
    place = {dim: number for number, dim in enumerate(window.dims)}

    def moved(dim: int, axis: Axis) -> Axis:
        number = place.get(dim)
        if number is None:
            return axis
        if call.outputs[0].shape[dim] == 1 and window.whole:
            return axis.merged(main.shape[dim])
        kernel, stride = window.kernel[number], window.stride[number]
        return axis.window(kernel, stride, window.dilation[number], window.padding[number][0])

    return field.each(moved)


def _rearranged(call: Call, field: Field) -> Field | None:
    """Views, transposed dimensions, slices: the same numbers in other places."""
    main, bound = call.main, call.bound
    assert main is not None
    out = call.outputs[0]
    if call.name in ("view", "unsafe_view", "reshape"):
        return field.reshaped(main.shape, out.shape)
    if not field.dims:
        return field if call.name in ("unsqueeze", "squeeze", "slice", "expand") else None
    if call.name in _LAST_DIMS:
        if call.name == "native_layer_norm":
            touched = set(range(main.ndim - len(bound["normalized_shape"]), main.ndim))
        else:
            touched = {bound["dim"] % main.ndim}
        return None if touched & set(field.dims) else field
    if call.name in ("permute", "transpose", "t"):
        return replace(field, dims=tuple(_order(call).index(dim) for dim in field.dims))
    if call.name == "unsqueeze":
        at = bound["dim"] % out.ndim
        return replace(field, dims=tuple(dim + (dim >= at) for dim in field.dims))
    if call.name == "squeeze":
        return _squeezed(call, field)
    if call.name in ("slice", "split", "split_with_sizes", "chunk"):
        whole = bound["dim"] % main.ndim not in field.dims or out.shape == main.shape
        return field if whole else None
    if call.name == "as_strided":  # torch's global pooling of maps with channels last
        single = all(axis.jump is None for axis in field.axes)
        return field if single and out.ndim == main.ndim else None
    if call.name == "embedding":
        return field
    return None


def _order(call: Call) -> list[int]:
    ndim = call.outputs[0].ndim
    if call.name == "permute":
        return [dim % ndim for dim in call.bound["dims"]]
    order = list(range(ndim))
    one, two = (0, 1) if call.name == "t" else (call.bound["dim0"], call.bound["dim1"])
    order[one], order[two] = order[two], order[one]
    return order


def _squeezed(call: Call, field: Field) -> Field | None:
    main = call.main
    assert main is not None
    dims = call.bound.get("dim", list(range(main.ndim)))
    named = [dim % main.ndim for dim in (dims if isinstance(dims, list) else [dims])]
    return field.merged(main.shape, [dim for dim in named if main.shape[dim] == 1], keep=False)
