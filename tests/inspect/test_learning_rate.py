"""Facts about the range test: what it tries, what it suggests, and that networks learn well with it."""

import functools
import subprocess
import sys

import numpy as np
import pytest

from nnlite.datasets import load_digits, make_moons, make_spirals
from nnlite.inspect import RangeTest, find_learning_rate
from nnlite.inspect.learning_rate import suggest
from nnlite.layers import BatchNorm, Dense, Dropout, Identity, ReLU, Softmax, Tanh
from nnlite.model import Model
from nnlite.optimizers import SGD, Adam
from nnlite.schedules import CosineDecay

from ..support import everything, for_each, network, refuse


@functools.cache
def digits():
    data = load_digits()
    return data.X_train, data.y_train


@functools.cache
def spirals():
    return make_spirals(450, seed=0)


@functools.cache
def moons():
    return make_moons(300, seed=0)


def classifier(units=32, activation=ReLU, n_classes=10, depth=1, **options):
    """A network that is not built yet."""
    hidden = [layer for _ in range(depth) for layer in (Dense(units), activation())]
    return network(*hidden, units=n_classes, n_features=None, **options)


# ---- what it does --------------------------------------------------------------------------------------------------


def test_the_rates_rise_by_the_same_factor_from_start_to_stop():
    X, y = digits()
    test = find_learning_rate(classifier(), X, y, start=1e-4, stop=1e-2, n_steps=21)
    assert test.learning_rates == pytest.approx(1e-4 * 10 ** (np.arange(21) / 10))
    assert len(test.losses) == len(test.batch_losses) == 21
    assert not test.diverged


def test_each_step_is_one_of_training_with_its_rate():
    X, y = digits()
    test = find_learning_rate(
        classifier(seed=1), X, y, optimizer=SGD(1, momentum=0.9), start=1e-3, stop=0.1, n_steps=20
    )
    model, optimizer = classifier(seed=1), SGD(1, momentum=0.9)
    twin = classifier(seed=1)
    twin.forward(X[:1])  # builds it: the order of the batches is drawn after the weights
    order = twin.rng.permutation(len(X))
    for t, rate in enumerate(test.learning_rates):
        rows = order[32 * t : 32 * (t + 1)]
        model.forward(X[rows])
        assert model.cost(y[rows]) == pytest.approx(test.batch_losses[t], rel=1e-5)
        model.backward(y[rows])
        optimizer.learning_rate = float(rate)
        optimizer.step(model)


def test_the_losses_are_averages_with_weights_that_fall_by_a_tenth_per_step():
    X, y = digits()
    test = find_learning_rate(classifier(), X, y, n_steps=40)
    weights = 0.9 ** np.arange(40)[::-1]
    for t in (0, 1, 5, 39):
        expected = np.average(test.batch_losses[: t + 1], weights=weights[39 - t :])
        assert test.losses[t] == pytest.approx(expected)


def test_it_ends_without_a_warning_when_the_loss_diverges():
    X, y = digits()
    for optimizer in (SGD(0.1), SGD(0.1, momentum=0.9)):
        test = find_learning_rate(classifier(activation=Tanh), X, y, optimizer=optimizer, stop=1e6, n_steps=100)
        assert test.diverged
        assert len(test.losses) < 100
        assert np.isfinite(test.losses).all()
        assert test.losses.max() <= 4 * test.losses.min()


def test_the_suggestion_is_the_rate_at_a_third_of_the_fall():
    rates = np.geomspace(1e-3, 1, 31)
    losses = np.concatenate([np.full(10, 2.0), np.linspace(2.0, 1.0, 11), np.linspace(1.1, 3, 10)])
    suggestion = suggest(rates, losses, losses)
    assert np.interp(np.log(suggestion), np.log(rates), losses) == pytest.approx(2 - 1 / 3, abs=0.1)


