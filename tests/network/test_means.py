"""Facts about the running means of loss, accuracy and metrics."""

import math

import numpy as np
import pytest

import nnlite as nn
from nnlite.network.means import RunningMeans, as_number, resolve_metrics
from nnlite.network.passes import mean_loss

from ..support import for_each, refuse

RNG = np.random.default_rng(0)
M = 500
OUTPUTS = {
    "softmax, indices": (nn.Softmax, 3, RNG.integers(0, 3, M)),
    "softmax, rows": (nn.Softmax, 3, np.eye(3, dtype=np.uint8)[RNG.integers(0, 3, M)]),
    "sigmoid": (nn.Sigmoid, 2, RNG.integers(0, 2, (M, 2))),
    "identity": (nn.Identity, 1, RNG.normal(size=(M, 1))),
}
PARTITIONS = {"at once": [M], "equal": [50] * 10, "unequal": [1, 300, 7, M - 308]}


def mean_square(y, Y_hat):
    return float(np.square(Y_hat).mean() + y.sum())


def batches(name, sizes, weights=None):
    """J, targets, Y_hat and weights of each batch."""
    output, units, y = OUTPUTS[name]
    z = np.random.default_rng(1).normal(size=(M, units)).astype(np.float32)
    start = 0
    for size in sizes:
        part, layer, cache = slice(start, start + size), output(), nn.Cache()
        Y_hat = layer.forward(z[part], cache)
        losses = layer.losses(layer.target_rows(y[part], units, np.float32), cache)
        weight = None if weights is None else weights[part]
        yield mean_loss(losses, weight), y[part], Y_hat, weight
        start += size


def means_of(name, sizes, weights=None):
    means = RunningMeans(OUTPUTS[name][0](), [("own", mean_square)])
    for batch in batches(name, sizes, weights):
        means.add(*batch)
    return means.values()


@for_each("weighted", [False, True])
@for_each("name", OUTPUTS)
@for_each("partition", PARTITIONS)
def test_values_are_means_over_all_examples_for_batches_of_any_size(name, weighted, partition):
    weights = RNG.random(M) if weighted else None
    values = means_of(name, PARTITIONS[partition], weights)
    ((J, y, Y_hat, _),) = batches(name, [M], weights)
    assert values["loss"] == pytest.approx(J, rel=1e-6)
    assert values["own"] == pytest.approx(mean_square(y, Y_hat))
    if OUTPUTS[name][0].classifies:
        rows = np.eye(3)[y] if y.ndim == 1 else y
        right = (Y_hat > 0.5) == (rows > 0.5) if name == "sigmoid" else Y_hat.argmax(1) == rows.argmax(1)
        assert values["accuracy"] == pytest.approx(right.mean())
    else:
        assert "accuracy" not in values


@pytest.mark.parametrize("name", OUTPUTS)
def test_means_continue_from_a_saved_state(name):
    sizes = [200, 300]
    first, second = batches(name, sizes)
    means, restored = (RunningMeans(OUTPUTS[name][0](), [("own", mean_square)]) for _ in range(2))
    means.add(*first)
    restored.set_state(means.get_state())
    restored.add(*second)
    assert restored.values() == means_of(name, sizes)


def test_many_large_losses_do_not_overflow():
    means = RunningMeans(nn.Identity())
    y = Y_hat = np.zeros((4, 1), np.float32)
    means.add(mean_loss(np.full(4, 3e38, np.float32)), y, Y_hat)
    assert means.values()["loss"] == pytest.approx(3e38)


def test_class_indices_and_rows_may_alternate():
    y = OUTPUTS["softmax, indices"][2]
    rows = np.eye(3)[y]
    means = RunningMeans(nn.Softmax(), [("own", mean_square)])
    for i, (J, _, Y_hat, _) in enumerate(batches("softmax, indices", PARTITIONS["equal"])):
        part = slice(50 * i, 50 * i + 50)
        means.add(J, (rows if i % 2 else y)[part], Y_hat)
    expected = RunningMeans(nn.Softmax(), [("own", mean_square)])
    for i, (J, _, Y_hat, _) in enumerate(batches("softmax, indices", PARTITIONS["equal"])):
        expected.add(J, rows[50 * i : 50 * i + 50], Y_hat)
    assert means.values() == expected.values()


def test_without_examples_loss_and_accuracy_are_nan():
    values = RunningMeans(nn.Softmax()).values()
    assert math.isnan(values["loss"])
    assert math.isnan(values["accuracy"])


def test_where_all_weights_are_0_the_loss_is_nan_and_the_accuracy_is_not():
    means = RunningMeans(nn.Softmax())
    means.add(1.0, np.array([0, 1]), np.eye(2), np.zeros(2))
    assert math.isnan(means.values()["loss"])
    assert means.values()["accuracy"] == 1


def test_reset_starts_again_with_no_examples():
    means = RunningMeans(OUTPUTS["softmax, indices"][0](), [("own", mean_square)])
    for batch in batches("softmax, indices", [200, 300]):
        means.reset()
        means.add(*batch)
    (last,) = list(batches("softmax, indices", [200, 300]))[1:]
    fresh = RunningMeans(OUTPUTS["softmax, indices"][0](), [("own", mean_square)])
    fresh.add(*last)
    assert means.values() == fresh.values()


