"""Facts about normalization, noise, residual layers, shapes, and the costs that smooth, weigh or count."""

import math
import pathlib
import pickle

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import noise
from nnlite.layers.noise import AlphaDropout, Dropout, GaussianNoise
from nnlite.layers.normalization import BatchNorm, LayerNorm
from nnlite.layers.outputs import Exponential
from nnlite.layers.residual import Residual
from nnlite.layers.shape import Flatten, Reshape

from ..support import training_cache

REFERENCE = dict(np.load(pathlib.Path(__file__).parents[1] / "reference" / "layers.npz"))  # of PyTorch
H = 5e-4  # step of the difference quotients: their error is rounding, 1e-16 / H, and H^4


def reference(what):
    """What PyTorch gives, by name."""
    return {name.split("/")[1]: array for name, array in REFERENCE.items() if name.split("/")[0] == what}


def assert_is_pytorchs(value, expected):
    """To 1e-12 of the largest entry."""
    size = np.abs(expected).max()
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-12 * size)


def network_of(layers, shape, seed=0, dtype="float64"):
    """The layers, with their parameters drawn, between X and a regression."""
    model = nn.Model([*layers, Flatten(), nn.Identity()], n_features=shape, seed=seed, dtype=dtype)
    rng = np.random.default_rng(seed + 1)
    for name, value in model.parameters.items():
        value[...] = rng.uniform(0.5, 2, value.shape) if name.startswith("gamma") else rng.normal(0, 0.7, value.shape)
    return model


def derivatives(J, theta):
    """dJ/dtheta entry by entry, from four values of J around theta; the error is of order H^4."""
    n = np.empty(theta.shape)
    for i in np.ndindex(*theta.shape):
        at, values = theta[i], []
        for step in (2 * H, H, -H, -2 * H):
            theta[i] = at + step
            values.append(J())
        theta[i] = at
        n[i] = (-values[0] + 8 * values[1] - 8 * values[2] + values[3]) / (12 * H)
    return n


def relative_error(g, n):
    norm = np.linalg.norm
    return norm(g - n) / max(norm(g) + norm(n), 1e-4)


# ---- batch normalization --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "options"), [("batch_norm", {}), ("batch_norm_slow", {"momentum": 0.3, "epsilon": 0.01})]
)
def test_batch_normalization_is_that_of_pytorch(what, options):
    """Three training steps, then evaluation: outputs, gradients and running averages."""
    expected, layer = reference(what), BatchNorm(**options)
    network_of([layer], 4)
    layer.gamma, layer.beta = expected["gamma"], expected["beta"]
    layer.running_mean, layer.running_variance = 0, 1
    cache = training_cache()
    for step in range(4):
        cache.training = step < 3
        a = layer.forward(expected[f"a_prev_{step}"], cache)
        assert_is_pytorchs(a, expected[f"a_{step}"])
        assert_is_pytorchs(layer.backward(expected[f"da_{step}"].copy(), cache), expected[f"da_prev_{step}"])
        for name in ("dgamma", "dbeta", "running_mean", "running_variance"):
            assert_is_pytorchs(getattr(layer, name), expected[f"{name}_{step}"])