def test_the_suggestion_is_at_least_a_tenth_of_the_rate_of_the_lowest_loss():
    rates = np.geomspace(1e-5, 10, 61)
    losses = np.interp(np.arange(61), [0, 10, 20, 55, 60], [2.0, 2.0, 1.0, 0.9, 3.0])
    assert suggest(rates, losses, losses) == pytest.approx(rates[55] / 10)


def test_there_is_no_suggestion_if_the_loss_did_not_fall():
    rates = np.geomspace(1e-3, 1, 30)
    assert suggest(rates, np.full(30, 2.0), np.full(30, 2.0)) is None
    assert suggest(rates, np.linspace(2, 4, 30), np.linspace(2, 4, 30)) is None
    assert suggest(rates, np.full(30, np.nan), np.full(30, np.nan)) is None
    X, y = digits()
    test = find_learning_rate(classifier(), X, y, start=1e-8, stop=1e-6)
    assert test.suggestion is None
    assert "did not fall" in repr(test)


def test_noise_is_seldom_taken_for_a_fall():
    weights = [0.9 ** np.arange(t + 1)[::-1] for t in range(100)]
    suggested = 0
    for seed in range(10):
        batch_losses = 2 + 0.3 * np.random.default_rng(seed).standard_normal(100)
        losses = np.array([np.average(batch_losses[: t + 1], weights=w) for t, w in enumerate(weights)])
        suggested += suggest(np.geomspace(1e-6, 10, 100), losses, batch_losses) is not None
    assert suggested <= 3


# ---- networks learn well with it -------------------------------------------------------------------------------

