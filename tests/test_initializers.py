"""Facts about initial weights: their distributions, the choice of an initializer, and the seed."""

import math
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite import initializers, layers
from nnlite.initializers import (
    Constant,
    GlorotNormal,
    HeUniform,
    LeCunNormal,
    LeCunUniform,
    Orthogonal,
    TruncatedNormal,
)

from .support import for_each

REFERENCE = np.load(Path(__file__).parent / "reference" / "activations.npz")
SHAPES = [(400, 300), (10, 5000), (5000, 10), (1, 20_000), (20_000, 1), (30, 40, 50)]
GAINS = [1.0, 0.1, 3.0]
DRAWN = [
    nn.HeNormal(),
    HeUniform(),
    nn.GlorotUniform(),
    nn.GlorotUniform(0.1),
    GlorotNormal(),
    LeCunNormal(),
    LeCunUniform(),
    Orthogonal(),
    Orthogonal(1.5),
    TruncatedNormal(),
    TruncatedNormal(1, 2),
]
ALL = [*DRAWN, Constant(0.5), nn.Zeros()]


def fans(shape):
    """n_in and n_out: a kernel (all axes but the last two) belongs to each input and to each output."""
    kernel = math.prod(shape[:-2])
    return kernel * shape[-2], kernel * shape[-1]


def draw(initializer, shape, seed=0):
    return initializer(shape, np.random.default_rng(seed))


# ---- distributions: a mean of n draws is within 5 of its own standard deviations ------------------------------


@for_each("shape", SHAPES)
def test_he_normal_has_mean_0_and_variance_2_over_n_in(shape):
    W = draw(nn.HeNormal(), shape)
    sigma = math.sqrt(2 / fans(shape)[0])
    assert W.shape == shape
    assert abs(W.mean()) < 5 * sigma / math.sqrt(W.size)
    # of a normal x: Var x^2 = 2 sigma^4, Var x^4 = 96 sigma^8
    assert abs(np.mean(W**2) - sigma**2) < 5 * sigma**2 * math.sqrt(2 / W.size)
    assert abs(np.mean(W**4) - 3 * sigma**4) < 5 * sigma**4 * math.sqrt(96 / W.size)


@for_each("shape", SHAPES)
def test_he_normal_has_as_many_weights_within_k_sigma_as_a_normal_distribution(shape):
    W = np.abs(draw(nn.HeNormal(), shape)) / math.sqrt(2 / fans(shape)[0])
    for k in (0.5, 1, 2, 3):
        p = math.erf(k / math.sqrt(2))
        assert abs(np.mean(k > W) - p) < 5 * math.sqrt(p * (1 - p) / W.size)


@for_each("gain", GAINS)
@for_each("shape", SHAPES)
def test_glorot_uniform_fills_the_range_of_its_equation(shape, gain):
    W = draw(nn.GlorotUniform(gain), shape)
    r = gain * math.sqrt(6 / sum(fans(shape)))
    assert W.shape == shape
    assert np.all(np.abs(W) <= r)
    # all n draws stay below r (1 - 20/n) with probability (1 - 20/n)^n = e^-20, at each end with e^-10
    assert W.max() > r * (1 - 20 / W.size)
    assert W.min() < -r * (1 - 20 / W.size)


@for_each("gain", GAINS)
@for_each("shape", SHAPES)
def test_glorot_uniform_has_the_moments_of_a_uniform_distribution(shape, gain):
    W = draw(nn.GlorotUniform(gain), shape)
    r = gain * math.sqrt(6 / sum(fans(shape)))
    assert abs(W.mean()) < 5 * r / math.sqrt(3 * W.size)
    # of x uniform in (-r, r): E x^2 = r^2 / 3, E x^4 = r^4 / 5, so that Var x^2 = 4 r^4 / 45
    assert abs(np.mean(W**2) - r**2 / 3) < 5 * r**2 * math.sqrt(4 / 45 / W.size)
    assert abs(np.mean(np.abs(W) < r / 2) - 0.5) < 5 * 0.5 / math.sqrt(W.size)


VARIANCES = {
    HeUniform: lambda n_in, n_out: 2 / n_in,
    GlorotNormal: lambda n_in, n_out: 2 / (n_in + n_out),
    LeCunNormal: lambda n_in, n_out: 1 / n_in,
    LeCunUniform: lambda n_in, n_out: 1 / n_in,
}


