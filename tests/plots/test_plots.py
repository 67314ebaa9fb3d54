"""Facts about all pictures: where they are drawn, what they refuse, and that drawing does not change a network."""

import subprocess
import sys

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots

from ..support import network, refuse

RNG = np.random.default_rng(0)
X2, Y2 = RNG.normal(size=(40, 2)), np.arange(40) % 3
X64, Y64 = RNG.random((40, 64)), np.arange(40) % 4
P = RNG.dirichlet(np.ones(3), 40)
PLANE = network(nn.Dense(6), nn.Tanh(), n_features=2)


def pixels():
    """A network with layers that behave differently in training and in prediction."""
    return network(nn.Dense(8), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.5), units=4, n_features=64)


def convolutions():
    return nn.Model([nn.Conv2D(4, 3), nn.ReLU(), nn.Flatten(), nn.Dense(4), nn.Softmax()], n_features=(8, 8, 1), seed=0)


# Pictures that draw on one Axes, given as ax; those that draw on several, given as axes; and those of a network.
ONE = {
    "learning_curve_by_size": lambda **o: plots.learning_curve_by_size(([1, 2], [1, 1], [0, 1]), **o),
    "schedule": lambda **o: plots.schedule(0.1, 5, **o),
    "confusion_matrix": lambda **o: plots.confusion_matrix(Y2, P, **o),
    "reliability_diagram": lambda **o: plots.reliability_diagram(Y2, P, **o),
    "roc_curve": lambda **o: plots.roc_curve(Y2, P, **o),
    "precision_recall_curve": lambda **o: plots.precision_recall_curve(Y2, P, **o),
    "prediction_error": lambda **o: plots.prediction_error(X2, X2 + 1, **o),
    "decision_boundary": lambda **o: plots.decision_boundary(PLANE, X2, Y2, resolution=20, **o),
    "first_layer_weights": lambda **o: plots.first_layer_weights(pixels(), **o),
    "filters": lambda **o: plots.filters(convolutions(), **o),
    "feature_maps": lambda **o: plots.feature_maps(convolutions(), X64[0].reshape(8, 8, 1), **o),
    "activations": lambda **o: plots.activations(pixels(), X64, **o),
    "gradients": lambda **o: plots.gradients(pixels(), X64, Y64, **o),
    "network_diagram": lambda **o: plots.network_diagram(pixels(), **o),
}
SEVERAL = {
    "learning_curves": lambda **o: plots.learning_curves({"loss": [2, 1], "accuracy": [0, 1]}, **o),
    "predictions": lambda **o: plots.predictions(pixels(), X64, Y64, n=4, **o),
    "most_confident_mistakes": lambda **o: plots.most_confident_mistakes(pixels(), X64, Y64, n=4, **o),
}
OF_A_NETWORK = {
    "confusion_matrix": lambda m: plots.confusion_matrix(m, X64, Y64),
    "reliability_diagram": lambda m: plots.reliability_diagram(m, X64, Y64),
    "roc_curve": lambda m: plots.roc_curve(m, X64, Y64),
    "precision_recall_curve": lambda m: plots.precision_recall_curve(m, X64, Y64),
    "decision_boundary": lambda m: plots.decision_boundary(m, X64, Y64, features=(3, 4), resolution=10),
    "first_layer_weights": plots.first_layer_weights,
    "predictions": lambda m: plots.predictions(m, X64, Y64, n=2),
    "most_confident_mistakes": lambda m: plots.most_confident_mistakes(m, X64, Y64, n=2),
    "activations": lambda m: plots.activations(m, X64),
    "activations in training": lambda m: plots.activations(m, X64, training=True),
    "gradients": lambda m: plots.gradients(m, X64, Y64),
    "network_diagram": plots.network_diagram,
    "scores_by_size": lambda m: plots.scores_by_size(m, X64, Y64, sizes=[8], repeats=1, epochs=1),
}


def test_dir_shows_the_public_names_and_nothing_else():
    others = {"Animation", "animate", "ScoresBySize", "scores_by_size", "augmented_examples"}
    assert set(dir(plots)) == set(ONE) | set(SEVERAL) | others
    assert set(plots.__all__) == set(dir(plots)) - {"animate"}


