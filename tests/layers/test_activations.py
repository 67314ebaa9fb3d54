"""Facts about the activations of hidden layers: PyTorch's values and slopes, tails, kinks, symmetries."""

import math
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite import functional, initializers, layers

from ..support import training_cache

REFERENCE = np.load(Path(__file__).parents[1] / "reference" / "activations.npz")
Z = REFERENCE["z"]
EPS = np.finfo(float).eps
DTYPES = ["float32", "float64"]

# a layer of each kind under the name that it has in the reference, and the same equation as a function
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
OLDER = {"relu": nn.ReLU(), "tanh": nn.Tanh()}
GATED = ["gelu", "gelu_tanh", "silu", "hard_swish"]  # a = z g(z)
OF_ALL = pytest.mark.parametrize("name", LAYERS)


def value_and_slope(layer, z, cache=None):
    """a, and da/dz: what becomes of da = 1."""
    z = np.atleast_1d(z)
    cache = cache or training_cache()
    a = layer.forward(z, cache).copy()
    return a, layer.backward(np.ones_like(z), cache)


def normal_mean(g):
    """The mean of g(z) over standard normal z: the trapezoidal rule, which is exact for what falls off like this."""
    z = np.linspace(-13, 13, 4001)
    return float(np.sum(g(z) * np.exp(-(z**2) / 2)) * (z[1] - z[0]) / math.sqrt(2 * math.pi))


# ---- PyTorch's values and slopes ------------------------------------------------------------------------------


@OF_ALL
def test_values_are_those_of_pytorch(name):
    a, _ = value_and_slope(LAYERS[name], Z)
    # PyTorch's Phi(z) = (1 + erf(z / sqrt 2)) / 2 is rounded at 1, wherefore z Phi(z) is at z
    allowed = 8 * EPS * (np.abs(Z) if name.startswith("gelu") else np.abs(REFERENCE[name]))
    allowed += 1e-305  # where e^{-z} is too large for a float, PyTorch's SiLU is 0
    assert np.all(np.abs(a - REFERENCE[name]) <= allowed)