@for_each("shape", SHAPES)
@for_each("kind", [GlorotNormal, LeCunNormal])
def test_normal_weights_have_mean_0_the_variance_of_their_equation_and_the_tails_of_a_normal_distribution(kind, shape):
    W = draw(kind(), shape) / math.sqrt(VARIANCES[kind](*fans(shape)))
    assert W.shape == shape
    assert abs(W.mean()) < 5 / math.sqrt(W.size)
    assert abs(np.mean(W**2) - 1) < 5 * math.sqrt(2 / W.size)
    assert abs(np.mean(W**4) - 3) < 5 * math.sqrt(96 / W.size)


@for_each("shape", SHAPES)
@for_each("kind", [HeUniform, LeCunUniform])
def test_uniform_weights_have_the_variance_of_their_equation_and_fill_their_range(kind, shape):
    r = math.sqrt(3 * VARIANCES[kind](*fans(shape)))
    W = draw(kind(), shape)
    assert W.shape == shape
    assert abs(W.mean()) < 5 * r / math.sqrt(3 * W.size)
    assert abs(np.mean(W**2) - r**2 / 3) < 5 * r**2 * math.sqrt(4 / 45 / W.size)
    assert r * (1 - 20 / W.size) < W.max() <= r
    assert -r * (1 - 20 / W.size) > W.min() >= -r


@pytest.mark.parametrize("i", range(len(REFERENCE["shapes"])))
def test_weights_have_the_standard_deviations_of_pytorch(i):
    shape = tuple(REFERENCE["shapes"][i])
    he, glorot, lecun = REFERENCE["standard_deviations"][i]
    pairs = [(nn.HeNormal(), he), (HeUniform(), he), (nn.GlorotUniform(), glorot), (GlorotNormal(), glorot)]
    for initializer, sigma in [*pairs, (LeCunNormal(), lecun), (LeCunUniform(), lecun)]:
        W = draw(initializer, shape)
        # Var x^2 is at most 2 sigma^4, so that the standard deviation of the mean of x^2 is sigma^2 sqrt(2 / n)
        assert abs(np.mean(W**2) / sigma**2 - 1) < 5 * math.sqrt(2 / W.size), initializer


@for_each(("mean", "stddev"), [(0.0, 0.05), (0.0, 1.0), (-3.0, 0.5)])
@for_each("shape", SHAPES)
def test_a_truncated_normal_is_cut_at_two_standard_deviations(shape, mean, stddev):
    W = (draw(TruncatedNormal(mean, stddev), shape) - mean) / stddev
    assert W.shape == shape
    assert 1.99 < np.abs(W).max() <= 2 + 1e-12
    # of a standard normal x within 2: E x^2 = 1 - 4 phi(2) / (2 Phi(2) - 1), and E x^4 = 3 E x^2 - 16 phi(2) / (...)
    density = math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2))
    square, fourth = 1 - 4 * density, 3 * (1 - 4 * density) - 16 * density
    assert math.sqrt(square) == pytest.approx(0.8796, abs=5e-5)
    assert abs(W.mean()) < 5 * math.sqrt(square / W.size)
    assert abs(np.mean(W**2) - square) < 5 * math.sqrt((fourth - square**2) / W.size)
    for k in (0.5, 1, 1.5):
        p = math.erf(k / math.sqrt(2)) / math.erf(math.sqrt(2))
        assert abs(np.mean(np.abs(W) < k) - p) < 5 * math.sqrt(p * (1 - p) / W.size)


def test_a_truncated_normal_has_the_moments_of_pytorch():
    W = draw(TruncatedNormal(stddev=1), (1000, 1000))
    for power, (moment, error) in zip((2, 4), REFERENCE["truncated_normal"], strict=True):
        own_error = float(np.std(W**power)) / math.sqrt(W.size)
        assert abs(np.mean(W**power) - moment) < 5 * math.hypot(error, own_error)


@for_each("gain", GAINS)
@for_each("shape", [(5, 5), (40, 30), (30, 40), (7, 1), (1, 7), (1, 1), (200, 64)])
def test_orthogonal_weights_keep_lengths(shape, gain):
    W = draw(Orthogonal(gain), shape)
    assert W.shape == shape
    assert W.flags.c_contiguous
    product = W.T @ W if shape[0] >= shape[1] else W @ W.T
    np.testing.assert_allclose(product, gain**2 * np.eye(min(shape)), atol=1e-13 * gain**2)


