"""Ways back through a network that differ from the gradient: deconvnet, guided, and bare support.

Going back, a convolution is its transposed one and a max pooling puts each number where its
maximum stood (its switch): autograd does both. What the methods change is the rectifier:

- gradient: passes where the input was above 0 (Simonyan, Vedaldi & Zisserman 2014);
- `deconvnet`: passes what is above 0 going back (Zeiler & Fergus 2014, section 2.1);
- `guided`: both at once (Springenberg et al. 2015, section 3.4);
- `support`: everything, whatever the numbers: which inputs a unit is connected to.

The rule holds for modules and for functions alike. An activation that does not rectify (tanh)
keeps its gradient, but under `deconvnet` the signal passes it as it is: a unit that answers with
all its strength has no gradient left, and the deconvnet asks what it answered to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

Rule = Literal["gradient", "deconvnet", "guided", "support"]
#: Functions that rectify, with the input above which they are flat.
_RECTIFIERS = {"relu": None, "relu_": None, "relu6": 6.0, "hardtanh": None, "threshold": None}
_SMOOTH = frozenset({"tanh", "tanh_", "sigmoid", "hardswish", "hardsigmoid", "silu", "gelu",
                     "leaky_relu", "elu", "softplus"})  # fmt: skip


class _Rectified(torch.autograd.Function):
    """A rectifier forward, another rule backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, top: float | None, guided: bool) -> Tensor:
        ctx.guided = guided
        ctx.save_for_backward(x > 0 if top is None else (x > 0) & (x < top))
        return y.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (passed,) = ctx.saved_tensors
        back = gradients[0].clamp(min=0)
        return back * passed if ctx.guided else back, None, None, None


class _Straight(torch.autograd.Function):
    """Any activation forward, the identity backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        return y.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class BackwardRule(TorchFunctionMode):
    """While it is entered, everything that runs goes back by `rule`.

    Attributes:
        counts: how many times `rectifier`, `switches` (a max pooling) and `smooth` (another
            activation) were met.
    """

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.rule = rule
        self.counts: Counter[str] = Counter()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Called for every function of torch."""
        given = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        rectifies = name in _RECTIFIERS
        if name == "hardtanh":  # ReLU6 is one; others do not rectify
            rectifies = (args[1] if len(args) > 1 else given.get("min_val", -1.0)) == 0
        if rectifies:
            return self._rectify(func, name, args, given)
        if name == "max_pool2d":
            self.counts["switches"] += 1
            if self.rule == "support":
                return _average_pool(*args, **given)
        elif name in _SMOOTH or name == "hardtanh":
            self.counts["smooth"] += 1
            if self.rule == "support":
                return args[0]
            if self.rule == "deconvnet" and args[0].requires_grad:
                return _Straight.apply(args[0], func(*args, **given).detach())
        return func(*args, **given)

    def _rectify(
        self, func: Callable[..., Any], name: str, args: Sequence[Any], given: dict[str, Any]
    ) -> Any:
        self.counts["rectifier"] += 1
        x = args[0] if args else given["input"]
        if self.rule == "support":
            return x
        if self.rule == "gradient" or not x.requires_grad:
            return func(*args, **given)
        given.pop("inplace", None)
        top = _RECTIFIERS[name]
        if name == "hardtanh":
            top = float(args[2] if len(args) > 2 else given.get("max_val", 1.0))
        y = func(*args, **given) if name != "relu_" else torch.relu(x)
        return _Rectified.apply(x, y.detach(), top, self.rule == "guided")


def _average_pool(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """All inputs of each window count, not only its largest."""
    return functional.avg_pool2d(input, kernel_size, stride, padding, ceil_mode)
