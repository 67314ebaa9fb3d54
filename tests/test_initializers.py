"""Facts about initial weights: how they are distributed, who chooses the distribution, and the seed."""

import math

import numpy as np
import pytest

import nnlite as nn

SHAPES = [(400, 300), (10, 5000), (5000, 10), (1, 20_000), (20_000, 1), (30, 40, 50)]
GAINS = [1.0, 0.1, 3.0]


def draw(initializer, shape, seed=0):
    return initializer(shape, np.random.default_rng(seed))


# ---- distributions: a mean of n draws is within 5 of its own standard deviations ------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_he_normal_has_mean_0_and_variance_2_over_n_in(shape):
    W = draw(nn.HeNormal(), shape)
    sigma = math.sqrt(2 / shape[0])
    assert W.shape == shape
    assert abs(W.mean()) < 5 * sigma / math.sqrt(W.size)
    # of a normal x: Var x^2 = 2 sigma^4, Var x^4 = 96 sigma^8
    assert abs(np.mean(W**2) - sigma**2) < 5 * sigma**2 * math.sqrt(2 / W.size)
    assert abs(np.mean(W**4) - 3 * sigma**4) < 5 * sigma**4 * math.sqrt(96 / W.size)


@pytest.mark.parametrize("shape", SHAPES)
def test_he_normal_has_as_many_weights_within_k_sigma_as_a_normal_distribution(shape):
    W = np.abs(draw(nn.HeNormal(), shape)) / math.sqrt(2 / shape[0])
    for k in (0.5, 1, 2, 3):
        p = math.erf(k / math.sqrt(2))
        assert abs(np.mean(k > W) - p) < 5 * math.sqrt(p * (1 - p) / W.size)


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize("shape", SHAPES)
def test_glorot_uniform_fills_the_range_of_its_equation(shape, gain):
    W = draw(nn.GlorotUniform(gain), shape)
    r = gain * math.sqrt(6 / (shape[0] + shape[-1]))
    assert W.shape == shape
    assert np.all(np.abs(W) <= r)
    # all n draws stay below r (1 - 20/n) with probability (1 - 20/n)^n = e^-20, at each end with e^-10
    assert W.max() > r * (1 - 20 / W.size)
    assert W.min() < -r * (1 - 20 / W.size)


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize("shape", SHAPES)
def test_glorot_uniform_has_the_moments_of_a_uniform_distribution(shape, gain):
    W = draw(nn.GlorotUniform(gain), shape)
    r = gain * math.sqrt(6 / (shape[0] + shape[-1]))
    assert abs(W.mean()) < 5 * r / math.sqrt(3 * W.size)
    # of x uniform in (-r, r): E x^2 = r^2 / 3, E x^4 = r^4 / 5, so that Var x^2 = 4 r^4 / 45
    assert abs(np.mean(W**2) - r**2 / 3) < 5 * r**2 * math.sqrt(4 / 45 / W.size)
    assert abs(np.mean(np.abs(W) < r / 2) - 0.5) < 5 * 0.5 / math.sqrt(W.size)


@pytest.mark.parametrize("shape", [*SHAPES, (1, 1)])
def test_zeros_are_zeros(shape):
    W = draw(nn.Zeros(), shape)
    assert W.shape == shape
    assert not W.any()


@pytest.mark.parametrize("initializer", [nn.HeNormal(), nn.GlorotUniform(), nn.Zeros()])
def test_weights_are_drawn_in_float64(initializer):
    assert draw(initializer, (3, 2)).dtype == np.float64


@pytest.mark.parametrize("initializer", [nn.HeNormal(), nn.GlorotUniform()])
def test_weights_of_different_units_are_uncorrelated(initializer):
    W = draw(initializer, (10_000, 8))
    correlation = np.corrcoef(W, rowvar=False)
    assert np.all(np.abs(correlation - np.eye(8)) < 5 / math.sqrt(len(W)))


def test_he_normal_keeps_the_size_of_the_activations_through_ten_layers_of_relu():
    layers = [layer for _ in range(10) for layer in (nn.Dense(256), nn.ReLU())]
    model = nn.Model([*layers, nn.Identity()], n_features=256, seed=0)
    a = model.forward(np.random.default_rng(1).standard_normal((200, 256)))
    # E a^2 stays 1; its logarithm wanders by sqrt(5 / 256) a layer, 0.44 in ten
    assert abs(math.log(np.mean(a**2))) < 3 * 0.44


# ---- one source of randomness ---------------------------------------------------------------------------------


@pytest.mark.parametrize("initializer", [nn.HeNormal(), nn.GlorotUniform(), nn.GlorotUniform(0.1), nn.Zeros()])
def test_the_same_generator_draws_the_same_weights_bit_for_bit(initializer):
    np.testing.assert_array_equal(draw(initializer, (7, 5), seed=3), draw(initializer, (7, 5), seed=3))


