"""What the tests of the equations share: lists of the equations, draws of logits, and roundings."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from nnlite import functional

DTYPES = [np.float32, np.float64]
OVER_CLASSES = [functional.softmax, functional.log_softmax, functional.hardmax]
OF_EACH_NUMBER = [
    functional.sigmoid,
    functional.relu,
    functional.tanh,
    functional.leaky_relu,
    functional.elu,
    functional.selu,
    functional.gelu,
    functional.silu,
    functional.hard_swish,
    functional.softplus,
    functional.erf,
    functional.normal_cdf,
    functional.normal_pdf,
]


def numbers(low, high, dtype):
    """Draw floats of a dtype between two bounds."""
    return st.floats(low, high, width=np.finfo(dtype).bits)


@st.composite
def logits(draw, bound=50.0, n_min=2):
    """Draw rows of logits in float32 or float64."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = (*draw(array_shapes(min_dims=0, max_dims=2, max_side=3)), draw(st.integers(n_min, 6)))
    return draw(arrays(dtype, shape, elements=numbers(-bound, bound, dtype)))


def eps(array):
    return float(np.finfo(array.dtype).eps)


def tiny(array):
    return float(np.finfo(array.dtype).tiny)


def extended(array):
    """Return the array in extended precision."""
    return np.asarray(array, np.longdouble)
