"""Facts about batch and layer normalization."""

import pickle

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import BatchNorm, LayerNorm, Residual

from ..support import assert_matches, refuse, training_cache
from .common import NOT_NUMBERS, network_of, of_pytorch

# ---- batch normalization --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "options"), [("batch_norm", {}), ("batch_norm_slow", {"momentum": 0.3, "epsilon": 0.01})]
)
def test_batch_normalization_is_that_of_pytorch(what, options):
    """Three training steps, then a prediction: outputs, gradients and running averages."""
    expected, layer = of_pytorch(what), BatchNorm(**options)
    network_of([layer], 4)
    layer.gamma, layer.beta = expected["gamma"], expected["beta"]
    layer.running_mean, layer.running_variance, layer.running_weight = 0, 1, 1
    cache = training_cache()
    for step in range(4):
        cache.training = step < 3
        a = layer.forward(expected[f"a_prev_{step}"], cache)
        assert_matches(a, expected[f"a_{step}"])
        assert_matches(layer.backward(expected[f"da_{step}"].copy(), cache), expected[f"da_prev_{step}"])
        for name in ("dgamma", "dbeta", "running_mean", "running_variance"):
            assert_matches(getattr(layer, name), expected[f"{name}_{step}"])


def test_in_training_each_unit_has_mean_0_and_variance_1_over_the_batch():
    layer = BatchNorm(epsilon=1e-12)
    model = network_of([layer], 3)
    layer.gamma, layer.beta = 1, 0
    a = model.forward(np.random.default_rng(0).normal(5, [0.1, 3, 100], (50, 3)))
    np.testing.assert_allclose(a.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(a.var(0), 1, rtol=1e-9)


def test_prediction_uses_the_running_averages_and_does_not_change_them():
    model = nn.Model([nn.Dense(4), BatchNorm(), nn.Identity()], n_features=3, seed=0)
    rng = np.random.default_rng(0)
    for _ in range(5):
        model.forward(rng.normal(2, 3, (20, 3)))
    X, state = rng.normal(size=(9, 3)), model.state.copy()
    together = model.predict(X)
    each = np.concatenate([model.predict(X[[i]]) for i in range(9)])
    np.testing.assert_allclose(together, each, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(model.forward(X, training=False), together)
    model.evaluate(X, together)
    np.testing.assert_array_equal(model.state, state)
    assert np.abs(model.forward(X) - together).max() > 0.1
    assert np.any(model.state != state)


def test_running_averages_approach_the_mean_and_variance_of_the_data():
    layer = BatchNorm(momentum=0.05)
    model = network_of([layer], 3, dtype="float32")
    rng = np.random.default_rng(0)
    for _ in range(400):
        model.forward(rng.normal([1, -5, 0], [1, 2, 0.1], (64, 3)))
    np.testing.assert_allclose(layer.running_mean, [1, -5, 0], atol=0.1)
    np.testing.assert_allclose(layer.running_variance, [1, 4, 0.01], rtol=0.15)
    assert layer.running_mean.dtype == np.float32


def test_with_momentum_1_the_running_averages_are_those_of_the_last_batch():
    layer = BatchNorm(momentum=1)
    model = network_of([layer], 3)
    X = np.random.default_rng(0).normal(size=(7, 3))
    model.forward(X * 5)
    model.forward(X)
    np.testing.assert_allclose(layer.running_mean, X.mean(0), rtol=1e-12)
    np.testing.assert_allclose(layer.running_variance, X.var(0, ddof=1), rtol=1e-12)


def test_a_batch_of_one_example_gives_beta_and_keeps_the_running_averages():
    layer = BatchNorm()
    model = network_of([nn.Dense(3), layer], 4)
    state = model.state.copy()
    np.testing.assert_allclose(model.forward(np.ones((1, 4))), layer.beta[None], rtol=1e-14)
    np.testing.assert_array_equal(model.state, state)
    model.backward(np.zeros((1, 3)))
    np.testing.assert_array_equal(model.gradients["dW1"], 0)
    np.testing.assert_array_equal(model.gradients["dgamma1"], 0)
    np.testing.assert_allclose(model.gradients["dbeta1"], layer.beta, rtol=1e-14)
    assert np.isfinite(model.predict(np.ones((1, 4)))).all()


def test_frozen_batch_normalization_trains_with_its_running_averages_and_keeps_them():
    layer = BatchNorm()
    model = network_of([nn.Dense(3), layer], 4)
    rng = np.random.default_rng(0)
    model.forward(rng.normal(3, 2, (20, 4)))
    layer.trainable = False
    X, kept = rng.normal(size=(6, 4)), (model.state.copy(), layer.gamma.copy(), layer.beta.copy())
    np.testing.assert_array_equal(model.forward(X), model.forward(X, training=False))
    model.fit(X, np.zeros((6, 3)), optimizer=nn.SGD(0.1), epochs=3, progress=False)
    for value, before in zip((model.state, layer.gamma, layer.beta), kept, strict=True):
        np.testing.assert_array_equal(value, before)
    layer.trainable = True
    model.forward(X)
    assert np.any(model.state != kept[0])


def test_a_bias_in_front_of_batch_normalization_changes_nothing_and_has_no_gradient():
    model = network_of([nn.Dense(3), BatchNorm()], 4)
    X, Y = np.random.default_rng(0).normal(size=(2, 8, 4))
    Y_hat = model.forward(X)
    model.backward(Y[:, :3])
    np.testing.assert_allclose(model.gradients["db1"], 0, atol=1e-14)
    model.parameters["b1"][...] += 7
    np.testing.assert_allclose(model.forward(X), Y_hat, rtol=1e-10)


def test_running_averages_lie_in_the_state_of_the_model_and_are_copied_with_it():
    layer = BatchNorm()
    model = network_of([nn.Dense(3), Residual([layer])], 4)
    X = np.random.default_rng(0).normal(2, 3, (20, 4))
    model.forward(X)
    assert model.state.size == 9
    assert np.shares_memory(layer.running_mean, model.state)
    kept = [layer.running_mean, layer.running_variance, layer.running_weight]
    np.testing.assert_array_equal(model.state, np.concatenate(kept))
    for twin in (model.copy(), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin.state, model.state)
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
        before = model.state.copy()
        twin.forward(X + 1)
        inner = twin.layers[1].layers[0]
        assert np.shares_memory(inner.running_mean, twin.state)
        assert np.all(inner.running_mean != before[:3])
        assert np.all(inner.running_weight > before[6:])
        np.testing.assert_array_equal(model.state, before)
    model.state = 5
    np.testing.assert_array_equal(layer.running_variance, 5)


def test_a_new_network_has_running_mean_0_and_variance_1_and_gamma_1_and_beta_0():
    model = nn.Model([BatchNorm(), nn.Identity()], n_features=3)
    np.testing.assert_array_equal(model.state, [0, 0, 0, 1, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(model.theta, [1, 1, 1, 0, 0, 0])


# ---- channels of images and sequences -------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 4, 2), (5, 2)])
def test_a_channel_is_a_unit_whose_examples_are_all_pixels(shape):
    """Forward, backward and running averages: those of the rows of all pixels."""
    of_images, of_rows = BatchNorm(0.3), BatchNorm(0.3)
    network_of([of_images], shape, seed=2)
    network_of([of_rows], 2, seed=2)
    assert of_images.gamma.shape == of_images.running_mean.shape == (2,)
    of_rows.gamma, of_rows.beta = of_images.gamma, of_images.beta
    for training in (True, True, False):
        caches = [training_cache(), training_cache()]
        for cache in caches:
            cache.training = training
        z, da = np.random.default_rng(3).normal(2, 3, (2, 4, *shape))
        a = of_images.forward(z, caches[0])
        np.testing.assert_allclose(a.reshape(-1, 2), of_rows.forward(z.reshape(-1, 2), caches[1]), rtol=1e-12)
        dz = of_images.backward(da, caches[0])
        np.testing.assert_allclose(dz.reshape(-1, 2), of_rows.backward(da.reshape(-1, 2), caches[1]), atol=1e-12)
        for name in ("dgamma", "dbeta", "running_mean", "running_variance", "running_weight"):
            np.testing.assert_allclose(getattr(of_images, name), getattr(of_rows, name), rtol=1e-12)


def test_one_image_has_a_variance_and_one_pixel_has_none():
    layer = BatchNorm()
    model = network_of([layer], (2, 2, 1))
    model.forward(np.arange(4.0).reshape(1, 2, 2, 1))
    np.testing.assert_allclose(layer.running_variance, np.var(np.arange(4), ddof=1), rtol=1e-12)
    layer = BatchNorm()
    model = network_of([layer], (1, 1, 1))
    state = model.state.copy()
    model.forward(np.full((1, 1, 1, 1), 3.0))
    np.testing.assert_array_equal(model.state, state)


def test_normalization_of_channels_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    layer, theirs = BatchNorm(0.2, epsilon=0.01), torch.nn.BatchNorm2d(3, eps=0.01, momentum=0.2).double()
    network_of([layer], (4, 5, 3))
    layer.running_mean, layer.running_variance, layer.running_weight = 0, 1, 1
    theirs.load_state_dict({"weight": torch.tensor(layer.gamma), "bias": torch.tensor(layer.beta)}, strict=False)
    for step in range(3):
        cache = training_cache()
        cache.training = step < 2
        theirs.train(step < 2)
        z, da = np.random.default_rng(step).normal(1, 2, (2, 6, 4, 5, 3))
        x = torch.tensor(np.moveaxis(z, -1, 1).copy(), requires_grad=True)
        theirs.zero_grad()
        a = theirs(x)
        a.backward(torch.tensor(np.moveaxis(da, -1, 1).copy()))
        np.testing.assert_allclose(np.moveaxis(layer.forward(z, cache), -1, 1), a.detach(), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(np.moveaxis(layer.backward(da, cache), -1, 1), x.grad, rtol=1e-12, atol=1e-12)
        for ours, expected in (
            (layer.dgamma, theirs.weight.grad),
            (layer.dbeta, theirs.bias.grad),
            (layer.running_mean, theirs.running_mean),
            (layer.running_variance, theirs.running_var),
        ):
            np.testing.assert_allclose(ours, expected.numpy(), rtol=1e-12, atol=1e-12)


# ---- layer normalization --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("what", "options"), [("layer_norm", {}), ("layer_norm_of_images", {"epsilon": 0.01})])
def test_layer_normalization_is_that_of_pytorch(what, options):
    expected, layer = of_pytorch(what), LayerNorm(**options)
    network_of([layer], expected["gamma"].shape)
    layer.gamma, layer.beta = expected["gamma"], expected["beta"]
    for training in (True, False):
        cache = nn.Cache(training=training)
        assert_matches(layer.forward(expected["a_prev"], cache), expected["a"])
        assert_matches(layer.backward(expected["da"].copy(), cache), expected["da_prev"])
        assert_matches(layer.dgamma, expected["dgamma"])
        assert_matches(layer.dbeta, expected["dbeta"])


def test_layer_normalization_treats_each_example_by_itself():
    model = network_of([LayerNorm()], 5)
    X = np.random.default_rng(0).normal(3, 4, (6, 5))
    np.testing.assert_allclose(model.forward(X), np.concatenate([model.forward(x[None]) for x in X]), rtol=1e-13)
    np.testing.assert_array_equal(model.forward(X), model.predict(X))


def test_layer_normalization_of_a_single_unit_gives_beta():
    model = network_of([LayerNorm()], 1)
    np.testing.assert_allclose(model.forward([[3.0], [-8.0]])[:, 0], model.parameters["beta1"][0], rtol=1e-14)


# ---- arguments ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "name", "values"),
    [
        (BatchNorm, "momentum", [*NOT_NUMBERS, 0, -0.1, 1.1]),
        (BatchNorm, "epsilon", [*NOT_NUMBERS, 0, -1e-5]),
        (BatchNorm, "trainable", ["no", 1, None]),
        (LayerNorm, "epsilon", [*NOT_NUMBERS, 0, -1e-5]),
        (LayerNorm, "trainable", ["no", 1, None]),
    ],
)
def test_a_wrong_value_is_named_and_shown(layer, name, values):
    for value in values:
        refuse(lambda: layer(**{name: value}), f"{name}: expected ", f"got {value!r}")  # noqa: B023


@pytest.mark.parametrize(
    "text",
    [
        "BatchNorm()",
        "BatchNorm(momentum=0.2)",
        "BatchNorm(epsilon=0.001, trainable=False)",
        "LayerNorm()",
        "LayerNorm(epsilon=0.1)",
        "LayerNorm(trainable=False)",
    ],
)
def test_repr_is_the_call_that_makes_the_layer(text):
    assert repr(eval(text, {"BatchNorm": BatchNorm, "LayerNorm": LayerNorm})) == text
