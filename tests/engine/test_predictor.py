"""Facts about compiled prediction: it predicts what the textbook predicts, to rounding, whatever happens around it."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import nnlite as nn

pytest.importorskip("numba")

from ..support import Square, for_each, refuse
from .predictions import (
    DTYPES,
    FEATURES,
    FILLED,
    HIDDEN,
    ONE_UNIT,
    OUTPUTS,
    PREDICT,
    SIZES,
    SLOW,
    assert_close,
    assert_same_scores,
    both,
    data,
    is_compiled,
    small,
)


@pytest.fixture(autouse=True)
def _engine(monkeypatch):
    monkeypatch.delenv("NNLITE_ENGINE", raising=False)
    monkeypatch.delenv("NNLITE_NUM_THREADS", raising=False)


# ---- the same numbers -----------------------------------------------------------------------------------------------


QUICK = {*itertools.product(["dense", "nothing", "narrow"], ["softmax", "identity"])}  # of kernels that others need
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
    layers = [nn.Flatten(), nn.Dense(7), nn.ReLU(), nn.Dense(3), nn.Softmax()]
    model, textbook = both(layers, "float64", n_features=(4, 6))
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
    in_float32, _ = small("float32")
    refuse(lambda: in_float32.predict(data(M).astype("float64") * 1e300), "X", "too large")


@pytest.mark.slow
@for_each("M", SIZES)
@for_each(("output", "expected"), [(nn.Softmax, [1, 0]), (nn.Sigmoid, [1, 0]), (nn.Exponential, [np.inf, 0])])
def test_large_numbers(output, expected, M):
    model = nn.Model([nn.Dense(2), output()], n_features=1, seed=0)
    model.theta = [1, -1, 0, 0]
    model.predict_compiled()
    for large in (1e4, 1e20, 3e38):
        np.testing.assert_array_equal(model.predict_rows(np.full((M, 1), large, np.float32)), [expected] * M)


def test_an_overflow_inside_is_no_fault_of_x():
    model, _ = both([nn.Dense(2), nn.Identity()], "float64", n_features=1)
    model.theta = [1e300, -1e300, 0, 0]
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


# ---- which engine predicts ------------------------------------------------------------------------------------------

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
        model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=FEATURES, dtype="float64")
        assert is_compiled(model) == (engine == "compiled")
        model.predict_compiled()
        assert is_compiled(model) == (engine == "compiled")


def test_networks_predict_with_kernels_after_a_compiled_training(python):
    train = """
model = nn.Model([nn.Dense(33), nn.ReLU(), nn.Dense(5), nn.Softmax()], n_features=24, seed=0, dtype="float64")
early = nn.Model([nn.Dense(3), nn.Softmax()], n_features=24, seed=0, dtype="float64")
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
