"""`describe_network`: what each layer of a network costs and sees, without running it for real.

The network runs once on torch's meta device, where tensors have shapes and no numbers: VGG-16
costs neither time nor memory. Hooks tell which module is running, and a `TorchDispatchMode` sees
every ATen operation with its arguments, so that convolutions, pooling and padding that a module
does with functions count as much as those that are modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from cnntasks.errors import CnntasksError, InputError, UsageError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from cnntasks.backbones.tracing import Step


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer: one call of a module without children, or of a function that counts.

    Attributes:
        name: the module's path in the network; for a function, that of the module which calls it
            and the function's name.
        call: 1, or more where a module is called again; its parameters count once.
        kind: the module's class, or the function's name.
        category: `convolution`, `pooling`, `linear`, `join` (paths meet), `activation`,
            `normalisation`, `other`, or `unused`: it has parameters that the output ignores.
        kernel: the window's size along each axis; None where the layer has not exactly one.
        stride: its step; None with `kernel`.
        padding: (before, after) along each axis, with what is padded by a function just before.
        groups: independent parts of the channels.
        output: the shape without the batch, C×H×W or C×L; None where it is unused.
        trainable: parameters that are learned, counted where they are first used.
        fixed: parameters that are not.
        multiply_adds: of convolutions and matrix products.
        connections: weights applied plus biases added, pooling included (LeCun et al. 1998).
        activation_bytes: of new memory in float32; 0 for a view, or what is done in place.
        receptive_field: input positions along each axis that the middle output can see, padding
            included; None where it is not known.
        jump: input positions between neighbouring outputs; None also where there is one only.
        start: the first input position that the first output can see, negative in the padding; the
            output at place i sees `receptive_field` positions from start + i·jump on. None where
            that is not known, or where each place also sees everything (squeeze-and-excitation).
    """

    name: str
    call: int
    kind: str
    category: str
    kernel: tuple[int, ...] | None
    stride: tuple[int, ...] | None
    padding: tuple[tuple[int, int], ...] | None
    groups: int
    output: tuple[int, ...] | None
    trainable: int
    fixed: int
    multiply_adds: int
    connections: int
    activation_bytes: int
    receptive_field: tuple[int, ...] | None
    jump: tuple[int, ...] | None
    start: tuple[int, ...] | None

    @property
    def parameters(self) -> int:
        """Trainable and fixed ones."""
        return self.trainable + self.fixed


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums over a network's layers; see `LayerRow`.

    Attributes:
        unused: parameters that the output ignores, such as those of auxiliary classifiers; they
            are not among `trainable` and `fixed`.
    """

    trainable: int
    fixed: int
    unused: int
    multiply_adds: int
    connections: int
    activation_bytes: int

    @property
    def parameters(self) -> int:
        """Trainable and fixed ones that the output depends on."""
        return self.trainable + self.fixed

    @classmethod
    def of(cls, rows: Iterable[LayerRow]) -> Totals:
        """Of all layers of a network."""
        found = list(rows)
        used = [row for row in found if row.category != "unused"]
        return cls(
            trainable=sum(row.trainable for row in used),
            fixed=sum(row.fixed for row in used),
            unused=sum(row.parameters for row in found if row.category == "unused"),
            multiply_adds=sum(row.multiply_adds for row in used),
            connections=sum(row.connections for row in used),
            activation_bytes=sum(row.activation_bytes for row in used),
        )


def build_shapes(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network on the meta device, which takes no memory; really, where that fails."""
    import torch

    try:
        with torch.device("meta"):
            return build()
    except CnntasksError:
        raise
    except Exception:  # a builder that looks at numbers, which meta tensors do not have
        return build()


def describe_network(
    module: nn.Module, input_shape: Sequence[int], dtype: torch.dtype | None = None
) -> list[LayerRow]:
    """The layers of a network in the order in which they run, in evaluation mode.

    The module is left as it was. Where an operation has no meta form, the network runs on the
    device where it is, on one input of zeros.

    Args:
        module: any network that takes one tensor; its own device may be meta as well.
        input_shape: without the batch: C×H×W, C×L, or L for a network that looks tokens up.
        dtype: of the input; float32 by default.

    Raises:
        UsageError: a size is not positive.
        InputError: the network cannot take this input; the message names the layer that fails.
    """
    import torch

    from cnntasks.backbones.tracing import Tracer

    text = "x".join(map(str, input_shape))
    if not input_shape or min(input_shape) < 1:
        raise UsageError(f"input {text}: every size must be at least 1")
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    homes = [tensor.device.type for tensor in state.values()] or ["cpu"]
    failure = ""
    try:
        for device in dict.fromkeys(["meta", *homes]):
            try:
                placed = {name: tensor.detach().to(device) for name, tensor in state.items()}
                tracer = Tracer(module, placed)
                tracer.run(torch.zeros(1, *input_shape, dtype=dtype, device=device))
            except NotImplementedError as error:
                failure = str(error)
                continue
            return _rows(tracer.steps, module)
    except InputError as error:
        raise InputError(f"input {text}: {error}") from error
    raise InputError(f"input {text}: the network cannot run ({failure})")