@pytest.mark.parametrize("initializer", [nn.HeNormal(), nn.GlorotUniform()])
def test_another_seed_or_a_second_draw_gives_other_weights(initializer):
    assert not np.any(draw(initializer, (7, 5), seed=3) == draw(initializer, (7, 5), seed=4))
    rng = np.random.default_rng(3)
    assert not np.any(initializer((7, 5), rng) == initializer((7, 5), rng))


def test_zeros_draw_nothing():
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    nn.Zeros()((7, 5), rng)
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
    """``a = z + 1``, a layer that is no activation."""

    def forward(self, a_prev, cache):
        return np.add(a_prev, 1, out=cache.array("a", a_prev.shape))

    def backward(self, da, cache):
        return da


SMALL = nn.GlorotUniform(gain=0.1)


@pytest.mark.parametrize(
    ("layers", "initializers"),
    [
        ([nn.ReLU], [nn.HeNormal(), SMALL]),
        ([nn.Tanh], [nn.GlorotUniform(), SMALL]),
        ([nn.Sigmoid], [nn.GlorotUniform(), SMALL]),
        ([nn.Softmax], [nn.GlorotUniform(), SMALL]),
        ([nn.Identity], [nn.GlorotUniform(), SMALL]),
        ([], [SMALL]),
        ([nn.ReLU, nn.Tanh, nn.ReLU], [nn.HeNormal(), nn.GlorotUniform(), nn.HeNormal(), SMALL]),
        ([Shift], [nn.GlorotUniform(), SMALL]),
    ],
)
@pytest.mark.parametrize("output", [nn.Softmax, nn.Sigmoid, nn.Identity])
def test_weights_suit_the_activation_that_follows_and_are_small_in_front_of_the_output(layers, initializers, output):
    chain = [layer for activation in layers for layer in (nn.Dense(20), activation())]
    model = nn.Model([*chain, nn.Dense(20), output()], n_features=20, seed=4, dtype="float64")
    rng = np.random.default_rng(4)
    for l, initializer in enumerate(initializers, start=1):
        np.testing.assert_array_equal(model.parameters[f"W{l}"], initializer((20, 20), rng))


@pytest.mark.parametrize(
    ("between", "initializer"),
    [
        ([Shift], nn.HeNormal()),  # what is no activation does not hide the ReLU behind it
        ([lambda: nn.Dense(20)], nn.GlorotUniform()),  # another Dense does: no ReLU halves what this one puts out
    ],
)
def test_weights_suit_the_first_activation_before_the_next_dense_layer(between, initializer):
    chain = [nn.Dense(20), *(make() for make in between), nn.ReLU(), nn.Dense(3), nn.Softmax()]
    model = nn.Model(chain, n_features=20, seed=4, dtype="float64")
    expected = initializer((20, 20), np.random.default_rng(4))
    np.testing.assert_array_equal(model.parameters["W1"], expected)


def test_biases_start_at_0_whatever_the_initializer():
    for initializer in (None, nn.HeNormal(), nn.GlorotUniform(), nn.Zeros()):
        layers = [nn.Dense(6, initializer), nn.ReLU(), nn.Dense(4, initializer), nn.Softmax()]
        model = nn.Model(layers, n_features=3, seed=0)
        assert not model.parameters["b1"].any()
        assert not model.parameters["b2"].any()


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Identity])
@pytest.mark.parametrize("initializer", [nn.HeNormal(), nn.GlorotUniform(2.5), nn.Zeros()])
def test_an_explicit_initializer_wins(initializer, activation):
    layers = [nn.Dense(6, initializer=initializer), activation(), nn.Dense(4, initializer), nn.Softmax()]
    model = nn.Model(layers, n_features=3, seed=4, dtype="float64")
    rng = np.random.default_rng(4)
    np.testing.assert_array_equal(model.parameters["W1"], initializer((3, 6), rng))
    np.testing.assert_array_equal(model.parameters["W2"], initializer((6, 4), rng))


def test_an_initializer_of_ones_own_is_a_class_with_a_call():
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


@pytest.mark.parametrize("initializer", [nn.HeNormal(), nn.GlorotUniform(), nn.GlorotUniform(0.1), nn.Zeros()])
def test_the_repr_of_an_initializer_makes_it_again(initializer):
    assert eval(f"nn.{initializer!r}") == initializer


@pytest.mark.parametrize("gain", [0, -1, -0.0, math.nan, math.inf, "1", None, True, [1.0], 1j])
def test_a_gain_that_is_not_a_number_above_0_is_refused(gain):
    with pytest.raises(nn.ArgumentError, match=r"^gain: expected a finite number above 0"):
        nn.GlorotUniform(gain)


@pytest.mark.parametrize("initializer", ["he", nn.HeNormal, 0.1, np.zeros((3, 2)), lambda shape, rng: np.zeros(shape)])
def test_what_is_no_initializer_is_refused(initializer):
    with pytest.raises(nn.ArgumentError, match=r"^initializer: expected an Initializer"):
        nn.Dense(2, initializer=initializer)


def test_the_base_class_says_that_it_draws_nothing():
    with pytest.raises(NotImplementedError, match="Initializer"):
        draw(nn.Initializer(), (3, 2))
