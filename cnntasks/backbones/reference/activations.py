"""Functions that are applied to every number by itself, and their derivatives.

δ = ∂L/∂y, `gradient` in the code. The derivatives are written with the output y, which the forward
pass has anyway: `..._backward(gradient, y)`. Arrays have any shape and keep it.

Sources: LeCun et al. 1998, section II.B and appendix A; Bouvrie 2006, section 2.1; Goodfellow et
al. 2016, section 6.3.
"""

from __future__ import annotations

import numpy as np

from cnntasks.backbones.reference.windows import Array, check_shape

#: LeCun 1998, appendix A: f(±1) = ±1, and there the second derivative is largest.
AMPLITUDE = 1.7159
SLOPE = 2 / 3


def scaled_tanh(a: Array) -> Array:
    """y = A · tanh(S·a), A = 1.7159, S = 2/3 (LeCun 1998, equation 6 and appendix A)."""
    y: Array = AMPLITUDE * np.tanh(SLOPE * a)
    return y


def scaled_tanh_backward(gradient: Array, y: Array) -> Array:
    """∂L/∂a = δ · S/A · (A² - y²), since tanh' = 1 - tanh²."""
    check_shape(gradient, y.shape, "the gradient")
    found: Array = gradient * (SLOPE / AMPLITUDE) * (AMPLITUDE**2 - y**2)
    return found


def relu(a: Array) -> Array:
    """y = max(0, a) (Goodfellow et al. 2016, section 6.3.1)."""
    y: Array = np.maximum(a, 0)
    return y


def relu_backward(gradient: Array, y: Array) -> Array:
    """∂L/∂a = δ where y > 0, otherwise 0; at the corner a = 0 the derivative is taken as 0."""
    check_shape(gradient, y.shape, "the gradient")
    return np.where(y > 0, gradient, 0)


def sigmoid(a: Array) -> Array:
    """y = 1 / (1 + exp(-a)) (Bouvrie 2006, section 2.1).

    Computed as (1 + tanh(a/2)) / 2, which is the same and cannot overflow.
    """
    y: Array = (1 + np.tanh(a / 2)) / 2
    return y


def sigmoid_backward(gradient: Array, y: Array) -> Array:
    """∂L/∂a = δ · y · (1 - y)."""
    check_shape(gradient, y.shape, "the gradient")
    found: Array = gradient * y * (1 - y)
    return found