@OF_ALL
def test_slopes_are_those_of_pytorch(name):
    _, slope = value_and_slope(LAYERS[name], Z)
    np.testing.assert_allclose(slope, REFERENCE[f"d_{name}"], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", ["elu", "selu", "silu", "softplus"])
def test_slopes_keep_their_digits_on_the_left_where_they_vanish(name):
    left = (Z < -1) & (Z > -700)
    left &= np.abs(Z + 1.28) > 0.5  # around the minimum of SiLU its slope is a difference
    _, slope = value_and_slope(LAYERS[name], Z[left])
    np.testing.assert_allclose(slope, REFERENCE[f"d_{name}"][left], rtol=1e-13)


@OF_ALL
def test_the_function_is_the_layer(name):
    a, _ = value_and_slope(LAYERS[name], Z)
    np.testing.assert_allclose(FUNCTIONS[name](Z), a, rtol=1e-13, atol=1e-30)


@OF_ALL
def test_float32_is_float64_rounded(name):
    z = Z.astype(np.float32)
    a, slope = value_and_slope(LAYERS[name], z)
    exact_a, exact_slope = value_and_slope(LAYERS[name], z.astype(np.float64))
    assert a.dtype == slope.dtype == np.float32
    # e^{-z^2/2} is as much less exact as z^2/2 is larger than 1
    rtol = 1e-6 * (1 + np.minimum(z, 0) ** 2 / 2 if name.startswith("gelu") else np.ones_like(z))
    assert np.all(np.abs(a - exact_a) <= rtol * np.abs(exact_a) + 1e-37)
    np.testing.assert_allclose(slope, exact_slope, rtol=4e-6, atol=4e-6)


# ---- tails ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in LAYERS if name != "selu"])
def test_far_to_the_right_a_is_z_and_the_slope_is_1(name, dtype):
    z = np.array([40, 100, 1e3, 3e3, 1e4], dtype)
    a, slope = value_and_slope(LAYERS[name], z)
    np.testing.assert_array_equal(a, z)
    np.testing.assert_array_equal(slope, 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "limit"), [*((name, 0.0) for name in [*GATED, "softplus"]), ("elu", -1.0), ("elu_1.7", -1.7)]
)
def test_far_to_the_left_a_is_its_limit_and_the_slope_is_0(name, limit, dtype):
    z = np.array([-1e4, -3e3, -1e3, -800], dtype)
    a, slope = value_and_slope(LAYERS[name], z)
    np.testing.assert_array_equal(a, np.full_like(z, limit))
    np.testing.assert_array_equal(slope, 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_leaky_relu_and_selu_far_out(dtype):
    z = np.array([-1e4, 1e4], dtype)
    a, slope = value_and_slope(layers.LeakyReLU(0.25), z)
    np.testing.assert_array_equal(a, [-2500, 1e4])
    np.testing.assert_array_equal(slope, [0.25, 1])
    a, slope = value_and_slope(layers.SELU(), z)
    rtol = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(a, [-functional.SELU_LAMBDA * functional.SELU_ALPHA, 1e4 * 1.05070098735548], rtol=rtol)
    np.testing.assert_allclose(slope, [0, 1.05070098735548], rtol=rtol)


def test_gelu_keeps_its_digits_where_it_vanishes():
    z = -np.linspace(0.01, 37, 500)
    exact = np.array([v * math.erfc(-v / math.sqrt(2)) / 2 for v in z])
    a, _ = value_and_slope(layers.GELU(), z)
    assert np.all(np.abs(a - exact) <= 8 * EPS * (1 + z**2 / 2) * np.abs(exact))


def test_the_slope_of_gelu_keeps_its_digits_where_it_vanishes():
    z = -np.linspace(2, 37, 500)
    phi = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    exact = np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in z]) + z * phi
    _, slope = value_and_slope(layers.GELU(), z)
    np.testing.assert_allclose(slope, exact, rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_silu_and_softplus_keep_their_digits_where_they_vanish(dtype):
    # e^z would be rounded to a subnormal number further to the left
    z = np.linspace(-5, math.log(np.finfo(dtype).tiny) + 1, 300).astype(dtype)
    e = np.exp(z.astype(np.longdouble))
    rtol = 16 * np.finfo(dtype).eps
    np.testing.assert_allclose(value_and_slope(layers.SiLU(), z)[0], (z * e / (1 + e)).astype(float), rtol=rtol)
    np.testing.assert_allclose(value_and_slope(layers.Softplus(), z)[0], np.log1p(e).astype(float), rtol=rtol)


@pytest.mark.parametrize("dtype", DTYPES)
@OF_ALL
def test_the_largest_numbers_raise_no_warning(name, dtype):
    z = np.array([-1, 1], dtype) * np.finfo(dtype).max / 2
    a, slope = value_and_slope(LAYERS[name], z)
    assert np.isfinite(a).all()
    assert np.isfinite(slope).all()
    assert np.isfinite(FUNCTIONS[name](z)).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_infinity_is_in_the_domain_of_the_functions(name):
    low, high = FUNCTIONS[name]([-np.inf, np.inf])
    assert high == np.inf
    assert low == (-np.inf if name.startswith("leaky") else FUNCTIONS[name](-1e4))


@OF_ALL
def test_what_is_not_a_number_stays_so(name):
    a = LAYERS[name].forward(np.array([np.nan, 1.0]), training_cache())
    np.testing.assert_array_equal(np.isnan(a), [True, False])


# ---- kinks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize(
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
def test_at_0_the_slope_is_that_to_the_left(name, expected, zero):
    a, slope = value_and_slope(LAYERS[name], np.array([zero]))
    assert a == 0
    assert slope == pytest.approx(expected, rel=4 * EPS)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_slope_of_hard_swish_jumps_at_its_kinks_from_inside_to_outside(dtype):
    three = np.array([3], dtype)
    z = np.concatenate([-three, three, np.nextafter(-three, 0), np.nextafter(three, 0)])
    _, slope = value_and_slope(layers.HardSwish(), z)
    np.testing.assert_allclose(slope, [0, 1, -0.5, 1.5], rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "hard_swish"])