def test_orthogonal_weights_count_the_axes_before_the_last_as_one():
    W = draw(Orthogonal(), (3, 4, 5))
    np.testing.assert_allclose(np.einsum("ijk,ijl->kl", W, W), np.eye(5), atol=1e-14)
    np.testing.assert_array_equal(W.reshape(12, 5), draw(Orthogonal(), (12, 5)))


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_every_orthogonal_matrix_is_equally_likely(shape):
    rng = np.random.default_rng(0)
    n, draws = max(shape), 4000
    W = np.array([Orthogonal()(shape, rng) for _ in range(draws)])
    # an entry is one coordinate of a point on the sphere in n dimensions: E x^2 = 1/n, E x^4 = 3 / (n (n + 2))
    square, fourth = 1 / n, 3 / (n * (n + 2))
    eighth = 105 / (n * (n + 2) * (n + 4) * (n + 6))
    assert np.all(np.abs(W.mean(0)) < 5 * math.sqrt(square / draws))
    assert np.all(np.abs((W**2).mean(0) - square) < 5 * math.sqrt((fourth - square**2) / draws))
    assert np.all(np.abs((W**4).mean(0) - fourth) < 5 * math.sqrt((eighth - fourth**2) / draws))


def test_square_orthogonal_matrices_are_rotations_as_often_as_reflections():
    rng = np.random.default_rng(0)
    signs = [np.linalg.det(Orthogonal()((3, 3), rng)) for _ in range(2000)]
    np.testing.assert_allclose(np.abs(signs), 1, rtol=1e-12)
    assert abs(np.mean(signs)) < 5 / math.sqrt(len(signs))


@for_each("value", [0, 1, -2.5])
@for_each("shape", [*SHAPES, (1, 1)])
def test_a_constant_is_the_same_everywhere(shape, value):
    np.testing.assert_array_equal(draw(Constant(value), shape), np.full(shape, float(value)))


@for_each("shape", [*SHAPES, (1, 1)])
def test_zeros_are_zeros(shape):
    W = draw(nn.Zeros(), shape)
    assert W.shape == shape
    assert not W.any()


@for_each("initializer", ALL)
def test_weights_are_drawn_in_float64(initializer):
    assert draw(initializer, (3, 2)).dtype == np.float64


@for_each("initializer", DRAWN)
def test_weights_of_different_units_are_uncorrelated(initializer):
    W = draw(initializer, (10_000, 8))
    correlation = np.corrcoef(W, rowvar=False)
    assert np.all(np.abs(correlation - np.eye(8)) < 5 / math.sqrt(len(W)))


def test_he_normal_keeps_the_size_of_the_activations_through_ten_layers_of_relu_and_glorot_uniform_does_not():
    X = np.random.default_rng(1).standard_normal((200, 256))
    for initializer, expected in ((nn.HeNormal(), 1.0), (nn.GlorotUniform(), 2.0**-10)):
        layers = [layer for _ in range(10) for layer in (nn.Dense(256, initializer), nn.ReLU())]
        a = nn.Model([*layers, nn.Identity()], n_features=256, seed=0).forward(X)
        # E a^2 stays 1, and Glorot's weights halve it in each layer; its logarithm wanders by sqrt(5 / 256) a layer,
        # 0.44 in ten
        assert abs(math.log(np.mean(a**2) / expected)) < 3 * 0.44


# ---- one source of randomness ---------------------------------------------------------------------------------


@for_each("initializer", ALL)
def test_the_same_generator_draws_the_same_weights_bit_for_bit(initializer):
    np.testing.assert_array_equal(draw(initializer, (7, 5), seed=3), draw(initializer, (7, 5), seed=3))


@for_each("initializer", DRAWN)
def test_another_seed_or_a_second_draw_gives_other_weights(initializer):
    assert not np.any(draw(initializer, (7, 5), seed=3) == draw(initializer, (7, 5), seed=4))
    rng = np.random.default_rng(3)
    assert not np.any(initializer((7, 5), rng) == initializer((7, 5), rng))


@pytest.mark.parametrize("initializer", [nn.Zeros(), Constant(3)])
def test_zeros_and_constants_draw_nothing(initializer):
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    initializer((7, 5), rng)
    assert rng.bit_generator.state == before


def mixed_layers():
    return [nn.Dense(6), nn.ReLU(), nn.Dense(5), nn.Tanh(), nn.Dense(4), nn.Softmax()]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_network_bit_for_bit(dtype):
    one, two = (nn.Model(mixed_layers(), n_features=3, seed=11, dtype=dtype) for _ in "ab")
    assert one.theta.tobytes() == two.theta.tobytes()
    assert not np.array_equal(one.theta, nn.Model(mixed_layers(), n_features=3, seed=12, dtype=dtype).theta)


def test_without_a_seed_every_network_is_different():
    one, two = (nn.Model(mixed_layers(), n_features=3) for _ in "ab")
    assert not np.array_equal(one.theta, two.theta)


