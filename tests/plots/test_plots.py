"""Facts about all pictures: whose axes, whose figures, what is refused, and that nothing changes a network."""

import subprocess
import sys

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots

RNG = np.random.default_rng(0)
X2, Y2 = RNG.normal(size=(40, 2)), np.arange(40) % 3
X64, Y64 = RNG.random((40, 64)), np.arange(40) % 4
P = RNG.dirichlet(np.ones(3), 40)


def plane():
    return nn.Model([nn.Dense(6), nn.Tanh(), nn.Dense(3), nn.Softmax()], n_features=2, seed=0)


def pixels():
    layers = [nn.Dense(8), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.5), nn.Dense(4), nn.Softmax()]
    return nn.Model(layers, n_features=64, seed=0)


ONE = {  # those that draw on ax
    "learning_curve_by_size": lambda **o: plots.learning_curve_by_size(([1, 2], [1, 1], [0, 1]), **o),
    "schedule": lambda **o: plots.schedule(0.1, 5, **o),
    "confusion_matrix": lambda **o: plots.confusion_matrix(Y2, P, **o),
    "reliability_diagram": lambda **o: plots.reliability_diagram(Y2, P, **o),
    "roc_curve": lambda **o: plots.roc_curve(Y2, P, **o),
    "precision_recall_curve": lambda **o: plots.precision_recall_curve(Y2, P, **o),
    "prediction_error": lambda **o: plots.prediction_error(X2, X2 + 1, **o),
    "decision_boundary": lambda **o: plots.decision_boundary(plane(), X2, Y2, resolution=20, **o),
    "first_layer_weights": lambda **o: plots.first_layer_weights(pixels(), **o),
    "activations": lambda **o: plots.activations(pixels(), X64, **o),
    "gradients": lambda **o: plots.gradients(pixels(), X64, Y64, **o),
    "network_diagram": lambda **o: plots.network_diagram(pixels(), **o),
}
SEVERAL = {  # those that draw on axes
    "learning_curves": lambda **o: plots.learning_curves({"loss": [2, 1], "accuracy": [0, 1]}, **o),
    "predictions": lambda **o: plots.predictions(pixels(), X64, Y64, **o),
    "most_confident_mistakes": lambda **o: plots.most_confident_mistakes(pixels(), X64, Y64, **o),
}
OF_A_NETWORK = {
    "confusion_matrix": lambda m: plots.confusion_matrix(m, X64, Y64),
    "reliability_diagram": lambda m: plots.reliability_diagram(m, X64, Y64),
    "roc_curve": lambda m: plots.roc_curve(m, X64, Y64),
    "precision_recall_curve": lambda m: plots.precision_recall_curve(m, X64, Y64),
    "decision_boundary": lambda m: plots.decision_boundary(m, X64, Y64, features=(3, 4), resolution=10),
    "first_layer_weights": plots.first_layer_weights,
    "predictions": lambda m: plots.predictions(m, X64, Y64),
    "most_confident_mistakes": lambda m: plots.most_confident_mistakes(m, X64, Y64),
    "activations": lambda m: plots.activations(m, X64),
    "activations in training": lambda m: plots.activations(m, X64, training=True),
    "gradients": lambda m: plots.gradients(m, X64, Y64),
    "network_diagram": plots.network_diagram,
    "scores_by_size": lambda m: plots.scores_by_size(m, X64, Y64, sizes=[8], repeats=1, epochs=1),
}


def memory(model):
    """All that a picture could change."""
    return [part.tobytes() for part in (model.theta, model.grad, model.state)], repr(model.rng.bit_generator.state)


def test_there_is_a_test_for_every_public_name():
    assert set(ONE) | set(SEVERAL) | {"Animation", "ScoresBySize", "scores_by_size"} == set(plots.__all__)


@pytest.mark.parametrize("name", ONE)
def test_a_picture_is_drawn_on_the_axes_that_are_passed_in(name, plt):
    figure, (left, right) = plt.subplots(1, 2)
    assert ONE[name](ax=right) is right
    assert right.has_data()
    assert not left.has_data()
    assert plt.get_fignums() == [figure.number]
    right.set(title="mine", xlabel="restyled", xlim=(0.5, 0.75))
    figure.canvas.draw()
    assert (right.get_title(), right.get_xlabel(), right.get_xlim()) == ("mine", "restyled", (0.5, 0.75))


@pytest.mark.parametrize("name", SEVERAL)
def test_several_pictures_are_drawn_on_the_axes_that_are_passed_in(name, plt):
    figure, axes = plt.subplots(1, 3)
    drawn = SEVERAL[name](axes=axes[1:])
    assert list(drawn) == list(axes[1:])
    assert [ax.has_data() for ax in axes] == [False, True, True]
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("name", ONE | SEVERAL)
def test_without_axes_there_is_one_new_figure_and_all_of_it_is_labelled(name, plt):
    axes = np.atleast_1d((ONE | SEVERAL)[name]())
    assert plt.get_fignums() == [axes[0].figure.number]
    axes[0].figure.canvas.draw()
    for ax in axes:
        assert ax.get_xlabel() or ax.get_title() or ax.texts


