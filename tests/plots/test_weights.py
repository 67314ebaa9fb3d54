"""The weights of the first layer as images."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots

from ..support import network, refuse
from .reading import image


def test_each_unit_has_its_weights_as_an_image_on_a_symmetric_scale():
    model = network(nn.Dense(5), nn.ReLU(), n_features=16)
    ax = plots.first_layer_weights(model)
    mosaic, W = image(ax), model.parameters["W1"]
    assert mosaic.shape == (2 * 4, 3 * 4)
    for u in range(5):
        row, column = divmod(u, 3)
        np.testing.assert_array_equal(mosaic[4 * row :, 4 * column :][:4, :4], W[:, u].reshape(4, 4))
    assert np.isnan(mosaic[4:, 8:]).all()
    limit = np.abs(W).max()
    assert ax.images[0].get_clim() == pytest.approx((-limit, limit))
    assert ax.get_xlabel() == "5 units, 4 x 4 weights each"


def test_only_the_first_units_are_drawn_and_the_scale_can_be_fixed():
    model = network(nn.Dense(100), nn.ReLU(), n_features=16)
    ax = plots.first_layer_weights(model, n_units=1, limit=2)
    np.testing.assert_array_equal(image(ax), model.parameters["W1"][:, 0].reshape(4, 4))
    assert ax.images[0].get_clim() == (-2, 2)
    assert ax.get_xlabel() == "the first 1 of 100 units, 4 x 4 weights each"


@pytest.mark.slow
def test_the_shape_of_an_image_comes_from_the_input_or_the_user():
    model = network(nn.Flatten(), nn.Dense(1), nn.ReLU(), n_features=(2, 8))
    assert image(plots.first_layer_weights(model)).shape == (2, 8)
    assert image(plots.first_layer_weights(model, image_shape=(8, 2))).shape == (8, 2)
    inside = network(nn.Residual([nn.Dense(16), nn.ReLU()]), n_features=16)
    assert image(plots.first_layer_weights(inside, n_units=1)).shape == (4, 4)


@pytest.mark.parametrize(
    ("n_features", "options", "message"),
    [
        (13, {}, "image_shape: 13 features in the shape (13,) are not obviously an image; if"),
        (16, {"image_shape": (3, 5)}, "image_shape: expected (rows, columns) of 16 pixels, got (3, 5)"),
        (16, {"image_shape": 16}, "image_shape: expected (rows, columns) of 16 pixels, got 16"),
        (16, {"n_units": 0}, "n_units: expected an integer of at least 1, got 0"),
        (16, {"limit": 0}, "limit: expected a finite number above 0, got 0"),
    ],
)
def test_wrong_arguments_are_refused_before_a_figure_is_made(n_features, options, message, plt):
    refuse(lambda: plots.first_layer_weights(network(n_features=n_features), **options), message)
    assert plt.get_fignums() == []


def test_a_network_without_dense_layers_is_refused():
    model = nn.Model([nn.Softmax()], n_features=4)
    refuse(lambda: plots.first_layer_weights(model), "model: expected a Dense layer, whose weights are drawn")
