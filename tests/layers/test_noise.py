"""Facts about dropout and Gaussian noise."""

import math

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import AlphaDropout, Dropout, GaussianNoise, noise

from ..support import assert_matches, refuse, training_cache
from .common import DTYPES, NOT_NUMBERS, network_of, of_pytorch

OF_EACH = pytest.mark.parametrize(
    "make",
    [lambda: Dropout(0.4), lambda: AlphaDropout(0.4), lambda: GaussianNoise(0.5)],
    ids=["Dropout", "AlphaDropout", "GaussianNoise"],
)


@pytest.mark.parametrize(("what", "layer"), [("dropout", Dropout(0.4)), ("alpha_dropout", AlphaDropout(0.4))])
def test_dropout_with_the_mask_of_pytorch_is_that_of_pytorch(monkeypatch, what, layer):
    expected, cache = of_pytorch(what), training_cache()
    assert 0 < expected["kept"].sum() < expected["kept"].size
    monkeypatch.setattr(noise, "draw_kept", lambda a_prev, rate, cache: expected["kept"])
    assert_matches(layer.forward(expected["a_prev"], cache), expected["a"])
    assert_matches(layer.backward(expected["da"].copy(), cache), expected["da_prev"])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_drops_the_share_of_its_rate_and_scales_the_rest(rate, dtype):
    rng, cache, layer = np.random.default_rng(1), training_cache(), Dropout(rate)
    z, da = rng.normal(size=(2, 200, 150)).astype(dtype)
    a = layer.forward(z, cache)
    d = a != 0
    np.testing.assert_allclose(a, np.where(d, z / (1 - rate), 0), rtol=1e-6)
    np.testing.assert_allclose(layer.backward(da.copy(), cache), np.where(d, da / (1 - rate), 0), rtol=1e-6)
    deviation = math.sqrt(rate * (1 - rate) / z.size)
    assert abs(d.mean() - (1 - rate)) < 5 * deviation
    assert np.abs(d.mean(0) - (1 - rate)).max() < 6 * deviation * math.sqrt(150)  # of each unit
    assert np.abs(d.mean(1) - (1 - rate)).max() < 6 * deviation * math.sqrt(200)  # of each example
    assert a.dtype == dtype


@pytest.mark.parametrize(("layer", "size"), [(nn.Dropout2D(0.3), (3, 4)), (nn.Dropout1D(0.3), (5,))], ids=repr)
def test_dropout_of_channels_drops_all_pixels_of_a_channel_or_none(layer, size):
    rng, cache = np.random.default_rng(1), training_cache()
    a_prev, da = rng.uniform(1, 2, (2, 300, *size, 40))
    a = layer.forward(a_prev, cache)
    d = (a != 0).reshape(300, -1, 40)
    np.testing.assert_array_equal(d, d[:, :1].repeat(d.shape[1], axis=1))
    assert abs(d[:, 0].mean() - 0.7) < 5 * math.sqrt(0.21 / d[:, 0].size)
    np.testing.assert_allclose(a, np.where(a != 0, a_prev / 0.7, 0), rtol=1e-12)
    np.testing.assert_allclose(layer.backward(da, cache), np.where(a != 0, da / 0.7, 0), rtol=1e-12)
    np.testing.assert_array_equal(layer.forward(a_prev, nn.Cache()), a_prev)
    refuse(lambda: layer.output_shape((6,)), f"{layer!r} expects ")


