"""Facts about the activations of hidden layers: PyTorch's values and slopes, tails, kinks, initializers."""

import math

import numpy as np
import pytest

import nnlite as nn
from nnlite import functional, initializers, layers

from ..support import for_each, reference, refuse, training_cache
from .common import DTYPES, EPS, value_and_slope

PYTORCH = reference("activations")
Z = PYTORCH["z"]

# each layer under its name in the reference, and the same equation as a function
LAYERS = {
    "leaky_relu": layers.LeakyReLU(),
    "leaky_relu_0.2": layers.LeakyReLU(0.2),
    "elu": layers.ELU(),
    "elu_0.5": layers.ELU(0.5),
    "elu_1.7": layers.ELU(alpha=1.7),
    "selu": layers.SELU(),
    "gelu": layers.GELU(),
    "gelu_tanh": layers.GELU(approximate="tanh"),
    "silu": layers.SiLU(),
    "hard_swish": layers.HardSwish(),
    "softplus": layers.Softplus(),
}
FUNCTIONS = {
    "leaky_relu": functional.leaky_relu,
    "leaky_relu_0.2": lambda z: functional.leaky_relu(z, 0.2),
    "elu": functional.elu,
    "elu_0.5": lambda z: functional.elu(z, 0.5),
    "elu_1.7": lambda z: functional.elu(z, alpha=1.7),
    "selu": functional.selu,
    "gelu": functional.gelu,
    "gelu_tanh": lambda z: functional.gelu(z, approximate="tanh"),
    "silu": functional.silu,
    "hard_swish": functional.hard_swish,
    "softplus": functional.softplus,
}
OF_ALL = for_each("name", LAYERS)


def normal_mean(g):
    """The mean of g(z) over standard normal z, by the trapezoidal rule, which is exact for such integrands."""
    z = np.linspace(-13, 13, 4001)
    return float(np.sum(g(z) * np.exp(-(z**2) / 2)) * (z[1] - z[0]) / math.sqrt(2 * math.pi))


# ---- PyTorch's values and slopes ------------------------------------------------------------------------------


@OF_ALL
def test_values_are_those_of_pytorch(name):
    a, _ = value_and_slope(LAYERS[name], Z)
    # PyTorch rounds Phi(z) = (1 + erf(z / sqrt 2)) / 2 relative to 1, and so z Phi(z) relative to z
    allowed = 8 * EPS * (np.abs(Z) if name.startswith("gelu") else np.abs(PYTORCH[name]))
    allowed += 1e-305  # PyTorch's SiLU is 0 where e^{-z} overflows
    assert np.all(np.abs(a - PYTORCH[name]) <= allowed)