@pytest.mark.parametrize("name", ONE)
def test_a_picture_is_drawn_on_the_axes_that_are_passed_in(name, plt):
    figure, (left, right) = plt.subplots(1, 2)
    assert ONE[name](ax=right) is right
    assert right.has_data()
    assert not left.has_data()
    assert plt.get_fignums() == [figure.number]
    left.set_axis_off()
    right.set(title="mine", xlabel="restyled", xlim=(0.5, 0.75))
    figure.draw_without_rendering()
    assert (right.get_title(), right.get_xlabel(), right.get_xlim()) == ("mine", "restyled", (0.5, 0.75))


@pytest.mark.parametrize("name", SEVERAL)
def test_several_pictures_are_drawn_on_the_axes_that_are_passed_in(name, plt):
    figure, axes = plt.subplots(1, 3)
    drawn = SEVERAL[name](axes=axes[1:])
    assert list(drawn) == list(axes[1:])
    assert [ax.has_data() for ax in axes] == [False, True, True]
    assert plt.get_fignums() == [figure.number]


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE | SEVERAL)
def test_without_axes_there_is_one_new_figure_and_all_of_it_is_labelled(name, plt):
    axes = np.atleast_1d((ONE | SEVERAL)[name]())
    assert plt.get_fignums() == [axes[0].figure.number]
    axes[0].figure.draw_without_rendering()
    for ax in axes:
        assert ax.get_xlabel() or ax.get_title() or ax.texts


@pytest.mark.parametrize("name", ONE)
def test_a_wrong_ax_is_refused_before_a_figure_is_made(name, plt):
    refuse(lambda: ONE[name](ax="left"), "ax: expected matplotlib Axes, got 'left'")
    refuse(lambda: ONE[name](ax=[]), "ax: expected matplotlib Axes, got []; this picture takes a single one")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", SEVERAL)
def test_wrong_axes_are_refused_before_a_figure_is_made(name, plt):
    refuse(lambda: SEVERAL[name](axes="left"), "axes: expected matplotlib Axes, got 'left'")
    refuse(lambda: SEVERAL[name](axes=[]), "axes: expected at least one")
    assert plt.get_fignums() == []


def memory(model):
    """Everything in a network that a picture could change."""
    return [part.tobytes() for part in (model.theta, model.grad, model.state)], repr(model.rng.bit_generator.state)


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_A_NETWORK)
def test_a_picture_leaves_the_network_as_it_was_bit_for_bit(name):
    model = pixels()
    model.fit(X64, Y64, epochs=1)
    undisturbed = model.copy()
    undisturbed.forward(X64)
    undisturbed.backward(Y64)
    model.forward(X64)
    before = memory(model)
    OF_A_NETWORK[name](model)
    assert memory(model) == before
    model.backward(Y64)  # of the batch before the picture
    assert memory(model) == memory(undisturbed)


@pytest.mark.parametrize("name", sorted(OF_A_NETWORK.keys() - {"scores_by_size"}))
def test_a_network_that_does_not_know_its_input_says_so(name, plt):
    model = nn.Model([nn.Dense(4), nn.Softmax()])
    with pytest.raises(nn.NotBuiltError, match="the network does not know its input size yet"):
        OF_A_NETWORK[name](model)
    assert plt.get_fignums() == []


def test_something_other_than_a_network_is_refused():
    refuse(lambda: plots.network_diagram(nn.Model), "model: expected a Model, got type; write Model(...)")
    refuse(lambda: plots.activations(X64, X64), "model: expected a Model, got ndarray")


@pytest.mark.parametrize(
    "picture", [plots.confusion_matrix, plots.reliability_diagram, plots.roc_curve, plots.precision_recall_curve]
)
def test_pictures_of_classes_refuse_values_and_incomplete_data(picture, plt):
    model = network(units=1, output=nn.Identity(), n_features=2)
    refuse(
        lambda: picture(model, X2, X2[:, 0]),
        f"{picture.__name__}: is for classes, and a network that ends in Identity() gives values; "
        "plots.prediction_error draws values against the truth",
    )
    refuse(lambda: picture(Y2), f"{picture.__name__}: expected (y, Y_hat) or (model, X, y), got (ndarray)")
    refuse(picture, f"{picture.__name__}: expected (y, Y_hat) or (model, X, y), got ()")
    refuse(lambda: picture(PLANE, X2, Y2[:39]), "y: expected 40 labels, one for each row of X (40, 2), got 39")
    assert plt.get_fignums() == []


def test_importing_the_pictures_loads_no_matplotlib():
    code = "import sys, nnlite; nnlite.plots.roc_curve; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "nnlite.plots.thresholds" in loaded
    assert not {"matplotlib", "PIL"} & set(loaded)
