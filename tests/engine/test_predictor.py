"""Facts about compiled prediction: it predicts what the textbook predicts, to rounding, whatever happens around it."""

import copy
import itertools
import multiprocessing
import os
import pickle
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn

pytest.importorskip("numba")

from ..support import Square, away_from_zero, for_each, refuse

FEATURES = 24
SIZES = [1, 2, 16, 17, 300, 1030]  # one, a few, one block and more; with odd rests
SLOW = pytest.mark.slow
DTYPES = ["float64", pytest.param("float32", marks=SLOW)]  # the kernels of one are compiled for test_kernels anyway
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

HIDDEN = {
    "dense": lambda: [nn.Dense(33), nn.ReLU()],
    "narrow": lambda: [nn.Dense(1), nn.Tanh()],
    "wide": lambda: [nn.Dense(1100), nn.ELU(0.5)],
    "nothing": lambda: [],
    "batch norm": lambda: [nn.Dense(40), nn.BatchNorm(epsilon=0.01), nn.Dropout(0.5), nn.LeakyReLU(0.2)],
    "batch norm first": lambda: [nn.BatchNorm(), nn.SELU(), nn.Dense(8)],
    "layer norm": lambda: [nn.Dense(40), nn.LayerNorm(epsilon=0.01), nn.GELU()],
    "layer norm first": lambda: [nn.LayerNorm(), nn.GELU("tanh"), nn.Dense(8)],
    "noise": lambda: [nn.GaussianNoise(1.0), nn.Dense(8), nn.AlphaDropout(0.5), nn.Identity(), nn.SiLU()],
    "residual": lambda: [nn.Dense(20), nn.Residual([nn.Dense(20), nn.HardSwish(), nn.Dense(20)]), nn.Softplus()],
    "residual first": lambda: [nn.Residual([nn.Sigmoid()]), nn.Residual([nn.Dense(24)])],
    "softmax": lambda: [nn.Dense(17), nn.Softmax(), nn.Dense(9), nn.Exponential()],
    "softmax of groups": lambda: [nn.Reshape((4, 6)), nn.Softmax(), nn.LayerNorm(), nn.Flatten()],
}
OUTPUTS = {
    "softmax": lambda: [nn.Dense(5), nn.Softmax(label_smoothing=0.1)],
    "sigmoid": lambda: [nn.Dense(5), nn.Sigmoid(label_smoothing=0.1)],
    "one sigmoid": lambda: [nn.Dense(1), nn.Sigmoid()],
    "identity": lambda: [nn.Dense(5), nn.Identity()],
    "exponential": lambda: [nn.Dense(5), nn.Exponential()],
    "no weights": lambda: [nn.Softmax()],
}


FILLED = {"NNLITE_CACHE": ""}  # the cache of the user, which other tests fill; a test's own one is empty at first
ONE_UNIT = ("narrow", "no weights")  # Softmax needs two


@pytest.fixture(autouse=True)
def _engine(monkeypatch):
    monkeypatch.delenv("NNLITE_ENGINE", raising=False)
    monkeypatch.delenv("NNLITE_NUM_THREADS", raising=False)


class Textbook:
    """What the textbook predicts with the present parameters of a network."""

    def __init__(self, model):
        self.model = model

    def predict_rows(self, X):
        return self.model.copy().forward(X, training=False)

    def predict(self, X):
        return self.model.output.predict(self.predict_rows(X))

    def evaluate(self, X, y, weights=None, metrics=()):
        examples = self.model.signature.check(X, y, weights)
        return self.model.evaluate_examples(examples, self.model.resolve_metrics(metrics), engine="textbook")


def both(layers, dtype="float32", n_features=FEATURES, scale=0.3):
    """A network for which compiled kernels predict, and what the textbook predicts in its place."""
    model = away_from_zero(nn.Model(layers, n_features=n_features, seed=0, dtype=dtype), scale)
    model.state = np.random.default_rng(1).uniform(0.5, 2, model.state.size)
    model.predict_compiled()
    return model, Textbook(model)


def small(dtype="float32", n_features=FEATURES):
    return both([nn.Dense(33), nn.ReLU(), nn.Dense(5), nn.Softmax()], dtype, n_features)


def data(M, dtype="float32", n_features=FEATURES):
    return np.random.default_rng(M).standard_normal((M, n_features)).astype(dtype)


