"""Facts about several threads: many may predict with one network at once."""

import sys
import threading

import numpy as np
import pytest

import nnlite as nn

from ..support import network

THREADS = 8
ROUNDS = 5
N_FEATURES = 12


@pytest.fixture(autouse=True)
def _hasty_threads():
    """Let threads take turns a hundred times as often as usual, so that faults show."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(interval)


def classifier(output=nn.Softmax, seed=0, width=16):
    hidden = [nn.Dense(width), nn.ReLU(), nn.Dense(width), nn.Tanh(), nn.Dense(width), nn.Sigmoid()]
    return network(*hidden, units=10, output=output(), n_features=N_FEATURES, seed=seed)


def data_of_each_thread():
    """A set for each thread, shorter or longer than a block of a prediction."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal((m, N_FEATURES)).astype(np.float32) for m in (1, 7, 300, 1024, 1025, 1500, 2049, 2500)]


def at_once(work):
    """Run ``work(i)`` in each thread i at the same time, and return the results."""
    barrier = threading.Barrier(THREADS)
    results, errors = [None] * THREADS, []

    def run(i):
        try:
            barrier.wait()
            results[i] = work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    return results


def predictions(model, X, y):
    """Everything that a network predicts of examples."""
    probabilities = [] if isinstance(model.output, nn.Identity) else [model.predict_proba(X)]
    return [model.predict(X), *probabilities, model.evaluate(X, y)]


def assert_same(results, expected):
    for result, right in zip(results, expected, strict=True):
        if isinstance(right, dict):
            assert result == right
        else:
            np.testing.assert_array_equal(result, right)


@pytest.mark.parametrize("output", [nn.Softmax, nn.Sigmoid, nn.Identity])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_threads_at_once_predict_the_same_as_one_thread(output, dtype):
    model = classifier(output)
    sets = data_of_each_thread() if dtype == "float32" else [(X > 0).astype(dtype) for X in data_of_each_thread()]
    truths = [np.arange(len(X)) % 10 if output is nn.Softmax else np.eye(10)[np.arange(len(X)) % 10] for X in sets]
    expected = [predictions(model, X, y) for X, y in zip(sets, truths, strict=True)]
    theta = model.theta.copy()
    for results, right in zip(
        at_once(lambda i: [predictions(model, sets[i], truths[i]) for _ in range(ROUNDS)]), expected, strict=True
    ):
        for result in results:
            assert_same(result, right)
    np.testing.assert_array_equal(model.theta, theta)


def test_threads_share_a_wide_network():
    """Its matrix products are so large that OpenBLAS computes them in several threads."""
    model = classifier(width=100)
    sets = data_of_each_thread()
    expected = [model.predict_proba(X) for X in sets]
    assert_same(at_once(lambda i: model.predict_proba(sets[i])), expected)


def test_a_result_does_not_change_while_others_predict():
    model = classifier()
    sets = data_of_each_thread()
    expected = [model.predict_proba(X) for X in sets]
    held = at_once(lambda i: [model.predict_proba(X) for _ in range(2) for X in sets])
    for results in held:
        assert_same(results, expected * 2)


def test_the_first_prediction_of_a_network_may_come_from_all_threads_at_once():
    X = data_of_each_thread()[6]
    expected = classifier().predict_proba(X)
    for _ in range(5):
        model = classifier()
        for result in at_once(lambda i: model.predict_proba(X)):  # noqa: B023
            np.testing.assert_array_equal(result, expected)


def test_a_network_predicts_the_same_while_another_network_trains():
    model, learner, alone = classifier(seed=0), classifier(seed=1), classifier(seed=1)
    sets = data_of_each_thread()
    y = np.arange(2500) % 10
    expected = [predictions(model, X, y[: len(X)]) for X in sets]
    options = {"epochs": 3, "batch_size": 50}
    alone.fit(sets[7], y, optimizer=nn.SGD(0.1, momentum=0.9), **options)

    def work(i):
        if i == 0:
            return learner.fit(sets[7], y, optimizer=nn.SGD(0.1, momentum=0.9), **options)
        return [predictions(model, sets[i], y[: len(sets[i])]) for _ in range(ROUNDS)]

    results = at_once(work)
    for i in range(1, THREADS):
        for result in results[i]:
            assert_same(result, expected[i])
    np.testing.assert_array_equal(learner.theta, alone.theta)


@pytest.mark.slow
def test_networks_that_train_at_once_learn_the_same_as_one_by_one():
    X, y = data_of_each_thread()[5], np.arange(1500) % 10
    options = {"epochs": 2, "batch_size": 32, "validation_split": 0.1}
    shared = nn.SGD(0.1, momentum=0.9)  # one optimizer may train several networks

    def trained(seed, optimizer):
        model = classifier(seed=seed)
        history = model.fit(X, y, optimizer=optimizer, **options)
        return model.theta, history["loss"], history["val_loss"]

    expected = [trained(i, nn.SGD(0.1, momentum=0.9)) for i in range(THREADS)]
    for result, right in zip(at_once(lambda i: trained(i, shared)), expected, strict=True):
        np.testing.assert_array_equal(result[0], right[0])
        assert result[1:] == right[1:]


def test_a_wrong_call_in_one_thread_disturbs_no_other():
    model = classifier()
    sets = data_of_each_thread()
    expected = [model.predict_proba(X) for X in sets]

    def work(i):
        for _ in range(ROUNDS):
            if i % 2:
                with pytest.raises(nn.ArgumentError):
                    model.predict_proba(sets[i][:, :3])
            np.testing.assert_array_equal(model.predict_proba(sets[i]), expected[i])

    at_once(work)
