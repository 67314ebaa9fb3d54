"""Facts about training: that it is gradient descent, that it can be repeated, and that networks learn."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

import nnlite as nn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 4)).astype(np.float32)
y = RNG.integers(0, 3, 50)


class Spy(nn.Layer):
    """Passes everything on, and notes the first feature of each example that comes by."""

    def __init__(self):
        self.trained, self.predicted = [], []

    def forward(self, a_prev, cache):
        (self.trained if cache.training else self.predicted).append(a_prev[:, 0].copy())
        return a_prev

    def backward(self, da, cache):
        return da


def make_model(*, seed=0, dtype="float32", n_features=None):
    return nn.Model([nn.Dense(6), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=seed, dtype=dtype, n_features=n_features)


def spied_model(seed=0, output=nn.Softmax, units=3):
    spy = Spy()
    model = nn.Model([spy, nn.Dense(units), output()], n_features=1, seed=seed)
    spy.trained.clear()
    spy.predicted.clear()  # building may try the layers out
    return model, spy


def numbered(m, width=1, dtype=np.float32):
    """Examples that tell their number: it is their first feature."""
    data = np.zeros((m, width), dtype)
    data[:, 0] = np.arange(m)
    return data


SLOW = nn.SGD(1e-6)  # for tests that look at something else than learning


# ---- the same again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"shuffle": False}, {"batch_size": None}, {"validation_split": 0.2}])
def test_the_same_seed_gives_the_same_weights(dtype, options):
    results = []
    for seed in (5, 5, 6):
        model = make_model(seed=seed, dtype=dtype)
        history = model.fit(X, y, epochs=3, **options)
        results.append((model.theta, history["loss"], history.get("val_loss")))
    first, again, other = results
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1:] == again[1:]
    assert not np.array_equal(first[0], other[0])


def test_without_a_seed_every_network_is_different():
    assert not np.array_equal(make_model(seed=None, n_features=4).theta, make_model(seed=None, n_features=4).theta)


def test_the_state_of_numpys_own_generator_plays_no_part():
    thetas = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        model = make_model()
        model.fit(X, y, epochs=2, validation_split=0.2)
        thetas.append(model.theta)
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.testing.assert_array_equal(*thetas)


PROGRAM = """
import hashlib, sys
import numpy as np
import nnlite as nn
rng = np.random.default_rng(0)
X, y = rng.standard_normal((200, 20)), rng.integers(0, 3, 200)
model = nn.Model([nn.Dense(30), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=7, dtype=sys.argv[1])
history = model.fit(X, y, optimizer=nn.SGD(0.1, momentum=0.9), epochs=3, validation_split=0.2)
digest = hashlib.sha256(model.theta.tobytes() + repr(history["val_loss"]).encode()).hexdigest()
print(digest)
"""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_another_process_gets_the_same_weights(dtype):
    rng = np.random.default_rng(0)
    data, labels = rng.standard_normal((200, 20)), rng.integers(0, 3, 200)
    model = nn.Model([nn.Dense(30), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=7, dtype=dtype)
    history = model.fit(data, labels, optimizer=nn.SGD(0.1, momentum=0.9), epochs=3, validation_split=0.2)
    digest = hashlib.sha256(model.theta.tobytes() + repr(history["val_loss"]).encode()).hexdigest()
    command = [sys.executable, "-c", PROGRAM, dtype]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == digest


@pytest.mark.parametrize("options", [{}, {"batch_size": 7}, {"validation_split": 0.2}, {"shuffle": False}])
@pytest.mark.parametrize("momentum", [0, 0.9])
def test_a_second_fit_goes_on_where_the_first_ended(options, momentum):
    at_once, in_two = make_model(), make_model()
    optimizer = nn.SGD(0.1, momentum=momentum)
    history = at_once.fit(X, y, optimizer=nn.SGD(0.1, momentum=momentum), epochs=5, **options)
    first = in_two.fit(X, y, optimizer=optimizer, epochs=2, **options)
    second = in_two.fit(X, y, optimizer=optimizer, epochs=3, **options)
    np.testing.assert_array_equal(in_two.theta, at_once.theta)
    assert first["loss"] + second["loss"] == history["loss"]


def test_evaluating_and_predicting_between_fits_changes_nothing():
    model, twin = make_model(), make_model()
    for network in (model, twin):
        for _ in range(3):
            network.fit(X, y, epochs=1)
            if network is model:
                network.evaluate(X, y)
                network.predict(X)
                network.predict_proba(X[:3])
    np.testing.assert_array_equal(model.theta, twin.theta)


def test_validation_teaches_nothing():
    model, twin = make_model(), make_model()
    model.fit(X, y, epochs=3, validation_data=(X[::-1] * 2, y))
    twin.fit(X, y, epochs=3)
    np.testing.assert_array_equal(model.theta, twin.theta)


# ---- gradient descent -------------------------------------------------------------------------------------------


def softmax(z):
    temp = np.exp(z - z.max(axis=1, keepdims=True))
    return temp / temp.sum(axis=1, keepdims=True)


def descend(parameters, batches, learning_rate):
    """Textbook gradient descent for Dense, Tanh, Dense, Softmax; the mean loss of each batch before its step."""
    W1, b1, W2, b2 = parameters
    costs = []
    for A0, Y in batches:
        M = len(A0)
        A1 = np.tanh(A0 @ W1 + b1)
        Y_hat = softmax(A1 @ W2 + b2)
        costs.append(-np.mean(np.sum(Y * np.log(Y_hat), axis=1)))
        dZ2 = (Y_hat - Y) / M
        dZ1 = dZ2 @ W2.T * (1 - A1**2)
        W2, b2 = W2 - learning_rate * A1.T @ dZ2, b2 - learning_rate * dZ2.sum(axis=0)
        W1, b1 = W1 - learning_rate * A0.T @ dZ1, b1 - learning_rate * dZ1.sum(axis=0)
    return (W1, b1, W2, b2), costs


def tanh_model():
    return nn.Model([nn.Dense(6), nn.Tanh(), nn.Dense(3), nn.Softmax()], n_features=4, seed=0, dtype="float64")


def test_the_full_batch_is_gradient_descent_by_hand():
    model, data, Y = tanh_model(), X.astype(float), np.eye(3)[y]
    parameters, costs = descend([p.copy() for p in model.parameters.values()], [(data, Y)] * 20, 0.5)
    history = model.fit(data, y, optimizer=nn.SGD(0.5), epochs=20, batch_size=None)
    for value, expected in zip(model.parameters.values(), parameters, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)
    assert history["loss"] == pytest.approx(costs, rel=1e-10)


def test_mini_batches_are_gradient_descent_by_hand():
    model, data, Y = tanh_model(), X.astype(float), np.eye(3)[y]
    batches = [(data[start : start + 8], Y[start : start + 8]) for start in range(0, 50, 8)]
    parameters, costs = descend([p.copy() for p in model.parameters.values()], batches * 4, 0.5)
    history = model.fit(data, y, optimizer=nn.SGD(0.5), epochs=4, batch_size=8, shuffle=False)
    for value, expected in zip(model.parameters.values(), parameters, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)
    # the last batch has two examples: the mean is over examples, not over batches
    by_epoch = np.reshape(costs, (4, 7)) @ ([8 / 50] * 6 + [2 / 50])
    assert history["loss"] == pytest.approx(by_epoch, rel=1e-10)


def test_the_default_optimizer_is_plain_descent():
    model, twin = make_model(), make_model()
    model.fit(X, y, epochs=2)
    twin.fit(X, y, epochs=2, optimizer=nn.SGD(0.1), batch_size=32)
    np.testing.assert_array_equal(model.theta, twin.theta)


# ---- batches ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "batch_size"), [(40, 8), (43, 8), (43, 1), (43, 42), (43, 43), (43, 100), (43, None)])
@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_sees_every_example_once(m, batch_size, shuffle):
    model, spy = spied_model()
    epochs = 3
    model.fit(numbered(m), np.arange(m) % 3, optimizer=SLOW, epochs=epochs, batch_size=batch_size, shuffle=shuffle)
    size = min(batch_size or m, m)
    lengths = [size] * (m // size) + ([m % size] if m % size else [])
    assert list(map(len, spy.trained)) == lengths * epochs
    seen = np.concatenate(spy.trained).reshape(epochs, m)
    np.testing.assert_array_equal(np.sort(seen, axis=1), np.tile(np.arange(m), (epochs, 1)))
    assert not spy.predicted


def test_every_epoch_has_an_order_of_its_own():
    model, spy = spied_model()
    model.fit(numbered(40), np.arange(40) % 3, optimizer=SLOW, epochs=3, batch_size=8)
    orders = np.concatenate(spy.trained).reshape(3, 40)
    for order in orders:
        assert np.any(np.diff(order) < 0)
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[1], orders[2])


def test_without_shuffling_examples_come_in_their_order():
    model, spy = spied_model()
    rng = model.rng
    model.fit(numbered(20), np.arange(20) % 3, optimizer=SLOW, epochs=1, batch_size=8, shuffle=False)
    state = rng.bit_generator.state
    model.fit(numbered(20), np.arange(20) % 3, optimizer=SLOW, epochs=1, batch_size=8, shuffle=False)
    np.testing.assert_array_equal(np.concatenate(spy.trained), np.tile(np.arange(20), 2))
    assert rng.bit_generator.state == state  # and nothing is drawn


def test_labels_stay_with_their_examples():
    """With lookup-table weights, the loss is tiny only if each example meets its own label."""
    for targets in (np.arange(30) % 3, np.eye(3)[np.arange(30) % 3]):
        model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=3, seed=0)
        model.parameters["W1"][...] = 50 * np.eye(3)
        data = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
        history = model.fit(data, targets, optimizer=SLOW, epochs=3, batch_size=4, validation_split=0.2)
        assert max(history["loss"] + history["val_loss"]) < 1e-6
        assert history["accuracy"] == history["val_accuracy"] == [1, 1, 1]


def test_the_orders_of_all_positions_are_fair():
    model, spy = spied_model()
    model.fit(numbered(6), np.arange(6) % 3, optimizer=SLOW, epochs=1200, batch_size=5)
    orders = np.concatenate(spy.trained).reshape(1200, 6).astype(int)
    counts = np.array([np.bincount(orders[:, position], minlength=6) for position in range(6)])
    np.testing.assert_allclose(counts, 200, atol=65)  # five standard deviations


# ---- history ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("validation", [{}, {"validation_data": (X, y)}, {"validation_split": 0.2}])
def test_a_classifier_reports_loss_and_accuracy(validation):
    history = make_model().fit(X, y, epochs=3, **validation)
    expected = ["loss", "accuracy", *(["val_loss", "val_accuracy"] if validation else []), "learning_rate", "seconds"]
    assert list(history) == expected
    assert all(len(values) == 3 for values in history.values())
    assert history.epochs == 3
    assert history["learning_rate"] == [0.1] * 3
    assert all(0 < seconds < 10 for seconds in history["seconds"])
    assert all(type(value) is float for values in history.values() for value in values)


@pytest.mark.parametrize("validation", [{}, {"validation_data": (X, X[:, 0])}, {"validation_split": 0.2}])
def test_a_regression_reports_loss_alone(validation):
    history = nn.Model([nn.Dense(1), nn.Identity()], seed=0).fit(X, X[:, 0], epochs=2, **validation)
    assert list(history) == ["loss", *(["val_loss"] if validation else []), "learning_rate", "seconds"]
    assert all(len(values) == 2 for values in history.values())


def test_every_fit_has_a_history_of_its_own():
    model = make_model()
    first, second = model.fit(X, y, epochs=2), model.fit(X, y, epochs=3)
    assert (first.epochs, second.epochs) == (2, 3)


def test_loss_and_accuracy_are_means_over_the_examples_of_an_epoch():
    """So small a rate leaves the network as it is; then the epoch's figures are those of the data set."""
    for output, units, targets in (
        (nn.Softmax, 3, y),
        (nn.Sigmoid, 1, y % 2),
        (nn.Sigmoid, 3, np.eye(3)[y]),
        (nn.Identity, 1, X[:, 0]),
    ):
        model = nn.Model([nn.Dense(units), output()], n_features=4, seed=0, dtype="float64")
        expected = model.evaluate(X, targets)
        history = model.fit(X, targets, optimizer=nn.SGD(1e-300), epochs=2, batch_size=8)
        for key, value in expected.items():
            assert history[key] == pytest.approx([value] * 2, rel=1e-12)


def test_the_loss_of_a_batch_is_measured_before_its_step():
    model, twin = make_model(), make_model(n_features=4)
    history = model.fit(X, y, optimizer=nn.SGD(0.5), epochs=2, batch_size=None)
    assert history["loss"][0] == pytest.approx(twin.evaluate(X, y)["loss"])
    twin.fit(X, y, optimizer=nn.SGD(0.5), epochs=1, batch_size=None)
    assert history["loss"][1] == pytest.approx(twin.evaluate(X, y)["loss"])


def test_validation_is_measured_after_the_epoch():
    model, X_val, y_val = make_model(), X[:20] + 1, y[:20]
    history = model.fit(X, y, epochs=3, validation_data=(X_val, y_val))
    after = model.evaluate(X_val, y_val)
    assert (history["val_loss"][-1], history["val_accuracy"][-1]) == (after["loss"], after["accuracy"])
    assert len(set(history["val_loss"])) == 3


# ---- validation_split -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["classes", "rows", "sigmoid", "sigmoid column"])
def test_the_split_holds_out_of_each_class_its_share(form):
    labels = np.repeat([0, 1, 2], [60, 30, 10]) if form in ("classes", "rows") else np.repeat([0, 1], [75, 25])
    labels = np.random.default_rng(1).permutation(labels)
    output, units = (nn.Softmax, 3) if form in ("classes", "rows") else (nn.Sigmoid, 1)
    targets = {"rows": np.eye(3)[labels % 3], "sigmoid column": labels[:, None]}.get(form, labels)
    model, spy = spied_model(output=output, units=units)
    model.fit(numbered(100), targets, optimizer=SLOW, epochs=2, batch_size=7, validation_split=0.2)
    trained = np.concatenate(spy.trained).astype(int)
    held_out = np.concatenate(spy.predicted[:1]).astype(int)
    assert set(trained) | set(held_out) == set(range(100))
    assert not set(trained) & set(held_out)
    assert len(trained) == 2 * 80
    np.testing.assert_array_equal(np.bincount(labels[held_out]), np.bincount(labels) / 5)


@pytest.mark.parametrize(("output", "units"), [(nn.Identity, 1), (nn.Sigmoid, 2)])
def test_values_and_several_labels_are_split_at_random(output, units):
    model, spy = spied_model(output=output, units=units)
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
    model, spy = spied_model(seed=3)
    first = held_out_by(model, spy)
    model.rng.random(10)
    assert held_out_by(model, spy) == first
    assert held_out_by(model, spy, shuffle=False, batch_size=5) == first
    again, spy_again = spied_model(seed=3)
    assert held_out_by(again, spy_again) == first
    other, spy_other = spied_model(seed=4)
    assert held_out_by(other, spy_other) != first
    twin = model.copy()
    assert held_out_by(twin, twin.layers[0]) == first


def test_a_network_without_a_seed_holds_out_the_same_examples_too():
    model, spy = spied_model(seed=None)
    assert held_out_by(model, spy) == held_out_by(model, spy)


# ---- the data ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"shuffle": False}, {"batch_size": None}, {"validation_split": 0.2}])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64"])
def test_training_leaves_the_data_as_it_was(options, dtype):
    data, labels = (X * 3).clip(0).astype(dtype), y.copy()
    before = data.copy(), labels.copy()
    data.flags.writeable = labels.flags.writeable = False  # writing would raise
    make_model().fit(data, labels, epochs=2, **options)
    np.testing.assert_array_equal(data, before[0])
    np.testing.assert_array_equal(labels, before[1])


def test_what_a_user_does_to_the_data_afterwards_does_not_matter():
    model, data, labels = make_model(), X.copy(), y.copy()
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


# ---- learning ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_digits_are_read(seed):
    digits = nn.load_digits()
    model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=seed)
    history = model.fit(digits.X_train, digits.y_train, optimizer=nn.SGD(0.1, momentum=0.9), epochs=30)
    assert model.evaluate(digits.X_test, digits.y_test)["accuracy"] >= 0.965
    assert np.mean(model.predict(digits.X_test) == digits.y_test) >= 0.965
    assert history["loss"][-1] < 0.01
    assert history["loss"][0] > 0.3
    assert sum(history["seconds"]) < 10