def test_a_gate_is_half_open_at_0(name):
    a, slope = value_and_slope(LAYERS[name], np.array([-0.0, 0.0]))
    np.testing.assert_array_equal(a, 0)
    np.testing.assert_allclose(slope, 0.5, rtol=2 * EPS)


# ---- what kind of functions they are --------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*GATED, "softplus"])
def test_a_of_z_minus_a_of_minus_z_is_z(name):
    z = np.linspace(0, 50, 1001)
    a = FUNCTIONS[name]
    np.testing.assert_allclose(a(z) - a(-z), z, rtol=8 * EPS)


@pytest.mark.parametrize(
    ("name", "lowest"), [("gelu", -0.16997), ("gelu_tanh", -0.17004), ("silu", -0.27846), ("hard_swish", -0.375)]
)
def test_the_lowest_value_of_a_gated_unit(name, lowest):
    assert FUNCTIONS[name](np.linspace(-6, 6, 100_001)).min() == pytest.approx(lowest, abs=1e-5)


def test_the_tanh_form_of_gelu_is_within_5e_4_of_the_exact_one():
    z = np.linspace(-10, 10, 10_001)
    difference = np.abs(functional.gelu(z) - functional.gelu(z, "tanh")).max()
    assert 4e-4 < difference < 5e-4


def test_the_slope_of_softplus_is_the_sigmoid():
    _, slope = value_and_slope(layers.Softplus(), Z)
    np.testing.assert_allclose(slope, functional.sigmoid(Z), rtol=8 * EPS, atol=1e-307)


def test_leaky_relu_of_slope_0_is_relu_and_of_slope_1_the_identity():
    np.testing.assert_array_equal(value_and_slope(layers.LeakyReLU(0), Z), value_and_slope(nn.ReLU(), Z))
    np.testing.assert_array_equal(value_and_slope(layers.LeakyReLU(1), Z), (Z, np.ones_like(Z)))


def test_elu_of_alpha_0_is_relu():
    np.testing.assert_array_equal(value_and_slope(layers.ELU(0), Z), value_and_slope(nn.ReLU(), Z))


def test_selu_is_a_scaled_elu():
    expected = functional.SELU_LAMBDA * functional.elu(Z, functional.SELU_ALPHA)
    np.testing.assert_allclose(functional.selu(Z), expected, rtol=4 * EPS)


def test_mean_0_and_variance_1_are_a_fixed_point_of_selu():
    assert normal_mean(functional.selu) == pytest.approx(0, abs=1e-5)  # the kink at 0 costs the rule some digits
    assert normal_mean(lambda z: functional.selu(z) ** 2) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "square"),
    [("relu", 0.5), ("gelu", 0.43), ("silu", 0.36), ("hard_swish", 0.33), ("softplus", 0.92), ("selu", 1.0)],
)
def test_the_mean_square_of_an_activation_for_standard_normal_z(name, square):
    assert normal_mean(lambda z: getattr(functional, name)(z) ** 2) == pytest.approx(square, abs=0.005)


@pytest.mark.parametrize("name", [*(name for name in LAYERS if not name.startswith("elu_")), *OLDER])
def test_the_initializer_of_an_activation_keeps_the_size_of_z_from_layer_to_layer(name):
    layer = {**LAYERS, **OLDER}[name]
    n = 400
    W = layer.initializer((n, n), np.random.default_rng(0))
    mean_square = normal_mean(lambda z: value_and_slope(layer, z)[0] ** 2)
    assert 0.35 < n * W.var() * mean_square < 1.4