def test_dropout_keeps_the_mean():
    a_prev = np.full((400, 250), 3.0)
    assert Dropout(0.4).forward(a_prev, training_cache()).mean() == pytest.approx(3, rel=0.02)


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_alpha_dropout_sets_dropped_units_to_the_lowest_value_of_selu_and_keeps_mean_and_variance(rate):
    rng, cache, layer = np.random.default_rng(1), training_cache(), AlphaDropout(rate)
    z, da = rng.normal(size=(2, 400, 500))
    a = layer.forward(z, cache)
    da_prev = layer.backward(da.copy(), cache)
    d = da_prev != 0
    lowest = -1.0507009873554805 * 1.6732632423543772  # of SELU, for z -> -infinity
    A = 1 / math.sqrt((1 - rate) * (1 + rate * lowest**2))
    np.testing.assert_allclose(a, A * np.where(d, z, lowest) - A * rate * lowest, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(da_prev, A * np.where(d, da, 0), rtol=1e-12)
    assert abs(d.mean() - (1 - rate)) < 5 * math.sqrt(rate * (1 - rate) / z.size)
    assert abs(a.mean()) < 0.015
    assert abs(a.var() - 1) < 0.015


@pytest.mark.parametrize("dtype", DTYPES)
def test_gaussian_noise_is_gaussian(dtype):
    rng, cache, layer = np.random.default_rng(1), training_cache(), GaussianNoise(0.5)
    z, da = rng.normal(3, 1, size=(2, 400, 250)).astype(dtype)
    e = layer.forward(z, cache) - z
    assert e.dtype == dtype
    n = e.size
    assert abs(e.mean()) < 5 * 0.5 / math.sqrt(n)
    assert abs(e.var() - 0.25) < 5 * 0.25 * math.sqrt(2 / n)
    assert abs(np.mean(e**4) / e.var() ** 2 - 3) < 5 * math.sqrt(24 / n)
    assert abs(np.corrcoef(e.ravel(), z.ravel())[0, 1]) < 5 / math.sqrt(n)
    np.testing.assert_array_equal(layer.backward(da.copy(), cache), da)


@OF_EACH
def test_noise_differs_from_step_to_step_and_is_the_same_for_the_same_seed(make):
    X = np.random.default_rng(0).normal(size=(20, 6))
    models = [network_of([nn.Dense(6), make()], 6, seed=seed) for seed in (0, 0, 1)]
    steps = [[model.forward(X), model.forward(X)] for model in models]
    assert np.any(steps[0][0] != steps[0][1])
    np.testing.assert_array_equal(steps[0], steps[1])
    assert np.any(steps[0][0] != steps[2][0])


@OF_EACH
def test_a_prediction_has_no_noise_and_draws_no_random_numbers(make):
    model, quiet = network_of([nn.Dense(6), make()], 6), network_of([nn.Dense(6)], 6)
    X, Y = np.random.default_rng(0).normal(size=(2, 20, 6))
    drawn = model.rng.bit_generator.state
    expected = quiet.forward(X)
    np.testing.assert_array_equal(model.predict(X), expected)
    np.testing.assert_array_equal(model.forward(X, training=False), expected)
    assert model.rng.bit_generator.state == drawn
    model.backward(Y)
    quiet.backward(Y)
    np.testing.assert_array_equal(model.grad, quiet.grad)
    assert np.any(model.forward(X) != expected)


@pytest.mark.parametrize("make", [Dropout, AlphaDropout, GaussianNoise])
def test_noise_of_rate_0_changes_nothing_and_draws_no_random_numbers(make):
    model = network_of([make(0)], 6)
    X = np.random.default_rng(0).normal(size=(20, 6))
    drawn = model.rng.bit_generator.state
    np.testing.assert_array_equal(model.forward(X), X)
    assert model.rng.bit_generator.state == drawn


@OF_EACH
def test_noise_on_the_input_leaves_x_as_it_is(make):
    model = nn.Model([make(), nn.Dense(2), nn.Softmax()], n_features=4, dtype="float64", seed=0)
    X = np.random.default_rng(0).normal(size=(20, 4))
    before = X.copy()
    model.fit(X, np.arange(20) % 2, optimizer=nn.SGD(0.1), epochs=2, progress=False)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("layer", "name", "values"),
    [
        (Dropout, "rate", [*NOT_NUMBERS, -0.1, 1, 1.0, 2]),
        (AlphaDropout, "rate", [*NOT_NUMBERS, -0.1, 1, 1.0, 2]),
        (GaussianNoise, "stddev", [*NOT_NUMBERS, -0.1]),
    ],
)
def test_a_wrong_value_is_named_and_shown(layer, name, values):
    for value in values:
        refuse(lambda: layer(**{name: value}), f"{name}: expected ", f"got {value!r}")  # noqa: B023


@pytest.mark.parametrize("text", ["Dropout(0.5)", "AlphaDropout(0.1)", "GaussianNoise(0.2)"])
def test_repr_is_the_call_that_makes_the_layer(text):
    assert repr(eval(text, vars(nn.layers))) == text


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.AlphaDropout(0.5), nn.GaussianNoise(1.0)])
def test_without_a_random_generator_no_noise_is_drawn(layer):
    with pytest.raises(nn.ArgumentError, match=r"^rng: a layer that draws random numbers in training needs nn.Cache"):
        layer.forward(np.ones((2, 3)), nn.Cache(training=True))
