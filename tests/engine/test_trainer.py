"""Trainings in stretches of steps: how they stop, what they leave, and that the same threads give the same bits."""

import concurrent.futures
import copy
import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

pytest.importorskip("numba")

import nnlite as nn
from nnlite.engine import optimizing, team
from nnlite.engine.trainer import Batch, Trainer

from ..support import everything
from .stretches import batch, mixed, rule, steps, trainer

THREADS = [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)]  # 1: see test_kernels
DTYPES = ["float64", pytest.param("float32", marks=pytest.mark.slow)]  # the kernels of one are compiled anyway


@pytest.fixture(params=THREADS, ids="{} threads".format)
def n_threads(request, monkeypatch):
    """Run the test with several numbers of threads."""
    monkeypatch.setenv("NNLITE_NUM_THREADS", str(request.param))
    return request.param


def trained(dtype="float64", seed=0, n_steps=60, units=40):
    """All numbers of a network and its optimizer after some steps."""
    model, optimizer = mixed(units, dtype, seed), rule()
    steps(model, optimizer, batch(model, seed=seed, epochs=12), n_steps)
    return everything(model, optimizer)


def same(numbers, others):
    """Whether both are the same. (Thousands of bytes do not make a readable error.)"""
    return numbers == others


# ---- the same bits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_number_of_threads_gives_the_same_bits(n_threads, dtype):
    first = trained(dtype)
    for _ in range(3):
        assert same(trained(dtype), first)


@pytest.mark.slow
def test_the_bits_are_the_same_while_other_processes_use_the_processor(n_threads):
    alone = trained()
    burn = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(burn) for _ in range(os.cpu_count() or 1)]
    try:
        for _ in range(2):
            assert same(trained(), alone)
    finally:
        for other in others:
            other.kill()
            other.wait()


def test_the_bits_do_not_depend_on_how_many_steps_a_call_makes(n_threads):
    whole, parts = mixed(), mixed()
    of_whole, of_parts = rule(), rule()
    examples = batch(whole, epochs=6)
    steps(whole, of_whole, examples, 30)
    part = trainer(parts, of_parts, 10, 13)
    for start, n in [(0, 1), (1, 13), (14, 2), (16, 14)]:
        order = examples.order[10 * start : 10 * (start + n)]
        assert part.run(examples._replace(order=order), n, lambda n: False).n == n
    assert same(everything(parts, of_parts), everything(whole, of_whole))