def test_batch_normalization_gives_each_unit_mean_0_and_variance_1_in_training():
    layer = BatchNorm(epsilon=1e-12)
    model = network_of([layer], 3)
    layer.gamma, layer.beta = 1, 0
    a = model.forward(np.random.default_rng(0).normal(5, [0.1, 3, 100], (50, 3)))
    np.testing.assert_allclose(a.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(a.var(0), 1, rtol=1e-9)


def test_batch_normalization_predicts_from_running_averages_and_not_from_the_batch():
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


def test_running_averages_go_to_those_of_the_data():
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


def test_a_batch_of_one_has_no_variance():
    layer = BatchNorm()
    model = network_of([nn.Dense(3), layer], 4)
    variance = layer.running_variance.copy()
    np.testing.assert_allclose(model.forward(np.ones((1, 4))), layer.beta[None], rtol=1e-14)
    np.testing.assert_array_equal(layer.running_variance, variance)
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


def test_what_is_constant_over_the_batch_makes_no_difference_in_front_of_batch_normalization():
    """So the biases of the layer in front have no gradient."""
    model = network_of([nn.Dense(3), BatchNorm()], 4)
    X, Y = np.random.default_rng(0).normal(size=(2, 8, 4))
    Y_hat = model.forward(X)
    model.backward(Y[:, :3])
    np.testing.assert_allclose(model.gradients["db1"], 0, atol=1e-14)
    model.parameters["b1"][...] += 7
    np.testing.assert_allclose(model.forward(X), Y_hat, rtol=1e-10)


def test_running_averages_lie_in_the_state_of_the_model_and_go_with_its_copies():
    layer = BatchNorm()
    model = network_of([nn.Dense(3), Residual([layer])], 4)
    X = np.random.default_rng(0).normal(2, 3, (20, 4))
    model.forward(X)
    assert model.state.size == 6
    assert np.shares_memory(layer.running_mean, model.state)
    np.testing.assert_array_equal(model.state, np.concatenate([layer.running_mean, layer.running_variance]))
    for twin in (model.copy(), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin.state, model.state)
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
        before = model.state.copy()
        twin.forward(X)
        inner = twin.layers[1].layers[0]
        assert np.shares_memory(inner.running_mean, twin.state)
        assert np.all(twin.state != before)
        np.testing.assert_array_equal(model.state, before)
    model.state = 5
    np.testing.assert_array_equal(layer.running_variance, 5)


def test_a_network_starts_with_the_averages_of_a_standard_normal_and_building_it_leaves_them():
    model = nn.Model([BatchNorm(), nn.Identity()], n_features=3)
    np.testing.assert_array_equal(model.state, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(model.theta, [1, 1, 1, 0, 0, 0])


# ---- layer normalization --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("what", "epsilon"), [("layer_norm", 1e-5), ("layer_norm_of_images", 0.01)])
def test_layer_normalization_is_that_of_pytorch(what, epsilon):
    expected, layer = reference(what), LayerNorm(epsilon)
    network_of([layer], expected["gamma"].shape)
    layer.gamma, layer.beta = expected["gamma"], expected["beta"]
    for training in (True, False):
        cache = training_cache()
        cache.training = training
        assert_is_pytorchs(layer.forward(expected["a_prev"], cache), expected["a"])
        assert_is_pytorchs(layer.backward(expected["da"].copy(), cache), expected["da_prev"])
        assert_is_pytorchs(layer.dgamma, expected["dgamma"])
        assert_is_pytorchs(layer.dbeta, expected["dbeta"])


def test_layer_normalization_looks_at_one_example_at_a_time():
    model = network_of([LayerNorm()], 5)
    X = np.random.default_rng(0).normal(3, 4, (6, 5))
    np.testing.assert_allclose(model.forward(X), np.concatenate([model.forward(x[None]) for x in X]), rtol=1e-13)
    np.testing.assert_array_equal(model.forward(X), model.predict(X))


def test_layer_normalization_of_a_single_unit_is_its_shift():
    model = network_of([LayerNorm()], 1)
    np.testing.assert_allclose(model.forward([[3.0], [-8.0]])[:, 0], model.parameters["beta1"][0], rtol=1e-14)


# ---- noise ----------------------------------------------------------------------------------------------------

NOISY = [lambda: Dropout(0.4), lambda: AlphaDropout(0.4), lambda: GaussianNoise(0.5)]
NAMES = ["Dropout", "AlphaDropout", "GaussianNoise"]


@pytest.mark.parametrize(("what", "layer"), [("dropout", Dropout(0.4)), ("alpha_dropout", AlphaDropout(0.4))])
def test_dropout_with_the_mask_of_pytorch_is_that_of_pytorch(monkeypatch, what, layer):
    expected, cache = reference(what), training_cache()
    assert 0 < expected["kept"].sum() < expected["kept"].size
    monkeypatch.setattr(noise, "draw_kept", lambda shape, rate, cache: expected["kept"])
    assert_is_pytorchs(layer.forward(expected["a_prev"], cache), expected["a"])
    assert_is_pytorchs(layer.backward(expected["da"].copy(), cache), expected["da_prev"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_drops_and_scales_by_its_equation(rate, dtype):
    rng, cache, layer = np.random.default_rng(1), training_cache(), Dropout(rate)
    z, da = rng.normal(size=(2, 400, 250)).astype(dtype)
    a = layer.forward(z, cache).copy()
    d = a != 0
    np.testing.assert_allclose(a, np.where(d, z / (1 - rate), 0), rtol=1e-6)
    np.testing.assert_allclose(layer.backward(da.copy(), cache), np.where(d, da / (1 - rate), 0), rtol=1e-6)
    deviation = math.sqrt(rate * (1 - rate) / z.size)
    assert abs(d.mean() - (1 - rate)) < 5 * deviation
    assert np.abs(d.mean(0) - (1 - rate)).max() < 6 * deviation * math.sqrt(250)  # of each unit
    assert np.abs(d.mean(1) - (1 - rate)).max() < 6 * deviation * math.sqrt(400)  # of each example
    assert a.dtype == dtype


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_alpha_dropout_drops_to_the_lowest_value_of_selu_and_keeps_mean_and_variance(rate):
    rng, cache, layer = np.random.default_rng(1), training_cache(), AlphaDropout(rate)
    z, da = rng.normal(size=(2, 400, 500))
    a = layer.forward(z, cache).copy()
    da_prev = layer.backward(da.copy(), cache)
    d = da_prev != 0
    lowest = -1.0507009873554805 * 1.6732632423543772  # of SELU, for z -> -infinity
    A = 1 / math.sqrt((1 - rate) * (1 + rate * lowest**2))
    np.testing.assert_allclose(a, A * np.where(d, z, lowest) - A * rate * lowest, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(da_prev, A * np.where(d, da, 0), rtol=1e-12)
    assert abs(d.mean() - (1 - rate)) < 5 * math.sqrt(rate * (1 - rate) / z.size)
    assert abs(a.mean()) < 0.015
    assert abs(a.var() - 1) < 0.015


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gaussian_noise_is_gaussian(dtype):
    rng, cache, layer = np.random.default_rng(1), training_cache(), GaussianNoise(0.5)
    z, da = rng.normal(3, 1, size=(2, 400, 500)).astype(dtype)
    e = layer.forward(z, cache) - z
    assert e.dtype == dtype
    n = e.size
    assert abs(e.mean()) < 5 * 0.5 / math.sqrt(n)
    assert abs(e.var() - 0.25) < 5 * 0.25 * math.sqrt(2 / n)
    assert abs(np.mean(e**4) / e.var() ** 2 - 3) < 5 * math.sqrt(24 / n)
    assert abs(np.corrcoef(e.ravel(), z.ravel())[0, 1]) < 5 / math.sqrt(n)
    np.testing.assert_array_equal(layer.backward(da.copy(), cache), da)


@pytest.mark.parametrize("make", NOISY, ids=NAMES)
def test_noise_differs_from_step_to_step_and_follows_the_seed(make):
    X = np.random.default_rng(0).normal(size=(20, 6))
    models = [network_of([nn.Dense(6), make()], 6, seed=seed) for seed in (0, 0, 1)]
    steps = [[model.forward(X), model.forward(X)] for model in models]
    assert np.any(steps[0][0] != steps[0][1])
    np.testing.assert_array_equal(steps[0], steps[1])
    assert np.any(steps[0][0] != steps[2][0])


@pytest.mark.parametrize("make", NOISY, ids=NAMES)
def test_there_is_no_noise_in_prediction(make):
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
def test_noise_of_rate_0_is_none(make):
    model = network_of([make(0)], 6)
    X = np.random.default_rng(0).normal(size=(20, 6))
    drawn = model.rng.bit_generator.state
    np.testing.assert_array_equal(model.forward(X), X)
    assert model.rng.bit_generator.state == drawn


@pytest.mark.parametrize("make", NOISY, ids=NAMES)
def test_noise_on_the_input_leaves_the_input_as_it_is(make):
    model = nn.Model([make(), nn.Dense(2), nn.Softmax()], n_features=4, dtype="float64", seed=0)
    X = np.random.default_rng(0).normal(size=(20, 4))
    before = X.copy()
    model.fit(X, np.arange(20) % 2, optimizer=nn.SGD(0.1), epochs=2, progress=False)
    np.testing.assert_array_equal(X, before)


# ---- residual layers ------------------------------------------------------------------------------------------


def test_residual_layers_in_one_another_are_those_of_pytorch():
    expected = reference("residual")
    layer = Residual([nn.Dense(4), BatchNorm(), nn.Tanh(), Residual([nn.Dense(4)])])
    model = nn.Model([layer, nn.Identity()], n_features=4, dtype="float64")
    for name, value in model.parameters.items():
        value[...] = expected[name]
    cache = training_cache()
    assert_is_pytorchs(layer.forward(expected["a_prev"], cache), expected["a"])
    assert_is_pytorchs(layer.backward(expected["da"].copy(), cache), expected["da_prev"])
    for name, gradient in model.gradients.items():
        if name == "db1":  # of a bias in front of batch normalization: 0, but for rounding
            np.testing.assert_allclose(gradient, 0, atol=1e-13)
        else:
            assert_is_pytorchs(gradient, expected[name])


def blocks():
    """A network with layers inside layers inside layers."""
    inner = Residual([nn.Dense(4), LayerNorm(), nn.Tanh()])
    return [
        nn.Dense(4),
        Residual([BatchNorm(), nn.Tanh(), nn.Dense(6), Dropout(0.3), nn.Dense(4)]),
        Residual([inner, nn.Dense(4)]),
        nn.Dense(3),
        nn.Softmax(),
    ]


def test_parameters_inside_residual_layers_are_named_and_counted_in_order():
    model = nn.Model(blocks(), n_features=5, seed=0)
    shapes = {name: value.shape for name, value in model.parameters.items()}
    assert shapes == {
        "W1": (5, 4), "b1": (4,),
        "gamma1": (4,), "beta1": (4,),
        "W2": (4, 6), "b2": (6,),
        "W3": (6, 4), "b3": (4,),
        "W4": (4, 4), "b4": (4,),
        "gamma2": (4,), "beta2": (4,),
        "W5": (4, 4), "b5": (4,),
        "W6": (4, 3), "b6": (3,),
    }  # fmt: skip
    assert set(model.gradients) == {f"d{name}" for name in shapes}
    assert model.n_parameters == sum(math.prod(shape) for shape in shapes.values())
    assert model.n_weights == sum(math.prod(shape) for name, shape in shapes.items() if name[0] == "W")
    assert model.layers[1].layers[2].W is not None
    np.testing.assert_array_equal(model.layers[1].layers[2].W, model.parameters["W2"])
    np.testing.assert_array_equal(model.layers[2].layers[0].layers[0].W, model.parameters["W4"])


def test_all_layers_are_found_those_inside_others_too():
    layers = blocks()
    model = nn.Model(layers)
    first, second = layers[1:3]
    inner = second.layers[0]
    expected = [layers[0], first, *first.layers, second, inner, *inner.layers, second.layers[1], *layers[3:]]
    assert [id(layer) for layer in model.all_layers()] == [id(layer) for layer in expected]


def test_the_summary_counts_what_is_inside_a_layer_with_it():
    summary = nn.Model(blocks(), n_features=5).summary().splitlines()
    counts = [line.split()[-1] for line in summary if line.startswith(("Dense", "Residual", "total"))]
    # 5 4 + 4,  8 + 4 6 + 6 + 6 4 + 4,  4 4 + 4 + 8 + 4 4 + 4,  4 3 + 3
    assert counts == ["24", "66", "48", "15", "153"]
    assert not any(line.startswith("BatchNorm") for line in summary)


def test_residual_around_nothing_but_identity_doubles_the_signal():
    model = nn.Model([Residual([Residual([nn.Identity()])]), nn.Identity()], n_features=3, dtype="float64")
    X = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(model.forward(X), 3 * X)
    np.testing.assert_array_equal(model.predict(X), 3 * X)


def test_freezing_a_residual_layer_freezes_all_that_is_in_it():
    layer = Residual([nn.Dense(4), Residual([BatchNorm(), nn.Dense(4)])])
    model = nn.Model([nn.Dense(4), layer, nn.Dense(2), nn.Softmax()], n_features=3, seed=0, dtype="float64")
    X, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
    layer.trainable = False
    assert not layer.trainable
    assert not layer.layers[1].layers[0].trainable
    start = model.copy()
    model.fit(X, y, optimizer=nn.SGD(0.1), epochs=2, progress=False)
    frozen = {"W2", "b2", "gamma1", "beta1", "W3", "b3"}
    for name, value in model.parameters.items():
        assert np.array_equal(value, start.parameters[name]) == (name in frozen), name
    np.testing.assert_array_equal(model.state, start.state)
    layer.trainable = True
    assert layer.layers[1].layers[1].trainable
    model.fit(X, y, optimizer=nn.SGD(0.1), epochs=1, progress=False)
    for name, value in model.parameters.items():
        assert not np.array_equal(value, start.parameters[name]), name


def test_a_residual_layer_that_is_made_frozen_is():
    layer = Residual([nn.Dense(3), nn.Tanh()], trainable=False)
    assert not layer.trainable
    assert not layer.layers[0].trainable
    assert repr(layer) == "Residual((Dense(3, trainable=False), Tanh()), trainable=False)"


def test_the_layers_inside_draw_from_the_models_seed():
    X, y = np.random.default_rng(0).normal(size=(40, 5)), np.arange(40) % 3
    ends = []
    for seed in (0, 0, 1):
        model = nn.Model(blocks(), seed=seed)
        model.fit(X, y, optimizer=nn.SGD(0.1), epochs=2, progress=False)
        ends.append(model.theta.copy())
    np.testing.assert_array_equal(ends[0], ends[1])
    assert np.any(ends[0] != ends[2])


def test_prediction_is_the_same_in_any_company_with_layers_inside_layers():
    model = nn.Model(blocks(), n_features=5, seed=0, dtype="float64")
    X = np.random.default_rng(0).normal(size=(9, 5))
    for _ in range(3):
        model.forward(X)
    P = model.predict_proba(X)
    np.testing.assert_allclose(P, np.concatenate([model.predict_proba(x[None]) for x in X]), rtol=1e-12)
    np.testing.assert_allclose(model.forward(X, training=False), P, rtol=1e-12)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict_proba(X), P)
    np.testing.assert_array_equal(twin.forward(X), model.forward(X))  # the same dropout comes next


@pytest.mark.parametrize(
    "layers",
    [None, 3, [], (), "Dense", nn.Dense(3), [nn.Dense], [nn.Dense(3), 3], {nn.Dense(3)}],
    ids=repr,
)
def test_a_residual_layer_needs_layers(layers):
    with pytest.raises(nn.ArgumentError, match="layers: "):
        Residual(layers)


def test_a_layer_stands_in_a_residual_layer_once():
    dense = nn.Dense(3)
    with pytest.raises(nn.ArgumentError, match=r"layers: entry 1, Dense\(3\), occurs twice"):
        Residual([dense, dense])


@pytest.mark.parametrize("make", [
    lambda dense: [Residual([dense, Residual([dense])])],
    lambda dense: [dense, Residual([dense])],
    lambda dense: [Residual([dense]), Residual([dense])],
], ids=["inside and deeper", "outside and inside", "in two"])  # fmt: skip
def test_a_layer_stands_in_a_network_once(make):
    """Else it would have two sets of parameters, of which it uses one."""
    layers = make(nn.Dense(3))
    with pytest.raises(nn.ArgumentError, match="twice"):
        nn.Model([*layers, nn.Identity()], n_features=3)


def test_a_chain_that_changes_the_shape_is_refused_with_both_shapes():
    for layers in ([nn.Dense(4)], [Reshape((1, 3))], [nn.Dense(5), nn.ReLU(), nn.Dense(2)]):
        with pytest.raises(nn.ArgumentError, match=r"Residual.* must keep the shape \(3,\).* turns it into \("):
            nn.Model([nn.Dense(3), Residual(layers), nn.Identity()], n_features=2)


class Column(nn.Layer):
    """Gives one number for each example (or for its gradient), and says otherwise."""

    def __init__(self, wrong):
        self.wrong = wrong

    def forward(self, a_prev, cache):
        return a_prev.sum(axis=1, keepdims=True) if self.wrong == "forward" else a_prev

    def backward(self, da, cache):
        return da.sum(axis=1, keepdims=True)


class Forgetful(nn.Layer):
    """Keeps the gradient to itself."""

    def forward(self, a_prev, cache):
        return a_prev

    def backward(self, da, cache):
        return None


def test_a_chain_that_gives_another_shape_than_it_says_is_found():
    """Even one that NumPy could add to the signal that goes straight on."""
    with pytest.raises(nn.ArgumentError, match=r"Column.*forward must return .* shape \(1, 3\) .*, got shape \(1, 1\)"):
        nn.Model([Residual([nn.Dense(3), Column("forward")]), nn.Identity()], n_features=3)
    model = nn.Model([nn.Dense(3), Residual([Column("backward")]), nn.Identity()], n_features=3)
    model.forward(np.ones((2, 3)))
    with pytest.raises(
        nn.ArgumentError, match=r"Column.*backward must return .* shape \(2, 3\) .*, got shape \(2, 1\)"
    ):
        model.backward(np.ones((2, 3)))


def test_an_inner_layer_without_a_gradient_is_found():
    model = nn.Model([nn.Dense(3), Residual([Forgetful()]), nn.Identity()], n_features=3)
    model.forward(np.ones((2, 3)))
    with pytest.raises(nn.ArgumentError, match=r"Forgetful\(\).backward must return an array .*, got NoneType"):
        model.backward(np.ones((2, 3)))


# ---- shapes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (2, 2, 5)])
def test_images_through_flatten_are_rows(shape, dtype):
    rng = np.random.default_rng(0)
    images, y = rng.integers(0, 9, (30, *shape)).astype(dtype), np.arange(30) % 3
    layers = lambda: [nn.Dense(6), nn.ReLU(), nn.Dense(3), nn.Softmax()]  # noqa: E731
    model, twin = nn.Model([Flatten(), *layers()], seed=0), nn.Model(layers(), seed=0)
    for network, X in ((model, images), (twin, images.reshape(30, -1))):
        network.fit(X, y, optimizer=nn.SGD(0.01), epochs=2, batch_size=8, validation_data=(X, y), progress=False)
    np.testing.assert_array_equal(model.theta, twin.theta)
    np.testing.assert_array_equal(model.predict_proba(images), twin.predict_proba(images.reshape(30, -1)))
    assert model.input_shape == shape
    assert model.evaluate(images, y) == twin.evaluate(images.reshape(30, -1), y)


def test_images_of_another_shape_than_the_networks_are_refused():
    model = nn.Model([Flatten(), nn.Dense(2), nn.Softmax()], n_features=(4, 5))
    for wrong in ((3, 5, 4), (3, 20), (3, 4, 5, 1)):
        with pytest.raises(nn.ArgumentError, match=r"X: expected examples of shape \(4, 5\)"):
            model.predict(np.zeros(wrong))


def test_dense_on_images_says_how_to_flatten_them():
    with pytest.raises(nn.ArgumentError, match=r"examples of shape \(4, 5\).*latten"):
        nn.Model([nn.Dense(2), nn.Softmax()]).forward(np.zeros((3, 4, 5)))


@pytest.mark.parametrize(
    ("target", "shape"),
    [((2, 6), (2, 6)), ((-1,), (12,)), ((3, -1), (3, 4)), ([2, -1, 2], (2, 3, 2)), ((-1, 12), (1, 12))],
)
def test_reshape_keeps_the_numbers_in_order(target, shape):
    layer, cache = Reshape(target), training_cache()
    a_prev = np.arange(60.0).reshape(5, 4, 3)
    assert layer.output_shape((4, 3)) == shape
    a = layer.forward(a_prev, cache)
    assert a.shape == (5, *shape)
    np.testing.assert_array_equal(a.ravel(), np.arange(60))
    np.testing.assert_array_equal(layer.backward(a, cache), a_prev)


def test_reshape_and_flatten_undo_each_other_in_a_network():
    plain = network_of([nn.Dense(12), nn.Tanh(), nn.Dense(2)], 4)
    shaped = network_of([Reshape((2, 2)), Flatten(), nn.Dense(12), Reshape((3, -1)), nn.Tanh(), Flatten(),
                         nn.Dense(2)], 4)  # fmt: skip
    X, Y = np.random.default_rng(0).normal(size=(7, 4)), np.zeros((7, 2))
    np.testing.assert_array_equal(shaped.forward(X), plain.forward(X))
    for model in (shaped, plain):
        model.backward(Y)
    np.testing.assert_array_equal(shaped.grad, plain.grad)


@pytest.mark.parametrize("wrong", [None, 3, "ab", (), [], (0,), (2, 0), (-1, -1), (-2, 3), (2.0, 3), (True,), {2, 3}])
def test_a_wrong_target_shape_is_named_and_shown(wrong):
    with pytest.raises(nn.ArgumentError, match="target_shape: expected"):
        Reshape(wrong)


@pytest.mark.parametrize("target", [(5, 2), (7, -1), (13,), (24, -1)])
def test_a_target_shape_that_does_not_fit_is_refused_with_the_size(target):
    with pytest.raises(nn.ArgumentError, match=r"Reshape\(.*cannot hold the 12 numbers of examples of shape \(4, 3\)"):
        nn.Model([Reshape(target), Flatten(), nn.Dense(2), nn.Softmax()], n_features=(4, 3))


def test_a_network_must_end_in_rows():
    with pytest.raises(nn.ArgumentError, match=r"rows of units, got shape \(2, 2\)"):
        nn.Model([Reshape((2, 2)), nn.Identity()], n_features=4)


# ---- gradients ------------------------------------------------------------------------------------------------

LAYERS = {
    "batch norm": ((4,), lambda: [BatchNorm()]),
    "batch norm of images": ((3, 2), lambda: [BatchNorm(momentum=0.5, epsilon=0.1)]),
    "layer norm": ((4,), lambda: [LayerNorm()]),
    "layer norm of images": ((3, 2), lambda: [LayerNorm(epsilon=0.1)]),
    "residual": ((4,), lambda: [Residual([nn.Dense(3), nn.Tanh(), nn.Dense(4)])]),
    "residual of batch norm": ((4,), lambda: [Residual([BatchNorm()])]),
    "residual of layers that write into da": ((4,), lambda: [Residual([nn.Tanh(), nn.Sigmoid()])]),
    "residual of shapes": ((2, 2), lambda: [Residual([Flatten(), nn.Dense(4), nn.Tanh(), Reshape((2, 2))])]),
    "residuals": (
        (4,),
        lambda: [Residual([nn.Dense(4), Residual([BatchNorm(), nn.Tanh(), Residual([nn.Dense(4), LayerNorm()])])])],
    ),
    "dropout": ((4,), lambda: [nn.Dense(5), Dropout(0.4), nn.Dense(3)]),
    "alpha dropout": ((4,), lambda: [nn.Dense(5), AlphaDropout(0.4), nn.Dense(3)]),
    "noise": ((4,), lambda: [nn.Dense(5), GaussianNoise(0.4), nn.Tanh(), nn.Dense(3)]),
    "residual with dropout": ((4,), lambda: [Residual([nn.Dense(5), Dropout(0.4), BatchNorm(), nn.Dense(4)])]),
    "exponential": ((4,), lambda: [nn.Dense(3), Exponential()]),
    "a network": (
        (2, 2),
        lambda: [Flatten(), nn.Dense(4), BatchNorm(), nn.Tanh(), Residual([LayerNorm(), nn.Dense(4)]), Dropout(0.2)],
    ),
}


@pytest.mark.parametrize("mode", ["training", "prediction", "frozen norms"])
@pytest.mark.parametrize("M", [6, 3])
@pytest.mark.parametrize("what", LAYERS)
def test_gradients_are_derivatives(what, M, mode):
    """By X and by every parameter; the same noise is drawn for each value of the cost."""
    shape, make = LAYERS[what]
    model = network_of(make(), shape)
    rng = np.random.default_rng(5)
    for _ in range(3):  # running averages of some history
        model.forward(rng.normal(1, 2, (20, *shape)))
    frozen = [layer for layer in model.all_layers() if isinstance(layer, BatchNorm) and mode == "frozen norms"]
    for layer in frozen:
        layer.trainable = False
    X = rng.normal(size=(M, *shape))
    da = rng.normal(size=model.forward(X).shape)
    drawn = model.rng.bit_generator.state
    caches = [nn.Cache(training=mode != "prediction", rng=model.rng) for _ in model.layers]

    def J():
        model.rng.bit_generator.state = drawn
        a = X
        for layer, cache in zip(model.layers, caches, strict=True):
            a = layer.forward(a, cache)
        return np.sum(da * a)

    J()
    model.grad[...] = np.nan  # every gradient is written, not added to
    gradient = da.copy()
    for layer, cache in zip(model.layers[::-1], caches[::-1], strict=True):
        gradient = layer.backward(gradient, cache)
    assert relative_error(gradient, derivatives(J, X)) < 1e-7
    gradients = {name: g.copy() for name, g in model.gradients.items()}
    for name, theta in model.parameters.items():
        assert relative_error(gradients[f"d{name}"], derivatives(J, theta)) < 1e-7, name


@pytest.mark.parametrize("M", [5, 1, 8])
def test_a_batch_of_another_size_before_leaves_no_trace(M):
    rng = np.random.default_rng(0)
    layers = lambda: [Residual([nn.Dense(4), LayerNorm(), nn.Tanh()]), LayerNorm(), BatchNorm()]  # noqa: E731
    model, fresh = network_of(layers(), 4), network_of(layers(), 4)
    model.forward(rng.normal(size=(6, 4)))
    X, Y = rng.normal(size=(2, M, 4))
    for network in (model, fresh):
        Y_hat = network.forward(X)
        network.backward(Y)
        network.Y_hat = Y_hat
    np.testing.assert_array_equal(model.Y_hat, fresh.Y_hat)
    np.testing.assert_array_equal(model.grad, fresh.grad)


def test_float32_stays_float32_through_every_layer():
    layers = [Reshape((2, 2)), LayerNorm(), Flatten(), BatchNorm(), GaussianNoise(0.1), Residual([nn.Dense(4),
              AlphaDropout(0.1)]), Dropout(0.1), nn.Dense(1), Exponential(),
              ]  # fmt: skip
    model = nn.Model(layers, n_features=4, seed=0)
    X = np.random.default_rng(0).normal(size=(20, 4))
    assert model.forward(X).dtype == np.float32
    model.backward(np.ones(20))
    assert model.grad.dtype == model.state.dtype == model.predict(X).dtype == np.float32
    assert np.isfinite(model.grad).all()


# ---- costs ----------------------------------------------------------------------------------------------------


def cost_and_gradient(output, z, y, sample_weight=None):
    """J and dJ/dz of an output, from a network whose biases are z."""
    M, C = z.shape
    model = nn.Model([nn.Dense(C), output], n_features=M, dtype="float64")
    model.parameters["W1"][...] = z
    model.forward(np.eye(M))
    model.backward(y, sample_weight)
    return model.cost(y, sample_weight), model.gradients["dW1"]


@pytest.mark.parametrize(
    ("what", "output"),
    [
        ("smooth", nn.Softmax(label_smoothing=0.1)),
        ("smooth_soft", nn.Softmax(label_smoothing=0.3)),
        ("smooth_labels", nn.Sigmoid(label_smoothing=0.2)),
    ],
)
def test_label_smoothing_is_that_of_pytorch(what, output):
    expected = reference(what)
    J, dz = cost_and_gradient(output, expected["z"], expected["y"])
    assert_is_pytorchs(J, expected["J"])
    assert_is_pytorchs(dz, expected["dz"])
    J, _ = cost_and_gradient(type(output)(), expected["z"], expected["y"])
    assert abs(J - expected["J"]) > 1e-3


def test_weighted_cross_entropy_is_divided_by_the_sum_of_the_weights_as_in_pytorch():
    expected = reference("weighted")
    weights = expected["class_weights"][expected["y"]]
    assert weights.min() == 0
    J, dz = cost_and_gradient(nn.Softmax(), expected["z"], expected["y"], weights)
    assert_is_pytorchs(J, expected["J"])
    assert_is_pytorchs(dz, expected["dz"])


def test_class_weights_of_fit_are_those_of_pytorch():
    expected = reference("weighted")
    M, C = expected["z"].shape
    model = nn.Model([nn.Dense(C), nn.Softmax()], n_features=M, dtype="float64")
    model.parameters["W1"][...] = expected["z"]
    history = model.fit(
        np.eye(M), expected["y"], optimizer=nn.SGD(1.0), epochs=1, batch_size=M, shuffle=False, progress=False,
        class_weight=list(expected["class_weights"]),
    )  # fmt: skip
    assert_is_pytorchs(expected["z"] - model.parameters["W1"], expected["dz"])
    assert history["loss"][0] == pytest.approx(expected["J"], rel=1e-12)


@pytest.mark.parametrize("what", ["poisson", "poisson_of_three"])
def test_the_poisson_cost_is_that_of_pytorch_but_for_what_does_not_depend_on_the_network(what):
    """Which is ``y log y - y``, with 0 for y = 0: so that the cost is 0 where the prediction is the truth."""
    expected = reference(what)
    y = expected["y"]
    assert (y == 0).any()
    J, dz = cost_and_gradient(Exponential(), expected["z"], y)
    assert_is_pytorchs(dz, expected["dz"])
    constant = np.sum(np.where(y > 0, y * np.log(np.maximum(y, 1)) - y, 0)) / len(y)
    assert_is_pytorchs(J - constant, expected["J"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_poisson_cost_is_half_the_deviance(dtype):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(9, 2)).astype(dtype), rng.poisson(1.5, (9, 2)).astype(dtype)
    output, cache = Exponential(), training_cache()
    y_hat = output.forward(z, cache)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviance = 2 * np.sum(np.where(y > 0, y * np.log(y / y_hat), 0) - (y - y_hat), axis=1)
    np.testing.assert_allclose(output.losses(y, cache), deviance / 2, rtol=1e-4 if dtype == "float32" else 1e-12)
    np.testing.assert_array_equal(output.start_backward(y, cache), y_hat - y)
    truth = output.forward(np.log(np.maximum(y, 1e-30)), cache)
    np.testing.assert_allclose(output.losses(y, cache), 0, atol=1e-5 if dtype == "float32" else 1e-14)
    np.testing.assert_allclose(truth, y, rtol=1e-5, atol=1e-29)


def test_a_network_that_counts_finds_the_rate_of_a_poisson_process():
    """At the optimum of a Poisson regression with a bias, the mean prediction is the mean count."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = rng.poisson(np.exp(0.5 + X @ [0.7, -0.3]))
    model = nn.Model([nn.Dense(1), nn.Exponential()], seed=0, dtype="float64")
    model.fit(X, y, optimizer=nn.SGD(0.2), epochs=300, batch_size=400, progress=False)
    assert model.predict(X).mean() == pytest.approx(y.mean(), rel=1e-6)
    np.testing.assert_allclose(model.parameters["W1"][:, 0], [0.7, -0.3], atol=0.1)
    assert model.parameters["b1"][0] == pytest.approx(0.5, abs=0.1)
    with pytest.raises(nn.ArgumentError, match="not probabilities"):
        model.predict_proba(X)


def test_smoothed_labels_are_classified_as_the_labels_themselves():
    z, y = np.random.default_rng(0).normal(size=(50, 4)), np.arange(50) % 4
    for outputs, targets in (((nn.Softmax(), nn.Softmax(0.9)), y), ((nn.Sigmoid(), nn.Sigmoid(0.9)), np.eye(4)[y])):
        results = []
        for output in outputs:
            model = nn.Model([nn.Dense(4), output], n_features=50)
            model.parameters["W1"][...] = z
            results.append(model.evaluate(np.eye(50), targets))
        assert results[0]["accuracy"] == results[1]["accuracy"]
        assert results[0]["loss"] != results[1]["loss"]


def test_smoothing_leaves_the_targets_that_were_given_as_they_are():
    Y = np.eye(3, dtype=np.float32)
    model = nn.Model([nn.Dense(3), nn.Softmax(label_smoothing=0.3)], n_features=2)
    model.forward(np.ones((3, 2)))
    model.backward(Y)
    model.cost(Y)
    np.testing.assert_array_equal(Y, np.eye(3))


def test_a_smoothed_cost_is_smallest_at_the_smoothed_labels():
    epsilon, C = 0.2, 4
    p = np.full(C, epsilon / C) + (1 - epsilon) * np.eye(C)[1]
    for output, target, logits in (
        (nn.Softmax(epsilon), [1], np.log(p)),
        (nn.Sigmoid(epsilon), [[0, 1, 0, 0]], np.log([1 / 9, 9, 1 / 9, 1 / 9])),
    ):
        _, dz = cost_and_gradient(output, logits[None], np.array(target))
        np.testing.assert_allclose(dz, 0, atol=1e-15)


# ---- wrong use ------------------------------------------------------------------------------------------------

NUMBERS = [np.nan, np.inf, "0.1", None, True, [0.1], 1j]
WRONG = [
    (Dropout, "rate", [*NUMBERS, -0.1, 1, 1.0, 2]),
    (AlphaDropout, "rate", [*NUMBERS, -0.1, 1, 1.0, 2]),
    (GaussianNoise, "stddev", [*NUMBERS, -0.1]),
    (BatchNorm, "momentum", [*NUMBERS, 0, -0.1, 1.1]),
    (BatchNorm, "epsilon", [*NUMBERS, 0, -1e-5]),
    (BatchNorm, "trainable", ["no", 1, None]),
    (LayerNorm, "epsilon", [*NUMBERS, 0, -1e-5]),
    (LayerNorm, "trainable", ["no", 1, None]),
    (nn.Softmax, "label_smoothing", [*NUMBERS, -0.1, 1, 1.5]),
    (nn.Sigmoid, "label_smoothing", [*NUMBERS, -0.1, 1, 1.5]),
]


@pytest.mark.parametrize(("layer", "name", "values"), WRONG)
def test_a_wrong_value_is_named_and_shown(layer, name, values):
    for value in values:
        with pytest.raises(nn.ArgumentError) as error:
            layer(**{name: value})
        assert str(error.value).startswith(f"{name}: expected ")
        assert str(error.value).endswith(f"got {value!r}")


@pytest.mark.parametrize("output", [nn.Softmax, nn.Sigmoid])
@pytest.mark.parametrize("units", [10, np.int64(10)])
def test_a_number_of_units_for_an_output_is_answered_with_where_it_belongs(output, units):
    with pytest.raises(nn.ArgumentError) as error:
        output(units)
    assert str(error.value) == (
        f"label_smoothing: expected a finite number of at least 0 and below 1, got {units!r}; "
        f"a number of units is given to the Dense layer before it: Dense(10), {output.__name__}()"
    )


@pytest.mark.parametrize("value", ["no", 1, None])
def test_residual_is_frozen_by_true_or_false(value):
    with pytest.raises(nn.ArgumentError, match="trainable: expected True or False"):
        Residual([nn.Dense(2)], trainable=value)
    layer = Residual([nn.Dense(2)])
    with pytest.raises(nn.ArgumentError, match="trainable: expected True or False"):
        layer.trainable = value
    assert layer.trainable


@pytest.mark.parametrize("y", [[-1, 2], [0.5, -1e-9], [np.nan, 1], [np.inf, 1], ["a", "b"], [[1, 2], [1, 2]]])
def test_counts_are_numbers_of_at_least_0(y):
    model = nn.Model([nn.Dense(1), Exponential()], n_features=2)
    model.forward(np.ones((2, 2)))
    with pytest.raises(nn.ArgumentError, match="Y: expected"):
        model.backward(y)


@pytest.mark.parametrize(
    "text",
    ["Dropout(0.5)", "AlphaDropout(0.1)", "GaussianNoise(0.2)", "BatchNorm()", "BatchNorm(momentum=0.2)",
     "BatchNorm(epsilon=0.001, trainable=False)", "LayerNorm()", "LayerNorm(epsilon=0.1)", "Flatten()",
     "Reshape((2, -1))", "Residual((Dense(3), BatchNorm()))", "Residual((Residual((Dense(3),)),))",
     "Softmax(label_smoothing=0.1)", "Sigmoid(label_smoothing=0.1)", "Exponential()"],
)  # fmt: skip
def test_repr_is_the_call_that_makes_the_layer(text):
    names = {layer.__name__: layer for layer in (Dropout, AlphaDropout, GaussianNoise, BatchNorm, LayerNorm, Flatten,
             Reshape, Residual, nn.Softmax, nn.Sigmoid, nn.Dense, Exponential)}  # fmt: skip
    assert repr(eval(text, names)) == text


def test_what_a_subclass_reads_of_its_output_is_not_overwritten():
    class Squashed(nn.Dense):
        """A Dense layer that reads in backward what forward has returned."""

        def forward(self, a_prev, cache):
            cache.squashed = np.tanh(super().forward(a_prev, cache))
            return cache.squashed

        def backward(self, da, cache):
            return super().backward(da * (1 - cache.squashed**2), cache)

    own = nn.Model([Squashed(5), nn.Tanh(), nn.Dense(3), nn.Softmax()], n_features=4, seed=0)
    chain = nn.Model([nn.Dense(5), nn.Tanh(), nn.Tanh(), nn.Dense(3), nn.Softmax()], n_features=4, seed=0)
    chain.theta = own.theta
    X, y = np.random.default_rng(0).standard_normal((6, 4)), np.arange(6) % 3
    for model in own, chain:
        model.forward(X)
        model.backward(y)
    np.testing.assert_allclose(own.grad, chain.grad, rtol=1e-5, atol=1e-8)