@OF_ALL
def test_slopes_are_those_of_pytorch(name):
    _, slope = value_and_slope(LAYERS[name], Z)
    np.testing.assert_allclose(slope, PYTORCH[f"d_{name}"], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", ["elu", "selu", "silu", "softplus"])
def test_small_slopes_on_the_left_keep_their_digits(name):
    left = (Z < -1) & (Z > -700)
    left &= np.abs(Z + 1.28) > 0.5  # near the minimum of SiLU the slope is a difference
    _, slope = value_and_slope(LAYERS[name], Z[left])
    np.testing.assert_allclose(slope, PYTORCH[f"d_{name}"][left], rtol=1e-13)


@OF_ALL
def test_the_layer_computes_the_function_of_the_same_name(name):
    a, _ = value_and_slope(LAYERS[name], Z)
    np.testing.assert_allclose(FUNCTIONS[name](Z), a, rtol=1e-13, atol=1e-30)


@OF_ALL
def test_float32_is_float64_rounded(name):
    z = Z.astype(np.float32)
    a, slope = value_and_slope(LAYERS[name], z)
    exact_a, exact_slope = value_and_slope(LAYERS[name], z.astype(np.float64))
    assert a.dtype == slope.dtype == np.float32
    # the relative error of e^{-z^2/2} grows with z^2/2
    rtol = 1e-6 * (1 + np.minimum(z, 0) ** 2 / 2 if name.startswith("gelu") else np.ones_like(z))
    assert np.all(np.abs(a - exact_a) <= rtol * np.abs(exact_a) + 1e-37)
    np.testing.assert_allclose(slope, exact_slope, rtol=4e-6, atol=4e-6)


# ---- tails ----------------------------------------------------------------------------------------------------


@for_each("dtype", DTYPES)
@for_each("name", [name for name in LAYERS if name != "selu"])
def test_far_to_the_right_a_is_z_and_the_slope_is_1(name, dtype):
    z = np.array([40, 100, 1e3, 3e3, 1e4], dtype)
    a, slope = value_and_slope(LAYERS[name], z)
    np.testing.assert_array_equal(a, z)
    np.testing.assert_array_equal(slope, 1)


@for_each("dtype", DTYPES)
@for_each(
    ("name", "limit"),
    [("gelu", 0), ("gelu_tanh", 0), ("silu", 0), ("hard_swish", 0), ("softplus", 0), ("elu", -1), ("elu_1.7", -1.7)],
)
def test_far_to_the_left_a_is_its_limit_and_the_slope_is_0(name, limit, dtype):
    z = np.array([-1e4, -3e3, -1e3, -800], dtype)
    a, slope = value_and_slope(LAYERS[name], z)
    np.testing.assert_array_equal(a, np.full_like(z, limit))
    np.testing.assert_array_equal(slope, 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_tails_of_leaky_relu_and_selu(dtype):
    z = np.array([-1e4, 1e4], dtype)
    a, slope = value_and_slope(layers.LeakyReLU(0.25), z)
    np.testing.assert_array_equal(a, [-2500, 1e4])
    np.testing.assert_array_equal(slope, [0.25, 1])
    a, slope = value_and_slope(layers.SELU(), z)
    rtol = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(a, [-functional.SELU_LAMBDA * functional.SELU_ALPHA, 1e4 * 1.05070098735548], rtol=rtol)
    np.testing.assert_allclose(slope, [0, 1.05070098735548], rtol=rtol)


@pytest.mark.parametrize("dtype", DTYPES)
@OF_ALL
def test_the_largest_numbers_give_finite_values_without_a_warning(name, dtype):
    z = np.array([-1, 1], dtype) * np.finfo(dtype).max / 2
    a, slope = value_and_slope(LAYERS[name], z)
    assert np.isfinite(a).all()
    assert np.isfinite(slope).all()
    assert np.isfinite(FUNCTIONS[name](z)).all()


@for_each("name", FUNCTIONS)
def test_the_functions_accept_infinity(name):
    low, high = FUNCTIONS[name]([-np.inf, np.inf])
    assert high == np.inf
    assert low == (-np.inf if name.startswith("leaky") else FUNCTIONS[name](-1e4))


@OF_ALL
def test_nan_stays_nan(name):
    a = LAYERS[name].forward(np.array([np.nan, 1.0]), training_cache())
    np.testing.assert_array_equal(np.isnan(a), [True, False])


# ---- kinks ----------------------------------------------------------------------------------------------------


@for_each("zero", [0.0, -0.0])
@for_each(
    ("name", "expected"),
    [
        ("leaky_relu", 0.01),
        ("leaky_relu_0.2", 0.2),
        ("elu", 1.0),
        ("elu_0.5", 0.5),
        ("elu_1.7", 1.7),
        ("selu", 1.0507009873554805 * 1.6732632423543772),
    ],
)
def test_the_slope_at_0_is_the_slope_on_the_left(name, expected, zero):
    a, slope = value_and_slope(LAYERS[name], np.array([zero]))
    assert a == 0
    assert slope == pytest.approx(expected, rel=4 * EPS)


def test_relu_passes_no_gradient_where_z_is_0_or_negative():
    layer, cache = nn.ReLU(), training_cache()
    layer.forward(np.array([[-2.0, -0.0, 0.0, 3.0]]), cache)
    np.testing.assert_array_equal(layer.backward(np.full((1, 4), 5.0), cache), [[0, 0, 0, 5]])


# ---- how they are related -------------------------------------------------------------------------------------


def test_leaky_relu_of_slope_0_is_relu_and_of_slope_1_the_identity():
    np.testing.assert_array_equal(value_and_slope(layers.LeakyReLU(0), Z), value_and_slope(nn.ReLU(), Z))
    np.testing.assert_array_equal(value_and_slope(layers.LeakyReLU(1), Z), (Z, np.ones_like(Z)))


def test_elu_of_alpha_0_is_relu():
    np.testing.assert_array_equal(value_and_slope(layers.ELU(0), Z), value_and_slope(nn.ReLU(), Z))


def test_selu_is_a_scaled_elu():
    expected = functional.SELU_LAMBDA * functional.elu(Z, functional.SELU_ALPHA)
    np.testing.assert_allclose(functional.selu(Z), expected, rtol=4 * EPS)


# ---- initializers ---------------------------------------------------------------------------------------------


def test_mean_0_and_variance_1_are_a_fixed_point_of_selu():
    assert normal_mean(functional.selu) == pytest.approx(0, abs=1e-5)  # the kink at 0 costs the rule some digits
    assert normal_mean(lambda z: functional.selu(z) ** 2) == pytest.approx(1, abs=1e-5)


def test_a_deep_selu_network_normalizes_itself():
    n = 128
    chain = [layer for _ in range(12) for layer in (nn.Dense(n), layers.SELU())]
    model = nn.Model([*chain, nn.Dense(n, initializers.LeCunNormal()), nn.Identity()], n_features=n, seed=0)
    z = model.forward(2 + 1.5 * np.random.default_rng(1).standard_normal((200, n)))
    assert abs(z.mean()) < 0.2
    assert 0.6 < z.var() < 1.5


@for_each(
    ("name", "square"),
    [("relu", 0.5), ("gelu", 0.43), ("silu", 0.36), ("hard_swish", 0.33), ("softplus", 0.92), ("selu", 1.0)],
)
def test_the_mean_square_of_an_activation_for_standard_normal_z(name, square):
    assert normal_mean(lambda z: getattr(functional, name)(z) ** 2) == pytest.approx(square, abs=0.005)


def suited(name):
    """Return the initializer of the paper that suits the activation: of He for ReLU and its like, of LeCun for SELU."""
    if name == "selu":
        return nn.SELU.initializer
    return initializers.GlorotUniform() if name in ("softplus", "tanh") else initializers.HeNormal()


@for_each("name", [*(name for name in LAYERS if not name.startswith("elu_")), "relu", "tanh"])
def test_the_initializer_that_suits_an_activation_keeps_the_size_of_z_from_layer_to_layer(name):
    layer = {**LAYERS, "relu": nn.ReLU(), "tanh": nn.Tanh()}[name]
    n = 200
    W = suited(name)((n, n), np.random.default_rng(0))
    mean_square = normal_mean(lambda z: value_and_slope(layer, z)[0] ** 2)
    assert 0.35 < n * W.var() * mean_square < 1.4


def test_selu_alone_asks_for_weights_of_its_own_those_of_its_paper():
    asking = {name: layer.initializer for name, layer in LAYERS.items() if layer.initializer != nn.GlorotUniform()}
    assert asking == {"selu": initializers.LeCunNormal()}
    assert nn.ReLU.initializer == nn.Tanh.initializer == nn.Sigmoid.initializer == nn.GlorotUniform()


# ---- what holds for every layer -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 5), (1, 1), (0, 3), (2, 3, 4)])
@OF_ALL
def test_a_and_dz_are_new_arrays_of_the_shape_and_dtype_of_z(name, shape, dtype):
    z = np.random.default_rng(0).normal(0, 3, shape).astype(dtype)
    before, cache = z.copy(), training_cache()
    a = LAYERS[name].forward(z, cache)
    dz = LAYERS[name].backward(np.ones_like(z), cache)
    for array in (a, dz):
        assert (array.shape, array.dtype) == (shape, dtype)
    assert not np.shares_memory(a, z)
    assert not np.shares_memory(dz, z)
    np.testing.assert_array_equal(z, before)


@OF_ALL
def test_backward_multiplies_da_by_the_slope_each_time_it_is_called(name):
    rng = np.random.default_rng(0)
    z, da = rng.normal(0, 3, (2, 40, 3))
    cache = training_cache()
    LAYERS[name].forward(z, cache)
    _, slope = value_and_slope(LAYERS[name], z)
    for _ in range(2):
        np.testing.assert_array_equal(LAYERS[name].backward(da.copy(), cache), da * slope)


@OF_ALL
def test_strided_views_give_the_same_as_contiguous_arrays(name):
    z = np.random.default_rng(0).normal(0, 3, (8, 12))
    for view in (z[::2, ::-2], z.T):
        for got, expected in zip(
            value_and_slope(LAYERS[name], view), value_and_slope(LAYERS[name], view.copy()), strict=True
        ):
            np.testing.assert_allclose(got, expected, rtol=4 * EPS)


@OF_ALL
def test_a_network_with_the_activation_learns(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    model = nn.Model([nn.Dense(16), LAYERS[name], nn.Dense(2), nn.Softmax()], seed=0)
    history = model.fit(X, y, optimizer=nn.SGD(0.3, momentum=0.9), epochs=40, batch_size=20, progress=False)
    assert history["loss"][-1] < 0.5 * history["loss"][0]


@for_each(
    ("layer", "text"),
    [
        (layers.LeakyReLU(), "LeakyReLU()"),
        (layers.LeakyReLU(0.2), "LeakyReLU(negative_slope=0.2)"),
        (layers.ELU(), "ELU()"),
        (layers.ELU(2), "ELU(alpha=2.0)"),
        (layers.GELU(), "GELU()"),
        (layers.GELU("tanh"), "GELU(approximate='tanh')"),
        (layers.SELU(), "SELU()"),
    ],
)
def test_repr_is_the_call_that_makes_the_layer(layer, text):
    assert repr(layer) == text
    assert repr(eval(text, vars(layers))) == text


@for_each("value", [-0.01, 1.01, math.nan, math.inf, "0.1", None, True, [0.1]])
def test_a_negative_slope_lies_between_0_and_1(value):
    for make in (layers.LeakyReLU, lambda s: functional.leaky_relu([1.0], s)):
        refuse(lambda: make(value), "negative_slope: expected a finite number of at least 0")  # noqa: B023


@for_each("value", [-1, math.nan, math.inf, "1", None, False])
def test_an_alpha_is_at_least_0(value):
    for make in (layers.ELU, lambda alpha: functional.elu([1.0], alpha)):
        refuse(lambda: make(value), "alpha: expected a finite number of at least 0")  # noqa: B023
