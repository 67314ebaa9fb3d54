"""Facts about the loss, accuracy and metrics of batches as they pass."""

import math

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import Cache
from nnlite.network.means import KEPT_ROWS, Running

RNG = np.random.default_rng(0)
M = 2 * KEPT_ROWS + 300
OUTPUTS = {
    "softmax, indices": (nn.Softmax, 3, RNG.integers(0, 3, M)),
    "softmax, rows": (nn.Softmax, 3, np.eye(3, dtype=np.uint8)[RNG.integers(0, 3, M)]),
    "sigmoid": (nn.Sigmoid, 2, RNG.integers(0, 2, (M, 2))),
    "identity": (nn.Identity, 1, RNG.normal(size=(M, 1))),
    "wide": (nn.Identity, 5000, np.zeros((M, 5000), np.uint8)),
}


def of_all(y, Y_hat):
    return float(np.square(Y_hat).mean() + y.sum())


def made(name, metrics=()):
    output, units, y = OUTPUTS[name]
    z = np.random.default_rng(1).normal(size=(M, units)).astype(np.float32)
    Y = output().target_rows(y, units, Cache("float32")).astype(np.float32)
    return Running(output(), metrics, "float32"), z, Y, y


def passed(running, arrays, weights, sizes):
    start = 0
    for size in sizes:
        part = slice(start, start + size)
        running.add(*(array[part] for array in arrays), None if weights is None else weights[part])
        start += size
    return running.values()


