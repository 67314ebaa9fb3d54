"""Functions of one number in kernels: their errors, and what they make of NaN, infinity, 0 and denormals."""

import math

import numpy as np
import pytest

pytest.importorskip("numba")

import nnlite as nn
from nnlite.engine import cache, functions, kernels, support
from nnlite.engine.functions import exp, expm1, log1p, normal_cdf, normal_pdf, sigmoid, sqrt, tanh
from nnlite.engine.language import KERNELS, Block, kernel

from .calling import call

assert kernels  # registers them

DTYPES = ["float64", pytest.param("float32", marks=pytest.mark.slow)]  # one is compiled for test_kernels anyway
NAMES = ("exp", "expm1", "log1p", "normal_cdf", "normal_pdf", "sigmoid", "sqrt", "tanh")


def probe(x: Block, y: Block) -> None:
    """Every function of x, one after the other: y has 8 numbers for each x."""
    n = x.size // 8
    for i in range(n):
        y[i] = exp(x[i])
        y[n + i] = expm1(x[i])
        y[2 * n + i] = log1p(x[i])
        y[3 * n + i] = normal_cdf(x[i])
        y[4 * n + i] = normal_pdf(x[i])
        y[5 * n + i] = sigmoid(x[i])
        y[6 * n + i] = sqrt(x[i])
        y[7 * n + i] = tanh(x[i])


@pytest.fixture(scope="module")
def values():
    """Return a function that gives a function's values, as kernels compute them."""
    kernel(probe)
    with pytest.MonkeyPatch.context() as patch:  # nothing of a test is left in the cache
        patch.setattr(cache, "read", lambda *_: None)
        patch.setattr(cache, "write", lambda *_: None)

        def of(name, x):
            room, y = np.zeros(8 * x.size, x.dtype), np.empty(8 * x.size, x.dtype)
            room[: x.size] = x
            call("probe", x.dtype.name, room, y)
            return y.reshape(8, -1)[NAMES.index(name)]

        yield of
    del KERNELS["probe"]


EXACT = {
    "exp": math.exp,
    "expm1": math.expm1,
    "log1p": math.log1p,
    "normal_cdf": lambda x: 0.5 * math.erfc(-x / math.sqrt(2)),
    "normal_pdf": lambda x: math.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "sqrt": math.sqrt,
    "tanh": math.tanh,
}
# where kernels use the function; the error that float32 may have, relative to the value and absolute
RANGES = {
    "exp": ((-86.9, 88.6), 4e-7, 0),
    "expm1": ((-87, 87), 4e-7, 0),
    "log1p": ((0, 1), 2e-7, 0),
    "normal_cdf": ((-30, 30), 0, 3e-7),
    "normal_pdf": ((-13, 13), 0, 1e-7),
    "sigmoid": ((-87, 88), 4e-7, 0),
    "sqrt": ((0, 1e30), 1e-7, 0),
    "tanh": ((-30, 30), 4e-7, 0),
}


def spread(low, high):
    """Numbers of all sizes in a range."""
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform(-80, math.log(max(high, -low)), 20_000)) * rng.choice([-1, 1], 20_000)
    return np.r_[sizes, rng.uniform(low, high, 20_000), low, high].clip(low, high)


def test_every_function_is_tested():
    found = {name for name, value in vars(functions).items() if type(value) is functions.Inline and name[0] != "_"}
    assert found == set(NAMES) == set(EXACT)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_function_is_exact_to_the_last_bits_of_float32(name, values):
    limits, relative, absolute = RANGES[name]
    x = spread(*limits).astype(np.float32).clip(*np.float32(limits))
    exact = np.array([EXACT[name](float(v)) for v in x])
    error = np.abs(values(name, x) - exact)
    limit = relative * np.abs(exact) + absolute
    worst = np.argmax(error - limit)
    assert error[worst] <= limit[worst], (x[worst], error[worst], exact[worst])


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_function_is_exact_to_the_last_bits_of_float64(name, values):
    x = spread(*RANGES[name][0])
    exact = np.array([EXACT[name](v) for v in x])
    np.testing.assert_allclose(values(name, x), exact, rtol=2e-15, atol=1e-16 if name == "normal_cdf" else 1e-300)


