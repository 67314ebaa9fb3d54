"""Activations: ``a = g(z)`` forward, in place, and ``dz = da g'(z)`` backward, on a block of numbers.

``kept`` is z or a of the forward pass: `nnlite.engine.support` says which.
"""

from nnlite.engine.functions import exp, expm1, log1p, normal_cdf, normal_pdf, sigmoid, tanh
from nnlite.engine.language import Block, Number, T, inline, kernel


@kernel
def relu_forward(z: Block) -> None:
    """``a = max(0, z)``."""
    for i in range(z.size):
        z[i] = T(0) if z[i] <= T(0) else z[i]  # NaN stays NaN


@kernel
def relu_backward(da: Block, a: Block) -> None:
    """``dz = da [a > 0]``."""
    for i in range(da.size):
        da[i] = da[i] if a[i] > T(0) else T(0)


@kernel
def leaky_relu_forward(z: Block, slope: Number) -> None:
    """``a = max(z, s z)``."""
    for i in range(z.size):
        z[i] = z[i] if z[i] > T(0) else slope * z[i]


@kernel
def leaky_relu_backward(da: Block, z: Block, slope: Number) -> None:
    """``dz = da`` where z > 0, else ``s da``."""
    for i in range(da.size):
        da[i] = da[i] if z[i] > T(0) else slope * da[i]


@kernel
def elu_forward(z: Block, scale: Number, alpha: Number) -> None:
    """``a = lambda z`` where z > 0, else ``lambda alpha (e^z - 1)``; lambda is 1 for ELU."""
    for i in range(z.size):
        below = alpha * expm1(min(z[i], T(0)))
        z[i] = scale * (z[i] if z[i] > T(0) else below)


@kernel
def elu_backward(da: Block, z: Block, scale: Number, alpha: Number) -> None:
    """``dz = lambda da`` where z > 0, else ``lambda da alpha e^z``."""
    for i in range(da.size):
        below = alpha * exp(min(z[i], T(0)))
        da[i] = da[i] * scale * (T(1) if z[i] > T(0) else below)


@kernel
def tanh_forward(z: Block) -> None:
    """``a = tanh(z)``."""
    for i in range(z.size):
        z[i] = tanh(z[i])


@kernel
def tanh_backward(da: Block, a: Block) -> None:
    """``dz = da (1 - a^2)``."""
    for i in range(da.size):
        da[i] = da[i] * (T(1) - a[i] * a[i])


@kernel
def sigmoid_forward(z: Block) -> None:
    """``a = 1 / (1 + e^{-z})``."""
    for i in range(z.size):
        z[i] = sigmoid(z[i])


@kernel
def sigmoid_backward(da: Block, a: Block) -> None:
    """``dz = da a (1 - a)``."""
    for i in range(da.size):
        da[i] = da[i] * a[i] * (T(1) - a[i])


@kernel
def exponential_forward(z: Block) -> None:
    """``a = e^z``."""
    for i in range(z.size):
        z[i] = exp(z[i])


@kernel
def exponential_backward(da: Block, a: Block) -> None:
    """``dz = da a``."""
    for i in range(da.size):
        da[i] = da[i] * a[i]


@kernel
def gelu_forward(z: Block) -> None:
    """``a = z Phi(z)``."""
    for i in range(z.size):
        z[i] = z[i] * normal_cdf(z[i])


@kernel
def gelu_backward(da: Block, z: Block) -> None:
    """``dz = da (Phi(z) + z phi(z))``."""
    for i in range(da.size):
        x = min(max(z[i], T(-40)), T(40))
        da[i] = da[i] * (normal_cdf(x) + x * normal_pdf(x))


@inline
def twice_u(z: float) -> float:
    """``2 u = 2 sqrt(2 / pi) (z + 0.044715 z^3)``: ``(1 + tanh u) / 2`` is ``sigma(2 u)``."""
    return T(1.5957691216057308) * z * (T(1) + T(0.044715) * z * z)


@kernel
def gelu_tanh_forward(z: Block) -> None:
    """``a = z (1 + tanh(u)) / 2``."""
    for i in range(z.size):
        x = min(max(z[i], T(-40)), T(40))
        z[i] = z[i] * sigmoid(twice_u(x))


@kernel
def gelu_tanh_backward(da: Block, z: Block) -> None:
    """``dz = da (g + z g')`` with ``g = (1 + tanh u) / 2``."""
    for i in range(da.size):
        x = min(max(z[i], T(-40)), T(40))
        gate = sigmoid(twice_u(x))
        slope = gate * (T(1) - gate) * T(1.5957691216057308) * (T(1) + T(3 * 0.044715) * x * x)
        da[i] = da[i] * (gate + x * slope)


@kernel
def silu_forward(z: Block) -> None:
    """``a = z sigma(z)``."""
    for i in range(z.size):
        z[i] = z[i] * sigmoid(z[i])


@kernel
def silu_backward(da: Block, z: Block) -> None:
    """``dz = da sigma(z) (1 + z (1 - sigma(z)))``."""
    for i in range(da.size):
        gate = sigmoid(z[i])
        da[i] = da[i] * (gate * (T(1) + z[i] * (T(1) - gate)))


@kernel
def hard_swish_forward(z: Block) -> None:
    """``a = z g`` with ``g = min(max(z + 3, 0), 6) / 6``."""
    for i in range(z.size):
        z[i] = z[i] * (min(max(z[i] + T(3), T(0)), T(6)) / T(6))


@kernel
def hard_swish_backward(da: Block, z: Block) -> None:
    """``dz = da (g + z g')`` with ``g' = [|z| < 3] / 6``."""
    for i in range(da.size):
        gate = min(max(z[i] + T(3), T(0)), T(6)) / T(6)
        slope = z[i] / T(6) if abs(z[i]) < T(3) else T(0)
        da[i] = da[i] * (gate + slope)


@kernel
def softplus_forward(z: Block) -> None:
    """``a = max(0, z) + log(1 + e^{-|z|})``."""
    for i in range(z.size):
        z[i] = max(z[i], T(0)) + log1p(exp(-abs(z[i])))


@kernel
def softplus_backward(da: Block, z: Block) -> None:
    """``dz = da sigma(z)``."""
    for i in range(da.size):
        da[i] = da[i] * sigmoid(z[i])


@kernel
def copy(source: Block, target: Block) -> None:
    """``target = source``."""
    for i in range(source.size):
        target[i] = source[i]


@kernel
def add_block(target: Block, source: Block) -> None:
    """``target = target + source``, for a residual connection."""
    for i in range(source.size):
        target[i] = target[i] + source[i]