# data, options of the network, epochs, and the accuracy that a well-chosen rate reaches, with a margin
LEARNS = {
    "digits": (digits, {"n_classes": 10}, 6, 0.93),
    "spirals": (spirals, {"n_classes": 3, "depth": 2}, 60, 0.93),
    "moons": (moons, {"n_classes": 2, "units": 16}, 40, 0.88),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer",
    [pytest.param(SGD(1.0), marks=pytest.mark.slow), SGD(1.0, momentum=0.9), Adam(1.0)],
    ids=["SGD", "momentum", "Adam"],
)
@pytest.mark.parametrize("activation", [ReLU, pytest.param(Tanh, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", LEARNS)
def test_networks_learn_well_with_the_suggestion(name, activation, optimizer):
    data, options, epochs, accuracy = LEARNS[name]
    X, y = data()
    model = classifier(activation=activation, **options)
    optimizer.learning_rate = find_learning_rate(model, X, y, optimizer=optimizer).suggestion
    history = model.fit(X, y, optimizer=optimizer, epochs=epochs)
    needed = accuracy if activation is ReLU or name != "spirals" or "Adam" in repr(optimizer) else 0.6
    assert model.evaluate(X, y)["accuracy"] > needed
    assert max(history["loss"][-3:]) < history["loss"][0]


def test_a_regression_learns_well_with_the_suggestion():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 4))
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
    model = Model([Dense(32), ReLU(), Dense(1), Identity()], seed=0)
    rate = find_learning_rate(model, X, y, optimizer=Adam(1)).suggestion
    model.fit(X, y, optimizer=Adam(rate), epochs=40)
    assert model.evaluate(X, y, metrics=["r2"])["r2"] > 0.9


@pytest.mark.slow
def test_the_suggestion_follows_the_rule_that_takes_the_steps():
    X, y = digits()
    adam, momentum, plain = (
        np.median([find_learning_rate(classifier(seed=seed), X, y, optimizer=rule).suggestion for seed in range(5)])
        for rule in (Adam(1.0), SGD(1.0, momentum=0.9), SGD(1.0))
    )
    assert 2 * adam < momentum < plain / 2


# ---- nothing changes ------------------------------------------------------------------------------------------


def test_the_network_and_the_optimizer_do_not_change():
    X, y = digits()
    model = Model([Dense(16), BatchNorm(), ReLU(), Dropout(0.2), Dense(10), Softmax()], seed=0)
    optimizer = Adam(CosineDecay(1e-3, 100))
    model.fit(X, y, optimizer=optimizer, epochs=1)
    before = everything(model, optimizer)
    find_learning_rate(model, X, y, optimizer=optimizer)
    assert everything(model, optimizer) == before
    assert isinstance(optimizer.learning_rate, CosineDecay)


def test_an_unbuilt_network_stays_unbuilt():
    X, y = digits()
    model = classifier()
    find_learning_rate(model, X, y)
    assert not model.built
    twin = classifier()
    for one in (model, twin):
        one.fit(X[:100], y[:100], epochs=1)
    assert model.theta.tobytes() == twin.theta.tobytes()


def test_the_same_call_gives_the_same_curve():
    X, y = digits()
    first, second = (find_learning_rate(classifier(), X, y) for _ in range(2))
    assert (first.losses == second.losses).all()


# ---- edges and wrong use -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, None, 10_000])
def test_any_batch_size_works(batch_size):
    X, y = digits()
    test = find_learning_rate(classifier(), X[:50], y[:50], batch_size=batch_size, n_steps=400)
    assert test.suggestion is not None


def test_fewer_examples_than_steps_are_used_again():
    X, y = digits()
    test = find_learning_rate(classifier(), X[:10], y[:10], batch_size=4, stop=0.01)
    assert len(test.losses) == 100


@for_each(
    ("arguments", "message"),
    [
        ({"start": 1.0, "stop": 0.1}, "start: expected a rate below stop, 0.1, got 1"),
        ({"start": 0.1, "stop": 0.1}, "start: expected a rate below stop"),
        ({"start": 0}, "start: expected a finite number above 0"),
        ({"stop": np.inf}, "stop: expected a finite number"),
        ({"n_steps": 5}, "n_steps: expected an integer of at least 20"),
        ({"batch_size": 0}, "batch_size: expected an integer"),
        ({"optimizer": 0.1}, "optimizer: expected an Optimizer"),
        ({"model": None}, "model: expected a Model"),
        ({"X": np.zeros((9, 64)), "y": np.zeros(9, int)}, "X: expected at least 10 examples for a range test, got 9"),
        ({"X": np.full((20, 64), np.nan), "y": np.zeros(20, int)}, "X: expected finite numbers"),
        ({"y": [1, 2]}, "y: expected 1438 labels"),
    ],
)
def test_wrong_use_is_refused(arguments, message):
    X, y = digits()
    refuse(lambda: find_learning_rate(**{"model": classifier(), "X": X, "y": y} | arguments), message)


# ---- looking at it -------------------------------------------------------------------------------------------------


def test_its_repr_has_the_suggestion():
    X, y = digits()
    test = find_learning_rate(classifier(activation=Tanh), X, y, optimizer=SGD(1, momentum=0.9), stop=1e4)
    assert f"suggests {test.suggestion:.2g}" in repr(test)
    assert "diverged" in repr(test)


def test_the_plot_marks_the_suggestion_on_an_axis_of_decades():
    from matplotlib.figure import Figure

    X, y = digits()
    test = find_learning_rate(classifier(), X, y)
    ax = Figure().subplots()
    assert test.plot(ax) is ax
    assert ax.get_xscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate", "loss J")
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert (lines["smoothed"].get_ydata() == test.losses).all()
    assert (lines["each batch"].get_ydata() == test.batch_losses).all()
    assert list(lines[f"suggestion {test.suggestion:.2g}"].get_xdata()) == [test.suggestion]
    low, high = ax.get_ylim()
    assert low < test.losses.min() < test.losses[0] < high


def test_a_curve_without_a_suggestion_can_be_drawn_in_a_new_figure():
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    test = RangeTest(np.geomspace(1e-3, 1, 20), np.full(20, 2.0), np.full(20, 2.0), False)
    ax = test.plot()
    assert not any("suggestion" in line.get_label() for line in ax.get_lines())
    plt.close(ax.figure)
    refuse(lambda: test.plot("here"), "ax: expected matplotlib Axes")


@pytest.mark.slow
def test_matplotlib_is_loaded_only_for_the_plot():
    code = "import sys, nnlite.inspect; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
