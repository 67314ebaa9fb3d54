"""What makes training fast, as facts that need no clock: what a step allocates, and which products it makes."""

import gc
import itertools
import subprocess
import sys
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import nnlite as nn
from nnlite.engine import openblas, parallel
from nnlite.optimizers import base

OBJECTS = 6_000  # bytes of Python's own small objects, and of NumPy's for one operation


class Meter(nn.Callback):
    """Notes the peak of the memory in each batch, above what was in use when it began."""

    def on_train_begin(self, logs):
        self.peaks = []

    def on_batch_begin(self, batch, logs):
        tracemalloc.reset_peak()
        self.before = tracemalloc.get_traced_memory()[0]

    def on_batch_end(self, batch, logs):
        self.peaks.append(tracemalloc.get_traced_memory()[1] - self.before)


@pytest.fixture
def _traced():
    gc.collect()
    gc.disable()
    tracemalloc.start()
    yield
    tracemalloc.stop()
    gc.enable()


NETWORKS = {
    "softmax": ([nn.Dense, nn.ReLU, nn.Dense, nn.ReLU, nn.Dense, nn.Softmax], 10),
    "tanh": ([nn.Dense, nn.Tanh, nn.Dense, nn.Softmax], 10),
    "several labels": ([nn.Dense, nn.ReLU, nn.Dense, nn.Sigmoid], 10),
    "values": ([nn.Dense, nn.ReLU, nn.Dense, nn.Identity], 10),
}
OPTIMIZERS = {
    "sgd": lambda: nn.SGD(0.01),
    "momentum": lambda: nn.SGD(0.01, momentum=0.9),
    "adam": nn.Adam,
    "adamw": lambda: nn.AdamW(weight_decay=0.01, clip_norm=1.0),
}


def network(kinds, units, width=700):
    n_dense = kinds.count(nn.Dense)
    sizes = iter([width] * (n_dense - 1) + [units])
    return nn.Model([kind(next(sizes)) if kind is nn.Dense else kind() for kind in kinds], seed=0)


def targets(model, M, units):
    rng = np.random.default_rng(0)
    return rng.integers(0, units, M) if isinstance(model.output, nn.Softmax) else rng.integers(0, 2, (M, units))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.usefixtures("_traced")
def test_a_step_allocates_no_array_larger_than_the_labels(name, optimizer):
    kinds, units = NETWORKS[name]
    M = 256
    model, meter = network(kinds, units), Meter()
    X = np.random.default_rng(0).random((4 * M, 300), np.float32)
    y = targets(model, 4 * M, units)
    model.fit(X, y, optimizer=OPTIMIZERS[optimizer](), epochs=3, batch_size=M, callbacks=[meter], progress=False)
    labels = y[:M].nbytes
    assert meter.peaks[0] > 100 * labels  # the first step makes the arrays: so the meter measures
    assert max(meter.peaks[5:]) < labels + OBJECTS < M * 700


PRODUCTS = {"dot", "matmul", "einsum", "inner", "vdot", "tensordot", "vecmat", "matvec"}


def products_in(work):
    """Shapes of the matrices from the left in all products that ``work()`` makes, and how often each."""
    made = Counter()

    def note(frame, event, function):
        if event == "c_call" and function.__name__ in PRODUCTS:
            left = getattr(function, "__self__", None)
            if not isinstance(left, np.ndarray):
                made[function.__name__] += 1  # a function of NumPy's, which is not expected
            elif left.ndim == 2:
                made[left.shape] += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return made


