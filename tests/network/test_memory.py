"""Facts about memory: once it runs, a training step allocates nothing that grows with the network or the batch.

NumPy itself takes a buffer of fixed size, some ten kB, for operations that broadcast; batches and layers are so
large here that an array of activations cannot be mistaken for it.
"""

import gc
import tracemalloc

import numpy as np
import pytest

import nnlite as nn

M, UNITS = 512, 1024
ACTIVATIONS = M * UNITS * 4  # bytes of one array in float32: 2 MB
LITTLE = ACTIVATIONS / 20
FEATURES = 16  # narrow layers between the wide ones keep the products short
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
    """An optimizer that notes, at each of its steps, the memory in use and the peak since the step before."""

    def __init__(self, *arguments, n_steps, **options):
        super().__init__(*arguments, **options)
        self.in_use, self.peak = np.zeros(n_steps), np.zeros(n_steps)
        self.n = 0

    def step(self, model):
        super().step(model)
        in_use, peak = tracemalloc.get_traced_memory()
        before = self.in_use[self.n - 1] if self.n else 0
        self.in_use[self.n], self.peak[self.n] = in_use, peak - before
        self.n += 1
        tracemalloc.reset_peak()


OPTIMIZERS = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "nesterov and decay": {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-4},
}
HEADS = [(nn.Softmax, 10, "classes"), (nn.Softmax, 10, "rows"), (nn.Sigmoid, 1, "values"), (nn.Identity, 3, "values")]
HEAD_IDS = ["softmax classes", "softmax rows", "sigmoid", "identity"]


@pytest.mark.parametrize(
    ("hidden", "head"),
    [(hidden, 0) for hidden in (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softmax, nn.Identity)]
    + [(nn.ReLU, head) for head in range(1, len(HEADS))],
)
def test_four_lines_allocate_next_to_nothing(hidden, head):
    output, units, form = HEADS[head]
    model, (X, Y) = make_model(hidden, output, units), make_data(M, units, form)
    optimizer = Meter(0.001, n_steps=5, momentum=0.9)
    for _ in range(5):
        model.forward(X)
        model.cost(Y)
        model.backward(Y)
        optimizer.step(model)
    assert optimizer.peak[0] > 2 * ACTIVATIONS  # the first step makes the arrays: so the meter measures
    assert optimizer.peak[2:].max() < LITTLE


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", ">f4"])
def test_casting_a_batch_allocates_next_to_nothing(dtype):
    wide = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=UNITS, seed=0)
    X = np.ones((4 * M, UNITS), dtype)
    Y = np.arange(4 * M) % 10
    for shuffle in (True, False):
        optimizer = Meter(0.001, n_steps=8)
        wide.fit(X, Y, optimizer=optimizer, epochs=2, batch_size=M, shuffle=shuffle)
        assert optimizer.peak[4:].max() < LITTLE


@pytest.mark.parametrize("options", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_of_the_optimizer_allocates_next_to_nothing(options, dtype):
    model = nn.Model([nn.Dense(UNITS), nn.Identity()], n_features=M, seed=0, dtype=dtype)  # as many weights
    optimizer = nn.SGD(0.01, **options)
    optimizer.step(model)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    for _ in range(3):
        optimizer.step(model)
    assert tracemalloc.get_traced_memory()[1] - before < LITTLE


@pytest.mark.parametrize(("output", "units", "form"), HEADS, ids=HEAD_IDS)
def test_the_inside_of_fit_allocates_next_to_nothing(output, units, form):
    model, (X, y) = make_model(nn.ReLU, output, units), make_data(2 * M + 100, units, form)
    optimizer = Meter(0.001, n_steps=6, momentum=0.9)
    model.fit(X, y, optimizer=optimizer, epochs=2, batch_size=M)  # two full batches and a smaller one
    assert optimizer.n == 6
    assert optimizer.peak[0] > 2 * ACTIVATIONS
    assert optimizer.peak[3:].max() < LITTLE


@pytest.mark.parametrize(
    ("output", "form"),
    [(nn.Softmax, "classes"), (nn.Softmax, "rows"), (nn.Sigmoid, "values"), (nn.Identity, "values")],
    ids=HEAD_IDS,
)
def test_a_wide_output_allocates_next_to_nothing_in_fit(output, form):
    model = nn.Model([nn.Dense(16), nn.ReLU(), nn.Dense(UNITS), output()], n_features=FEATURES, seed=0)
    X, y = make_data(2 * M, UNITS, form)
    optimizer = Meter(0.001, n_steps=4)
    model.fit(X, y, optimizer=optimizer, epochs=2, batch_size=M)
    assert optimizer.peak[0] > 2 * ACTIVATIONS
    assert optimizer.peak[2:].max() < LITTLE


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
    assert in_use[0] > ACTIVATIONS  # the arrays are kept for the next call
    assert abs(in_use[-1] - in_use[1]) < OBJECTS


def test_a_prediction_needs_blocks_and_not_the_whole_data_set():
    model = nn.Model([nn.Dense(UNITS), nn.ReLU(), nn.Dense(2), nn.Softmax()], n_features=4, seed=0)
    X = np.ones((40 * M, 4), np.float32)
    model.predict(X[: 2 * M])
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    model.predict(X)
    assert tracemalloc.get_traced_memory()[1] - before < ACTIVATIONS