def test_iris_flowers_are_told_apart():
    iris = nn.load_iris()
    model = nn.Model([nn.Dense(16), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)
    model.fit(iris.X_train, iris.y_train, optimizer=nn.SGD(0.02, momentum=0.9), epochs=100, batch_size=16)
    assert model.evaluate(iris.X_test, iris.y_test)["accuracy"] >= 0.9


@pytest.mark.parametrize("hidden", [nn.Tanh, nn.ReLU, nn.Sigmoid])
def test_xor_is_learned(hidden):
    inputs, truth = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    model = nn.Model([nn.Dense(8), hidden(), nn.Dense(1), nn.Sigmoid()], seed=0)
    history = model.fit(inputs, truth, optimizer=nn.SGD(0.1, momentum=0.9), epochs=2000, batch_size=None)
    np.testing.assert_array_equal(model.predict(inputs), truth)
    assert history["loss"][-1] < 0.05


def test_xor_cannot_be_learned_without_a_hidden_layer():
    inputs, truth = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    history = model.fit(inputs, truth, optimizer=nn.SGD(0.5), epochs=500, batch_size=None)
    assert history["loss"][-1] == pytest.approx(np.log(2), abs=1e-4)


def test_moons_are_told_apart():
    data, labels = nn.make_moons(400, noise=0.1, seed=0)
    model = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(1), nn.Sigmoid()], seed=0)
    model.fit(data, labels, optimizer=nn.SGD(0.1, momentum=0.9, nesterov=True), epochs=60)
    X_test, y_test = nn.make_moons(400, noise=0.1, seed=1)
    assert model.evaluate(X_test, y_test)["accuracy"] > 0.98