@pytest.mark.parametrize("name", ONE)
def test_what_is_no_axes_is_refused_before_a_figure_is_made(name, plt):
    with pytest.raises(nn.ArgumentError, match=r"^ax: expected matplotlib Axes, got 'left'"):
        ONE[name](ax="left")
    with pytest.raises(nn.ArgumentError, match=r"^ax: expected matplotlib Axes, got \[\]; this picture takes a single"):
        ONE[name](ax=[])
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", SEVERAL)
def test_what_are_no_axes_is_refused_before_a_figure_is_made(name, plt):
    with pytest.raises(nn.ArgumentError, match=r"^axes: expected matplotlib Axes, got 'left'"):
        SEVERAL[name](axes="left")
    with pytest.raises(nn.ArgumentError, match=r"^axes: expected at least one"):
        SEVERAL[name](axes=[])
    assert plt.get_fignums() == []


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
    model.backward(Y64)  # of the batch that was under way
    assert memory(model) == memory(undisturbed)


@pytest.mark.parametrize("name", OF_A_NETWORK.keys() - {"scores_by_size"})
def test_a_network_that_does_not_know_its_input_says_so(name, plt):
    model = nn.Model([nn.Dense(4), nn.Softmax()])
    with pytest.raises(nn.NotBuiltError, match="the network does not know its input size yet"):
        OF_A_NETWORK[name](model)
    assert plt.get_fignums() == []


def test_a_class_or_something_else_is_no_network():
    with pytest.raises(nn.ArgumentError, match=r"^model: expected a Model, got type; write Model\(...\)"):
        plots.network_diagram(nn.Model)
    with pytest.raises(nn.ArgumentError, match=r"^model: expected a Model, got ndarray"):
        plots.activations(X64, X64)


@pytest.mark.parametrize(
    "picture", [plots.confusion_matrix, plots.reliability_diagram, plots.roc_curve, plots.precision_recall_curve]
)
def test_pictures_of_classes_say_what_draws_values(picture, plt):
    model = nn.Model([nn.Dense(1), nn.Identity()], n_features=2, seed=0)
    with pytest.raises(nn.ArgumentError) as error:
        picture(model, X2, X2[:, 0])
    assert str(error.value) == (
        f"{picture.__name__}: is for classes, and a network that ends in Identity() gives values; "
        "plots.prediction_error draws values against the truth"
    )
    with pytest.raises(nn.ArgumentError, match=rf"^{picture.__name__}: expected \(y, Y_hat\) or \(model, X, y\), got"):
        picture(Y2)
    with pytest.raises(nn.ArgumentError, match="y: expected 40 labels, one for each row of X, got 39"):
        picture(plane(), X2, Y2[:39])
    assert plt.get_fignums() == []


def test_colours_of_lines_repeat_late_and_those_of_areas_never():
    from nnlite.plots.style import fills, line_style, marker

    assert len({repr(line_style(i)) for i in range(35)}) == 35
    assert len({(line_style(i)["color"], marker(i)) for i in range(42)}) == 42
    for n in (2, 8, 9, 100):
        assert len(np.unique(fills(n), axis=0)) == n


def test_importing_the_pictures_loads_no_matplotlib():
    code = "import sys, nnlite; nnlite.plots.roc_curve; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "nnlite.plots.thresholds" in loaded
    assert not {"matplotlib", "PIL"} & set(loaded)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: plots.gradients(model, X64, Y64 % 2, names=3), "names: expected some of dW1, db1, got 3"),
        (lambda model: plots.Animation(plots.learning_curves), "plot: .*; learning_curves does not take .*'ax'"),
        (lambda model: plots.Animation(plots.decision_boundary), "plot: .*; decision_boundary does not take .*'X'"),
        (
            lambda model: plots.learning_curves({"loss": 3.0}),
            r"history: expected a number per epoch of loss, got shape \(\)",
        ),
        (lambda model: plots.learning_curves({"loss": [1.0]}, keys=3), "keys: expected some of loss, got 3"),
        (
            lambda model: plots.scores_by_size(model, X64, Y64 % 2, validation_data=(X64,)),
            r"validation_data: expected \(X, y\)",
        ),
        (lambda model: plots.scores_by_size(model, X64, 3), r"X: expected an example for each of at least 2 labels"),
        (
            lambda model: plots.scores_by_size(model, X64, Y64 % 2, score=3),
            "score: expected 'loss', or the name of a metric",
        ),
        (
            lambda model: plots.confusion_matrix([0, 1], [1, 2], class_names=["a"]),
            "class_names: expected a name for each class, at least 3, got 1",
        ),
    ],
)
def test_the_argument_that_is_wrong_is_the_one_that_is_named(call, message):
    with pytest.raises(nn.ArgumentError, match=message):
        call(nn.Model([nn.Dense(2), nn.Softmax()], n_features=64, seed=0))


def test_animate_is_a_callback_that_films():
    X, y = nn.make_moons(40, seed=0)
    model = nn.Model([nn.Dense(4), nn.Tanh(), nn.Dense(2), nn.Softmax()], seed=0)
    film = plots.animate(plots.decision_boundary, X, y, resolution=20)
    model.fit(X, y, epochs=2, callbacks=[film])
    assert len(film.frames) == 3
