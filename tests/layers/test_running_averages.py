"""Facts about prediction with BatchNorm: it follows training, from the first batch on and for numbers of any size."""

import numpy as np
import pytest

import nnlite as nn

from ..support import ENGINES, ENGINES_SLOWLY
from .common import network_of


def standardized(X):
    """The z_hat of a batch in double precision: the truth for a float32 network."""
    X = X.astype(np.float64)
    return (X - X.mean(0)) / np.sqrt(X.var(0) + 1e-5)


def columns(rng, M):
    """Columns with means far from 0, constants, and constants with one value beside."""
    beside = np.zeros(M)
    beside[M // 3] = 1
    made = {"small": rng.normal(0, 1, M), "years": rng.integers(1950, 2020, M)}
    for size in (1e5, 1e6, 1e7, 1e8, 1e9, -1e9):
        gap = abs(np.spacing(np.float32(size)))
        made[f"{size:g} constant"] = np.full(M, size)
        made[f"{size:g} with {size:g} and a little"] = size + 4 * gap * beside
        made[f"{size:g} with 0"] = size * (1 - beside)
        made[f"{size:g} and noise"] = size + rng.normal(0, 100, M) * gap
    return list(made), np.stack([*made.values()], axis=1).astype(np.float32)


# ---- from the first batch on ----------------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.01, 0.1, 0.5, 1])
def test_running_averages_are_means_over_the_batches_with_falling_weights(momentum):
    layer = nn.BatchNorm(momentum)
    model = network_of([layer], 3)
    rng = np.random.default_rng(0)
    means, variances = [], []
    for n in range(1, 8):
        X = rng.normal(n, n, (6, 3))
        model.forward(X)
        means.append(X.mean(0))
        variances.append(X.var(0, ddof=1))
        weights = (1.0 - momentum) ** np.arange(n)[::-1]
        weights /= weights.sum()
        np.testing.assert_allclose(layer.running_mean, weights @ means, rtol=1e-12)
        np.testing.assert_allclose(layer.running_variance, weights @ variances, rtol=1e-12)
        np.testing.assert_allclose(layer.running_weight, 1 - (1 - momentum) ** n, rtol=1e-12)


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_after_some_steps_prediction_agrees_with_training(engine, dtype, steps):
    rng = np.random.default_rng(1)
    X = np.stack([rng.integers(1950, 2020, 640), rng.normal(0, 1, 640)], axis=1)
    y = (X[:, 0] > 1985).astype(int)
    layers = [nn.BatchNorm(), nn.Dense(16), nn.BatchNorm(), nn.ReLU(), nn.Dense(2), nn.Softmax()]
    model = nn.Model(layers, seed=0, dtype=dtype)
    n = steps * 128
    model.fit(X[:n], y[:n], optimizer=nn.Adam(1e-3), batch_size=128, epochs=1, progress=False, engine=engine)
    predicted = model.evaluate(X, y)["loss"]
    model.forward(X)
    assert predicted == pytest.approx(model.cost(y), rel=0.1)
    assert predicted < 1


@pytest.mark.parametrize("engine", ENGINES)
def test_a_training_that_goes_on_keeps_its_averages(engine):
    """Another fit, and a fit of a copy of the file, continue with the averages that are there."""
    rng = np.random.default_rng(2)
    X, y = rng.normal(50, 3, (64, 4)), rng.integers(0, 2, 64)
    options = {"optimizer": nn.SGD(1e-9), "epochs": 30, "progress": False, "engine": engine}
    model = nn.Model([nn.BatchNorm(), nn.Dense(2), nn.Softmax()], seed=0, dtype="float64")
    model.fit(X, y, **options)
    before = model.state.copy()
    model.fit(X[:2] - 40, y[:2], **options | {"epochs": 1})
    expected = before[:4] + 0.1 / model.layers[0].running_weight * (X[:2].mean(0) - 40 - before[:4])
    np.testing.assert_allclose(model.layers[0].running_mean, expected, rtol=1e-9)


# ---- numbers of any size --------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
def test_numbers_far_from_0_are_predicted_as_they_were_trained(engine):
    """A whole data set as one batch: training and prediction know the same mean and variance."""
    rng = np.random.default_rng(3)
    names, X = columns(rng, 60)
    model = nn.Model([nn.BatchNorm(), nn.Identity()], seed=0)
    Y = np.zeros(X.shape, np.float32)
    model.fit(X, Y, optimizer=nn.SGD(1e-30), batch_size=None, epochs=50, progress=False, engine=engine)
    Y_hat, truth = model.predict(X), standardized(X) * np.sqrt(59 / 60)
    for j, name in enumerate(names):
        atol = 0.14 if "a little" in name else 0.01  # the mean lies between two numbers of float32
        np.testing.assert_allclose(Y_hat[:, j], truth[:, j], atol=atol, err_msg=name)


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
def test_a_large_column_that_hardly_varies_does_not_spoil_predictions(engine):
    """Batches differ, and predictions are still as good as the training: the other columns decide."""
    rng = np.random.default_rng(4)
    _, X = columns(rng, 600)
    X[:, 0] = rng.normal(0, 1, 600)
    y = (X[:, 0] > 0).astype(int)
    model = nn.Model([nn.BatchNorm(), nn.Dense(8), nn.ReLU(), nn.Dense(2), nn.Softmax()], seed=0)
    history = model.fit(X, y, optimizer=nn.Adam(3e-3), epochs=60, progress=False, engine=engine)
    assert history["accuracy"][-1] > 0.9
    assert model.evaluate(X, y)["accuracy"] > 0.9
    assert model.evaluate(X, y)["loss"] < history["loss"][-1]


@pytest.mark.parametrize("size", [1e5, 3e7, 1e9, -1e9])
@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
def test_the_average_arrives_at_a_constant_wherever_it_was_before(engine, size):
    layers = [nn.BatchNorm(), nn.Identity()]
    model = nn.Model(layers, seed=0)
    first = np.full((32, 1), 1.001 * size, np.float32)
    then = np.full((32 * 300, 1), size, np.float32)
    for X in (first, then):
        model.fit(X, np.zeros_like(X), optimizer=nn.SGD(1e-30), epochs=1, progress=False, engine=engine)
    assert layers[0].running_mean[0] == np.float32(size)


@pytest.mark.parametrize("offset", [0, 1e5, 1e6, 1e9])
def test_normalized_numbers_have_mean_0_and_variance_1_also_far_from_0(offset):
    rng = np.random.default_rng(5)
    X = (offset + rng.normal(0, 100, (64, 5)) * max(1, np.spacing(np.float32(offset)))).astype(np.float32)
    for layer, data in ((nn.BatchNorm(), X), (nn.LayerNorm(), np.ascontiguousarray(X.T))):
        model = nn.Model([layer, nn.Identity()], n_features=data.shape[1], seed=0)
        z_hat = model.forward(data)
        axis = 0 if isinstance(layer, nn.BatchNorm) else 1
        np.testing.assert_allclose(z_hat.mean(axis), 0, atol=1e-4)
        np.testing.assert_allclose(z_hat.std(axis), 1, atol=1e-3)


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
@pytest.mark.parametrize("size", [1e5, 1e9])
def test_layer_normalization_of_large_equal_numbers_is_0(engine, size):
    X = np.full((40, 7), size, np.float32)
    model = nn.Model([nn.LayerNorm(), nn.Identity()], n_features=7, seed=0)
    model.fit(X, np.zeros_like(X), optimizer=nn.SGD(1e-30), epochs=1, progress=False, engine=engine)
    assert np.abs(model.predict(X)).max() == 0


# ---- files ----------------------------------------------------------------------------------------------------


def test_a_model_keeps_the_weight_of_its_averages_in_its_file(tmp_path):
    model = nn.Model([nn.BatchNorm(), nn.Dense(2), nn.Softmax()], n_features=3, seed=0)
    model.forward(np.random.default_rng(0).normal(size=(5, 3)))
    model.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(nn.load(tmp_path / "model.npz").state, model.state)
