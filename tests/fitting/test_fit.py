"""Facts about fit: that a training can be repeated, what it reports, what it holds out, and that data stay the same."""

import subprocess
import sys

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each
from .examples import SLOW, X, classifier, numbered, spied_classifier, y

# ---- repeated trainings -----------------------------------------------------------------------------------------


@for_each("dtype", ["float32", "float64"])
@for_each("options", [{}, {"shuffle": False}, {"batch_size": None}, {"validation_split": 0.2}])
def test_the_same_seed_gives_the_same_weights(dtype, options):
    results = []
    for seed in (5, 5, 6):
        model = classifier(seed=seed, dtype=dtype)
        history = model.fit(X, y, epochs=3, **options)
        results.append((model.theta, history["loss"], history.get("val_loss")))
    first, again, other = results
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1:] == again[1:]
    assert not np.array_equal(first[0], other[0])


def test_without_a_seed_every_network_is_different():
    assert not np.array_equal(classifier(seed=None, n_features=4).theta, classifier(seed=None, n_features=4).theta)


def test_numpys_global_generator_is_neither_used_nor_changed():
    thetas = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        model = classifier()
        model.fit(X, y, epochs=2, validation_split=0.2)
        thetas.append(model.theta)
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.testing.assert_array_equal(*thetas)


PROGRAM = """
import hashlib
import numpy as np
import nnlite as nn

def digest(dtype):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 20)), rng.integers(0, 3, 200)
    model = nn.Model([nn.Dense(30), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=7, dtype=dtype)
    history = model.fit(X, y, optimizer=nn.SGD(0.1, momentum=0.9), epochs=3, validation_split=0.2)
    return hashlib.sha256(model.theta.tobytes() + repr(history["val_loss"]).encode()).hexdigest()

digests = digest("float32"), digest("float64")
"""