def test_a_float32_network_starts_from_the_rounded_weights_of_the_float64_network():
    rounded, exact = (nn.Model(mixed_layers(), n_features=3, seed=5, dtype=d) for d in ("float32", "float64"))
    np.testing.assert_array_equal(rounded.theta, exact.theta.astype(np.float32))


def test_weights_do_not_depend_on_when_the_input_size_becomes_known():
    early, late = nn.Model(mixed_layers(), n_features=3, seed=5), nn.Model(mixed_layers(), seed=5)
    late.forward(np.ones((2, 3)))
    np.testing.assert_array_equal(early.theta, late.theta)


# ---- what a Dense layer starts from ---------------------------------------------------------------------------


class Shift(nn.Layer):
    """``a = z + 1``, a layer that is not an activation."""

    def forward(self, a_prev, cache):
        return a_prev + 1

    def backward(self, da, cache):
        return da


class Wave(nn.Activation):
    """``a = sin z``, an activation that asks for weights of its own."""

    initializer = nn.HeUniform()

    def forward(self, z, cache):
        cache.z = z
        return np.sin(z)

    def backward(self, da, cache):
        return da * np.cos(cache.z)


NO_WISH = [c for c in vars(layers).values() if isinstance(c, type) and issubclass(c, nn.Activation)]
NO_WISH = [c for c in NO_WISH if c.forward is not nn.Layer.forward and c is not nn.SELU] + [Shift, nn.BatchNorm]


@pytest.mark.parametrize("output", [nn.Softmax, nn.Sigmoid, nn.Identity, nn.Exponential])
def test_dense_layers_draw_by_glorots_uniform_initializer_before_all_layers_but_selu(output):
    assert {nn.ReLU, nn.ELU, nn.Tanh, nn.GELU, nn.Softmax} < set(NO_WISH)
    for following in NO_WISH:
        chain = [nn.Dense(9), following(), nn.Dense(7), nn.Dense(6), following(), nn.Dense(5), output()]
        model = nn.Model(chain, n_features=8, seed=4, dtype="float64")
        rng = np.random.default_rng(4)
        for l, shape in enumerate([(8, 9), (9, 7), (7, 6), (6, 5)], start=1):
            np.testing.assert_array_equal(model.parameters[f"W{l}"], nn.GlorotUniform()(shape, rng), following.__name__)


@for_each(
    ("following", "initializer"),
    [
        ([nn.SELU], LeCunNormal()),
        ([Wave], nn.HeUniform()),
        ([Shift, nn.SELU], LeCunNormal()),  # a layer that is not an activation does not hide the activation behind it
        ([lambda: nn.Dense(20), nn.SELU], nn.GlorotUniform()),  # another Dense does
        ([nn.ReLU, nn.SELU], nn.GlorotUniform()),
    ],
)
def test_the_first_activation_before_the_next_dense_layer_may_ask_for_other_weights(following, initializer):
    chain = [nn.Dense(20), *(make() for make in following), nn.Dense(3), nn.Softmax()]
    model = nn.Model(chain, n_features=20, seed=4, dtype="float64")
    rng = np.random.default_rng(4)
    np.testing.assert_array_equal(model.parameters["W1"], initializer((20, 20), rng))


def test_biases_start_at_0_whatever_the_initializer():
    for initializer in (None, nn.HeNormal(), nn.GlorotUniform(), nn.Zeros()):
        layers = [nn.Dense(6, initializer), nn.ReLU(), nn.Dense(4, initializer), nn.Softmax()]
        model = nn.Model(layers, n_features=3, seed=0)
        assert not model.parameters["b1"].any()
        assert not model.parameters["b2"].any()


@for_each("activation", [nn.ReLU, nn.Tanh, nn.Identity])
@for_each("initializer", [nn.HeNormal(), nn.GlorotUniform(2.5), nn.Zeros()])
def test_an_explicit_initializer_wins(initializer, activation):
    layers = [nn.Dense(6, initializer=initializer), activation(), nn.Dense(4, initializer), nn.Softmax()]
    model = nn.Model(layers, n_features=3, seed=4, dtype="float64")
    rng = np.random.default_rng(4)
    np.testing.assert_array_equal(model.parameters["W1"], initializer((3, 6), rng))
    np.testing.assert_array_equal(model.parameters["W2"], initializer((6, 4), rng))


def test_a_user_defined_initializer_defines_call():
    class Constant(nn.Initializer):
        def __init__(self, value):
            self.value = value

        def __call__(self, shape, rng):
            return np.full(shape, self.value)

    model = nn.Model([nn.Dense(2, Constant(0.5)), nn.Softmax()], n_features=3)
    np.testing.assert_array_equal(model.parameters["W1"], np.full((3, 2), 0.5))