def assert_close(values, expected):
    """Check that values agree to rounding, relative to the larger of 1 and their size."""
    assert values.shape == expected.shape
    assert values.dtype == expected.dtype
    error = np.abs(values - expected) / np.maximum(1, np.abs(expected))
    assert error.max() < TOLERANCE[values.dtype.name]


def assert_same_scores(scores, expected, dtype="float32"):
    assert scores.keys() == expected.keys()
    for key, value in expected.items():
        assert scores[key] == pytest.approx(value, rel=TOLERANCE[dtype], abs=TOLERANCE[dtype]), key


def is_compiled(model):
    """Whether compiled kernels predict: they do not call the layers."""
    calls = []
    before = nn.Dense.forward
    try:
        nn.Dense.forward = lambda self, *arguments: calls.append(self) or before(self, *arguments)
        model.predict(np.zeros((1, *model.input_shape), model.dtype))
    finally:
        nn.Dense.forward = before
    return not calls


# ---- the same numbers -----------------------------------------------------------------------------------------------


QUICK = {*itertools.product(HIDDEN, ["softmax"]), *itertools.product(["dense", "nothing"], OUTPUTS)}  # has each once
PAIRS = [
    pytest.param(*pair, marks=[] if pair in QUICK else SLOW)
    for pair in itertools.product(HIDDEN, OUTPUTS)
    if pair != ONE_UNIT
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("hidden", "output"), PAIRS)
def test_it_predicts_what_the_textbook_predicts(hidden, output, dtype):
    scale = 0.03 if hidden == "wide" else 0.3  # e^z would multiply the rounding of a large z
    model, textbook = both([*HIDDEN[hidden](), *OUTPUTS[output]()], dtype, scale=scale)
    for M in SIZES:
        X = data(M, dtype)
        assert_close(model.predict_rows(X), textbook.predict_rows(X))
        assert_close(model.predict_rows(X), textbook.predict_rows(X))  # with the memory of the first call


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", OUTPUTS)
def test_it_evaluates_as_the_textbook_does(output, dtype):
    model, textbook = both([nn.Dense(12), nn.ReLU(), *OUTPUTS[output]()], dtype)
    rng = np.random.default_rng(0)
    for M in SIZES:
        X, weights = data(M, dtype), rng.uniform(0, 2, M)
        targets = [rng.uniform(0, 1, (M, model.n_units))]
        if isinstance(model.output, nn.Softmax):
            targets = [targets[0] / targets[0].sum(axis=1, keepdims=True), rng.integers(0, model.n_units, M)]
        for y in targets:
            for of_y in (None, weights):
                assert_same_scores(model.evaluate(X, y, of_y), textbook.evaluate(X, y, of_y), dtype)


def test_metrics_see_all_predictions():
    model, textbook = small()
    X, y = data(1030), np.arange(1030) % 5
    for metrics in (["f1"], ["f1", "top_3_accuracy"]):
        assert_same_scores(model.evaluate(X, y, metrics=metrics), textbook.evaluate(X, y, metrics=metrics))


@pytest.mark.parametrize("n_features", [1, 3, 31, 32, 33, 512, 1024])
@pytest.mark.parametrize("dtype", DTYPES)
def test_any_number_of_features(n_features, dtype):
    model, textbook = small(dtype, n_features)
    for M in SIZES:
        X = data(M, dtype, n_features)
        assert_close(model.predict_rows(X), textbook.predict_rows(X))


@pytest.mark.parametrize("M", SIZES)
@pytest.mark.parametrize(
    "dtype", ["uint8", pytest.param("int64", marks=SLOW), pytest.param("bool", marks=SLOW), "float64", ">f4", "float16"]
)
def test_x_of_another_type(dtype, M):
    model, textbook = small()
    X, y = (10 * np.abs(data(M))).astype(dtype), np.arange(M) % 5
    assert_close(model.predict_rows(X), textbook.predict_rows(X))
    assert_same_scores(model.evaluate(X, y), textbook.evaluate(X, y))
    np.testing.assert_array_equal(model.predict(X.tolist()), textbook.predict(X.tolist()))


