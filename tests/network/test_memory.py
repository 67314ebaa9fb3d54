"""Facts about memory: a training keeps nothing from step to step, and a prediction works block by block."""

import gc
import tracemalloc

import numpy as np
import pytest

import nnlite as nn

M, UNITS = 512, 1024
ACTIVATIONS = M * UNITS * 4  # bytes of one array in float32: 2 MB
FEATURES = 16
OBJECTS = 20_000  # bytes of Python's own small objects: numbers in a history, lists of free dictionaries


@pytest.fixture(autouse=True)
def _traced():
    gc.collect()
    gc.disable()
    tracemalloc.start()
    yield
    tracemalloc.stop()
    gc.enable()


def make_model(hidden=nn.ReLU, output=nn.Softmax, units=10, dtype="float32"):
    layers = [nn.Dense(UNITS), hidden(), nn.Dense(16), hidden(), nn.Dense(UNITS), hidden(), nn.Dense(units), output()]
    return nn.Model(layers, n_features=FEATURES, seed=0, dtype=dtype)


def make_data(m, units, form, dtype="float32"):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((m, FEATURES))
    X = (X > 0).astype(np.uint8) if dtype == "uint8" else X.astype(dtype)
    classes = np.arange(m) % units
    targets = {"classes": classes, "rows": np.eye(units, dtype=np.float32)[classes], "values": rng.random((m, units))}
    return X, targets[form]


class Meter(nn.SGD):
    """An optimizer that notes the memory in use after each of its steps."""

    def __init__(self, *arguments, n_steps, **options):
        super().__init__(*arguments, **options)
        self.in_use = np.zeros(n_steps)
        self.n = 0

    def step(self, model):
        super().step(model)
        self.in_use[self.n] = tracemalloc.get_traced_memory()[0]
        self.n += 1


def test_memory_after_fifty_steps_is_that_after_five():
    layers = [nn.Dense(256), nn.ReLU(), nn.Dense(16), nn.Tanh(), nn.Dense(10), nn.Softmax()]
    model = nn.Model(layers, n_features=FEATURES, seed=0)
    X, y = make_data(500, 10, "classes")
    by_hand = Meter(0.001, n_steps=50, momentum=0.9)
    for _ in range(50):
        model.forward(X)
        model.cost(y)
        model.backward(y)
        by_hand.step(model)
    in_fit = Meter(0.001, n_steps=50, momentum=0.9)
    model.fit(X, y, optimizer=in_fit, epochs=10, batch_size=110)  # the last of five batches is smaller
    for meter in (by_hand, in_fit):
        assert abs(meter.in_use[49] - meter.in_use[4]) < OBJECTS


def test_memory_after_many_epochs_with_validation_is_that_after_few():
    layers = [nn.Dense(32), nn.ReLU(), nn.Dense(10), nn.Softmax()]
    model = nn.Model(layers, n_features=FEATURES, seed=0)
    X, y = make_data(400, 10, "classes")
    meter = Meter(0.001, n_steps=150)
    model.fit(X, y, optimizer=meter, epochs=150, batch_size=None, validation_data=(X[:300], y[:300]))
    assert abs(meter.in_use[149] - meter.in_use[99]) < OBJECTS  # until then Python fills its lists of free objects


@pytest.mark.parametrize("call", ["predict", "predict_proba", "evaluate"])
def test_repeated_predictions_keep_no_memory(call):
    model, (X, y) = make_model(), make_data(1500, 10, "classes")
    arguments = (X, y) if call == "evaluate" else (X,)
    in_use = []
    for _ in range(5):
        getattr(model, call)(*arguments)
        in_use.append(tracemalloc.get_traced_memory()[0])
    assert abs(in_use[-1] - in_use[1]) < OBJECTS


def test_a_prediction_needs_blocks_and_not_the_whole_data_set():
    model = nn.Model([nn.Dense(UNITS), nn.ReLU(), nn.Dense(2), nn.Softmax()], n_features=4, seed=0)
    X = np.ones((40 * M, 4), np.float32)
    model.predict(X[: 2 * M])
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    model.predict(X)
    assert tracemalloc.get_traced_memory()[1] - before < 8 * ACTIVATIONS  # four arrays of a block of 1,024; all: 80 MB