LIMITS = {  # at -infinity, 0 and infinity
    "exp": (0, 1, np.inf),
    "expm1": (-1, 0, None),  # is used up to 88
    "log1p": (None, 0, None),  # is used from 0 to 1
    "normal_cdf": (0, 0.5, 1),
    "normal_pdf": (0, 1 / math.sqrt(2 * math.pi), 0),
    "sigmoid": (0, 0.5, 1),
    "sqrt": (np.nan, 0, np.inf),
    "tanh": (-1, 0, 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_a_function_at_infinity_at_0_and_at_nan(name, dtype, values):
    found = values(name, np.array([-np.inf, 0.0, np.inf, np.nan], dtype))
    for value, expected in zip(found, LIMITS[name], strict=False):
        if expected is not None:
            np.testing.assert_allclose(value, expected, rtol=0, atol=1e-7)
    assert np.isnan(found[3])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_a_function_of_a_denormal_is_that_of_0(name, dtype, values):
    tiny = float(np.finfo(dtype).smallest_subnormal)
    found = values(name, np.array([tiny, -tiny if name not in ("sqrt", "log1p") else tiny, 0.0, 0.0], dtype))
    np.testing.assert_allclose(found[:2], found[2:], rtol=0, atol=1e-18)


# ---- activations ----------------------------------------------------------------------------------------------------

EVERY = [  # all activations that have kernels of their own
    *(nn.ReLU(), nn.LeakyReLU(), nn.LeakyReLU(0.3), nn.ELU(), nn.ELU(0.5), nn.SELU(), nn.Tanh(), nn.Sigmoid()),
    *(nn.Exponential(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.HardSwish(), nn.Softplus()),
]
slow = pytest.mark.slow
ACTIVATIONS = [pytest.param(layer, marks=[] if type(layer) in (nn.ReLU, nn.Tanh) else slow) for layer in EVERY]
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 3.0, -3.0, 1e-30, -1e-30, 88.0, -88.0, 50.0, -50.0]


def test_every_activation_is_tested():
    assert {type(layer) for layer in EVERY} == set(support.ACTIVATIONS)


def both_ways(layer, z, da):
    """``a`` and ``dz`` of the textbook, and those of the kernels."""
    cache = nn.Cache()
    with np.errstate(all="ignore"):
        a = layer.forward(z, cache)
        dz = layer.backward(da, cache)
    found = support.elementwise(layer)
    numbers, dtype = found.numbers(layer), z.dtype.name
    of_kernel, dz_of_kernel = z.copy(), da.copy()
    call(f"{found.name}_forward", dtype, of_kernel, *numbers)
    call(f"{found.name}_backward", dtype, dz_of_kernel, of_kernel.copy() if found.needs == "a" else z.copy(), *numbers)
    return (a, of_kernel), (dz, dz_of_kernel)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", ACTIVATIONS, ids=repr)
def test_an_activation_at_special_numbers_is_that_of_the_textbook(layer, dtype):
    z = np.array(SPECIAL, dtype)
    forward, backward = both_ways(layer, z, np.ones_like(z))
    np.testing.assert_allclose(forward[1], forward[0], rtol=1e-6, atol=3e-7)
    finite = np.isfinite(z)
    np.testing.assert_allclose(backward[1][finite], backward[0][finite], rtol=1e-6, atol=3e-7)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", ACTIVATIONS, ids=repr)
def test_an_activation_of_nan_is_nan(layer, dtype):
    z = np.array([1.0, np.nan, 2.0], dtype)
    (_, a), _ = both_ways(layer, z, np.ones_like(z))
    np.testing.assert_array_equal(np.isnan(a), [False, True, False])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", ACTIVATIONS, ids=repr)
def test_an_activation_agrees_with_the_textbook_everywhere(layer, dtype):
    z = spread(-80, 80).astype(dtype)
    da = np.random.default_rng(1).standard_normal(z.size).astype(dtype)
    for exact, found in both_ways(layer, z, da):
        close = {"float32": (2e-6, 5e-7), "float64": (1e-14, 1e-15)}[dtype]
        np.testing.assert_allclose(found, exact, rtol=close[0], atol=close[1])
