"""Facts about the training loop: it is gradient descent, each epoch visits every example, and it reports means."""

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each
from .examples import SLOW, X, classifier, numbered, spied_classifier, y

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


def test_the_default_optimizer_is_plain_gradient_descent():
    model, twin = classifier(), classifier()
    model.fit(X, y, epochs=2)
    twin.fit(X, y, epochs=2, optimizer=nn.SGD(0.1), batch_size=32)
    np.testing.assert_array_equal(model.theta, twin.theta)


# ---- batches ----------------------------------------------------------------------------------------------------


@for_each(("m", "batch_size"), [(40, 8), (43, 8), (43, 1), (43, 42), (43, 43), (43, 100), (43, None)])
@for_each("shuffle", [True, False])
def test_an_epoch_sees_every_example_once(m, batch_size, shuffle):
    model, spy = spied_classifier()
    epochs = 3
    model.fit(numbered(m), np.arange(m) % 3, optimizer=SLOW, epochs=epochs, batch_size=batch_size, shuffle=shuffle)
    size = min(batch_size or m, m)
    lengths = [size] * (m // size) + ([m % size] if m % size else [])
    assert list(map(len, spy.trained)) == lengths * epochs
    seen = np.concatenate(spy.trained).reshape(epochs, m)
    np.testing.assert_array_equal(np.sort(seen, axis=1), np.tile(np.arange(m), (epochs, 1)))
    assert not spy.predicted


def test_every_epoch_has_another_order():
    model, spy = spied_classifier()
    model.fit(numbered(40), np.arange(40) % 3, optimizer=SLOW, epochs=3, batch_size=8)
    orders = np.concatenate(spy.trained).reshape(3, 40)
    for order in orders:
        assert np.any(np.diff(order) < 0)
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[1], orders[2])


def test_without_shuffling_examples_come_in_their_order():
    model, spy = spied_classifier()
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


def test_every_example_is_equally_likely_at_every_position():
    model, spy = spied_classifier()
    model.fit(numbered(6), np.arange(6) % 3, optimizer=SLOW, epochs=1200, batch_size=5)
    orders = np.concatenate(spy.trained).reshape(1200, 6).astype(int)
    counts = np.array([np.bincount(orders[:, position], minlength=6) for position in range(6)])
    np.testing.assert_allclose(counts, 200, atol=65)  # five standard deviations


# ---- means and validation ---------------------------------------------------------------------------------------


def test_loss_and_accuracy_are_means_over_the_examples_of_an_epoch():
    """With so small a learning rate the network does not change: the means of an epoch are those of the data set."""
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
    model, twin = classifier(), classifier(n_features=4)
    history = model.fit(X, y, optimizer=nn.SGD(0.5), epochs=2, batch_size=None)
    assert history["loss"][0] == pytest.approx(twin.evaluate(X, y)["loss"])
    twin.fit(X, y, optimizer=nn.SGD(0.5), epochs=1, batch_size=None)
    assert history["loss"][1] == pytest.approx(twin.evaluate(X, y)["loss"])


def test_validation_is_measured_after_the_epoch():
    model, X_val, y_val = classifier(), X[:20] + 1, y[:20]
    history = model.fit(X, y, epochs=3, validation_data=(X_val, y_val))
    after = model.evaluate(X_val, y_val)
    assert (history["val_loss"][-1], history["val_accuracy"][-1]) == (after["loss"], after["accuracy"])
    assert len(set(history["val_loss"])) == 3


def test_validation_does_not_change_the_training():
    model, twin = classifier(), classifier()
    model.fit(X, y, epochs=3, validation_data=(X[::-1] * 2, y))
    twin.fit(X, y, epochs=3)
    np.testing.assert_array_equal(model.theta, twin.theta)
