"""Activations and gradients, layer by layer."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots

from ..support import network, refuse
from .reading import tick_labels

RNG = np.random.default_rng(0)
X, Y = RNG.random((30, 16)), np.arange(30) % 3


def pixels_network(*hidden):
    return network(*hidden, n_features=16)


def heights(ax):
    """Heights of the histogram of each row, from the top."""
    filled = [patch for patch in ax.patches if patch.get_fill()]
    return [patch.get_data().baseline - patch.get_data().values for patch in filled]


def notes(ax):
    """The row and the text of each note at the right; row -1 is the title."""
    return {(text.xy[1], text.get_text()) for text in ax.texts}


def test_activations_are_those_of_the_prediction_layer_by_layer():
    model = pixels_network(nn.Dense(8), nn.ReLU(), nn.Dropout(0.5))
    ax = plots.activations(model, X)
    assert tick_labels(ax.yaxis) == ["1  Dense(8)", "2  ReLU()", "4  Dense(3)", "5  Softmax()"]
    z = X.astype(np.float32) @ model.layers[0].W + model.layers[0].b
    count = np.histogram(z, ax.patches[0].get_data().edges)[0]
    np.testing.assert_allclose(heights(ax)[0], 0.85 * count / count.max(), atol=1e-6)
    medians = [line.get_xdata()[0] for line in ax.get_lines()]
    assert medians[0] == pytest.approx(np.median(z), rel=1e-5)
    assert medians[3] == pytest.approx(np.median(model.predict_proba(X)), rel=1e-5)


def test_zeros_and_dead_units_are_counted():
    model = pixels_network(nn.Dense(8), nn.ReLU())
    model.layers[0].b[:2] = -1000
    a = np.maximum(0, X.astype(np.float32) @ model.layers[0].W + model.layers[0].b)
    n_dead = (a == 0).all(axis=0).sum()
    assert n_dead >= 2
    assert notes(plots.activations(model, X)) == {
        (-1, "zero"),
        (-1, "dead units"),
        (1, f"{100 * (a == 0).mean():.0f} %"),
        (1, f"{n_dead} of 8"),
    }


def test_in_training_dropout_drops():
    model = pixels_network(nn.Dense(8), nn.Tanh(), nn.Dropout(0.5))
    assert notes(plots.activations(model, X)) == set()
    ax = plots.activations(model, X, training=True)
    assert "3  Dropout(0.5)" in tick_labels(ax.yaxis)
    ((_, share),) = [note for note in notes(ax) if note[0] == 2]
    assert 35 < int(share.removesuffix(" %")) < 65


def test_networks_with_layers_inside_others_and_with_nan_are_drawn():
    model = pixels_network(nn.Residual([nn.Dense(16), nn.Tanh()]), nn.LayerNorm())
    assert len(heights(plots.activations(model, X))) == 4
    model.layers[0].layers[0].b[0] = np.nan
    ax = plots.activations(model, X)
    ax.figure.draw_without_rendering()
    assert (0, " NaN!") in notes(ax)


def test_a_layer_of_zeros_has_an_empty_row():
    model = pixels_network(nn.Dense(8), nn.ReLU())
    model.layers[0].b[:] = -1000
    ax = plots.activations(model, X)
    assert heights(ax)[1].max() == 0
    assert {(1, "100 %"), (1, "8 of 8")} <= notes(ax)


def test_gradients_are_those_of_the_batch_on_a_logarithmic_scale():
    model = pixels_network(nn.Dense(8), nn.ReLU())
    ax = plots.gradients(model, X, Y)
    model.forward(X)
    model.backward(Y)
    size = np.abs(model.gradients["dW1"]).astype(float)
    edges = ax.patches[0].get_data().edges
    count = np.histogram(size[size > 0], edges)[0]
    np.testing.assert_allclose(heights(ax)[0], 0.85 * count / count.max(), atol=0.1)
    assert (0, f"{np.sqrt(np.mean(size**2)):.1e}") in notes(ax)
    assert ax.get_xscale() == "log"
    np.testing.assert_allclose(np.diff(np.log(edges)), np.log(edges[1] / edges[0]))
    assert tick_labels(ax.yaxis) == ["dW1", "dW2"]


def test_any_gradients_can_be_chosen():
    model = pixels_network(nn.Dense(8), nn.BatchNorm(), nn.ReLU())
    assert tick_labels(plots.gradients(model, X, Y, names=["db1", "dgamma1"]).yaxis) == ["db1", "dgamma1"]
    assert tick_labels(plots.gradients(model, X, Y, names="W2").yaxis) == ["dW2"]


def test_sample_weights_count():
    model = pixels_network()
    weighted = plots.gradients(model, X, Y, sample_weight=np.eye(30)[4])
    assert notes(weighted) == notes(plots.gradients(model, X[4:5], Y[4:5]))


MODEL = pixels_network()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.activations(MODEL, X[:, :3]), "X: expected 16 features"),
        (lambda: plots.activations(MODEL, X, training="yes"), "training: expected True or False, got 'yes'"),
        (lambda: plots.gradients(MODEL, X, Y[:3]), "y: expected 30 labels"),
        (lambda: plots.gradients(MODEL, X, Y + 1), "y: label 3 is out of range"),
        (lambda: plots.gradients(MODEL, X, Y, names="dW7"), "names: there is no 'dW7'; choose from dW1, db1"),
        (lambda: plots.gradients(MODEL, X, Y, names=[]), "names: expected some of dW1, db1, got []"),
        (lambda: plots.gradients(MODEL, X, Y, names=3), "names: expected some of dW1, db1, got 3"),
        (lambda: plots.gradients(MODEL, X, Y, sample_weight=[1]), "sample_weight: expected one weight for each"),
    ],
)
def test_wrong_arguments_are_refused_before_a_figure_is_made(call, message, plt):
    refuse(call, message)
    assert plt.get_fignums() == []