def _rows(steps: Sequence[Step], module: nn.Module) -> list[LayerRow]:
    """A row for each step, then one for each module whose parameters went into none."""
    owned = _owned(steps, module)
    rows = [_row(step, owned.pop(number, [])) for number, step in enumerate(steps)]
    for name, parameters in _by_owner(owned.pop(-1, [])).items():
        kind = type(module.get_submodule(name)).__name__
        trainable, fixed = _counts(parameters)
        row = LayerRow(
            name or kind, 1, kind, "unused", None, None, None, 1, None, trainable, fixed, 0, 0, 0,
            None, None, None,
        )  # fmt: skip
        rows.append(row)
    return [row for row in rows if row.kind != "Identity"]


def _owned(steps: Sequence[Step], module: nn.Module) -> dict[int, list[tuple[str, nn.Parameter]]]:
    """The number of a step to the parameters that count there; -1 to those that went into none.

    That is the first call of the module which has them, or else the first step that they go into:
    attention takes the weights of its last layer without calling it.
    """
    called: dict[int, int] = {}
    first_use: dict[str, int] = {}
    for number, step in enumerate(steps):
        if step.module is not None:
            called.setdefault(id(step.module), number)
        for name in step.used:
            first_use.setdefault(name, number)
    found: dict[int, list[tuple[str, nn.Parameter]]] = {}
    for name, parameter in module.named_parameters():
        owner = module.get_submodule(name.rpartition(".")[0])
        number = called.get(id(owner), first_use.get(name, -1))
        found.setdefault(number, []).append((name, parameter))
    return found


def _by_owner(
    parameters: Iterable[tuple[str, nn.Parameter]],
) -> dict[str, list[tuple[str, nn.Parameter]]]:
    grouped: dict[str, list[tuple[str, nn.Parameter]]] = {}
    for name, parameter in parameters:
        grouped.setdefault(name.rpartition(".")[0], []).append((name, parameter))
    return grouped


def _counts(parameters: Iterable[tuple[str, nn.Parameter]]) -> tuple[int, int]:
    counts = {True: 0, False: 0}
    for _, parameter in parameters:
        counts[parameter.requires_grad] += parameter.numel()
    return counts[True], counts[False]


def _row(step: Step, parameters: Sequence[tuple[str, nn.Parameter]]) -> LayerRow:
    output = None if step.output is None else tuple(step.output.shape[1:])
    window = step.windows[0] if len(step.windows) == 1 else None
    padding = window.padding if window else ()
    if step.category == "other":  # a module that pads and does nothing else
        padding = tuple(side for _, side in sorted(step.pads.items()))
    trainable, fixed = _counts(parameters)
    return LayerRow(
        name=step.name,
        call=step.number,
        kind=step.kind,
        category=step.category,
        kernel=window.kernel if window else None,
        stride=window.stride if window else None,
        padding=padding or None,
        groups=step.groups,
        output=output,
        trainable=trainable,
        fixed=fixed,
        multiply_adds=step.multiply_adds,
        connections=step.connections,
        activation_bytes=4 * prod(output) if output and step.fresh else 0,
        receptive_field=_seen(step),
        jump=_jump(step),
        start=_start(step),
    )


def _seen(step: Step) -> tuple[int, ...] | None:
    if step.field is None or step.output is None:
        return None
    shape = step.output.shape
    places = [shape[dim] for dim in step.field.dims] or [1] * len(step.field.axes)
    return tuple(axis.size(n) for axis, n in zip(step.field.axes, places, strict=True))


def _jump(step: Step) -> tuple[int, ...] | None:
    if step.field is None or not step.field.dims:
        return None
    jumps = tuple(axis.jump for axis in step.field.axes if axis.jump is not None)
    return jumps if len(jumps) == len(step.field.axes) else None


def _start(step: Step) -> tuple[int, ...] | None:
    if step.field is None or any(axis.everyone is not None for axis in step.field.axes):
        return None
    return tuple(axis.first for axis in step.field.axes)
