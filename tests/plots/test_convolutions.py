"""The filters of a convolution and the feature maps of an image."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots

from ..support import refuse
from .reading import image, tick_labels

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model():
    block = nn.Residual([nn.Conv2D(3, 3, padding="same")], shortcut=[nn.Conv2D(3, 1)])
    layers = [nn.Conv2D(5, (3, 2)), nn.ReLU(), nn.Dropout2D(0.5), nn.MaxPool2D(), block, nn.Flatten(), nn.Dense(2)]
    return nn.Model([*layers, nn.Softmax()], n_features=(8, 9, 1), seed=0)


def test_each_filter_of_an_image_with_one_channel_is_an_image_on_a_symmetric_scale(model):
    ax = plots.filters(model)
    mosaic, W = image(ax), model.parameters["W1"]
    columns = mosaic.shape[1] // 2
    for f in range(5):
        row, column = divmod(f, columns)
        np.testing.assert_array_equal(mosaic[3 * row :, 2 * column :][:3, :2], W[:, :, 0, f])
    limit = np.abs(W).max()
    assert ax.images[0].get_clim() == pytest.approx((-limit, limit))
    assert ax.get_xlabel() == "5 filters, 3 x 2 weights each"
    assert image(plots.filters(model, 0, n_filters=1, limit=2)).shape == (3, 2)


def test_a_filter_of_several_channels_has_a_row_of_kernels():
    model = nn.Model([nn.Conv2D(20, 3), nn.Conv2D(4, 2), nn.Flatten(), nn.Identity()], n_features=(6, 6, 2), seed=0)
    ax = plots.filters(model)
    mosaic, W = image(ax), model.parameters["W1"]
    assert mosaic.shape == (16 * 3, 2 * 3)
    np.testing.assert_array_equal(mosaic[3:6, 3:6], W[:, :, 1, 1])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("2 channels, 3 x 3 weights each", "the first 16 of 20 filters")
    ax = plots.filters(model, 1)
    assert image(ax).shape == (4 * 2, 16 * 2)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("the first 16 of 20 channels, 2 x 2 weights each", "4 filters")
    assert image(plots.filters(model, -3, n_filters=2, n_channels=3)).shape == (2 * 2, 3 * 2)


def test_the_weights_of_the_first_layer_are_the_filters_if_it_is_a_convolution(model):
    np.testing.assert_array_equal(image(plots.first_layer_weights(model)), image(plots.filters(model)))
    assert image(plots.first_layer_weights(model, n_units=1)).shape == (3, 2)
    sequence = nn.Model([nn.Conv1D(4, 5), nn.Flatten(), nn.Identity()], n_features=(9, 3), seed=0)
    ax = plots.first_layer_weights(sequence)
    np.testing.assert_array_equal(image(ax)[:5, :3], sequence.parameters["W1"][:, :, 0])
    assert ax.get_xlabel() == "4 units, 5 x 3 weights each"


def test_feature_maps_are_the_outputs_of_the_layers(model):
    x = RNG.random((8, 9, 1))
    theta = model.theta.copy()
    ax = plots.feature_maps(model, x, n_channels=4)
    names = ["X", "1  Conv2D(5, (3, 2))", "2  ReLU()", "4  MaxPool2D()", "5  Residual(...)"]
    assert tick_labels(ax.yaxis) == names
    assert len(ax.images) == 1 + 4 + 4 + 4 + 3
    z = model.layers[0].forward(x[None].astype(np.float32), nn.Cache())[0]
    np.testing.assert_allclose(ax.images[2].get_array(), z[:, :, 1], rtol=1e-6)
    np.testing.assert_allclose(ax.images[6].get_array(), np.maximum(z, 0)[:, :, 1], rtol=1e-6)
    assert ax.images[1].get_clim() == pytest.approx((z.min(), z.max()))  # all maps of a layer have one scale
    assert {text.get_text() for text in ax.texts} == {"of 5"}
    assert ax.images[5].get_extent() == pytest.approx([0.04, 0.96, 2.96, 2.04])
    np.testing.assert_array_equal(model.theta, theta)


def test_a_constant_image_and_one_that_is_not_finite_are_drawn_or_refused(model):
    plots.feature_maps(model, np.zeros((8, 9, 1))).figure.draw_without_rendering()
    refuse(lambda: plots.feature_maps(model, np.full((8, 9, 1), np.nan)), "X: expected finite numbers")


def test_wrong_arguments_are_refused_before_a_figure_is_made(model, plt):
    dense = nn.Model([nn.Dense(3), nn.Softmax()], n_features=4)
    refuse(lambda: plots.filters(dense), "model: expected a Conv2D layer, whose filters are drawn, got Model(")
    refuse(lambda: plots.filters(model, 1), "layer: expected the place of a Conv2D", "got 1; the network has some at 0")
    refuse(lambda: plots.filters(model, 99), "layer: expected the place of a Conv2D", "got 99")
    refuse(lambda: plots.filters(dense, 0), "layer: expected the place of a Conv2D", "the network has none")
    refuse(lambda: plots.filters(model, n_filters=0), "n_filters: expected an integer of at least 1, got 0")
    refuse(lambda: plots.filters(model, n_channels=0), "n_channels: expected an integer of at least 1, got 0")
    refuse(lambda: plots.filters(model, limit=0), "limit: expected a finite number above 0, got 0")
    refuse(lambda: plots.feature_maps(model, np.zeros((2, 8, 9, 1))), "x: expected one image", "got an array of shape")
    refuse(lambda: plots.feature_maps(dense, np.zeros(4)), "x: expected one image (height, width, channels)")
    refuse(lambda: plots.feature_maps(model, np.zeros((8, 9, 1)), n_channels=0), "n_channels: expected an integer of")
    assert plt.get_fignums() == []


def test_the_diagram_has_a_square_for_each_channel_and_names_the_shortcut(model):
    ax = plots.network_diagram(model)
    written = [text.get_text() for text in ax.texts]
    assert [text for text in written if text.startswith("a[")] == ["a[0] = X", *(f"a[{i}]" for i in range(1, 6))]
    assert {"8 x 9 x 1", "6 x 8 x 5", "3 x 4 x 3", "36 units", "W 3 x 2 x 1 x 5", "W 36 x 2"} <= set(written)
    assert "Residual of\nConv2D(3, 3, ...)\nshortcut\nConv2D(3, 1)" in written
    circles = [points for points in ax.collections if hasattr(points, "get_sizes") and points.get_sizes()[0] == 90]
    assert [len(points.get_offsets()) for points in circles] == [1, 5, 5, 3, 8, 2]


def test_dead_units_behind_a_convolution_are_channels(model):
    dead = model.copy()
    dead.layers[0].b[:2] = -1000
    ax = plots.activations(dead, RNG.random((20, 8, 9, 1)))
    assert "2 of 5" in {text.get_text() for text in ax.texts}
