"""`Sequential`, layers one after another, and LeNet-5 built of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import DTypeLike

from cnntasks.backbones.reference.layers import (
    Convolution,
    Flatten,
    FullyConnected,
    Layer,
    ScaledTanh,
    Subsampling,
)
from cnntasks.backbones.reference.windows import Array
from cnntasks.errors import UsageError

#: LeCun 1998, Table I, read column by column: the maps of S2 that each map of C3 sees.
C3_INPUTS = (
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)


class Sequential:
    """Layers one after another, trained by gradient descent with momentum.

    Attributes:
        layers: from the input on.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)
        self._velocities: dict[str, Array] = {}

    @property
    def parameters(self) -> dict[str, Array]:
        """Every parameter as `"<layer's place>.<name>"`; the arrays themselves, not copies."""
        return {
            f"{place}.{name}": value
            for place, layer in enumerate(self.layers)
            for name, value in layer.parameters.items()
        }

    @property
    def gradients(self) -> dict[str, Array]:
        """∂L/∂parameter under the names of `parameters`; empty before the first `backward`."""
        return {
            f"{place}.{name}": value
            for place, layer in enumerate(self.layers)
            for name, value in layer.gradients.items()
        }

    def forward(self, x: Array) -> Array:
        """The last layer's output for the batch x."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, gradient: Array) -> Array:
        """∂L/∂x from ∂L/∂output: the chain rule, from the last layer to the first.

        Raises:
            UsageError: there was no `forward`, or the gradient has not the shape of its result.
        """
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return gradient

    def step(self, learning_rate: float, momentum: float = 0.0) -> None:
        """v ← μ·v + ∂L/∂w, then w ← w - η·v for every parameter w; v starts at 0.

        Goodfellow et al. 2016 (algorithm 8.2) put η into v; the steps are the same as long as η
        stays the same. LeCun 1998 has a rate for each weight, from estimated second derivatives.

        Args:
            learning_rate: η.
            momentum: μ, 0 for none.

        Raises:
            UsageError: there was no `backward`.
        """
        gradients = self.gradients
        for name, value in self.parameters.items():
            if name not in gradients:
                raise UsageError(f"parameter {name} has no gradient; call backward before step")
            velocity = momentum * self._velocities.get(name, np.zeros_like(value))
            self._velocities[name] = velocity + gradients[name]
            value -= learning_rate * self._velocities[name]

    def astype(self, dtype: DTypeLike) -> Self:
        """Change the parameters, and with them the arithmetic, to another dtype; returns itself."""
        for layer in self.layers:
            for name, value in layer.parameters.items():
                layer.parameters[name] = value.astype(dtype)
        self._velocities = {name: v.astype(dtype) for name, v in self._velocities.items()}
        return self


def c3_connections() -> Array:
    """LeCun 1998, Table I, as 16×6 truth values: whether map o of C3 sees map c of S2."""
    return np.array([[c in inputs for c in range(6)] for inputs in C3_INPUTS])


def lenet5(classes: int = 10, seed: int = 0) -> Sequential:
    """Build LeNet-5 (LeCun et al. 1998, section II.B and Figure 2) for B×1×32×32.

    C1 6@28×28, S2 6@14×14, C3 16@10×10 with the connections of Table I, S4 16@5×5, C5 120, F6 84:
    60,000 trainable parameters as in the paper, a scaled tanh after each of these layers.

    Departures: the output is a fully connected layer without a squashing function, for
    `softmax_cross_entropy` or `mean_squared_error`, where the paper has radial basis functions with
    fixed centres; weights start larger (`layers.initial_weights`), biases at 0 and coefficients at
    1/4; training is plain gradient descent with momentum, see `Sequential.step`.

    Args:
        classes: numbers in the output.
        seed: of the initial weights; the same seed gives the same weights.
    """
    rng = np.random.default_rng(seed)
    return Sequential(
        [
            Convolution(1, 6, 5, rng),  # C1
            ScaledTanh(),
            Subsampling(6),  # S2
            ScaledTanh(),
            Convolution(6, 16, 5, rng, connections=c3_connections()),  # C3
            ScaledTanh(),
            Subsampling(16),  # S4
            ScaledTanh(),
            Convolution(16, 120, 5, rng),  # C5
            ScaledTanh(),
            Flatten(),
            FullyConnected(120, 84, rng),  # F6
            ScaledTanh(),
            FullyConnected(84, classes, rng),  # output
        ]
    )