@for_each("M", SIZES)
def test_x_that_lies_in_another_order(M):
    model, textbook = small()
    X = data(2 * M, n_features=2 * FEATURES)
    for view in (X[::2, :FEATURES], X[:M, ::-2], np.asfortranarray(X[:M, :FEATURES])):
        before = view.copy()
        assert_close(model.predict_rows(view), textbook.predict_rows(before))
        np.testing.assert_array_equal(view, before)


@for_each("M", SIZES)
def test_examples_that_are_images(M):
    model, textbook = both([nn.Flatten(), nn.Dense(7), nn.ReLU(), nn.Dense(3), nn.Softmax()], n_features=(4, 6))
    X = data(M).reshape(M, 4, 6)
    assert_close(model.predict_rows(X), textbook.predict_rows(X))
    assert_same_scores(model.evaluate(X, np.arange(M) % 3), textbook.evaluate(X, np.arange(M) % 3))


@pytest.mark.parametrize("of_X", ["float32", "uint8"])
def test_the_validation_of_a_split_reads_its_rows_alone(of_X):
    from nnlite.network.examples import Examples

    model, _ = small()
    X, y, weights = (10 * np.abs(data(3000))).astype(of_X), np.arange(3000) % 5, np.linspace(0, 1, 3000)
    rows = np.random.default_rng(0).permutation(3000)[:1500]
    for of_rows in (weights, None):
        examples = Examples(X, y, of_rows, rows)
        compiled = model.evaluate_examples(examples, engine="compiled")
        assert_same_scores(compiled, model.evaluate_examples(examples, engine="textbook"))


# ---- what is wrong or unusual ---------------------------------------------------------------------------------------


