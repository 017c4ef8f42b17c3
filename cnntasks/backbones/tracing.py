"""One run of a network that notes which module does what, tensor by tensor."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

from cnntasks.backbones.fields import Field
from cnntasks.backbones.operations import (
    REDUCTIONS,
    Call,
    Window,
    multiply_adds,
    tensors_in,
)
from cnntasks.backbones.propagation import after
from cnntasks.errors import InputError

Pads = dict[int, tuple[int, int]]
_NORMALISATIONS = (
    nn.LocalResponseNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.modules.batchnorm._BatchNorm,
    nn.modules.instancenorm._InstanceNorm,
)


@dataclass(slots=True, eq=False)
class Step:
    """One call of a module without children, or of a function in a module that has some.

    Attributes:
        name: as in `LayerRow`; so are `number` (its `call`) and `kind`.
        module: the module; None for a function.
        categories: those of its ATen operations.
        used: names of the network's parameters that went in.
        windows: those that slid over places, with all their padding.
        pads: (before, after) of each dimension, of a step that pads and does nothing else.
        output: what came out first; None where nothing did.
        fresh: whether that is new memory, neither a view nor in place.
    """

    name: str
    number: int
    kind: str
    module: nn.Module | None = None
    categories: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    windows: list[Window] = field(default_factory=list)
    pads: Pads = field(default_factory=dict)
    groups: int = 1
    multiply_adds: int = 0
    connections: int = 0
    output: Tensor | None = None
    field: Field | None = None
    fresh: bool = True

    @property
    def holds_weights(self) -> bool:
        """Whether it is a module with parameters or buffers of its own."""
        return self.module is not None and bool(self.module._parameters or self.module._buffers)

    @property
    def category(self) -> str:
        """As in `LayerRow`; a module is what the weightiest of its operations is."""
        if isinstance(self.module, _NORMALISATIONS):
            return "normalisation"
        for category in ("convolution", "linear", "pooling", "activation"):
            if category in self.categories:
                return category
        if self.connections:  # such as radial basis functions
            return "linear"
        return "join" if self.module is None and "join" in self.categories else "other"


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs a network once; afterwards `steps` are its layers in order.

    A step's tensors are kept until the end: on the meta device they cost nothing.

    Args:
        network: left as it was.
        state: name to tensor, to run with instead of its parameters and buffers.
    """

    def __init__(self, network: nn.Module, state: Mapping[str, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps: list[Step] = []
        self._network = network
        self._state = dict(state)
        self._stack: list[tuple[str, nn.Module, Step | None]] = []
        self._counts: Counter[str] = Counter()
        # By identity; the tensors are kept so that no identity is given twice.
        self._fields: dict[int, Field | None] = {}
        self._padded: dict[int, tuple[Step | None, Pads]] = {}
        self._kept: list[Tensor] = []
        # Memory to the parameters that it holds or was computed from.
        self._origins: defaultdict[int, set[str]] = defaultdict(set)
        for name, _ in network.named_parameters():
            self._origins[_memory(self._state[name])].add(name)

    def run(self, x: Tensor) -> None:
        """Run the network in evaluation mode on one batch.

        Raises:
            InputError: the network fails, or nothing is left of a feature map; the message names
                the module.
            NotImplementedError: an operation needs the numbers that a meta tensor does not have.
        """
        self._follow(x, Field.of_input(range(2, x.ndim) if x.ndim > 2 else [1]))
        modes = {module: module.training for module in self._network.modules()}
        hooks = []
        for path, module in self._network.named_modules():
            hooks.append(module.register_forward_pre_hook(self._enter(path)))
            hooks.append(module.register_forward_hook(self._leave, with_kwargs=True))
        try:
            self._network.eval()
            with torch.no_grad(), self:
                functional_call(self._network, self._state, (x,))
        except InputError:
            raise
        except Exception as error:
            line = " ".join(str(error).split())[:200]
            if x.is_meta and (isinstance(error, NotImplementedError) or "meta" in line.lower()):
                raise NotImplementedError(line) from error
            raise InputError(f"{self._place()} cannot take it ({line})") from error
        finally:
            for hook in hooks:
                hook.remove()
            for module, training in modes.items():
                module.training = training

    def _place(self) -> str:
        path, module, _ = self._stack[-1] if self._stack else ("", self._network, None)
        return f"{path} ({type(module).__name__})" if path else type(module).__name__

    def _enter(self, path: str) -> Any:
        def enter(module: nn.Module, args: Any) -> None:
            step = None
            if next(module.children(), None) is None:
                step = self._new_step(path or type(module).__name__, type(module).__name__, module)
            self._stack.append((path, module, step))

        return enter

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        _, _, step = self._stack.pop()
        found = tensors_in(output)
        if step is None or not found:
            return
        given = tensors_in([args, kwargs])
        if isinstance(module, nn.Linear) and found[0].ndim > 2:
            # ATen sees it flattened to a matrix, where the places cannot be followed.
            before = self._fields.get(id(given[0]))
            across = before is not None and found[0].ndim - 1 in before.dims
            self._follow(found[0], None if across else before)
        step.fresh = _memory(found[0]) not in {_memory(tensor) for tensor in given}
        step.output, step.field = found[0], self._fields.get(id(found[0]))

    def _new_step(self, name: str, kind: str, module: nn.Module | None = None) -> Step:
        self._counts[name] += 1
        step = Step(name, self._counts[name], kind, module)
        self.steps.append(step)
        return step

    def _follow(self, tensor: Tensor, found: Field | None) -> None:
        self._fields[id(tensor)] = found
        self._kept.append(tensor)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        call = Call.of(func, args, kwargs or {}, out)
        memories = {_memory(tensor) for tensor in call.inputs}
        used = {name for memory in memories for name in self._origins.get(memory, ())}
        fields = self._fields
        followed = [(it, fields[id(it)]) for it in call.inputs if id(it) in fields]
        products = multiply_adds(call, func, args, out)
        if followed:
            if call.outputs and min(call.outputs[0].shape, default=1) < 1:
                raise InputError(f"{self._place()} leaves nothing of the feature map")
            step = self._step_of(call, used, len(followed))
            if step is not None:
                step.used |= used
                if call.name not in REDUCTIONS or self._window(call) is not None:
                    step.categories.add(call.category)
                step.multiply_adds += products
                step.connections += self._connections(call, step, products)
            self._note_window(call, step)
            found = after(call, followed)
            for tensor in call.outputs:
                self._follow(tensor, found)
            if step is not None and step.module is None:
                step.output, step.field = call.outputs[0], found
                step.fresh = _memory(call.outputs[0]) not in memories
        else:  # of weights alone, such as a mask times a filter; or after NumPy, say
            if products and (step := self._step_of(call, used, 0)) is not None:
                step.multiply_adds += products
                step.connections += self._connections(call, step, products)
            self._kept.extend(call.outputs)
            for tensor in call.outputs:
                self._origins[_memory(tensor)] |= used
        return out

    def _step_of(self, call: Call, used: set[str], followed: int) -> Step | None:
        """The running module's, or a new one where a function is a layer of its own."""
        path, module, step = self._stack[-1] if self._stack else ("", self._network, None)
        if step is not None:
            return step
        own = {f"{path}.{name}".lstrip(".") for name in module._parameters}
        if (
            call.category in ("convolution", "linear", "activation")
            or (call.category == "join" and followed > 1)
            or (call.category == "pooling" and self._window(call) is not None)
            or own & used
        ):
            return self._new_step(f"{path}.{call.label}".lstrip("."), call.label)
        return None

    def _note_window(self, call: Call, step: Step | None) -> None:
        """Of a window or a padding; what a function pads belongs to the window after it."""
        if pads := call.pads():
            self._padded[id(call.outputs[0])] = (step, pads)
            if step is not None:
                step.pads |= pads
            return
        window = self._window(call)
        if window is None or step is None or step.category == "normalisation":
            return
        padder, pads = self._padded.get(id(call.main), (None, {}))
        if padder is None or padder is step:
            sides = zip(window.dims, window.padding, strict=True)
            extra = [(pads.get(dim, (0, 0)), side) for dim, side in sides]
            padding = tuple((p[0] + side[0], p[1] + side[1]) for p, side in extra)
            window = replace(window, padding=padding)
        step.windows.append(window)
        step.groups = call.bound.get("groups", 1)

    def _connections(self, call: Call, step: Step, products: int) -> int:
        """As LeCun et al. 1998 count them: each weight applied and each bias added, per place."""
        outputs = call.outputs[0].numel() if call.outputs else 0
        if products:
            weights = products
            if call.name == "convolution":
                # A filter may be put together of fewer weights, with zeros elsewhere.
                filters = call.bound["weight"]
                names = self._origins.get(_memory(filters), set())
                known = sum(self._state[name].numel() for name in names)
                weights = products * min(known or filters.numel(), filters.numel())
                weights //= filters.numel()
            return weights + outputs * call.has_bias
        if step.category == "pooling" and (window := self._window(call)) is not None:
            return outputs * prod(window.kernel) if prod(window.kernel) > 1 else 0
        if step.category == "pooling" and call.name == "add" and step.used:
            return outputs  # the bias of a pooling that has weights of its own
        if call.name == "sum" and call.main is not None and step.holds_weights:
            return call.main.numel()  # of distances to weights: radial basis functions
        return 0

    def _window(self, call: Call) -> Window | None:
        """The window along the dimensions that are places; a mean over them has one as well."""
        main = call.main
        found = self._fields.get(id(main))
        dims = found.dims if found is not None else ()
        if call.name in REDUCTIONS:
            reduced = call.reduced()
            over = [dim for dim in reduced[0] if dim in dims] if reduced else []
            if main is None or not over:
                return None
            return Window.whole_of(over, [main.shape[dim] for dim in over])
        window = call.window()
        return window.along(dims) if window is not None and found is not None else window


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