def test_spirals_are_told_apart():
    data, labels = nn.make_spirals(600, noise=0.1, seed=0)
    model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(32), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=0)
    model.fit(data, labels, optimizer=nn.SGD(0.05, momentum=0.9), epochs=100)
    X_test, y_test = nn.make_spirals(600, noise=0.1, seed=1)
    assert model.evaluate(X_test, y_test)["accuracy"] > 0.97


def test_several_labels_are_learned_at_once():
    data = np.random.default_rng(0).standard_normal((500, 3))
    labels = data > 0
    model = nn.Model([nn.Dense(3), nn.Sigmoid()], seed=0)
    model.fit(data, labels, optimizer=nn.SGD(1.0), epochs=50)
    assert model.evaluate(data, labels)["accuracy"] > 0.99


def test_linear_regression_finds_least_squares():
    rng = np.random.default_rng(0)
    data = rng.standard_normal((200, 3))
    values = data @ [[1, -2], [0.5, 0], [0, 3]] + [4, -1] + 0.1 * rng.standard_normal((200, 2))
    model = nn.Model([nn.Dense(2), nn.Identity()], seed=0, dtype="float64")
    model.fit(data, values, optimizer=nn.SGD(0.5), epochs=300, batch_size=None)
    exact = np.linalg.lstsq(np.column_stack([data, np.ones(200)]), values, rcond=None)[0]
    np.testing.assert_allclose(model.parameters["W1"], exact[:3], atol=1e-10)
    np.testing.assert_allclose(model.parameters["b1"], exact[3], atol=1e-10)


def test_a_curve_is_learned():
    data = np.linspace(-1, 1, 200)[:, None]
    values = np.sin(3 * data[:, 0])
    model = nn.Model([nn.Dense(32), nn.Tanh(), nn.Dense(1), nn.Identity()], seed=0)
    model.fit(data, values, optimizer=nn.SGD(0.1, momentum=0.9), epochs=400)
    assert np.sqrt(np.mean(np.square(model.predict(data) - values))) < 0.07  # the values go from -1 to 1


def test_weight_decay_keeps_weights_small():
    sizes = []
    for weight_decay in (0, 0.01, 0.1):
        model = make_model()
        model.fit(X, y, optimizer=nn.SGD(0.1, weight_decay=weight_decay), epochs=100)
        sizes.append(np.linalg.norm(model.theta[: model.n_weights]))
    assert sizes[0] > sizes[1] > sizes[2]
