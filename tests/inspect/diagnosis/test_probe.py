"""Facts about what the doctor measures inside a network."""

import numpy as np

import nnlite as nn
from nnlite.inspect.diagnosis.probe import gradient_norms, slopes, weight_matrices
from nnlite.inspect.diagnosis.subject import quiet

from ..networks import X, deep, y


def test_gradient_norms_are_those_of_each_examples_own_loss():
    model = deep(nn.Tanh())
    dz = model.predict_proba(X) - nn.one_hot(y, 4)
    a = np.tanh(X @ model.parameters["W1"] + model.parameters["b1"])
    dz_1 = dz @ model.parameters["W2"].T * (1 - a**2)
    expected = [np.linalg.norm(gradient, axis=1).mean() for gradient in (dz_1, dz)]
    np.testing.assert_allclose(gradient_norms(model, X, y), expected, rtol=1e-10)


def test_gradient_norms_begin_at_the_first_layer_that_learns():
    model = deep(nn.Tanh(), nn.Dense(4))
    both = gradient_norms(model, X, y)
    model.layers[0].trainable = False
    assert gradient_norms(model, X, y) == both[1:]


def test_slopes_are_the_derivatives_of_the_hidden_activations():
    model = deep(nn.Tanh(), nn.Residual([nn.Dense(4), nn.ReLU()]))
    z = X @ model.parameters["W1"] + model.parameters["b1"]
    (tanh, its_slope), (relu, other) = slopes(model, X)
    assert (type(tanh), type(relu)) == (nn.Tanh, nn.ReLU)
    np.testing.assert_allclose(its_slope, 1 - np.tanh(z) ** 2, rtol=1e-12)
    assert set(np.unique(other)) <= {0, 1}


def test_behind_a_convolution_the_units_are_channels():
    layers = [nn.Conv2D(3, 2), nn.ReLU(), nn.Flatten(), nn.Dense(4), nn.Softmax()]
    model = nn.Model(layers, n_features=(4, 5, 1), seed=0, dtype="float64")
    images = np.random.default_rng(0).normal(size=(6, 4, 5, 1))
    model.layers[0].b[1] = -100
    ((_, slope),) = slopes(model, images)
    assert slope.shape == (6 * 3 * 4, 3)
    assert list((slope == 0).all(axis=0)) == [False, True, False]
    assert weight_matrices(model)["W1"].shape == (4, 3)
    assert np.shares_memory(weight_matrices(model)["W1"], model.theta)
    assert len(gradient_norms(model, images, y)) == 2


def test_weight_matrices_are_live_views_without_biases_and_scales():
    model = deep(nn.BatchNorm(), nn.Residual([nn.Dense(4)]))
    weights = weight_matrices(model)
    assert list(weights) == ["W1", "W2", "W3"]
    weights["W2"][...] = 7
    assert (model.parameters["W2"] == 7).all()


def test_a_quiet_copy_drops_and_disturbs_nothing():
    model = deep(nn.Dropout(0.5), nn.AlphaDropout(0.5), nn.GaussianNoise(1.0))
    other = quiet(model)
    assert np.array_equal(other.forward(X), model.forward(X, training=False))
    assert not np.array_equal(model.forward(X), other.forward(X))
