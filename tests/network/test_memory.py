"""Facts about memory: a training keeps no arrays from step to step, and a prediction works block by block."""

import gc
import tracemalloc

import numpy as np
import pytest

import nnlite as nn

from ..support import network

FEATURES = 16
SMALL = 20_000  # bytes of Python's own small objects: numbers in a history, lists of free dictionaries


@pytest.fixture(autouse=True)
def _traced():
    gc.disable()
    tracemalloc.start()
    yield
    tracemalloc.stop()
    gc.enable()


def make_data(m):
    rng = np.random.default_rng(0)
    return rng.standard_normal((m, FEATURES)).astype(np.float32), np.arange(m) % 10


class Meter(nn.SGD):
    """An optimizer that records the memory in use after each of its steps."""

    def __init__(self, *arguments, n_steps, **options):
        super().__init__(*arguments, **options)
        self.in_use = np.zeros(n_steps)
        self.n = 0

    def step(self, model):
        super().step(model)
        self.in_use[self.n] = tracemalloc.get_traced_memory()[0]
        self.n += 1


def test_the_memory_in_use_after_fifty_steps_is_that_after_five():
    model = network(nn.Dense(128), nn.ReLU(), nn.Dense(16), nn.Tanh(), units=10, n_features=FEATURES)
    X, y = make_data(100)  # an array of 100 x 128 float32 has 51,200 bytes
    by_hand = Meter(0.001, n_steps=50, momentum=0.9)
    for _ in range(50):
        model.forward(X)
        model.cost(y)
        model.backward(y)
        by_hand.step(model)
    in_fit = Meter(0.001, n_steps=50, momentum=0.9)
    model.fit(X, y, optimizer=in_fit, epochs=10, batch_size=22)  # the last of five batches is smaller
    for meter in (by_hand, in_fit):
        assert abs(meter.in_use[49] - meter.in_use[4]) < SMALL


def test_the_memory_in_use_after_many_epochs_with_validation_is_that_after_few():
    model = network(nn.Dense(32), nn.ReLU(), units=10, n_features=FEATURES)
    X, y = make_data(400)
    meter = Meter(0.001, n_steps=150)
    model.fit(X, y, optimizer=meter, epochs=150, batch_size=None, validation_data=(X[:300], y[:300]))
    assert abs(meter.in_use[149] - meter.in_use[99]) < SMALL  # until then Python fills its lists of free objects


@pytest.mark.parametrize("call", ["predict", "predict_proba", "evaluate"])
def test_repeated_predictions_keep_no_memory(call):
    model, (X, y) = network(nn.Dense(128), nn.ReLU(), units=10, n_features=FEATURES), make_data(1500)
    arguments = (X, y) if call == "evaluate" else (X,)
    in_use = []
    for _ in range(5):
        getattr(model, call)(*arguments)
        in_use.append(tracemalloc.get_traced_memory()[0])
    assert abs(in_use[-1] - in_use[1]) < SMALL


def test_a_prediction_needs_memory_for_a_block_and_not_for_all_examples():
    model = network(nn.Dense(128), nn.ReLU(), units=2)
    X = np.ones((20_000, 4), np.float32)
    model.predict(X[:1000])
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    model.predict(X)
    of_1000, of_all = (n * 128 * 4 for n in (1000, len(X)))
    assert tracemalloc.get_traced_memory()[1] - before < 4 * of_1000 < of_all / 2
