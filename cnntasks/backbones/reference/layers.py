"""Layers: the functions of this package with their parameters and what backward must remember.

A layer's `forward` keeps its input (or output) and its `backward` turns ∂L/∂y into ∂L/∂x and fills
`gradients` on the way: the chain rule, one layer at a time. Every `backward` belongs to the last
`forward`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from cnntasks.backbones.reference import activations, convolution, dense, pooling
from cnntasks.backbones.reference.windows import Array, check_shape
from cnntasks.errors import UsageError


def initial_weights(rng: np.random.Generator, fan_in: Array, shape: tuple[int, ...]) -> Array:
    """Draw weights uniformly from ±√(3/F), so that they have mean 0 and variance 1/F.

    F is the number of inputs of the unit that a weight belongs to. With squashing functions like
    `ScaledTanh` all layers then have about the same variance (LeCun, Bottou, Orr and Müller 1998,
    "Efficient BackProp", section 4.6). Departure from LeCun 1998, appendix A: ±2.4/F, which is so
    little in C5 and F6 that gradient descent with one rate for all weights does not get going.

    Args:
        rng: draws the numbers.
        fan_in: F, broadcast over the shape.
        shape: of the result.
    """
    return rng.uniform(-1, 1, shape) * np.sqrt(3 / fan_in)


class Layer(ABC):
    """One step of a network.

    Attributes:
        parameters: what training changes, by name.
        gradients: ∂L/∂parameter under the same names, after `backward`.
    """

    def __init__(self, **parameters: Array) -> None:
        self.parameters = parameters
        self.gradients: dict[str, Array] = {}
        self._kept: Array | None = None

    @abstractmethod
    def forward(self, x: Array) -> Array:
        """y, the layer's output for the batch x."""

    @abstractmethod
    def backward(self, gradient: Array) -> Array:
        """∂L/∂x from ∂L/∂y; fills `gradients`.

        Raises:
            UsageError: there was no `forward`, or the gradient has not the shape of its result.
        """

    @property
    def kept(self) -> Array:
        """What the last `forward` kept for `backward`.

        Raises:
            UsageError: there was no `forward`.
        """
        if self._kept is None:
            raise UsageError(f"{type(self).__name__}: call forward before backward")
        return self._kept


