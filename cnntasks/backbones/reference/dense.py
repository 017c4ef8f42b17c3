"""The fully connected layer: every output sees every input.

δ = ∂L/∂y, `gradient` in the code. Sources: LeCun et al. 1998, section II.B (F6 of LeNet-5); Bouvrie
2006, section 2; Goodfellow et al. 2016, section 6.5.
"""

from __future__ import annotations

from cnntasks.backbones.reference.windows import Array, check_axes, check_shape
from cnntasks.errors import UsageError


def fully_connected(x: Array, weights: Array, bias: Array) -> Array:
    """y[b,k] = Σ_j weights[k,j] · x[b,j] + bias[k].

    Args:
        x: B×J.
        weights: K×J.
        bias: K numbers.

    Returns:
        B×K.

    Raises:
        UsageError: the shapes do not fit together.
    """
    check_axes(x.shape, "BJ", "the input")
    check_axes(weights.shape, "KJ", "the weight array")
    check_shape(bias, weights.shape[:1], "the bias")
    if x.shape[1] != weights.shape[1]:
        raise UsageError(f"the input has {x.shape[1]} features, the weights {weights.shape[1]}")
    y: Array = x @ weights.T + bias
    return y


def fully_connected_backward(
    gradient: Array, x: Array, weights: Array
) -> tuple[Array, Array, Array]:
    """What `fully_connected` hands back to its input, its weights and its biases.

        ∂L/∂x[b,j]       = Σ_k weights[k,j] · δ[b,k]
        ∂L/∂weights[k,j] = Σ_b δ[b,k] · x[b,j]
        ∂L/∂bias[k]      = Σ_b δ[b,k]

    (Bouvrie 2006, section 2.2.)

    Args:
        gradient: δ, B×K.
        x: the input of the forward pass, B×J.
        weights: K×J.

    Returns:
        ∂L/∂x (B×J), ∂L/∂weights (K×J) and ∂L/∂bias (K).

    Raises:
        UsageError: δ has not the shape of the forward pass's result.
    """
    check_axes(x.shape, "BJ", "the input")
    check_axes(weights.shape, "KJ", "the weight array")
    check_shape(gradient, (len(x), len(weights)), "the gradient")
    return gradient @ weights, gradient.T @ x, gradient.sum(axis=0)