def test_two_trainings_at_once_give_the_bits_of_each_alone(n_threads):
    alone = [trained(seed=seed) for seed in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            assert same(list(pool.map(lambda seed: trained(seed=seed), range(4))), alone)


def of_child(seed):
    """A training in a child process."""
    return trained(seed=seed)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_after_fork_trains_with_the_same_bits(n_threads):
    here = [trained(seed=seed) for seed in range(2)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert same(pool.map_async(of_child, range(2)).get(timeout=60), here)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_that_is_forked_during_a_training_trains(n_threads):
    here, stop = trained(), threading.Event()
    model, optimizer = mixed(200), rule()
    examples = batch(model, M=640, epochs=100)
    other = threading.Thread(target=steps, args=(model, optimizer, examples, 1000, 64, lambda n: stop.is_set()))
    other.start()
    try:
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert same(pool.map_async(of_child, [0, 0]).get(timeout=60), [here, here])
    finally:
        stop.set()
        other.join()


@pytest.mark.slow
def test_a_process_can_end_during_a_training():
    program = """
import threading, time, numpy as np, nnlite as nn
X, y = np.random.default_rng(0).standard_normal((5000, 50)).astype("float32"), np.arange(5000) % 3
model = nn.Model([nn.Dense(100), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=0, dtype="float64")
model.fit(X[:64], y[:64], progress=False, engine="compiled")
fit = lambda: model.fit(X, y, epochs=10_000, progress=False, engine="compiled")
threading.Thread(target=fit, daemon=True).start()
time.sleep(0.3)
"""
    environment = os.environ | {"NNLITE_NUM_THREADS": "2"}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env=environment, timeout=120, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


# ---- random numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1,), (33,), (5, 8)], ids=str)
@pytest.mark.parametrize("layer", [nn.Dropout(0.4), nn.AlphaDropout(0.4), nn.GaussianNoise(0.3)], ids=repr)
def test_kernels_draw_the_numbers_of_the_textbook(layer, shape, dtype, n_threads):
    layers = [type(layer)(*layer.hyperparameters().values()) for _ in range(2)]
    model = nn.Model([*layers, nn.Flatten(), nn.Identity()], n_features=shape, seed=3, dtype=dtype)
    M, n = 9, int(np.prod(shape))
    X = np.random.default_rng(0).standard_normal((M, *shape)).astype(dtype)
    rng, expected = np.random.default_rng(3), []
    for rows in (slice(0, 4), slice(4, 8), slice(8, 9)):
        a = X[rows]
        for one in layers:
            a = one.forward(a, nn.Cache(training=True, rng=rng))
        expected.append(a.reshape(len(a), n))
    options = {"batch_size": 4, "n_steps": 3, "n_threads": n_threads, "labels": False, "variant": dtype}
    examples = Batch(X, np.zeros((M, n), dtype), None, np.arange(M))
    found = Trainer(model, nn.SGD(0.1), **options).run(examples, 3, lambda n: False, True).Y_hat
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=4 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)
    assert model.rng.bit_generator.state == rng.bit_generator.state


# ---- what it gives --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("units", [2, 40])
@pytest.mark.parametrize("output", [nn.Softmax(0.1), nn.Sigmoid(0.1), nn.Identity(), nn.Exponential()], ids=repr)
def test_Y_hat_is_that_of_the_textbook(output, units, dtype, n_threads):
    model = nn.Model([nn.Dense(units), copy.copy(output)], n_features=20, seed=0, dtype=dtype)
    examples, labels = batch(model, M=23), isinstance(output, nn.Softmax)
    expected = model.new_pass(training=True).forward(examples.X[examples.order].astype(dtype))
    y = examples.y % units if labels else np.zeros((23, units), dtype)
    options = {"batch_size": 23, "n_steps": 1, "n_threads": n_threads, "labels": labels, "variant": "float32"}
    stretch = Trainer(model, nn.SGD(0.1), **options).run(examples._replace(y=y), 1, lambda n: False, True)
    np.testing.assert_allclose(stretch.Y_hat, expected, rtol=0, atol=50 * np.finfo(dtype).eps * np.abs(expected).max())
    if labels:
        assert stretch.n_correct.tolist() == [np.sum(expected.argmax(axis=1) == y[examples.order])]


def test_whoever_asks_for_Y_hat_gets_the_same_steps():
    for output in (nn.Softmax(), nn.Softmax(0.1)):
        found = []
        for wants_Y_hat in (False, True):
            model = nn.Model([nn.Dense(5), copy.copy(output)], n_features=20, seed=0, dtype="float64")
            examples = batch(model, M=42)  # some of them fill the registers, and some are left
            expected = model.new_pass(training=True).forward(examples.X[examples.order[:21]].astype(float))
            options = {"batch_size": 21, "n_steps": 2, "n_threads": 1, "labels": True, "variant": "float32"}
            examples = examples._replace(y=examples.y % 5)
            stretch = Trainer(model, nn.SGD(0.1), **options).run(examples, 2, lambda n: False, wants_Y_hat)
            found.append((model.theta.tobytes(), stretch.J.tolist(), stretch.n_correct.tolist()))
        np.testing.assert_allclose(stretch.Y_hat[:21], expected, rtol=0, atol=1e-14)
        assert found[0] == found[1]


CHANGES = {
    "theta": lambda model, optimizer: np.multiply(model.theta, 0.5, out=model.theta),
    "state": lambda model, optimizer: np.multiply(model.state, 0.5, out=model.state),
    "the generator": lambda model, optimizer: model.rng.random(3),
    "a vector of the optimizer": lambda model, optimizer: optimizer.state(model).vectors["v"].fill(1),
    "the learning rate": lambda model, optimizer: setattr(optimizer, "learning_rate", 0.3),
    "an option of the optimizer": lambda model, optimizer: setattr(optimizer, "l1", 0.1),
    "clip_norm": lambda model, optimizer: setattr(optimizer, "clip_norm", None),
    "a beta": lambda model, optimizer: setattr(optimizer, "beta_2", 0.5),
    "a rate of dropout": lambda model, optimizer: setattr(model.layers[3], "rate", 0.8),
    "a momentum of BatchNorm": lambda model, optimizer: setattr(model.layers[1], "momentum", 1.0),
    "label smoothing": lambda model, optimizer: setattr(model.layers[-1], "label_smoothing", 0.5),
    "a frozen layer": lambda model, optimizer: setattr(model.layers[0], "trainable", False),
    "a frozen layer inside another": lambda model, optimizer: setattr(model.layers[4].layers[0], "trainable", False),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_python_changes_between_two_stretches_counts(change, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", "1")
    found = []
    for again in (False, True, None):  # with the same trainer, with another one, and without the change
        model, optimizer = mixed(), rule()
        examples, one = batch(model), trainer(model, optimizer, 10, 5)
        one.run(examples, 5, lambda n: False)
        if again is not None:
            change(model, optimizer)
        (trainer(model, optimizer, 10, 5) if again else one).run(examples, 5, lambda n: False)
        found.append(everything(model, optimizer))
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


def test_engines_can_take_turns():
    models = [mixed(dtype="float64") for _ in range(2)]
    X = np.random.default_rng(0).standard_normal((50, 20))
    y = np.arange(50) % 3
    for model, engines in zip(models, (["textbook"] * 4, ["compiled", "textbook"] * 2), strict=True):
        optimizer = rule()
        for engine in engines:
            model.fit(X, y, optimizer=optimizer, epochs=2, batch_size=20, progress=False, engine=engine)
    close = 1e-9  # biases before BatchNorm are nothing but rounding
    np.testing.assert_allclose(models[1].theta, models[0].theta, rtol=0, atol=close)
    assert models[1].rng.bit_generator.state == models[0].rng.bit_generator.state


@pytest.mark.slow
def test_more_threads_than_units_or_examples_agree(monkeypatch):
    found = []
    for n in (1, 8):
        monkeypatch.setenv("NNLITE_NUM_THREADS", str(n))
        model, optimizer = mixed(5, "float64"), rule()
        steps(model, optimizer, batch(model, M=7, epochs=2), 4, batch_size=3)
        found.append(model.theta.copy())
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-9)


# ---- how it stops ---------------------------------------------------------------------------------------------------


def assert_is_after(stretch, model, optimizer, n, twin, examples, batch_size):
    """Check that a training that stopped is, bit for bit, one of n steps."""
    of_twin = rule()
    expected = steps(twin, of_twin, examples, n, batch_size)
    assert same(everything(model, optimizer), everything(twin, of_twin))
    assert optimizer.state(model).learning_rate == of_twin.state(twin).learning_rate
    np.testing.assert_array_equal(stretch.J[:n], expected.J)
    np.testing.assert_array_equal(stretch.n_correct[:n], expected.n_correct)


def test_a_training_that_watch_stops_is_as_after_that_many_steps(n_threads, monkeypatch):
    monkeypatch.setattr(team, "WATCH", 0.001)
    model, twin, optimizer = mixed(200), mixed(200), rule()
    examples = batch(model, M=640, epochs=300)
    stretch = steps(model, optimizer, examples, 3000, 64, watch=lambda n: n >= 3)
    assert 3 <= stretch.n < 2000
    assert not stretch.wrong
    assert_is_after(stretch, model, optimizer, stretch.n, twin, examples, 64)


@pytest.mark.slow
def test_watch_is_told_the_number_of_steps_so_far(n_threads, monkeypatch):
    monkeypatch.setattr(team, "WATCH", 0.001)
    model, told = mixed(200), []
    steps(model, rule(), batch(model, M=640, epochs=30), 300, 64, watch=lambda n: told.append(n) or False)
    assert told == sorted(told)
    assert len(set(told)) > 2
    assert told[-1] <= 300


@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_error_in_watch_leaves_the_network_as_it_was(after, n_threads, monkeypatch):
    monkeypatch.setattr(team, "WATCH", 0.001)
    model, optimizer, told = mixed(200), rule(), []
    examples = batch(model, M=640, epochs=30)
    steps(model, optimizer, examples, 3, 64)
    before = everything(model, optimizer)
    grad = model.grad.copy()

    def watch(n):
        told.append(n)
        if len(told) > after:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        steps(model, optimizer, examples, 300, 64, watch)
    model.grad = grad  # the gradients are those of some step
    assert same(everything(model, optimizer), before)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("nnlite")]


def test_a_thread_that_cannot_start_is_an_error_and_no_deadlock(monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", "3")
    start, started = threading.Thread.start, []

    def cannot(thread):
        if thread.name == "nnlite-2":
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", cannot)
    model, optimizer, errors = mixed(), rule(), []
    before = everything(model)

    def train():
        try:
            steps(model, optimizer, batch(model, epochs=2), 10)
        except RuntimeError as error:
            errors.append(str(error))

    training = threading.Thread(target=train, daemon=True)
    training.start()
    training.join(timeout=20)
    assert errors == ["can't start new thread"]
    assert same(everything(model), before)
    assert not any(thread.is_alive() for thread in started if thread is not training)


# ---- what is not finite ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("step", [0, 1, 29])
def test_a_step_with_a_wrong_example_is_not_made(step, value, n_threads):
    model, twin, optimizer = mixed(), mixed(), rule()
    examples = batch(model, M=300)
    X = examples.X.copy()
    X[examples.order[10 * step + 7], 3] = value
    stretch = steps(model, optimizer, examples._replace(X=X), 30)
    assert (stretch.wrong, stretch.n) == (True, step + 1)
    if step:
        assert_is_after(stretch, model, optimizer, step, twin, examples, 10)
    else:
        np.testing.assert_array_equal(model.theta, twin.theta)
        np.testing.assert_array_equal(model.state, twin.state)
        assert model.rng.bit_generator.state == twin.rng.bit_generator.state
        assert optimizer.state(model).n_steps == 0


def test_a_rate_that_explodes_is_found_before_the_weights_are_wrong(n_threads):
    model, optimizer = mixed(), nn.SGD(1e60)
    stretch = steps(model, optimizer, batch(model, epochs=6), 30)
    assert stretch.wrong
    assert stretch.n < 10
    assert optimizer.state(model).n_steps == stretch.n - 1
    if stretch.n > 1:
        assert np.isfinite(model.theta).sum() > 0


@pytest.mark.parametrize("layers", [[], [nn.Dense(3, trainable=False)]], ids=["none", "frozen"])
def test_a_wrong_cost_is_found_where_nothing_learns(layers, n_threads):
    model = nn.Model([*map(copy.copy, layers), nn.Softmax()], n_features=3, seed=0, dtype="float64")
    examples = batch(model, M=40)
    examples.X[examples.order[25]] = np.nan
    stretch = steps(model, nn.SGD(0.1), examples, 4)
    assert (stretch.wrong, stretch.n) == (True, 3)


@pytest.mark.parametrize("rate", [1e3, 1e20, 1e38])
def test_a_training_that_diverges_ends_with_the_error_of_the_textbook(rate, n_threads):
    def error(engine):
        model = nn.Model([nn.Dense(9), nn.ReLU(), nn.Dense(2), nn.Identity()], n_features=4, seed=0)
        rng = np.random.default_rng(0)
        X, y = rng.standard_normal((50, 4)).astype(np.float32), rng.standard_normal((50, 2)).astype(np.float32)
        with pytest.raises(nn.DivergenceError) as caught:
            model.fit(X, y, optimizer=nn.SGD(rate), epochs=20, batch_size=10, progress=False, engine=engine)
        return str(caught.value), caught.value.history.epochs, model.theta.copy()

    (text, epochs, theta), (expected, of_textbook, theta_of_textbook) = error("compiled"), error("textbook")
    assert (text, epochs) == (expected, of_textbook)
    np.testing.assert_allclose(theta, theta_of_textbook, rtol=1e-4, atol=1e-6)


# ---- denormals and memory -------------------------------------------------------------------------------------------


def keeps_denormals():
    """Whether this thread computes with numbers below 1e-38."""
    tiny = np.full(64, 1e-38, np.float32)
    return bool((tiny * np.float32(0.125) > 0).all())


def test_the_calling_thread_keeps_its_denormals(n_threads):
    assert keeps_denormals()
    trained()
    assert keeps_denormals()
    model = mixed()
    examples = batch(model)
    examples.X[7] = np.nan
    assert steps(model, rule(), examples, 5).wrong
    assert keeps_denormals()


@pytest.mark.parametrize("dtype", DTYPES)
def test_momentum_that_decays_becomes_0_and_no_denormal(dtype, n_threads):
    tiny = np.finfo(dtype).tiny
    layers = [nn.Dense(40), nn.ReLU(), nn.Dense(3), nn.Softmax()]
    model, optimizer = nn.Model(layers, n_features=20, seed=0, dtype=dtype), nn.SGD(0.1, momentum=0.5)
    model.parameters["b1"][...] = -1e3  # no unit is ever above 0, so that the gradient of W1 is 0
    steps(model, optimizer, batch(model), 1)
    velocity = optimizer.state(model).vectors["velocity"]
    velocity[:800] = 20 * tiny
    steps(model, optimizer, batch(model, epochs=10), 3)
    assert (velocity[:800] == 2.5 * tiny).all()
    steps(model, optimizer, batch(model, epochs=10), 20)
    assert (velocity[:800] == 0).all()


class Fading(nn.SGD):
    """A weight decay that changes from step to step, and a loss with some of the penalty."""

    reported_penalty = 0.25

    def decay_of(self, step):
        return 0.3 / (step % 7 + 1)


@pytest.mark.slow
@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"clip_norm": 0.1}, {"max_norm": 0.5}], ids=str)
def test_decay_and_penalty_of_each_step_are_those_of_the_textbook(decoupled, options, n_threads, monkeypatch):
    monkeypatch.setitem(optimizing.RULES, Fading, optimizing.RULES[nn.SGD])
    monkeypatch.setattr(Fading, "decoupled", decoupled)
    X, y = np.random.default_rng(0).standard_normal((70, 9)), np.arange(70) % 3
    found = []
    for engine in ("textbook", "compiled"):
        hidden = [nn.Dense(40), nn.BatchNorm(), nn.ReLU(), nn.Dense(33), nn.Tanh()]
        model = nn.Model([*hidden, nn.Dense(3), nn.Softmax()], n_features=9, seed=0, dtype="float64")
        model.layers[3].trainable = False  # no penalty of what does not learn
        optimizer = Fading(0.05, **options)
        history = model.fit(X, y, optimizer=optimizer, epochs=4, batch_size=16, progress=False, engine=engine)
        assert history.engine == engine
        found.append(np.concatenate([model.theta, history["loss"]]))
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)


def resident():
    """Bytes of this process in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="this system does not tell")
@pytest.mark.parametrize(
    "again", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["one", "one for each stretch"]
)
def test_memory_is_steady(again, n_threads):
    model, optimizer = mixed(200), rule()
    examples = batch(model, M=100)
    of_all = trainer(model, optimizer, 50, 2)

    def stretch():
        (trainer(model, optimizer, 50, 2) if again else of_all).run(examples, 2, lambda n: False, True)

    for _ in range(20):
        stretch()
    before = resident()
    for _ in range(100):
        stretch()
    assert resident() - before < 3e6
