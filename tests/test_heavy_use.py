"""Facts about heavy use: many threads, forks in the middle of work, a hundred thousand steps."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn

RNG = np.random.default_rng(0)
N_THREADS = 16
LIMIT = 60.0  # seconds after which a child counts as stuck, and is killed

forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system knows no fork")


def for_seconds(quick, slow):
    return pytest.mark.parametrize("seconds", [quick, pytest.param(slow, marks=pytest.mark.slow)])


# --- threads --------------------------------------------------------------------------------------------------------


def make_model(seed=0):
    layers = [nn.Dense(48), nn.ReLU(), nn.BatchNorm(), nn.Dense(32), nn.Tanh(), nn.Dense(10), nn.Softmax()]
    return nn.Model(layers, n_features=20, seed=seed)


def at_once(works):
    """Run each of these functions in a thread of its own; the first error of any is raised again."""
    errors = []

    def guarded(work):
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
        assert not thread.is_alive(), "a thread is stuck"
    for error in errors:
        raise error


def data_sets():
    """Inputs of different lengths, below and above the number of rows that go through the network at once."""
    lengths = [1, 3, 32, 200, 1023, 1024, 1025, 2100] * 2
    return [RNG.standard_normal((m, 20)).astype(np.float32) for m in lengths]


@for_seconds(2, 60)
def test_sixteen_threads_predict_with_one_network(seconds):
    model, sets = make_model(), data_sets()
    expected = [model.predict_proba(X) for X in sets]
    rounds = [0] * N_THREADS
    end = time.monotonic() + seconds

    def predict(i):
        while time.monotonic() < end:
            j = (i + rounds[i]) % len(sets)  # every thread comes to every set
            np.testing.assert_array_equal(model.predict_proba(sets[j]), expected[j])
            rounds[i] += 1

    at_once([lambda i=i: predict(i) for i in range(N_THREADS)])
    assert min(rounds) >= 2


@for_seconds(2, 60)
def test_a_network_trains_while_others_predict_with_its_copy(seconds):
    model, alone, sets = make_model(), make_model(), data_sets()
    y = np.arange(2100) % 10
    options = {"epochs": 1, "batch_size": 64, "progress": False}
    copy = model.copy()
    expected = [copy.predict_proba(X) for X in sets]
    done, trained, rounds = threading.Event(), [0], [0] * 4
    end = time.monotonic() + seconds

    def train():
        try:
            optimizer = nn.Adam(1e-3)
            while time.monotonic() < end:
                model.fit(sets[7], y, optimizer=optimizer, **options)
                trained[0] += 1
        finally:
            done.set()

    def predict(i):
        while not done.is_set():
            j = (i + rounds[i]) % len(sets)
            np.testing.assert_array_equal(copy.predict_proba(sets[j]), expected[j])
            rounds[i] += 1

    at_once([train, *(lambda i=i: predict(i) for i in range(len(rounds)))])
    assert min(rounds) >= 1
    optimizer = nn.Adam(1e-3)
    for _ in range(trained[0]):
        alone.fit(sets[7], y, optimizer=optimizer, **options)
    np.testing.assert_array_equal(model.theta, alone.theta)  # as if nobody had predicted


# --- forks ------------------------------------------------------------------------------------------------------------


def in_child(work, path):
    """The array that ``work()`` gives in a forked child; a child that is stuck is killed, and the test fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking while there are threads
        child = os.fork()
    if child == 0:
        try:
            np.save(path, work())
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
    end = time.monotonic() + LIMIT
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the child is stuck")
        time.sleep(0.01)
    assert ended[1] == 0, "the child failed"
    return np.load(path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "of_child.npy"


def make_large(seed=0):
    """A million parameters, so that matrix products use several threads."""
    return nn.Model([nn.Dense(1000), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=1000, seed=seed)


X_LARGE = RNG.standard_normal((128, 1000)).astype(np.float32)
Y_LARGE = np.arange(128) % 10


def train(model, optimizer):
    model.fit(X_LARGE, Y_LARGE, optimizer=optimizer, epochs=1, batch_size=32, progress=False)
    return model.theta


@forking
def test_a_fork_after_predicting_predicts_the_same(path):
    model = make_large()
    before = model.predict_proba(X_LARGE)
    np.testing.assert_array_equal(in_child(lambda: model.predict_proba(X_LARGE), path), before)
    np.testing.assert_array_equal(model.predict_proba(X_LARGE), before)


@forking
@pytest.mark.parametrize("rule", [nn.Adam, nn.AdamW, lambda rate: nn.SGD(rate, momentum=0.9)])
def test_a_fork_after_training_goes_on_as_its_parent_does(path, rule):
    model, optimizer = make_large(), rule(1e-3)
    train(model, optimizer)
    of_child = in_child(lambda: train(model, optimizer), path)
    np.testing.assert_array_equal(of_child, train(model, optimizer))


@forking
def test_a_fork_of_a_fork_and_a_second_fork_train_as_well(path):
    model, optimizer = make_large(), nn.Adam(1e-3)
    train(model, optimizer)

    def train_and_fork():
        train(model, optimizer)
        return in_child(lambda: train(model, optimizer), path.with_name("of_grandchild.npy"))

    of_grandchild = in_child(train_and_fork, path)
    of_second = in_child(lambda: train(model, optimizer), path)
    np.testing.assert_array_equal(of_second, train(model, optimizer))
    np.testing.assert_array_equal(of_grandchild, train(model, optimizer))


def fork_while_another_thread_trains(path):
    """Whatever lock the other thread holds at that moment, the child must not wait for it."""
    model, other, optimizer = make_large(), make_large(seed=1), nn.Adam(1e-3)
    train(model, optimizer)
    stop = threading.Event()

    def go_on():
        own = nn.Adam(1e-3)
        while not stop.is_set():
            train(other, own)

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        of_children = [in_child(lambda: train(model, optimizer), path) for _ in range(5)]
    finally:
        stop.set()
        thread.join(LIMIT)
    assert not thread.is_alive()
    expected = train(model, optimizer)
    for of_child in of_children:
        np.testing.assert_array_equal(of_child, expected)


@forking
def test_a_fork_while_another_thread_trains_trains_a_network_of_its_own(path):
    """OpenBLAS itself stands still when it is forked in the middle of a product that several of its threads share."""
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "MKL", "OMP", "VECLIB_MAXIMUM")}
    ran = subprocess.run(
        [sys.executable, __file__, path],
        env=os.environ | one_thread,
        capture_output=True,
        text=True,
        timeout=6 * LIMIT,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


@forking
def test_a_pool_of_forked_workers_predicts_as_the_parent_does():
    import multiprocessing

    model, parts = make_large(), np.array_split(X_LARGE, 8)
    train(model, nn.Adam(1e-3))
    expected = [model.predict_proba(part) for part in parts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for result, right in zip(
                pool.map_async(model.predict_proba, parts).get(timeout=LIMIT), expected, strict=True
            ):
                np.testing.assert_array_equal(result, right)


# --- many steps -------------------------------------------------------------------------------------------------------


def resident():
    """Bytes of memory that the process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(("n_steps", "n_epochs"), [(2_000, 20), pytest.param(100_000, 100, marks=pytest.mark.slow)])
def test_memory_is_flat_over_many_steps_with_callbacks(tmp_path, n_steps, n_epochs):
    traced, held, steps = np.zeros(n_epochs), np.zeros(n_epochs), [0]  # made before anything is measured
    known_objects = np.zeros(n_epochs)

    def count(batch, logs):
        steps[0] += 1

    def measure(epoch, logs):
        gc.collect()
        traced[epoch] = tracemalloc.get_traced_memory()[0]
        known_objects[epoch] = len(gc.get_objects())
        if sys.platform == "linux":
            held[epoch] = resident()

    X = RNG.standard_normal((n_steps // n_epochs * 2, 4)).astype(np.float32)
    y = np.arange(len(X)) % 3
    model = nn.Model([nn.Dense(8), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.1), nn.Dense(3), nn.Softmax()], seed=0)
    callbacks = [
        nn.EMA(0.99),
        nn.ReduceOnPlateau(patience=2, min_learning_rate=1e-6),
        nn.EarlyStopping(patience=n_epochs),
        nn.ModelCheckpoint(tmp_path / "best.npz", save_best_only=True),
        nn.CSVLogger(tmp_path / "log.csv"),
        nn.LambdaCallback(on_batch_end=count, on_epoch_end=measure),
    ]
    tracemalloc.start()
    try:
        model.fit(
            X, y, optimizer=nn.Adam(1e-3), epochs=n_epochs, batch_size=2, validation_split=None,
            validation_data=(X[:50], y[:50]), callbacks=callbacks, metrics=["f1"], progress=False,
        )  # fmt: skip
    finally:
        tracemalloc.stop()
    assert steps[0] == n_steps
    early = n_epochs // 4
    history = 1_000 * (n_epochs - early)  # a dozen numbers an epoch
    assert traced[-1] - traced[early] < history
    assert known_objects[-1] - known_objects[early] < 50
    assert held[-1] - held[early] < 4 * 2**20


def test_many_networks_leave_nothing_behind():
    def use():
        model = make_model()
        model.fit(RNG.standard_normal((64, 20)), np.arange(64) % 10, epochs=1, optimizer=nn.Adam(1e-3), progress=False)
        model.copy().predict(RNG.standard_normal((5, 20)))

    tracemalloc.start()
    try:
        for _ in range(5):
            use()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(50):
            use()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 100_000
    finally:
        tracemalloc.stop()


def test_threads_that_ended_leave_nothing_behind():
    model, X = make_model(), RNG.standard_normal((2000, 20)).astype(np.float32)
    model.predict(X)
    tracemalloc.start()
    try:
        for i in range(100):
            if i == 10:
                before = tracemalloc.get_traced_memory()[0]
            thread = threading.Thread(target=model.predict, args=(X,))
            thread.start()
            thread.join()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 100_000
    finally:
        with contextlib.suppress(RuntimeError):
            tracemalloc.stop()


if __name__ == "__main__":
    fork_while_another_thread_trains(Path(sys.argv[1]))
