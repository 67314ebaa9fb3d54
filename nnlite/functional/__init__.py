"""The equations of the course as pure functions: softmax, hardmax, sigmoid, relu, cross_entropy, ...

Each function takes an array_like of numbers and returns a new array. float32 and float64 input keeps its dtype; all
other numbers are computed in float64. The last axis holds the units (or the classes), the axes before it hold the
examples.
"""

from nnlite.functional.activations import (
    SELU_ALPHA,
    SELU_LAMBDA,
    elu,
    gelu,
    hard_swish,
    leaky_relu,
    relu,
    selu,
    sigmoid,
    silu,
    softplus,
    tanh,
)
from nnlite.functional.activations import check_approximate as check_approximate
from nnlite.functional.losses import binary_cross_entropy, cross_entropy
from nnlite.functional.normal import erf, normal_cdf, normal_pdf
from nnlite.functional.probabilities import hardmax, log_softmax, one_hot, softmax

__all__ = [
    "SELU_ALPHA",
    "SELU_LAMBDA",
    "binary_cross_entropy",
    "cross_entropy",
    "elu",
    "erf",
    "gelu",
    "hard_swish",
    "hardmax",
    "leaky_relu",
    "log_softmax",
    "normal_cdf",
    "normal_pdf",
    "one_hot",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]


def __dir__() -> list[str]:
    return __all__