def test_a_step_makes_three_products_for_each_layer_but_for_the_gradient_of_its_input():
    M, sizes = 16, (20, 30, 40, 10)
    model = nn.Model([nn.Dense(30), nn.ReLU(), nn.Dense(40), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    X, y = np.ones((5 * M, 20), np.float32), np.arange(5 * M) % 10
    model.fit(X, y, epochs=1, batch_size=M)
    made = products_in(lambda: model.fit(X, y, optimizer=nn.Adam(), epochs=2, batch_size=M))
    expected = Counter()
    for m, n in itertools.pairwise(sizes):
        expected[M, m] += 10  # z = a W
        expected[m, M] += 10  # dW = a^T dz
        if m != sizes[0]:
            expected[M, n] += 10  # da = dz W^T, of which the first layer has none
    expected[M, 10] += 10  # the sums of the softmax, a 1
    # two more for each time that losses are worked out: once for the memory, and at the end of each epoch
    assert made - expected == {(1024, 10): 2, (5 * M, 10): 4}


def test_frozen_layers_make_no_products_going_back():
    layers = [nn.Dense(30), nn.ReLU(), nn.Dense(11), nn.Identity()]
    model = nn.Model(layers, seed=0)
    X, y = np.ones((64, 20), np.float32), np.zeros((64, 11))
    layers[0].trainable = False
    model.fit(X, y, epochs=1)
    made = products_in(lambda: model.fit(X, y, epochs=1, batch_size=32))
    assert made == {(32, 20): 2, (32, 30): 2, (30, 32): 2}


def test_a_prediction_makes_one_product_for_each_layer():
    model = nn.Model([nn.Dense(30), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=20, seed=0)
    made = products_in(lambda: model.predict_proba(np.ones((1, 20), np.float32)))
    assert made == {(1, 20): 1, (1, 30): 1}


def begins_with_a_line(array):
    return array.__array_interface__["data"][0] % 64 == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_vectors_begin_with_a_line_of_the_processors_cache(dtype, tmp_path):
    model = nn.Model([nn.Dense(700), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=300, seed=0, dtype=dtype)
    optimizer = nn.Adam()
    model.fit(np.ones((64, 300)), np.arange(64) % 10, optimizer=optimizer, epochs=1)
    model.save(tmp_path / "model.npz")
    for each in (model, model.copy(), nn.load(tmp_path / "model.npz")):
        assert begins_with_a_line(each.theta)
        assert begins_with_a_line(each.grad)
    other = model.copy()
    another = nn.Adam()
    another.set_state(other, optimizer.get_state(model))
    for state in (optimizer.state(model), another.state(other)):
        assert all(map(begins_with_a_line, state.vectors.values()))
    assert begins_with_a_line(nn.Cache(dtype).array("z", (300, 5)))
    for block in optimizer.state(model).blocks:
        assert all(map(begins_with_a_line, (block.theta, block.grad, block.scratch, *block.state.values())))


# ---- threads ---------------------------------------------------------------------------------------------------------

TRAINING = """
import hashlib, numpy as np, nnlite as nn
from nnlite.optimizers import base
base.SHARED_BLOCK, base.WORTH_A_THREAD = 20_000, 10_000  # many more pieces than threads
rng = np.random.default_rng(0)
X, y = rng.standard_normal((64, 500)).astype(np.float32), rng.integers(0, 10, 64)
for optimizer in nn.Adam(), nn.SGD(0.1, momentum=0.9), nn.AdamW(clip_norm=0.1), nn.Lion(1e-4), nn.NAdam():
    model = nn.Model([nn.Dense(900), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    model.fit(X, y, optimizer=optimizer, epochs=3, batch_size=32)
    print(hashlib.sha256(model.theta).hexdigest())
"""


def test_the_number_of_threads_changes_no_bit():
    digests = set()
    for n in "1", "2", "3", "7":
        environment = {"NNLITE_NUM_THREADS": n, "OPENBLAS_NUM_THREADS": "1"}
        run = subprocess.run(
            [sys.executable, "-c", TRAINING], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(run.stdout)
        assert len(run.stdout.split()) == 5
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("given", "told", "n_processors", "n"),
    [("3", False, 16, 3), ("", True, 16, 4), ("", True, 3, 3), ("", False, 16, 1), (None, True, 2, 2)],
)
def test_how_many_threads_there_are(monkeypatch, given, told, n_processors, n):
    monkeypatch.delenv(parallel.VARIABLE, raising=False)
    monkeypatch.delenv(openblas.TIMEOUT, raising=False)
    if given is not None:
        monkeypatch.setenv(parallel.VARIABLE, given)
    if told:
        monkeypatch.setenv(openblas.TIMEOUT, "19")
    monkeypatch.setattr(openblas, "processors", lambda: n_processors)
    assert parallel.n_threads() == n


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5"])
def test_a_wrong_number_of_threads_is_told_before_anything_changes(monkeypatch, given):
    monkeypatch.setenv(parallel.VARIABLE, given)
    model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
    message = f"NNLITE_NUM_THREADS: expected an integer of at least 1 in the environment, got {given!r}"
    with pytest.raises(nn.ArgumentError, match=message):
        model.fit(np.ones((4, 2)), [0, 1, 2, 0])
    assert not model.built


def test_a_helper_ignores_what_its_caller_ignores():
    told = []

    def task():
        told.append(np.geterr()["divide"])

    for setting in ("raise", "ignore"):
        with np.errstate(divide=setting):
            parallel.run([task, task, task])
    assert told == ["raise"] * 3 + ["ignore"] * 3


def test_trainings_at_once_share_the_helpers_and_learn_what_each_learns_alone(monkeypatch):
    monkeypatch.setenv(parallel.VARIABLE, "3")
    monkeypatch.setattr(base, "WORTH_A_THREAD", 1_000)
    monkeypatch.setattr(base, "SHARED_BLOCK", 1_000)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((64, 100)).astype(np.float32), rng.integers(0, 10, 64)

    def trained(seed):
        model, optimizer = nn.Model([nn.Dense(100), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=seed), nn.Adam()
        model.fit(X, y, optimizer=optimizer, epochs=15, batch_size=16)
        assert len(optimizer.state(model).memory) == 3
        return model.theta

    expected = [trained(seed) for seed in range(6)]
    with ThreadPoolExecutor(6) as pool:
        for theta, alone in zip(pool.map(trained, range(6)), expected, strict=True):
            np.testing.assert_array_equal(theta, alone)


@pytest.mark.parametrize(("units", "n"), [(512, 1), (700, 2), (1000, 3)])  # 407,050, 556,510 and 795,010 parameters
def test_each_thread_has_enough_to_do(monkeypatch, units, n):
    monkeypatch.setenv(parallel.VARIABLE, "7")
    model = nn.Model([nn.Dense(units), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=784, seed=0)
    optimizer = nn.SGD(0.1)
    model.forward(np.zeros((1, 784), np.float32))
    model.backward([0])
    optimizer.step(model)
    assert len(optimizer.state(model).memory) == n


def test_a_helper_that_has_tasks_of_its_own_runs_them_in_turn():
    done = []
    tasks = [lambda: parallel.run([lambda: done.append(1)] * 3)] * 4
    parallel.run(tasks)
    assert len(done) == 12


def test_without_threads_the_tasks_are_run_in_turn(monkeypatch):
    def none_left(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", none_left)
    monkeypatch.setattr(parallel, "_helpers", parallel.Helpers())
    done = []
    parallel.run([lambda: done.append(1)] * 3)
    assert len(done) == 3


def test_tasks_are_run_at_once_and_their_errors_raised():
    import threading

    barrier, done = threading.Barrier(3, timeout=10), []

    def meet():
        barrier.wait()
        done.append(1)

    parallel.run([meet, meet, meet])
    assert len(done) == 3

    def fail():
        raise KeyError("x")

    for tasks in [fail, meet], [lambda: None, fail]:
        barrier = threading.Barrier(1)
        with pytest.raises(KeyError):
            parallel.run(tasks)
    parallel.run([])