@pytest.mark.slow
def test_another_process_gets_the_same_weights():
    here = {}
    exec(PROGRAM, here)
    command = [sys.executable, "-c", f"{PROGRAM}\nprint(*digests)"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert tuple(printed.split()) == here["digests"]


@for_each("options", [{}, {"batch_size": 7}, {"validation_split": 0.2}, {"shuffle": False}])
@for_each("momentum", [0, 0.9])
def test_a_second_fit_continues_where_the_first_ended(options, momentum):
    at_once, in_two = classifier(), classifier()
    optimizer = nn.SGD(0.1, momentum=momentum)
    history = at_once.fit(X, y, optimizer=nn.SGD(0.1, momentum=momentum), epochs=5, **options)
    first = in_two.fit(X, y, optimizer=optimizer, epochs=2, **options)
    second = in_two.fit(X, y, optimizer=optimizer, epochs=3, **options)
    np.testing.assert_array_equal(in_two.theta, at_once.theta)
    assert first["loss"] + second["loss"] == history["loss"]


def test_evaluating_and_predicting_between_fits_changes_nothing():
    model, twin = classifier(), classifier()
    for network in (model, twin):
        for _ in range(3):
            network.fit(X, y, epochs=1)
            if network is model:
                network.evaluate(X, y)
                network.predict(X)
                network.predict_proba(X[:3])
    np.testing.assert_array_equal(model.theta, twin.theta)


# ---- history ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("validation", [{}, {"validation_data": (X, y)}, {"validation_split": 0.2}])
def test_a_classifier_reports_loss_and_accuracy(validation):
    history = classifier().fit(X, y, epochs=3, **validation)
    expected = ["loss", "accuracy", *(["val_loss", "val_accuracy"] if validation else []), "learning_rate", "seconds"]
    assert list(history) == expected
    assert all(len(values) == 3 for values in history.values())
    assert history.epochs == 3
    assert history["learning_rate"] == [0.1] * 3
    assert all(0 < seconds < 10 for seconds in history["seconds"])
    assert all(type(value) is float for values in history.values() for value in values)


@pytest.mark.parametrize("validation", [{}, {"validation_data": (X, X[:, 0])}, {"validation_split": 0.2}])
def test_a_regression_reports_only_the_loss(validation):
    history = nn.Model([nn.Dense(1), nn.Identity()], seed=0).fit(X, X[:, 0], epochs=2, **validation)
    assert list(history) == ["loss", *(["val_loss"] if validation else []), "learning_rate", "seconds"]
    assert all(len(values) == 2 for values in history.values())


def test_every_fit_returns_a_new_history():
    model = classifier()
    first, second = model.fit(X, y, epochs=2), model.fit(X, y, epochs=3)
    assert (first.epochs, second.epochs) == (2, 3)


# ---- validation_split -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["classes", "rows", "sigmoid", "sigmoid column"])
def test_the_split_holds_out_the_same_share_of_each_class(form):
    labels = np.repeat([0, 1, 2], [60, 30, 10]) if form in ("classes", "rows") else np.repeat([0, 1], [75, 25])
    labels = np.random.default_rng(1).permutation(labels)
    output, units = (nn.Softmax, 3) if form in ("classes", "rows") else (nn.Sigmoid, 1)
    targets = {"rows": np.eye(3)[labels % 3], "sigmoid column": labels[:, None]}.get(form, labels)
    model, spy = spied_classifier(output=output, units=units)
    model.fit(numbered(100), targets, optimizer=SLOW, epochs=2, batch_size=7, validation_split=0.2)
    trained = np.concatenate(spy.trained).astype(int)
    held_out = np.concatenate(spy.predicted[:1]).astype(int)
    assert set(trained) | set(held_out) == set(range(100))
    assert not set(trained) & set(held_out)
    assert len(trained) == 2 * 80
    np.testing.assert_array_equal(np.bincount(labels[held_out]), np.bincount(labels) / 5)


@pytest.mark.parametrize(("output", "units"), [(nn.Identity, 1), (nn.Sigmoid, 2)])
def test_values_and_several_labels_are_split_at_random(output, units):
    model, spy = spied_classifier(output=output, units=units)
    targets = np.random.default_rng(0).integers(0, 2, (50, units))
    model.fit(numbered(50), targets, optimizer=SLOW, epochs=1, validation_split=0.3)
    trained, held_out = set(np.concatenate(spy.trained)), set(np.concatenate(spy.predicted))
    assert (len(trained), len(held_out)) == (35, 15)
    assert trained | held_out == set(range(50))


def held_out_by(model, spy, **options):
    spy.trained.clear()
    spy.predicted.clear()
    model.fit(numbered(60), np.arange(60) % 3, optimizer=SLOW, epochs=2, validation_split=0.25, **options)
    held_out = {tuple(rows) for rows in spy.predicted}
    assert len(held_out) == 1  # the same after every epoch
    assert not set(next(iter(held_out))) & set(np.concatenate(spy.trained))
    return held_out.pop()


def test_a_second_fit_holds_out_the_same_examples():
    model, spy = spied_classifier(seed=3)
    first = held_out_by(model, spy)
    model.rng.random(10)
    assert held_out_by(model, spy) == first
    assert held_out_by(model, spy, shuffle=False, batch_size=5) == first
    again, spy_again = spied_classifier(seed=3)
    assert held_out_by(again, spy_again) == first
    other, spy_other = spied_classifier(seed=4)
    assert held_out_by(other, spy_other) != first
    twin = model.copy()
    assert held_out_by(twin, twin.layers[0]) == first


def test_a_network_without_a_seed_holds_out_the_same_examples_too():
    model, spy = spied_classifier(seed=None)
    assert held_out_by(model, spy) == held_out_by(model, spy)


# ---- the data ---------------------------------------------------------------------------------------------------


@for_each("options", [{}, {"shuffle": False}, {"batch_size": None}, {"validation_split": 0.2}])
@for_each("dtype", ["float32", "float64", "uint8", "int64"])
def test_training_does_not_change_the_data(options, dtype):
    data, labels = (X * 3).clip(0).astype(dtype), y.copy()
    before = data.copy(), labels.copy()
    data.flags.writeable = labels.flags.writeable = False  # writing would raise
    classifier().fit(data, labels, epochs=2, **options)
    np.testing.assert_array_equal(data, before[0])
    np.testing.assert_array_equal(labels, before[1])


def test_changing_the_data_after_training_does_not_change_the_network():
    model, data, labels = classifier(), X.copy(), y.copy()
    model.fit(data, labels, epochs=2, batch_size=None)
    expected = model.predict_proba(X)
    data[...] = np.nan
    labels[...] = -1
    np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_a_uint8_image_set_is_never_held_as_floats():
    """Beside it there is room for some batches, not for another image set."""
    import tracemalloc

    images = np.random.default_rng(0).integers(0, 256, (4000, 1000), dtype=np.uint8)
    labels = images[:, 0] % 10
    model = nn.Model([nn.Dense(4), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=1000, seed=0)
    tracemalloc.start()
    model.fit(images, labels, optimizer=nn.SGD(1e-4), epochs=1, batch_size=50)
    model.evaluate(images, labels)  # in blocks of 1024 rows, 4 MB in float32
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < images.nbytes * 1.5
    assert peak < images.nbytes * 4 / 2  # float32 takes four times as much
