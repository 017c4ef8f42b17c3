"""Back-propagation by hand: the layers of a convolutional network in plain NumPy, to be read.

Each function states its formula, shapes and source and computes just that; backward functions take
`gradient`, the derivative of the loss by the function's output, and return the derivatives by its
inputs. float64 unless the arrays have another dtype. docs/backpropagation.md goes through them
topic by topic; samples/lenet_by_hand.py trains LeNet-5 with them.

Sources, named in the docstrings by author and year:

- LeCun, Bottou, Bengio and Haffner 1998, "Gradient-Based Learning Applied to Document Recognition",
  Proceedings of the IEEE 86(11).
- Bouvrie 2006, "Notes on Convolutional Neural Networks".
- Goodfellow, Bengio and Courville 2016, "Deep Learning", MIT Press, chapters 6 and 9.

Nothing here imports torch; the tests compare everything with torch's automatic differentiation.
"""

from cnntasks.backbones.reference.activations import (
    relu,
    relu_backward,
    scaled_tanh,
    scaled_tanh_backward,
    sigmoid,
    sigmoid_backward,
)
from cnntasks.backbones.reference.convolution import (
    convolve,
    convolve_bias_gradient,
    convolve_input_gradient,
    convolve_kernel_gradient,
    convolve_naive,
)
from cnntasks.backbones.reference.dense import fully_connected, fully_connected_backward
from cnntasks.backbones.reference.layers import (
    AveragePooling,
    Convolution,
    Flatten,
    FullyConnected,
    Layer,
    MaxPooling,
    ReLU,
    ScaledTanh,
    Sigmoid,
    Subsampling,
)
from cnntasks.backbones.reference.losses import (
    Loss,
    check_loss,
    mean_squared_error,
    numerical_gradient,
    softmax,
    softmax_cross_entropy,
)
from cnntasks.backbones.reference.network import Sequential, c3_connections, lenet5
from cnntasks.backbones.reference.pooling import (
    average_pool,
    average_pool_backward,
    max_pool,
    max_pool_backward,
    subsample,
    subsample_backward,
)
from cnntasks.backbones.reference.windows import Array, output_size

__all__ = [
    "Array",
    "AveragePooling",
    "Convolution",
    "Flatten",
    "FullyConnected",
    "Layer",
    "Loss",
    "MaxPooling",
    "ReLU",
    "ScaledTanh",
    "Sequential",
    "Sigmoid",
    "Subsampling",
    "average_pool",
    "average_pool_backward",
    "c3_connections",
    "check_loss",
    "convolve",
    "convolve_bias_gradient",
    "convolve_input_gradient",
    "convolve_kernel_gradient",
    "convolve_naive",
    "fully_connected",
    "fully_connected_backward",
    "lenet5",
    "max_pool",
    "max_pool_backward",
    "mean_squared_error",
    "numerical_gradient",
    "output_size",
    "relu",
    "relu_backward",
    "scaled_tanh",
    "scaled_tanh_backward",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_cross_entropy",
    "subsample",
    "subsample_backward",
]