def test_selu_starts_from_weights_of_variance_1_over_n_in_and_the_family_of_relu_from_twice_that():
    assert layers.SELU.initializer == initializers.LeCunNormal()
    assert layers.Softplus.initializer == initializers.GlorotUniform()
    for layer in (layers.LeakyReLU, layers.ELU, layers.GELU, layers.SiLU, layers.HardSwish):
        assert layer.initializer == initializers.HeNormal()


def test_a_deep_selu_network_normalizes_itself():
    chain = [layer for _ in range(12) for layer in (nn.Dense(256), layers.SELU())]
    model = nn.Model([*chain, nn.Dense(256, initializers.LeCunNormal()), nn.Identity()], n_features=256, seed=0)
    z = model.forward(2 + 1.5 * np.random.default_rng(1).standard_normal((200, 256)))
    assert abs(z.mean()) < 0.2
    assert 0.6 < z.var() < 1.5


# ---- the contract of a layer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 5), (1, 1), (0, 3), (2, 3, 4)])
@OF_ALL
def test_shape_and_dtype_stay_and_forward_leaves_a_prev_as_it_is(name, shape, dtype):
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
def test_backward_is_linear_in_da(name):
    rng = np.random.default_rng(0)
    z, da = rng.normal(0, 3, (2, 40, 3))
    cache = training_cache()
    LAYERS[name].forward(z, cache)
    _, slope = value_and_slope(LAYERS[name], z)
    for _ in range(2):  # and may be asked for again
        np.testing.assert_array_equal(LAYERS[name].backward(da.copy(), cache), da * slope)


@OF_ALL
def test_strided_input_will_do(name):
    z = np.random.default_rng(0).normal(0, 3, (8, 12))
    for view in (z[::2, ::-2], z.T):
        for got, expected in zip(
            value_and_slope(LAYERS[name], view), value_and_slope(LAYERS[name], view.copy()), strict=True
        ):
            np.testing.assert_allclose(got, expected, rtol=4 * EPS)


@OF_ALL
def test_a_network_with_it_learns(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    model = nn.Model([nn.Dense(16), LAYERS[name], nn.Dense(2), nn.Softmax()], seed=0)
    history = model.fit(X, y, optimizer=nn.SGD(0.3, momentum=0.9), epochs=40, batch_size=20, progress=False)
    assert history["loss"][-1] < 0.5 * history["loss"][0]


# ---- as values, and wrong use ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
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
def test_the_repr_makes_the_layer_again(layer, text):
    assert repr(layer) == text
    assert repr(eval(text, vars(layers))) == text


NO_SLOPES = [-0.01, 1.01, math.nan, math.inf, "0.1", None, True, [0.1]]


@pytest.mark.parametrize("value", NO_SLOPES)
def test_a_negative_slope_out_of_0_to_1_is_refused(value):
    for make in (layers.LeakyReLU, lambda s: functional.leaky_relu([1.0], s)):
        with pytest.raises(nn.ArgumentError, match=r"^negative_slope: expected a finite number of at least 0"):
            make(value)


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "1", None, False])
def test_an_alpha_below_0_is_refused(value):
    for make in (layers.ELU, lambda alpha: functional.elu([1.0], alpha)):
        with pytest.raises(nn.ArgumentError, match=r"^alpha: expected a finite number of at least 0"):
            make(value)


@pytest.mark.parametrize("value", ["exact", "Tanh", True, None, ["tanh"], 1])
def test_a_form_of_gelu_that_does_not_exist_is_refused_with_those_that_do(value):
    for make in (layers.GELU, lambda approximate: functional.gelu([1.0], approximate)):
        with pytest.raises(nn.ArgumentError, match=r"^approximate: expected 'none' or 'tanh', got "):
            make(value)
