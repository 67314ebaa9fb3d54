"""Facts about heavy use: many threads, forks in the middle of work, many steps, many networks."""

import contextlib
import gc
import multiprocessing
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
LIMIT = 60.0  # seconds after which a child counts as stuck and is killed

forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")


def rounds(quick, slow):
    return pytest.mark.parametrize("n_rounds", [quick, pytest.param(slow, marks=pytest.mark.slow)])


# ---- threads -------------------------------------------------------------------------------------------------------


def deep(seed=0):
    layers = [nn.Dense(48), nn.ReLU(), nn.BatchNorm(), nn.Dense(32), nn.Tanh(), nn.Dense(10), nn.Softmax()]
    return nn.Model(layers, n_features=20, seed=seed)


def let_others_run(frame, event, argument):
    """A trace function that lets another thread run after each line of nnlite, so that every race happens soon."""
    if not frame.f_globals.get("__name__", "").startswith("nnlite"):
        return None
    time.sleep(0)
    return let_others_run


def at_once(works):
    """Run each of these functions in a thread of its own, line by line in turn; raise the first error of any."""
    errors = []
    ready = threading.Barrier(len(works))

    def guarded(work):
        try:
            ready.wait(LIMIT)
            sys.settrace(let_others_run)
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
    return [RNG.standard_normal((m, 20)).astype(np.float32) for m in (1, 32, 1023, 1024, 1025, 2100)]


@pytest.mark.slow
@rounds(1, 10)
def test_sixteen_threads_predict_with_one_network(n_rounds):
    model, sets = deep(), data_sets()
    expected = [model.predict_proba(X) for X in sets]

    def predict(i):
        for j in np.arange(i, i + n_rounds * len(sets)) % len(sets):
            np.testing.assert_array_equal(model.predict_proba(sets[j]), expected[j])

    at_once([lambda i=i: predict(i) for i in range(N_THREADS)])


@pytest.mark.slow
@rounds(2, 20)
def test_a_network_trains_while_threads_predict_with_its_copy(n_rounds):
    model, alone, sets = deep(), deep(), data_sets()
    X, y = sets[-1][:256], np.arange(256) % 10
    options = {"epochs": 1, "batch_size": 64, "progress": False}
    copy = model.copy()
    expected = [copy.predict_proba(X) for X in sets]
    done = threading.Event()

    def train():
        try:
            optimizer = nn.Adam(1e-3)
            for _ in range(n_rounds):
                model.fit(X, y, optimizer=optimizer, **options)
        finally:
            done.set()

    def predict(i):
        while not done.is_set():
            i = (i + 1) % len(sets)
            np.testing.assert_array_equal(copy.predict_proba(sets[i]), expected[i])

    at_once([train, *(lambda i=i: predict(i) for i in range(4))])
    optimizer = nn.Adam(1e-3)
    for _ in range(n_rounds):
        alone.fit(X, y, optimizer=optimizer, **options)
    np.testing.assert_array_equal(model.theta, alone.theta)  # as if nobody had predicted


# ---- forks ---------------------------------------------------------------------------------------------------------