@for_each("hidden", ["dense", "layer norm first", "residual first"])
@for_each("M", SIZES)
def test_wrong_numbers_are_refused_by_name(hidden, M):
    model, _ = both([*HIDDEN[hidden](), nn.Dense(3), nn.Softmax()], "float64")
    for wrong in (np.nan, np.inf, -np.inf):
        for i in {0, M // 2, M - 1}:
            X = data(M)
            model.predict(X)
            X[i, 5] = wrong
            refuse(lambda: model.predict(X), "X", f"X[{i}, 5]")  # noqa: B023
    refuse(lambda: model.predict(data(M, n_features=FEATURES + 1)), "X", f"expected {FEATURES} features")
    refuse(lambda: model.predict(data(M)[0, 1:]), "X", "two dimensions")
    assert model.predict(data(M)[0]) == model.predict(data(M))[0]
    refuse(lambda: model.predict(data(M)[:0]), "X", "at least one example")
    refuse(lambda: model.predict(data(M).astype(complex)), "X", "complex")
    in_float32, _ = small()
    refuse(lambda: in_float32.predict(data(M).astype("float64") * 1e300), "X", "too large")


@for_each("M", SIZES)
@for_each(("output", "expected"), [(nn.Softmax, [1, 0]), (nn.Sigmoid, [1, 0]), (nn.Exponential, [np.inf, 0])])
def test_large_numbers(output, expected, M):
    model = nn.Model([nn.Dense(2), output()], n_features=1, seed=0)
    model.theta = [1, -1, 0, 0]
    model.predict_compiled()
    for large in (1e4, 1e20, 3e38):
        np.testing.assert_array_equal(model.predict_rows(np.full((M, 1), large, np.float32)), [expected] * M)


def test_an_overflow_inside_is_no_fault_of_x():
    model, _ = both([nn.Dense(2), nn.Identity()], n_features=1)
    model.theta = [1e30, -1e30, 0, 0]
    for M in SIZES:
        np.testing.assert_array_equal(model.predict(np.full((M, 1), 1e10, np.float32)), [[np.inf, -np.inf]] * M)


def test_a_prediction_is_a_new_array():
    model, textbook = small()
    for M in SIZES:
        X = data(M)
        first = model.predict_rows(X)
        kept = first.copy()
        second = model.predict_rows(X + 1)
        np.testing.assert_array_equal(first, kept)
        first[...] = -1
        assert_close(second, textbook.predict_rows(X + 1))
        assert first.flags.c_contiguous
        assert first.base is None


# ---- the network at this moment -------------------------------------------------------------------------------------


@for_each("M", SIZES)
def test_each_prediction_uses_the_present_numbers(M):
    layers = [nn.Dense(9), nn.BatchNorm(), nn.LeakyReLU(), nn.Dense(5), nn.Identity()]
    model, textbook = both(layers, "float64")
    X = data(M, "float64")

    def changes():
        yield
        model.layers[0].W *= 2
        yield
        model.theta = 0.5 * model.theta
        yield
        model.layers[1].running_mean[...] = 3
        yield
        model.layers[1].epsilon = 0.5
        yield
        model.layers[2].negative_slope = 0.9
        yield

    for _ in changes():
        assert_close(model.predict_rows(X), textbook.predict_rows(X))
    assert is_compiled(model)


def test_a_copy_predicts_on_its_own():
    model, _ = small()
    X = data(300)
    expected = model.predict_rows(X)
    for other in (model.copy(), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict_rows(X), expected)
        assert is_compiled(other)
        other.theta *= 0
        np.testing.assert_array_equal(model.predict_rows(X), expected)
        np.testing.assert_allclose(other.predict_rows(X), 1 / 5)


def test_theta_begins_with_a_line_of_the_cache():
    model, _ = small()
    for network in (model, model.copy(), pickle.loads(pickle.dumps(model))):
        assert network.theta.ctypes.data % 64 == 0


# ---- threads and processes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("M", [300, 1030, 5000])
def test_the_number_of_threads_changes_no_bit(M, monkeypatch):
    model, _ = small()
    X, y = data(M), np.arange(M) % 5
    found = set()
    for n in ("1", "2", "3"):
        monkeypatch.setenv("NNLITE_NUM_THREADS", n)
        found |= {(model.predict_rows(X).tobytes(), str(model.evaluate(X, y))) for _ in range(20)}
    assert len(found) == 1


def test_many_threads_at_once(monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", "2")
    model, _ = small()
    sets = [data(M) for M in SIZES]
    expected = [model.copy().predict_rows(X) for X in sets]
    wrong = []

    def work(i):
        for k in range(60):
            j = (i + k) % len(sets)
            if not np.array_equal(model.predict_rows(sets[j]), expected[j]):
                wrong.append((i, j))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_hyperparameters_may_change_while_others_predict():
    model, _ = both([nn.Dense(9), nn.LeakyReLU(0.5), nn.Dense(3), nn.Identity()])
    sets = [data(M) for M in SIZES]
    allowed = []
    for slope in (0.5, 0.1):
        model.layers[1].negative_slope = slope
        allowed.append([model.predict_rows(X) for X in sets])
    wrong, stop = [], threading.Event()

    def work():
        while not stop.is_set():
            for j, X in enumerate(sets):
                Y_hat = model.predict_rows(X)
                if not any(np.array_equal(Y_hat, right[j]) for right in allowed):
                    wrong.append(j)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for k in range(40):
        model.layers[1].negative_slope = (0.5, 0.1)[k % 2]
        model.predict_rows(sets[3])
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    for j, X in enumerate(sets):
        np.testing.assert_array_equal(model.predict_rows(X), allowed[1][j])


def _predict_in_child(model, X, queue):
    queue.put(model.predict_rows(X))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_predicts_after_a_fork():
    model, _ = small()
    context = multiprocessing.get_context("fork")
    for M in SIZES:
        X = data(M)
        expected = model.predict_rows(X)
        queue = context.Queue()
        child = context.Process(target=_predict_in_child, args=(model, X, queue))
        child.start()
        np.testing.assert_array_equal(queue.get(timeout=60), expected)
        child.join()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
def test_helpers_end_when_nothing_is_predicted(monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", "3")
    model, _ = small()

    def n_threads():
        return len(list(Path("/proc/self/task").iterdir()))

    before = n_threads()
    for _ in range(20):
        model.predict(data(1030))
    end = time.monotonic() + 10
    while n_threads() > before:
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_may_end_at_once(python):
    of_child = """
import os
for _ in range(12):
    model.predict(X)
    child = os.fork()
    if child == 0:
        model.predict(X)
        break
    assert os.waitpid(child, 0)[1] == 0
"""
    python(PREDICT, NNLITE_ENGINE="compiled", **FILLED)  # the process below need not load the compiler
    python(PREDICT + of_child, NNLITE_ENGINE="compiled", NNLITE_NUM_THREADS="3", **FILLED)


@pytest.mark.slow
@pytest.mark.parametrize("processor", ["haswell", "nehalem"])
def test_older_processors(processor, python):
    out, _ = python(PREDICT, NUMBA_CPU_NAME=processor, NUMBA_CPU_FEATURES="", NNLITE_ENGINE="compiled", **FILLED)
    assert float(out.split()[0]) < TOLERANCE["float32"]


# ---- which engine predicts ------------------------------------------------------------------------------------------

PREDICT = """
import sys
import numpy as np
import nnlite as nn

model = nn.Model([nn.Dense(33), nn.ReLU(), nn.Dense(5), nn.Softmax()], n_features=24, seed=0)
X = np.random.default_rng(0).standard_normal((300, 24)).astype(np.float32)
textbook = model.copy().forward(X, training=False)
error = max(np.abs(model.predict_proba(X) - textbook).max(), np.abs(model.predict_proba(X[:1]) - textbook[:1]).max())
print(error)
"""
MANY = "digits = [model.predict_proba(X[:1]).tobytes() for _ in range(4000)]\nprint(hash(tuple(digits)))\n"
LOADED = "print('nnlite.engine.machine_code' in sys.modules, 'numba' in sys.modules)"


@pytest.mark.slow
def test_what_predictions_load(python):
    def loaded(code, **environment):
        """Whether a process that runs this code has loaded kernels, and Numba."""
        outputs = {python(PREDICT + code + LOADED, PYTHONHASHSEED="0", **environment)[0] for _ in range(2)}
        assert len(outputs) == 1  # the same digits again
        return outputs.pop().split()[-2:]

    cost = "model.evaluate(X, np.arange(300) % 5)\n"  # its kernels are not in the cache
    helped = "model.predict(np.resize(X, (9000, 24)))\n"
    assert loaded(MANY)[1] == "False"  # nor are any others
    python(PREDICT, NNLITE_ENGINE="compiled")
    assert loaded("") == ["False", "False"]
    assert loaded(MANY + cost + helped, NNLITE_NUM_THREADS="2") == ["True", "False"]
    assert loaded(MANY, NNLITE_ENGINE="textbook") == ["False", "False"]


def test_the_environment_decides_at_the_first_prediction(monkeypatch):
    for engine in ("compiled", "textbook"):
        monkeypatch.setenv("NNLITE_ENGINE", engine)
        model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=FEATURES)
        assert is_compiled(model) == (engine == "compiled")
        model.predict_compiled()
        assert is_compiled(model) == (engine == "compiled")


def test_networks_predict_with_kernels_after_a_compiled_training(python):
    train = """
model = nn.Model([nn.Dense(33), nn.ReLU(), nn.Dense(5), nn.Softmax()], n_features=24, seed=0)
early = nn.Model([nn.Dense(3), nn.Softmax()], n_features=24, seed=0)
before = early.predict_proba(X).tobytes()
history = model.fit(X, np.arange(300) % 5, epochs=1, validation_data=(X, np.arange(300) % 5))
print(history.engine)
expected = model.predict_proba(X).tobytes()
model.save("model.npz")
print(nn.load("model.npz").predict_proba(X).tobytes() == expected == model.copy().predict_proba(X).tobytes())
print(early.predict_proba(X).tobytes() == before)
print(round(model.evaluate(X, np.arange(300) % 5)["loss"] / history["val_loss"][-1], 12))
"""
    assert python(PREDICT + train, **FILLED)[0].split()[1:] == ["compiled", "True", "True", "1.0"]


def test_a_network_with_a_layer_of_a_user_keeps_the_textbook():
    model = nn.Model([nn.Dense(4), Square(), nn.Dense(3), nn.Softmax()], n_features=FEATURES, seed=0)
    expected = model.predict_rows(data(20))
    model.predict_compiled()
    np.testing.assert_array_equal(model.predict_rows(data(20)), expected)
    assert not is_compiled(model)


def test_a_forward_pass_of_a_user_is_not_replaced():
    class Shifted(nn.ReLU):
        def forward(self, a_prev, cache):
            return super().forward(a_prev, cache) + 1

    model = nn.Model([Shifted(), nn.Identity()], n_features=2)
    model.predict_compiled()
    assert model.predict(np.array([[-1.0, 2.0]], np.float32)).tolist() == [[1, 3]]
