"""Diagrams of networks."""

import pytest

import nnlite as nn
from nnlite import plots

from ..support import network, refuse
from .reading import texts


def scatters(ax, size):
    """The number of points in each scatter plot with markers of this size, from the left."""
    found = [scatter for scatter in ax.collections if hasattr(scatter, "get_sizes") and scatter.get_sizes()[0] == size]
    return [len(scatter.get_offsets()) for scatter in found]


def units(ax):
    return scatters(ax, 90)


def dots(ax):
    return scatters(ax, 6)


def test_there_is_a_column_for_each_layer_of_units_with_its_shapes():
    model = network(nn.Dense(5), nn.BatchNorm(), nn.ReLU(), nn.Dense(4), nn.Tanh(), n_features=16)
    ax = plots.network_diagram(model)
    assert units(ax) == [8, 5, 4, 3]  # 16 inputs are more than 10: 8 are drawn, with dots between them
    assert {"a[0] = X", "16", "a[1]", "5 units", "W 16 x 5", "Dense(5)\nBatchNorm()\nReLU()"} <= set(texts(ax))
    assert {"a[3]", "3 units", "W 4 x 3", "Dense(3)\nSoftmax()"} <= set(texts(ax))
    lines = [len(lines.get_segments()) for lines in ax.collections if hasattr(lines, "get_segments")]
    assert lines == [8 * 5, 5 * 4, 4 * 3]


@pytest.mark.parametrize(("n", "drawn"), [(1, 1), (2, 2), (6, 6), (7, 4), (1000, 4)])
def test_large_layers_are_shortened_by_dots(n, drawn):
    ax = plots.network_diagram(network(nn.Dense(n), n_features=2), most_units=6)
    assert units(ax) == [2, drawn, 3]
    assert len(dots(ax)) == (n > 6)
    assert f"{n} unit{'s' * (n > 1)}" in texts(ax)


def test_residual_layers_have_an_arc_and_images_keep_their_shape():
    model = network(nn.Flatten(), nn.Dense(6), nn.Residual([nn.Dense(6), nn.ReLU()]), n_features=(4, 4))
    ax = plots.network_diagram(model)
    assert len(ax.patches) == 1
    assert {"4 x 4", "Flatten()", "Residual of\nDense(6)\nReLU()"} <= set(texts(ax))
    assert not plots.network_diagram(network()).patches


def test_a_column_needs_three_places(plt):
    refuse(
        lambda: plots.network_diagram(network(), most_units=2), "most_units: expected an integer of at least 3, got 2"
    )
    assert plt.get_fignums() == []