class Convolution(Layer):
    """`convolve` with kernels and a bias for each output map.

    The kernels start as `initial_weights`, where a unit's fan-in counts connected maps only, and
    the biases at 0.

    Args:
        inputs: C, the maps of the input.
        outputs: O, the maps of the output.
        size: n of the n×n kernels.
        rng: draws the kernels.
        stride, padding: as in `convolve`.
        connections: O×C truth values, None for all; kernels of missing connections are and stay 0.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        rng: np.random.Generator,
        stride: int = 1,
        padding: int = 0,
        connections: Array | None = None,
    ) -> None:
        table = np.ones((outputs, inputs), bool) if connections is None else connections
        check_shape(table, (outputs, inputs), "the connection table")
        # At least 1: a map without any connection is its bias alone.
        fan_in = np.maximum(1, table.sum(axis=1))[:, None, None, None] * size**2
        kernels = initial_weights(rng, fan_in, (outputs, inputs, size, size))
        super().__init__(
            kernels=convolution.connected(kernels, connections), bias=np.zeros(outputs)
        )
        self.stride = stride
        self.padding = padding
        self.connections = connections

    def forward(self, x: Array) -> Array:
        """B×C×H×W to B×O×H'×W'."""
        self._kept = x
        kernels, bias = self.parameters["kernels"], self.parameters["bias"]
        return convolution.convolve(x, kernels, bias, self.stride, self.padding, self.connections)

    def backward(self, gradient: Array) -> Array:
        """B×O×H'×W' to B×C×H×W."""
        x, kernels = self.kept, self.parameters["kernels"]
        how = (self.stride, self.padding, self.connections)
        self.gradients = {
            "kernels": convolution.convolve_kernel_gradient(gradient, x, kernels.shape[2:], *how),
            "bias": convolution.convolve_bias_gradient(gradient),
        }
        return convolution.convolve_input_gradient(gradient, kernels, x.shape[2:], *how)


class MaxPooling(Layer):
    """`max_pool` of windows of size×size pixels, `stride` apart (None: side by side)."""

    def __init__(self, size: int = 2, stride: int | None = None) -> None:
        super().__init__()
        self.size = size
        self.stride = stride
        self._input_shape: tuple[int, ...] = ()

    def forward(self, x: Array) -> Array:
        """B×C×H×W to B×C×H'×W'."""
        self._input_shape = x.shape
        y, self._kept = pooling.max_pool(x, self.size, self.stride)
        return y

    def backward(self, gradient: Array) -> Array:
        """B×C×H'×W' to B×C×H×W."""
        return pooling.max_pool_backward(
            gradient, self.kept, self._input_shape, self.size, self.stride
        )


class AveragePooling(Layer):
    """`average_pool` of windows of size×size pixels, `stride` apart (None: side by side)."""

    def __init__(self, size: int = 2, stride: int | None = None) -> None:
        super().__init__()
        self.size = size
        self.stride = stride

    def forward(self, x: Array) -> Array:
        """B×C×H×W to B×C×H'×W'."""
        self._kept = x
        return pooling.average_pool(x, self.size, self.stride)

    def backward(self, gradient: Array) -> Array:
        """B×C×H'×W' to B×C×H×W."""
        return pooling.average_pool_backward(gradient, self.kept.shape, self.size, self.stride)


class Subsampling(Layer):
    """`subsample` with a coefficient and a bias for each map.

    The coefficients start at 1/n² and the biases at 0, so that training starts from average pooling
    (LeCun 1998 draws them like all other weights; near 0 a coefficient would silence its map).

    Args:
        maps: C, the maps of input and output.
        size: n of the n×n windows.
    """

    def __init__(self, maps: int, size: int = 2) -> None:
        super().__init__(coefficient=np.full(maps, 1 / size**2), bias=np.zeros(maps))
        self.size = size

    def forward(self, x: Array) -> Array:
        """B×C×H×W to B×C×⌊H/n⌋×⌊W/n⌋."""
        self._kept = x
        return pooling.subsample(
            x, self.parameters["coefficient"], self.parameters["bias"], self.size
        )

    def backward(self, gradient: Array) -> Array:
        """B×C×⌊H/n⌋×⌊W/n⌋ to B×C×H×W."""
        found, coefficient, bias = pooling.subsample_backward(
            gradient, self.kept, self.parameters["coefficient"], self.size
        )
        self.gradients = {"coefficient": coefficient, "bias": bias}
        return found


class FullyConnected(Layer):
    """`fully_connected` from J inputs to K outputs.

    The weights start as `initial_weights`, the biases at 0.
    """

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        weights = initial_weights(rng, np.array(inputs), (outputs, inputs))
        super().__init__(weights=weights, bias=np.zeros(outputs))

    def forward(self, x: Array) -> Array:
        """B×J to B×K."""
        self._kept = x
        return dense.fully_connected(x, self.parameters["weights"], self.parameters["bias"])

    def backward(self, gradient: Array) -> Array:
        """B×K to B×J."""
        found, weights, bias = dense.fully_connected_backward(
            gradient, self.kept, self.parameters["weights"]
        )
        self.gradients = {"weights": weights, "bias": bias}
        return found


class ScaledTanh(Layer):
    """`scaled_tanh` of every number."""

    def forward(self, x: Array) -> Array:
        """Any shape to the same shape."""
        self._kept = activations.scaled_tanh(x)
        return self._kept

    def backward(self, gradient: Array) -> Array:
        """The shape of the output to the same shape."""
        return activations.scaled_tanh_backward(gradient, self.kept)


class ReLU(Layer):
    """`relu` of every number."""

    def forward(self, x: Array) -> Array:
        """Any shape to the same shape."""
        self._kept = activations.relu(x)
        return self._kept

    def backward(self, gradient: Array) -> Array:
        """The shape of the output to the same shape."""
        return activations.relu_backward(gradient, self.kept)


class Sigmoid(Layer):
    """`sigmoid` of every number."""

    def forward(self, x: Array) -> Array:
        """Any shape to the same shape."""
        self._kept = activations.sigmoid(x)
        return self._kept

    def backward(self, gradient: Array) -> Array:
        """The shape of the output to the same shape."""
        return activations.sigmoid_backward(gradient, self.kept)


class Flatten(Layer):
    """The maps of a picture in one row, for a fully connected layer: nothing but a new shape."""

    def forward(self, x: Array) -> Array:
        """B×C×H×W to B×C·H·W."""
        self._kept = x
        return x.reshape(len(x), -1)

    def backward(self, gradient: Array) -> Array:
        """B×C·H·W to B×C×H×W."""
        shape = self.kept.shape
        check_shape(gradient, (shape[0], int(np.prod(shape[1:]))), "the gradient")
        return gradient.reshape(shape)