# ---- initializers as values, and wrong use --------------------------------------------------------------------


def test_initializers_with_the_same_arguments_are_equal():
    assert nn.HeNormal() == nn.HeNormal() != nn.Zeros()
    assert nn.GlorotUniform() == nn.GlorotUniform(1) == nn.GlorotUniform(gain=1.0) != nn.GlorotUniform(0.1)
    assert len({nn.HeNormal(), nn.HeNormal(), nn.GlorotUniform(), nn.GlorotUniform(0.1), nn.Zeros()}) == 4


def test_no_two_initializers_are_equal():
    assert len(set(ALL)) == len(ALL)
    public = {c for c in vars(initializers).values() if isinstance(c, type) and issubclass(c, nn.Initializer)}
    assert {type(initializer) for initializer in ALL} == public - {nn.Initializer}


@for_each("initializer", ALL)
def test_the_repr_of_an_initializer_makes_it_again(initializer):
    assert eval(f"initializers.{initializer!r}") == initializer


@for_each("gain", [0, -1, -0.0, math.nan, math.inf, "1", None, True, [1.0], 1j])
def test_a_gain_that_is_not_a_number_above_0_is_refused(gain):
    with pytest.raises(nn.ArgumentError, match=r"^gain: expected a finite number above 0"):
        nn.GlorotUniform(gain)
    with pytest.raises(nn.ArgumentError, match=r"^gain: expected a finite number above 0"):
        Orthogonal(gain)


@for_each("value", [math.nan, math.inf, "1", None, True, [1.0]])
def test_a_mean_or_a_constant_that_is_not_a_finite_number_is_refused(value):
    with pytest.raises(nn.ArgumentError, match=r"^mean: expected a finite number"):
        TruncatedNormal(value)
    with pytest.raises(nn.ArgumentError, match=r"^value: expected a finite number"):
        Constant(value)


@for_each("stddev", [0, -0.05, math.nan, math.inf, "1", None, True])
def test_a_standard_deviation_that_is_not_above_0_is_refused(stddev):
    with pytest.raises(nn.ArgumentError, match=r"^stddev: expected a finite number above 0"):
        TruncatedNormal(stddev=stddev)


@pytest.mark.parametrize("initializer", ["he", nn.HeNormal, 0.1, np.zeros((3, 2)), lambda shape, rng: np.zeros(shape)])
def test_anything_but_an_initializer_is_refused(initializer):
    with pytest.raises(nn.ArgumentError, match=r"^initializer: expected an Initializer"):
        nn.Dense(2, initializer=initializer)


def test_the_base_class_says_that_it_draws_nothing():
    with pytest.raises(NotImplementedError, match="Initializer"):
        draw(nn.Initializer(), (3, 2))


OF_PYTORCH = np.load(Path(__file__).parent / "reference" / "initializers.npz")
AS_IN_PYTORCH = {
    "TruncatedNormal": TruncatedNormal(stddev=0.05),
    "Constant": Constant(0.3),
    **{name: getattr(initializers, name)() for name in OF_PYTORCH if name not in ("TruncatedNormal", "Constant")},
}


OFTEN = "HeNormal", "GlorotUniform", "TruncatedNormal"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow) for name in OF_PYTORCH]
)
def test_moments_and_ranges_are_those_of_pytorch(name):
    # Both are estimates from 3 million numbers. The standard error of the mean is std / 1732, of the standard deviation
    # at most std / 2449, and of the kurtosis below 0.003. The largest number of a bounded rule is close to the bound.
    rng = np.random.default_rng(1)
    w = np.array([AS_IN_PYTORCH[name]((300, 200), rng) for _ in range(50)])
    mean, std, kurtosis, largest = OF_PYTORCH[name]
    assert w.mean() == pytest.approx(mean, abs=7 * std / 1732 + 1e-15)
    assert w.std() == pytest.approx(std, abs=7 * std / 2449 + 1e-15)
    if std > 0:
        centered = w - w.mean()
        assert (centered**4).mean() / w.var() ** 2 == pytest.approx(kurtosis, abs=0.03)
    bounded = kurtosis < 2.5
    assert np.abs(w).max() == pytest.approx(largest, rel=1e-4 if bounded else 0.3)


@pytest.mark.parametrize("initializer", [nn.HeNormal(), nn.GlorotUniform(), nn.LeCunNormal()], ids=repr)
def test_weights_without_axes_have_no_number_of_inputs(initializer):
    with pytest.raises(nn.ArgumentError, match=r"^shape: expected that of weights, such as \(n_in, n_out\), got \(\)"):
        initializer((), np.random.default_rng(0))