def in_child(work, path):
    """Return the array that ``work()`` gives in a forked child; kill a child that is stuck, and fail."""
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
        time.sleep(0.002)
    assert ended[1] == 0, "the child failed"
    return np.load(path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "of_child.npy"


def wide_network(seed=0):
    """A network whose matrix products are large enough for several threads of OpenBLAS."""
    return nn.Model([nn.Dense(400), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=400, seed=seed)


X_WIDE = RNG.standard_normal((96, 400)).astype(np.float32)
Y_WIDE = np.arange(96) % 10


def train(model, optimizer):
    """Train for three steps and return theta."""
    model.fit(X_WIDE, Y_WIDE, optimizer=optimizer, epochs=1, batch_size=32, progress=False)
    return model.theta


@forking
def test_a_fork_after_predicting_predicts_the_same(path):
    model = wide_network()
    before = model.predict_proba(X_WIDE)
    np.testing.assert_array_equal(in_child(lambda: model.predict_proba(X_WIDE), path), before)
    np.testing.assert_array_equal(model.predict_proba(X_WIDE), before)


@forking
@pytest.mark.parametrize("rule", [nn.Adam, nn.AdamW, lambda rate: nn.SGD(rate, momentum=0.9)])
def test_a_fork_after_training_continues_like_its_parent(path, rule):
    model, optimizer = wide_network(), rule(1e-3)
    train(model, optimizer)
    of_child = in_child(lambda: train(model, optimizer), path)
    np.testing.assert_array_equal(of_child, train(model, optimizer))


@forking
def test_a_fork_of_a_fork_and_a_second_fork_train_like_their_parent(path):
    model, optimizer = wide_network(), nn.Adam(1e-3)
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
    model, other, optimizer = wide_network(), wide_network(seed=1), nn.Adam(1e-3)
    train(model, optimizer)
    stop = threading.Event()

    def keep_training():
        own = nn.Adam(1e-3)
        while not stop.is_set():
            train(other, own)

    thread = threading.Thread(target=keep_training, daemon=True)
    thread.start()
    try:
        of_children = [in_child(lambda: train(model, optimizer), path) for _ in range(8)]
    finally:
        stop.set()
        thread.join(LIMIT)
    assert not thread.is_alive()
    expected = train(model, optimizer)
    for of_child in of_children:
        np.testing.assert_array_equal(of_child, expected)


@pytest.mark.slow
@forking
def test_a_fork_while_another_thread_trains_can_train(path):
    """OpenBLAS itself stands still if it is forked in the middle of a product that several of its threads share."""
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "MKL", "OMP", "VECLIB_MAXIMUM")}
    ran = subprocess.run(
        [sys.executable, __file__, path],
        env=os.environ | one_thread,
        capture_output=True,
        text=True,
        timeout=9 * LIMIT,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


@forking
def test_a_pool_of_forked_workers_predicts_like_the_parent():
    model, parts = wide_network(), np.array_split(X_WIDE, 8)
    train(model, nn.Adam(1e-3))
    expected = [model.predict_proba(part) for part in parts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            results = pool.map_async(model.predict_proba, parts).get(timeout=LIMIT)
    for result, right in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, right)


# ---- many steps ----------------------------------------------------------------------------------------------------


def resident():
    """Bytes of memory that the process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


PYTEST = [tracemalloc.Filter(False, f"*{package}*") for package in ("execnet", "xdist", "_pytest")]


@contextlib.contextmanager
def traced():
    """Trace allocations; yield a function that gives the bytes that are in use, without what pytest's workers use."""

    def used():
        gc.collect()
        return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(PYTEST).traces)

    tracemalloc.start()
    try:
        yield used
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize(("n_steps", "n_epochs"), [(320, 16), pytest.param(30_000, 60, marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore::nnlite.NothingLearnedWarning")  # the labels are random
def test_memory_is_flat_over_many_steps_with_callbacks(tmp_path, n_steps, n_epochs):
    early, last = n_epochs // 2, n_epochs - 1  # by then all caches of free memory are full
    measured = {epoch: np.zeros(3) for epoch in (early, last)}  # made before anything is measured
    steps = [0]

    def count(batch, logs):
        steps[0] += 1

    def measure(epoch, logs):
        if epoch in measured:
            measured[epoch][:] = used(), len(gc.get_objects()), resident() if sys.platform == "linux" else 0

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
    with traced() as used:
        model.fit(
            X, y, optimizer=nn.Adam(1e-3), epochs=n_epochs, batch_size=2, validation_data=(X[:50], y[:50]),
            callbacks=callbacks, metrics=["f1"], progress=False,
        )  # fmt: skip
    assert steps[0] == n_steps
    in_use, n_objects, held = measured[last] - measured[early]
    assert in_use < 1_000 * (last - early)  # the history keeps a dozen numbers of each epoch
    assert n_objects < 50
    assert held < 4 * 2**20


@pytest.mark.slow
def test_many_networks_leave_nothing_behind():
    X, y = RNG.standard_normal((64, 20)), np.arange(64) % 10

    def use():
        model = deep()
        model.fit(X, y, epochs=1, optimizer=nn.Adam(1e-3), progress=False)
        model.copy().predict(X[:5])

    with traced() as used:
        for _ in range(3):
            use()
        before = used()
        for _ in range(8):
            use()
        assert used() - before < 40_000  # one network has 12,000 bytes of parameters


@pytest.mark.slow
def test_threads_that_ended_leave_nothing_behind():
    model, X = deep(), RNG.standard_normal((300, 20)).astype(np.float32)
    model.predict(X)
    with traced() as used:
        for i in range(30):
            if i == 10:
                before = used()
            thread = threading.Thread(target=model.predict, args=(X,))
            thread.start()
            thread.join()
        assert used() - before < 50_000  # the output of one layer alone has 57,600 bytes


if __name__ == "__main__":
    fork_while_another_thread_trains(Path(sys.argv[1]))