PARTITIONS = {"at once": [M], "alike": [M // 20] * 20 + [M % 20], "not alike": [1, KEPT_ROWS + 1, 7, M - KEPT_ROWS - 9]}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", OUTPUTS)
def test_how_examples_are_divided_into_batches_changes_no_bit(name, weighted):
    weights = RNG.random(M) if weighted else None
    values = []
    for sizes in PARTITIONS.values():
        running, *arrays = made(name, [("own", of_all)])
        values.append(passed(running, arrays, weights, sizes))
    assert values[0] == values[1] == values[2]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", OUTPUTS)
def test_values_are_means_over_all_examples(name, weighted):
    running, z, Y, y = made(name)
    weights = RNG.random(M) if weighted else None
    values = passed(running, (z, Y, y), weights, PARTITIONS["alike"])
    cache = Cache("float32")
    Y_hat = running.output.forward(z, cache).copy()
    losses = running.output.losses(Y, cache)
    assert values["loss"] == pytest.approx(np.average(losses, weights=weights), rel=1e-6)
    if running.output.classifies:
        rows = np.eye(3)[y] if y.ndim == 1 else y
        of_labels = isinstance(running.output, nn.Sigmoid)
        right = (Y_hat > 0.5) == (rows > 0.5) if of_labels else Y_hat.argmax(1) == rows.argmax(1)
        assert values["accuracy"] == pytest.approx(right.mean())


@pytest.mark.parametrize("name", OUTPUTS)
def test_who_takes_up_a_state_goes_on_as_the_other_would_have(name):
    (whole, *arrays), (first, *_), (second, *_) = (made(name, [("own", of_all)]) for _ in range(3))
    expected = passed(whole, arrays, None, [M])
    n = KEPT_ROWS + 100
    first.add(*(array[:n] for array in arrays), None)
    second.set_state(first.get_state())
    second.add(*(array[n:] for array in arrays), None)
    assert second.values() == expected


def test_weights_and_kinds_of_targets_may_change_from_batch_to_batch():
    running, z, Y, y = made("softmax, indices", [("own", of_all)])
    rows = np.eye(3)[y]
    running.add(z[:50], Y[:50], y[:50].astype(np.uint8), None)
    running.add(z[50:80], Y[50:80], rows[50:80], np.full(30, 2.0))
    other = made("softmax, indices", [("own", of_all)])[0]
    other.set_state(running.get_state())
    for each in (running, other):
        each.add(z[80:100], Y[80:100], y[80:100], np.zeros(20))
    expected = made("softmax, rows", [("own", of_all)])[0]
    expected.add(z[:100], Y[:100], rows[:100], np.repeat([1.0, 2.0, 0.0], [50, 30, 20]))
    values = expected.values()
    for each in (running, other):
        assert each.values() == values


def test_before_the_first_step_nothing_has_passed():
    running, z, Y, y = made("sigmoid", [("own", of_all)])
    running.warm_up(z, Y, y)
    assert math.isnan(made("identity")[0].values()["loss"])
    running.add(z[:5], Y[:5], y[:5], None)
    assert running.n_examples == 0
    running.values()
    assert running.n_examples == 5


def test_one_half_and_a_little_more_is_above_one_half():
    """Also where the network computes in float32, in which it is not."""
    running = made("sigmoid")[0]
    y = np.full((8, 2), 0.5 + 1e-9)
    running.add(np.ones((8, 2), np.float32), y.astype(np.float32), y, None)
    assert running.values()["accuracy"] == 1


def test_a_classifier_of_ones_own_needs_no_more_than_n_correct():
    class Nearest(nn.Identity):
        """Class numbers as values."""

        classifies = True

        def n_correct(self, truth, cache):
            return int((np.abs(cache.a - truth) < 0.5).all(axis=1).sum())

    X, y = np.ones((60, 1), np.float32), np.repeat([1.0, 2.0, 1.0], [20, 20, 20])
    model = nn.Model([nn.Dense(1, nn.Zeros()), Nearest()], seed=0)
    model.fit(X, y, optimizer=nn.SGD(1e-9), epochs=1)
    model.theta[...] = [1.2, 0]
    history = model.fit(X, y, optimizer=nn.SGD(1e-9), epochs=1, validation_data=(X[:30], y[:30]))
    assert history["accuracy"] == [pytest.approx(2 / 3)]
    assert history["val_accuracy"] == [pytest.approx(2 / 3)]


def test_numbers_of_another_kind_in_later_batches_are_not_rounded():
    """An output of one's own may take targets as they are."""

    class AsGiven(nn.Identity):
        def target_rows(self, y, units, cache):
            return y

    running = Running(AsGiven(), (), "float64")
    z = np.zeros((2, 1))
    for y in (np.ones((2, 1), int), np.full((2, 1), 1.7)):
        running.add(z, y, y, None)
    assert running.values()["loss"] == pytest.approx((0.5 + 0.5 * 1.7**2) / 2)


def test_what_an_output_calls_its_arrays_is_its_own_affair():
    class Busy(nn.Softmax):
        def forward(self, a_prev, cache):
            for name in ("z", "losses", "collected"):
                cache.array(name, a_prev.shape)[...] = 0
            cache.array("truth", a_prev.shape[:1], np.intp)[...] = 0
            return super().forward(a_prev, cache)

    X, y = np.random.default_rng(0).normal(size=(3000, 5)).astype(np.float32), np.arange(3000) % 3
    histories = []
    for output in (Busy(), nn.Softmax()):
        model = nn.Model([nn.Dense(3), output], seed=0)
        histories.append(model.fit(X, y, epochs=1, batch_size=1000, validation_data=(X, y)))
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert histories[0][key] == histories[1][key]


class Scored(nn.Softmax):
    """Its own word on what is right, from y as it was given."""

    def n_correct(self, y, cache):
        return float(y[np.arange(len(y)), cache.a.argmax(axis=1)].sum())


def test_who_overrides_n_correct_alone_gets_y_as_it_was_given():
    X, Y = np.random.default_rng(0).normal(size=(3000, 5)).astype(np.float32), np.tile([0.7, 0.2, 0.1], (3000, 1))
    model = nn.Model([nn.Dense(3), Scored()], seed=0)
    history = model.fit(X, Y, optimizer=nn.SGD(1e-9), epochs=1)
    assert history["accuracy"] == [pytest.approx(Y[0][model.predict(X)].mean())]
    assert model.evaluate(X, Y)["accuracy"] == pytest.approx(history["accuracy"][0])


class ByNumber(nn.Softmax):
    """Cross-entropy from class numbers: Y is (M,)."""

    def target_rows(self, y, units, cache):
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


def test_targets_of_another_shape_than_z_can_be_learned_from():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 5)).astype(np.float32), rng.integers(0, 3, 300)
    options = {"optimizer": nn.SGD(0.1), "epochs": 3, "batch_size": 50}
    own, ours = (nn.Model([nn.Dense(3), output], seed=0).fit(X, y, **options) for output in (ByNumber(), nn.Softmax()))
    assert own["loss"] == pytest.approx(ours["loss"], rel=1e-5)
    assert own["accuracy"] == ours["accuracy"]
    values = X[:, :1] * 2
    history = nn.Model([nn.Dense(2), Gaussian()], seed=0).fit(X, values, **options)
    assert history["loss"][2] < history["loss"][0]


def test_no_loss_is_asked_for_of_targets_that_nobody_gave():
    class Gamma(nn.Exponential):
        """Its deviance knows no 0."""

        def losses(self, Y, cache):
            assert (Y > 0).all()
            return super().losses(Y, cache)

    X, y = np.ones((40, 2), np.float32), np.linspace(1, 2, 40)
    model = nn.Model([nn.Dense(1), Gamma()], seed=0)
    assert np.isfinite(model.fit(X, y, epochs=1, batch_size=16)["loss"]).all()


def test_of_nothing_there_is_neither_loss_nor_accuracy():
    values = made("softmax, indices")[0].values()
    assert math.isnan(values["loss"])
    assert math.isnan(values["accuracy"])