def test_metrics_see_the_arrays_as_they_were_when_they_were_added():
    means = RunningMeans(nn.Identity(), [("own", mean_square)])
    y, Y_hat = np.ones((2, 1)), np.ones((2, 1))
    means.add(0.0, y, Y_hat)
    y[:] = Y_hat[:] = 7
    assert means.values()["own"] == 1 + 2


def test_a_probability_slightly_above_one_half_counts_as_above():
    """Also in a float32 network: the targets are not rounded to float32, where they would be one half."""
    means = RunningMeans(nn.Sigmoid())
    means.add(0.0, np.full((8, 2), 0.5 + 1e-9), np.full((8, 2), 0.7, np.float32))
    assert means.values()["accuracy"] == 1


# ---- metrics ------------------------------------------------------------------------------------------------------


def test_accuracy_is_always_reported_and_needs_no_metric():
    assert resolve_metrics(["accuracy"], nn.Softmax(), 3) == []
    assert [key for key, _ in resolve_metrics(["accuracy", "f1"], nn.Softmax(), 3)] == ["f1"]


def test_a_function_is_a_metric_under_its_own_name():
    assert resolve_metrics([mean_square], nn.Identity(), 1) == [("mean_square", mean_square)]


@pytest.mark.parametrize("metrics", ["f1", mean_square, {"f1"}, None, 3])
def test_metrics_are_a_list(metrics):
    refuse(lambda: resolve_metrics(metrics, nn.Softmax(), 3), "metrics: expected a list of names or functions, got")


def test_two_metrics_cannot_have_the_same_name():
    call = lambda: resolve_metrics(["f1", mean_square, "f1"], nn.Softmax(), 3)  # noqa: E731
    refuse(call, "metrics: 'f1' occurs twice; give each function a name of its own")


@for_each("value", [1, 2.5, np.float32(2.5), np.int64(3), np.array(2.0), True])
def test_a_metric_gives_a_number(value):
    assert as_number("own", value) == float(value)
    assert type(as_number("own", value)) is float


@for_each("value", ["1", b"1", None, [1], np.ones(1), np.ones((2, 2)), 1j])
def test_a_metric_that_gives_anything_else_is_refused(value):
    refuse(lambda: as_number("own", value), "metrics: own must give a number, got ")


# ---- a user's own output layers -----------------------------------------------------------------------------------


class Nearest(nn.Identity):
    """Class numbers as values."""

    classifies = True

    def n_correct(self, y, Y_hat):
        return int((np.abs(Y_hat - y) < 0.5).all(axis=1).sum())


class ByNumber(nn.Softmax):
    """Cross-entropy from class numbers: Y is (M,)."""

    def target_rows(self, y, units, dtype):
        return y

    def losses(self, Y, cache):
        return -np.log(cache.a[np.arange(len(Y)), Y])

    def start_backward(self, Y, cache):
        dz = cache.a.copy()
        dz[np.arange(len(Y)), Y] -= 1
        return dz


class Gaussian(nn.Identity):
    """Mean and log variance, z (M, 2), of y (M, 1)."""

    def check_targets(self, y, units, name="y"):
        return y

    def losses(self, Y, cache):
        mean, log_variance = cache.a.T
        return 0.5 * (log_variance + (Y[:, 0] - mean) ** 2 / np.exp(log_variance))

    def start_backward(self, Y, cache):
        mean, log_variance = cache.a.T
        error = mean - Y[:, 0]
        return np.stack([error / np.exp(log_variance), 0.5 * (1 - error**2 / np.exp(log_variance))], axis=1)


def test_an_output_of_a_user_counts_what_is_correct():
    X, y = np.ones((60, 1), np.float32), np.repeat([1.0, 2.0, 1.0], [20, 20, 20])
    model = nn.Model([nn.Dense(1, nn.Zeros()), Nearest()], seed=0)
    model.fit(X, y, optimizer=nn.SGD(1e-9), epochs=1)
    model.theta[...] = [1.2, 0]
    history = model.fit(X, y, optimizer=nn.SGD(1e-9), epochs=1, validation_data=(X[:30], y[:30]))
    assert history["accuracy"] == [pytest.approx(2 / 3)]
    assert history["val_accuracy"] == [pytest.approx(2 / 3)]


def test_an_output_of_a_user_may_take_targets_of_another_shape_than_z():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 5)).astype(np.float32), rng.integers(0, 3, 300)
    options = {"optimizer": nn.SGD(0.1), "epochs": 3, "batch_size": 50}
    own, ours = (nn.Model([nn.Dense(3), output], seed=0).fit(X, y, **options) for output in (ByNumber(), nn.Softmax()))
    assert own["loss"] == pytest.approx(ours["loss"], rel=1e-5)
    assert own["accuracy"] == ours["accuracy"]
    values = X[:, :1] * 2
    history = nn.Model([nn.Dense(2), Gaussian()], seed=0).fit(X, values, **options)
    assert history["loss"][2] < history["loss"][0]
