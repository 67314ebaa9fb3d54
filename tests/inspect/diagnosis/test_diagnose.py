"""Facts about the doctor: each check finds its fault, keeps still on healthy set-ups, and changes nothing."""

import copy
import functools
import math

import numpy as np
import pytest

from nnlite.callbacks import Callback, EarlyStopping
from nnlite.datasets import load_digits, load_iris, make_blobs, make_moons, make_spirals
from nnlite.errors import ArgumentError
from nnlite.fitting.history import History
from nnlite.initializers import Constant, GlorotNormal, GlorotUniform, HeUniform, Orthogonal, TruncatedNormal, Zeros
from nnlite.inspect.diagnose import Diagnose, Diagnosis, Finding, diagnose
from nnlite.inspect.diagnosis import after, during
from nnlite.inspect.diagnosis.report import WIDTH
from nnlite.layers import (
    ELU,
    GELU,
    SELU,
    AlphaDropout,
    BatchNorm,
    Dense,
    Dropout,
    Exponential,
    Flatten,
    GaussianNoise,
    Identity,
    LayerNorm,
    LeakyReLU,
    ReLU,
    Residual,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from nnlite.model import Model
from nnlite.optimizers import SGD, Adam, AdamW, RMSProp
from nnlite.schedules import CosineDecay, LinearWarmup, OneCycle


def standardized(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


@functools.cache
def digits():
    data = load_digits()
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(data.X_train))[:600]
    return data.X_train[rows], data.y_train[rows], data.X_test[:200], data.y_test[:200]


@functools.cache
def iris():
    data = load_iris()
    mean, std = data.X_train.mean(axis=0), data.X_train.std(axis=0)
    return (data.X_train - mean) / std, data.y_train, (data.X_test - mean) / std, data.y_test


@functools.cache
def blobs():
    X, y = make_blobs(400, seed=3)
    return split(standardized(X), y)


@functools.cache
def moons():
    return split(*make_moons(400, seed=0))


@functools.cache
def spirals():
    return split(*make_spirals(600, seed=0))


@functools.cache
def values():
    """A smooth function of three features, with some noise."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 3))
    y = np.sin(X[:, 0]) + 0.5 * X[:, 1] * X[:, 2] + 0.1 * rng.standard_normal(400)
    return split(X, y / y.std())


@functools.cache
def two_values():
    X, y, X_test, y_test = values()
    return X, np.column_stack([y, X @ [1, -1, 0.5]]), X_test, np.column_stack([y_test, X_test @ [1, -1, 0.5]])


@functools.cache
def counts():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 2))
    return split(X, rng.poisson(np.exp(1 + 0.5 * X[:, 0] - 0.3 * X[:, 1])))


@functools.cache
def labels():
    """Three labels that do not exclude one another."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 5))
    return split(X, (X @ rng.standard_normal((5, 3)) + 0.3 * rng.standard_normal((400, 3)) > 0).astype(int))


def split(X, y):
    n = len(X) * 3 // 4
    return X[:n], y[:n], X[n:], y[n:]


def network(*layers, seed=0, **options):
    return Model(list(layers), seed=seed, **options)


HEALTHY = {
    "digits, ReLU, SGD": (digits, lambda: [Dense(64), ReLU(), Dense(10), Softmax()], lambda: SGD(0.1)),
    "digits, softmax regression": (digits, lambda: [Dense(10), Softmax()], lambda: SGD(0.1)),
    "digits, BatchNorm, dropout, AdamW": (
        digits,
        lambda: [Dense(64), BatchNorm(), ReLU(), Dropout(0.3), Dense(10), Softmax()],
        lambda: AdamW(3e-3, weight_decay=0.01),
    ),
    "digits, residual, label smoothing, one cycle": (
        digits,
        lambda: [Dense(48), ReLU(), Residual([Dense(48), ReLU()]), Dense(10), Softmax(label_smoothing=0.1)],
        lambda: SGD(OneCycle(0.2, 500), momentum=0.9),
    ),
    "digits, three hidden layers, He uniform, warm-up": (
        digits,
        lambda: [x for _ in range(3) for x in (Dense(48, HeUniform()), ReLU())] + [Dense(10), Softmax()],
        lambda: Adam(LinearWarmup(1000, CosineDecay(2e-3, 2000))),
    ),
    "digits, SELU, alpha dropout": (
        digits,
        lambda: [Dense(64), SELU(), AlphaDropout(0.1), Dense(64), SELU(), Dense(10), Softmax()],
        lambda: SGD(0.05, momentum=0.9),
    ),
    "digits, GELU, LayerNorm": (
        digits,
        lambda: [Dense(64), LayerNorm(), GELU(), Dense(10), Softmax()],
        lambda: Adam(3e-3),
    ),
    "iris, Tanh, SGD": (iris, lambda: [Dense(16), Tanh(), Dense(3), Softmax()], lambda: SGD(0.1)),
    "iris, Sigmoid, RMSProp": (iris, lambda: [Dense(16), Sigmoid(), Dense(3), Softmax()], lambda: RMSProp(0.005)),
    "iris, ELU, orthogonal": (
        iris,
        lambda: [Dense(16, Orthogonal()), ELU(), Dense(3), Softmax()],
        lambda: SGD(0.05, momentum=0.9, nesterov=True),
    ),
    "blobs, LeakyReLU": (blobs, lambda: [Dense(16), LeakyReLU(), Dense(3), Softmax()], lambda: SGD(0.1)),
    "blobs, noise, full batch": (
        blobs,
        lambda: [GaussianNoise(0.1), Dense(16), ReLU(), Dense(3), Softmax()],
        lambda: Adam(0.01),
    ),
    "moons, one sigmoid unit": (moons, lambda: [Dense(16), ReLU(), Dense(1), Sigmoid()], lambda: Adam(0.01)),
    "moons, logistic regression": (moons, lambda: [Dense(1), Sigmoid()], lambda: SGD(0.5)),
    "spirals, two hidden layers": (
        spirals,
        lambda: [Dense(32), ReLU(), Dense(32), ReLU(), Dense(3), Softmax()],
        lambda: Adam(0.01),
    ),
    "spirals, Tanh, Glorot normal, float64": (
        spirals,
        lambda: [Dense(32, GlorotNormal()), Tanh(), Dense(32, GlorotNormal()), Tanh(), Dense(3), Softmax()],
        lambda: SGD(0.05, momentum=0.9),
    ),
    "values, SiLU": (values, lambda: [Dense(32), SiLU(), Dense(1), Identity()], lambda: Adam(0.01)),
    "two values, Tanh": (two_values, lambda: [Dense(32), Tanh(), Dense(2), Identity()], lambda: SGD(0.05)),
    "counts, Softplus": (counts, lambda: [Dense(16), Softplus(), Dense(1), Exponential()], lambda: Adam(0.01)),
    "several labels": (labels, lambda: [Dense(16), ReLU(), Dense(3), Sigmoid()], lambda: SGD(0.1)),
    "digits as images, uint8 scaled by BatchNorm": (
        lambda: tuple((16 * part).astype(np.uint8).reshape(-1, 8, 8) if part.ndim == 2 else part for part in digits()),
        lambda: [BatchNorm(), Flatten(), Dense(64), ReLU(), Dense(10), Softmax()],
        lambda: SGD(0.1),
    ),
    "digits, truncated normal, large batches": (
        digits,
        lambda: [Dense(64, TruncatedNormal(0.1)), ReLU(), Dense(10), Softmax()],
        lambda: Adam(3e-3),
    ),
}
EPOCHS = {"spirals": 60, "moons": 40, "iris": 40}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_set_up_has_no_problem_before_training(name):
    data, layers, optimizer = HEALTHY[name]
    X, y, X_test, y_test = data()
    batch_size = None if "full batch" in name else 128 if "large" in name else 32
    report = diagnose(
        network(*layers(), dtype="float64" if "float64" in name else "float32"),
        X,
        y,
        validation_data=(X_test, y_test),
        optimizer=optimizer(),
        batch_size=batch_size,
    )
    assert report.ok, str(report)
    assert not report.notices, str(report)


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_set_up_has_no_problem_after_training(name):
    data, layers, optimizer = HEALTHY[name]
    X, y, X_test, y_test = data()
    model = network(*layers())
    doctor = Diagnose()
    epochs = next((n for key, n in EPOCHS.items() if name.startswith(key)), 20)
    history = model.fit(
        X, y, validation_data=(X_test, y_test), optimizer=optimizer(), epochs=epochs, callbacks=[doctor]
    )
    report = diagnose(model, X, y, validation_data=(X_test, y_test), optimizer=optimizer(), history=history)
    assert report.ok, str(report)
    assert doctor.report.ok, str(doctor.report)


# ---- each check finds its fault ------------------------------------------------------------------------------------


def ready(n_classes=10, **options):
    """A network that has nothing wrong."""
    return network(Dense(32), ReLU(), Dense(n_classes), Softmax(), **options)


def verdict_of(check, *arguments, **options):
    return diagnose(*arguments, **options)[check].verdict


def with_entry(array, value, place=(3, 5)):
    changed = np.array(array, np.float64)
    changed[place] = value
    return changed


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_numbers_that_are_not_finite_are_reported_and_the_rest_is_examined(value):
    X, y, X_test, y_test = digits()
    report = diagnose(ready(), with_entry(X, value), y, validation_data=(with_entry(X_test, value), y_test))
    assert report["finite numbers"].verdict == "problem"
    assert report["finite numbers"].evidence == {"n_bad_training_X": 1, "n_bad_validation_X": 1}
    assert [finding.check for finding in report.problems] == ["finite numbers"]


def test_missing_labels_are_reported():
    X, y, *_ = digits()
    report = diagnose(ready(), X, with_entry(y, np.nan, place=7))
    assert report["finite numbers"].evidence == {"n_bad_training_y": 1}
    assert len(report) > 10


def test_data_without_a_finite_example_get_a_report_of_one_line():
    X, y, *_ = digits()
    report = diagnose(ready(), np.full_like(X, np.nan), y)
    assert [finding.check for finding in report] == ["finite numbers"]
    assert not report.ok


def test_constant_features_are_found():
    X, y, *_ = values()
    model = network(Dense(8), ReLU(), Dense(1), Identity())
    report = diagnose(model, np.column_stack([X, np.full(len(X), 7.0)]), y)
    assert report["constant features"].verdict == "notice"
    assert "3" in report["constant features"].message
    assert verdict_of("constant features", model, np.ones_like(X), y) == "problem"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda X: X * 100, "problem"),
        (lambda X: X * 1e-4, "problem"),
        (lambda X: X + 100, "problem"),
        (lambda X: X + 8, "notice"),
        (lambda X: X * [1, 1, 1, 500], "problem"),
        (lambda X: X * [1, 1, 1, 0.05], "notice"),
        (lambda X: X * [3, 1, 1, 1] + 1, "ok"),
    ],
)
def test_inputs_of_a_wrong_scale_are_found(change, verdict):
    X, y, *_ = iris()
    assert verdict_of("scale of inputs", ready(3), change(X), y) == verdict


def test_raw_pixels_are_found_also_as_bytes():
    X, y, *_ = digits()
    assert verdict_of("scale of inputs", ready(), (255 * X).astype(np.uint8), y) == "problem"
    assert verdict_of("scale of inputs", ready(), X / 255, y) == "problem"


def test_pixels_that_are_rarely_on_and_rare_binary_features_are_no_fault_of_scale():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3))
    rare = (rng.random((300, 2)) < 0.02) * 1.0
    report = diagnose(ready(2), np.column_stack([X, rare]), (X[:, 0] > 0).astype(int))
    assert report["scale of inputs"].verdict == "ok"


def test_duplicates_in_the_training_set_are_found():
    X, y, *_ = digits()
    report = diagnose(ready(), np.concatenate([X, X[:100]]), np.concatenate([y, y[:100]]))
    assert report["duplicates"].verdict == "notice"
    assert report["duplicates"].evidence["n_copies"] == 100
    assert report["contradictory labels"].verdict == "ok"


def test_equal_examples_with_different_labels_are_found():
    X, y, *_ = digits()
    report = diagnose(ready(), np.concatenate([X, X[:100]]), np.concatenate([y, (y[:100] + 1) % 10]))
    assert report["contradictory labels"].verdict == "problem"
    assert report["contradictory labels"].evidence["n"] == 200


def test_training_examples_in_the_validation_set_are_found_whatever_their_dtype():
    X, y, X_test, y_test = digits()
    held_out = np.concatenate([X_test, X[:20].astype(np.float64)]), np.concatenate([y_test, y[:20]])
    report = diagnose(ready(), X, y, validation_data=held_out)
    assert report["leak into validation"].verdict == "problem"
    assert report["leak into validation"].evidence["n_leaked"] == 20
    assert verdict_of("leak into validation", ready(), X, y, validation_data=(X_test, y_test)) == "ok"


def test_repeats_of_features_with_few_values_are_natural():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (300, 4))
    y = X[:, 0]
    report = diagnose(ready(2), X, y, validation_data=(X[:50], y[:50]))
    assert report["duplicates"].verdict == report["leak into validation"].verdict == "ok"


def test_unbalanced_and_empty_classes_are_found():
    X, y, *_ = digits()
    kept = (y != 3) | (np.cumsum(y == 3) <= 3)
    assert verdict_of("class balance", ready(), X[kept], y[kept]) == "notice"
    report = diagnose(ready(), X[y != 3], y[y != 3])
    assert report["class balance"].verdict == "notice"
    assert "3" in report["class balance"].message
    rare = np.concatenate([np.flatnonzero(y == 0)[:1], np.flatnonzero(y == 1)[:120]])
    X_two = np.concatenate([X[rare], X[rare[1:]] + 0.01])
    y_two = np.concatenate([y[rare], y[rare[1:]]])
    assert verdict_of("class balance", ready(2), X_two, y_two) == "problem"


def test_a_label_that_no_example_has_is_found():
    X, y, *_ = labels()
    model = network(Dense(8), ReLU(), Dense(3), Sigmoid())
    assert verdict_of("class balance", model, X, y * [1, 1, 0]) == "notice"
    assert verdict_of("class balance", model, X, 0 * y) == "problem"


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_labels_are_found(seed):
    X, y, *_ = digits()
    shuffled = np.random.default_rng(seed).permutation(y)
    assert verdict_of("labels fit inputs", ready(), X, shuffled) == "problem"


def test_shuffled_values_counts_and_label_rows_are_found():
    for data, output in ((values, Identity()), (counts, Exponential()), (labels, Sigmoid())):
        X, y, *_ = data()
        rows = y.reshape(len(y), -1)
        model = network(Dense(8), ReLU(), Dense(rows.shape[1]), output)
        assert verdict_of("labels fit inputs", model, X, rows) == "ok"
        shuffled = np.random.default_rng(1).permutation(rows)
        assert verdict_of("labels fit inputs", model, X, shuffled) == "problem"


def test_labels_are_not_judged_by_few_examples():
    X, y, *_ = digits()
    shuffled = np.random.default_rng(0).permutation(y)
    assert verdict_of("labels fit inputs", ready(), X[:200], shuffled[:200]) == "notice"
    report = diagnose(ready(), X[:50], shuffled[:50])
    assert "labels fit inputs" not in [finding.check for finding in report]


def test_classes_missing_in_validation_are_found():
    X, y, X_test, y_test = digits()
    kept = y_test != 4
    report = diagnose(ready(), X, y, validation_data=(X_test[kept], y_test[kept]))
    assert report["validation classes"].verdict == "problem"
    assert "class 4" in report["validation classes"].message
    report = diagnose(ready(), X[y != 4], y[y != 4], validation_data=(X_test, y_test))
    assert report["validation classes"].verdict == "problem"


def test_validation_data_that_were_scaled_otherwise_are_found():
    X, y, X_test, y_test = digits()
    assert verdict_of("validation shift", ready(), X, y, validation_data=(255 * X_test, y_test)) == "problem"
    X, y, X_test, y_test = iris()
    assert verdict_of("validation shift", ready(3), X, y, validation_data=(X_test + 2, y_test)) == "problem"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda y: 1000 * y, "problem"),
        (lambda y: y + 1000, "problem"),
        (lambda y: 20 * y, "notice"),
        (lambda y: 1e-4 * y, "problem"),
        (lambda y: y * [1, 1000], "problem"),
        (lambda y: y * [1, 0], "problem"),
        (lambda y: y + 1, "ok"),
    ],
)
def test_targets_of_a_wrong_scale_are_found(change, verdict):
    X, y, *_ = two_values()
    model = network(Dense(8), Tanh(), Dense(2), Identity())
    assert verdict_of("scale of targets", model, X, change(y)) == verdict


def test_large_counts_are_found():
    X, y, *_ = counts()
    model = network(Dense(8), Tanh(), Dense(1), Exponential())
    assert verdict_of("scale of targets", model, X, 1000 * y) == "problem"


# ---- before training


def test_an_initial_loss_far_from_ln_c_is_found():
    X, y, *_ = digits()
    report = diagnose(network(Dense(32), ReLU(), Dense(10, GlorotUniform(gain=20)), Softmax(), seed=1), X, y)
    assert report["initial loss"].verdict == "problem"
    assert report["initial output"].verdict == "problem"
    assert report["initial loss"].evidence["expected"] == pytest.approx(math.log(10))


def test_an_initial_count_that_overflows_is_found():
    X, y, *_ = counts()
    model = network(Dense(32), ReLU(), Dense(1, GlorotUniform(gain=20)), Exponential())
    assert verdict_of("initial output", model, X, y) == "problem"


@pytest.mark.parametrize("initializer", [Zeros(), Constant(0.1)])
def test_units_that_begin_alike_are_found(initializer):
    X, y, *_ = digits()
    model = network(Dense(16, initializer), Tanh(), Dense(10, initializer), Softmax())
    assert verdict_of("different units", model, X, y) == "problem"


def test_weights_of_zero_in_front_of_the_output_are_no_fault():
    X, y, *_ = digits()
    report = diagnose(network(Dense(32), ReLU(), Dense(10, Zeros()), Softmax()), X, y)
    assert report["different units"].verdict == report["gradients by layer"].verdict == "ok"


def test_gradients_that_vanish_are_found():
    X, y, *_ = digits()
    layers = [layer for _ in range(7) for layer in (Dense(16), Sigmoid())]
    report = diagnose(network(*layers, Dense(10), Softmax()), X, y)
    assert report["gradients by layer"].verdict == "problem"
    assert "vanish" in report["gradients by layer"].message
    assert "ReLU" in report["gradients by layer"].advice


def test_gradients_that_explode_are_found():
    X, y, *_ = digits()
    layers = [layer for _ in range(5) for layer in (Dense(32, TruncatedNormal(2.0)), ReLU())]
    report = diagnose(network(*layers, Dense(10), Softmax()), X, y)
    assert report["gradients by layer"].verdict == "problem"
    assert "explode" in report["gradients by layer"].message


class Forgetful(Identity):
    """A layer of one's own that passes no gradient on."""

    def backward(self, da, cache):
        da *= 0
        return da


def test_a_layer_that_passes_no_gradient_on_is_found():
    X, y, *_ = digits()
    report = diagnose(network(Dense(32), ReLU(), Forgetful(), Dense(10), Softmax()), X, y)
    assert report["gradients by layer"].verdict == "problem"


class Blind(ReLU):
    """A layer of one's own that lets next to nothing through."""

    def forward(self, a_prev, cache):
        a = cache.array("a", a_prev.shape)
        np.multiply(a_prev, 1e-6, out=a)
        cache.a = a
        return a


def test_a_network_that_cannot_learn_a_handful_is_found():
    X, y, *_ = digits()
    assert verdict_of("a handful by heart", network(Dense(32), Blind(), Dense(10), Softmax()), X, y) == "problem"
    layers = [layer for _ in range(7) for layer in (Dense(16), Sigmoid())]
    assert verdict_of("a handful by heart", network(*layers, Dense(10), Softmax()), X, y) == "problem"


def test_a_rate_that_is_too_low_is_not_taken_for_a_network_that_cannot_learn():
    X, y, *_ = digits()
    report = diagnose(ready(), X, y, optimizer=SGD(1e-6))
    assert report["a handful by heart"].verdict == "ok"
    assert "Adam" in report["a handful by heart"].message


# ---- during training


@pytest.mark.parametrize("optimizer", [SGD(1e-5), SGD(1e-4, momentum=0.9), Adam(1e-6), RMSProp(1e-7)])
def test_a_learning_rate_that_is_too_low_is_found(optimizer):
    X, y, *_ = digits()
    finding = diagnose(ready(), X, y, optimizer=optimizer)["learning rate"]
    assert finding.verdict == "problem", finding
    assert "larger" in finding.advice


@pytest.mark.parametrize("optimizer", [SGD(10), SGD(3, momentum=0.9), Adam(1.0), Adam(30)])
@pytest.mark.parametrize("activation", [ReLU, Tanh])
def test_a_learning_rate_that_is_too_high_is_found(optimizer, activation):
    X, y, *_ = digits()
    report = diagnose(network(Dense(32), activation(), Dense(10), Softmax(), seed=0), X, y, optimizer=optimizer)
    assert report["learning rate"].verdict == "problem", report["learning rate"]
    assert "smaller" in report["learning rate"].advice


def test_steps_of_a_wrong_size_are_found():
    X, y, *_ = digits()
    assert verdict_of("size of updates", ready(), X, y, optimizer=Adam(0.5)) == "problem"
    assert verdict_of("size of updates", ready(), X, y, optimizer=Adam(0.1)) == "notice"
    assert verdict_of("size of updates", ready(), X, y, optimizer=SGD(1e-6)) == "problem"
    assert verdict_of("size of updates", ready(), X, y, optimizer=SGD(3e-4)) == "notice"


def test_dead_units_are_found():
    X, y, *_ = digits()
    model = ready(n_features=64)
    model.parameters["b1"][:20] = -100
    finding = diagnose(model, X, y)["dead units"]
    assert finding.verdict == "problem"
    assert finding.evidence == {"ReLU 1": pytest.approx(20 / 32, abs=0.1)}


def test_dead_units_inside_a_residual_layer_are_found():
    X, y, *_ = digits()
    model = network(Dense(32), Residual([Dense(32), ReLU()]), Dense(10), Softmax(), n_features=64)
    model.parameters["b2"][:20] = -100
    assert verdict_of("dead units", model, X, y) == "problem"


def test_saturated_units_are_found():
    X, y, *_ = digits()
    for activation in (Tanh(), Sigmoid()):
        model = network(Dense(32), activation, Dense(10), Softmax())
        assert verdict_of("saturated units", model, 255 * X, y) == "problem"


# ---- after training


def trained_on(X, y, n_classes=10, units=64, epochs=60, **options):
    model = network(Dense(units), ReLU(), Dense(n_classes), Softmax(), seed=0)
    history = model.fit(X, y, optimizer=Adam(5e-3), epochs=epochs, progress=False, **options)
    return model, history


def test_underfitting_is_found():
    X, y, *_ = digits()
    assert verdict_of("underfitting", ready(seed=0), X, y, trained=True) == "problem"
    X, y, *_ = spirals()
    model = network(Dense(3), Softmax(), seed=0)
    model.fit(X, y, epochs=20)
    assert verdict_of("underfitting", model, X, y, trained=True) == "notice"


def test_a_network_that_a_linear_model_beats_underfits():
    X, y, *_ = digits()
    model, history = trained_on(X, y, units=2, epochs=4)
    finding = diagnose(model, X, y, history=history)["underfitting"]
    assert finding.verdict == "problem"
    assert "linear" in finding.message
    assert "epochs" in finding.advice


def test_overfitting_is_found():
    X, y, X_test, y_test = digits()
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y)) < 0.4, rng.integers(0, 10, len(y)), y)
    model, history = trained_on(X, noisy, epochs=80, validation_data=(X_test, y_test))
    report = diagnose(model, X, noisy, validation_data=(X_test, y_test), history=history)
    assert report["overfitting"].verdict == "problem"


def test_overfitting_of_values_is_found():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((80, 10)), rng.standard_normal(80)
    model = network(Dense(64), ReLU(), Dense(1), Identity(), seed=0)
    model.fit(X[:40], y[:40], optimizer=Adam(0.01), epochs=100)
    report = diagnose(model, X[:40], y[:40], validation_data=(X[40:], y[40:]))
    assert report["overfitting"].verdict == "problem"


def test_a_validation_loss_that_rises_again_is_found():
    X, y, X_test, y_test = digits()
    model, _ = trained_on(X, y, epochs=15)
    fall, rise = np.linspace(2, 0.3, 10), np.linspace(0.3, 0.9, 10)
    history = History(loss=[*fall, *fall / 10], val_loss=[*fall, *rise])
    finding = diagnose(model, X, y, validation_data=(X_test, y_test), history=history)["overfitting"]
    assert finding.verdict == "notice"
    assert "epoch 10" in finding.message


def test_a_validation_loss_that_jumps_is_found():
    even = np.exp(-np.arange(20) / 5) + 0.2
    for jump, verdict in ((0.0, "ok"), (0.2, "notice"), (0.9, "problem")):
        history = History(val_loss=list(even * (1 + jump * (-1.0) ** np.arange(20))))
        (finding,) = after.unstable_validation(history)
        assert finding.verdict == verdict


def test_a_training_loss_that_is_no_number_is_found():
    X, y, *_ = digits()
    model, _ = trained_on(X, y, epochs=1)
    assert verdict_of("course of the loss", model, X, y, history=History(loss=[2.3, np.nan])) == "problem"
    assert verdict_of("course of the loss", model, X, y, history=History(loss=[2.3, 2.9])) == "problem"


def test_the_most_confused_pair_is_named():
    X, y, X_test, y_test = digits()
    model, history = trained_on(X, np.where(y == 3, 8, y), epochs=20)
    finding = diagnose(model, X, y, validation_data=(X_test, y_test), history=history)["confused classes"]
    assert finding.verdict == "problem"
    assert (finding.evidence["true"], finding.evidence["predicted"]) == (3, 8)


def test_a_class_that_is_never_predicted_is_found():
    X, y, X_test, y_test = digits()
    model, history = trained_on(X, np.where(y == 3, 8, y), epochs=20)
    report = diagnose(model, X, y, validation_data=(X_test, y_test), history=history)
    assert report["silent classes"].verdict == "problem"
    assert "Class 3" in report["silent classes"].message


def test_a_label_that_is_never_given_is_found():
    X, y, *_ = labels()
    model = network(Dense(8), ReLU(), Dense(3), Sigmoid(), seed=0)
    model.fit(X, y * [1, 1, 0], optimizer=Adam(0.01), epochs=10)
    assert verdict_of("silent classes", model, X, y, trained=True) == "problem"


def test_a_network_that_is_surer_than_it_is_right_is_found():
    X, y, X_test, y_test = blobs()
    model, history = trained_on(X, y, n_classes=3, epochs=15)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y_test)) < 0.4, (y_test + 1) % 3, y_test)
    assert verdict_of("calibration", model, X, y, validation_data=(X_test, noisy), history=history) == "problem"
    report = diagnose(model, X, y, validation_data=(X_test, noisy))
    assert "surer" in report["calibration"].message


# ---- as a callback -------------------------------------------------------------------------------------------------


def watched(model, X, y, optimizer, doctor=None, epochs=3, **options):
    doctor = Diagnose() if doctor is None else doctor
    model.fit(X, y, optimizer=optimizer, epochs=epochs, callbacks=[doctor], **options)
    return doctor.report


@pytest.mark.parametrize(
    ("optimizer", "check"),
    [
        (SGD(100), "learning rate"),
        (SGD(100), "dead units"),
        (Adam(3.0), "size of updates"),
        (SGD(1e-6), "size of updates"),
        (SGD(1e-6), "learning rate"),
    ],
)
def test_faults_show_in_a_real_training(optimizer, check):
    X, y, *_ = digits()
    assert watched(ready(seed=0), X, y, optimizer)[check].verdict == "problem"


def test_with_data_the_callback_also_examines_before_and_after():
    X, y, X_test, y_test = digits()
    doctor = Diagnose(X, y, validation_data=(X_test, y_test))
    report = watched(ready(seed=0), X, y, Adam(3e-3), doctor, epochs=10, validation_data=(X_test, y_test))
    assert {finding.phase for finding in report} == {"data", "before", "during", "after"}
    assert report.ok, str(report)


def test_the_callback_changes_nothing_of_the_training():
    X, y, X_test, y_test = digits()
    for doctor in (None, Diagnose(), Diagnose(X, y, validation_data=(X_test, y_test))):
        model = network(Dense(16), BatchNorm(), ReLU(), Dropout(0.2), Dense(10), Softmax(), seed=3)
        callbacks = [] if doctor is None else [doctor]
        for _ in range(2):  # what it left of the generator shows in the second training
            model.fit(X, y, optimizer=SGD(0.1, momentum=0.9), epochs=2, callbacks=callbacks)
        after_it = model.theta.tobytes(), model.state.tobytes(), model.rng.bit_generator.state
        if doctor is None:
            expected = after_it
        assert after_it == expected


def test_the_callback_works_with_batches_from_a_generator_and_forgets_an_earlier_training():
    X, y, *_ = digits()

    def endless():
        while True:
            yield X[:100], y[:100]

    doctor = Diagnose()
    assert doctor.report is None
    model = ready(seed=0)
    model.fit(endless(), optimizer=SGD(100), epochs=1, steps_per_epoch=30, callbacks=[doctor])
    assert not doctor.report.ok
    assert watched(ready(seed=0), X, y, SGD(0.1), doctor).ok


def test_a_callback_behind_the_doctor_finds_the_network_as_it_was():
    X, y, *_ = digits()
    model = ready(seed=0)

    class Compare(Callback):
        def on_train_end(self, logs):
            self.theta = self.model.theta.copy()

    class Before(Compare):
        pass

    first, last = Before(), Compare()
    model.fit(X, y, epochs=1, callbacks=[first, Diagnose(), last])
    assert first.theta.tobytes() == last.theta.tobytes()


# ---- the report ----------------------------------------------------------------------------------------------------


def sick():
    X, y, X_test, y_test = digits()
    return diagnose(
        network(Dense(32, Zeros()), Tanh(), Dense(10, Zeros()), Softmax()),
        with_entry(255 * X, np.nan),
        y,
        validation_data=(X_test, y_test),
        optimizer=SGD(1e-6),
    )


def test_a_report_fits_a_terminal_of_100_columns_and_says_all():
    report = sick()
    text = str(report)
    assert max(map(len, text.splitlines())) <= WIDTH == 100
    plain = " ".join(text.split())
    for finding in report:
        assert finding.check in text
        assert finding.verdict.lower() in text.lower()
    for finding in report.problems:
        assert finding.advice
        assert finding.advice.split()[0] in plain
    assert all(not finding.advice for finding in report if finding.verdict == "ok")


def test_a_report_is_a_sequence_of_findings():
    report = sick()
    assert list(report) == report.findings
    assert len(report) == len(report.findings)
    assert report[0] is report["finite numbers"]
    assert {finding.verdict for finding in report} <= {"ok", "notice", "problem"}
    assert report.problems == [finding for finding in report if finding.verdict == "problem"]
    assert not report.ok
    assert str(len(report.problems)) in repr(report)
    assert str(report[0]).startswith("finite numbers: problem: ")
    with pytest.raises(KeyError, match="was not checked"):
        report["no such"]


def test_a_report_has_a_table_for_notebooks():
    from html.parser import HTMLParser

    seen = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            if tag != "br":
                seen.append(tag)

        def handle_endtag(self, tag):
            assert seen.pop() == tag

    report = sick()
    text = report._repr_html_()
    Reader().feed(text)
    assert not seen
    assert all(finding.check in text for finding in report)
    nasty = Finding("a & b", "data", "notice", "1 < 2", {"x": 1.0}, "<script>")
    assert "<script>" not in Diagnosis([nasty])._repr_html_()


def test_what_was_not_checked_is_said():
    X, y, *_ = digits()
    report = diagnose(ready(), X, y)
    assert "calibration" in report.skipped
    assert "has not been trained" in str(report)
    model, history = trained_on(X, y, epochs=1)
    assert diagnose(model, X, y, history=history).skipped["learning rate"] == "the network has been trained"


def test_the_same_call_gives_the_same_report():
    X, y, *_ = digits()
    assert str(diagnose(ready(seed=0), X, y)) == str(diagnose(ready(seed=0), X, y))


# ---- what it leaves alone ------------------------------------------------------------------------------------------


def everything(model, optimizer):
    state = optimizer.state(model)
    return (
        model.theta.tobytes(),
        model.grad.tobytes(),
        model.state.tobytes(),
        model.rng.bit_generator.state,
        state.n_steps,
        {name: vector.tobytes() for name, vector in state.vectors.items()},
    )


@pytest.mark.parametrize("trained", [True, False])
def test_the_network_and_the_optimizer_stay_as_they_are(trained):
    X, y, X_test, y_test = digits()
    model = network(Dense(16), BatchNorm(), ReLU(), Dropout(0.2), Dense(10), Softmax(), seed=0)
    optimizer = Adam(1e-3, weight_decay=0.1)
    model.fit(X, y, optimizer=optimizer, epochs=1)
    before, x_before = everything(model, optimizer), X.tobytes()
    diagnose(model, X, y, validation_data=(X_test, y_test), optimizer=optimizer, trained=trained)
    assert everything(model, optimizer) == before
    assert X.tobytes() == x_before
    assert optimizer.weight_decay == 0.1
    assert model.layers[3].rate == 0.2


def test_an_unbuilt_network_stays_unbuilt():
    X, y, *_ = digits()
    model, twin = ready(seed=0), ready(seed=0)
    diagnose(model, X, y)
    assert not model.built
    for network_ in (model, twin):
        network_.fit(X, y, epochs=1)
    assert model.theta.tobytes() == twin.theta.tobytes()


def test_a_step_by_hand_may_go_on_after_the_diagnosis():
    X, y, *_ = digits()
    model = ready(seed=0)
    model.forward(X[:10])
    diagnose(model, X, y)
    twin = copy.deepcopy(model)
    twin.forward(X[:10])
    for network_ in (model, twin):
        network_.backward(y[:10])
    assert model.grad.tobytes() == twin.grad.tobytes()


# ---- edges ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 11])
def test_few_examples_are_examined_as_far_as_they_go(n):
    X, y, *_ = digits()
    assert len(diagnose(ready(), X[:n], y[:n], validation_data=(X[20:21], y[20:21]))) >= 8


def test_one_hot_rows_and_class_indices_give_the_same_findings():
    X, y, *_ = digits()
    by_class, by_row = (diagnose(ready(seed=0), X, targets) for targets in (y, np.eye(10)[y]))
    assert [(f.check, f.verdict) for f in by_class] == [(f.check, f.verdict) for f in by_row]


def test_frozen_layers_are_no_fault():
    X, y, *_ = digits()
    model = network(Dense(64, trainable=False), ReLU(), Dense(10), Softmax(), seed=0)
    report = diagnose(model, X, y)
    assert report.ok, str(report)


def test_a_late_peak_of_a_schedule_is_brought_forward():
    rate = during.shortened(LinearWarmup(5000, 0.1), 200)
    assert rate(0) < rate(50) < rate(100) == pytest.approx(0.1, rel=0.05)
    decay = CosineDecay(0.1, 1000)
    assert during.shortened(decay, 200) is decay


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "no model"}, "model: expected a Model"),
        ({"optimizer": "adam"}, "optimizer: expected an Optimizer"),
        ({"history": [1, 2]}, "history: expected what fit returned"),
        ({"batch_size": 0}, "batch_size: expected an integer"),
        ({"trained": "yes"}, "trained: expected True or False"),
        ({"validation_data": np.zeros((3, 64))}, "validation_data: expected"),
        ({"y": [0, 1]}, "y: expected 600 labels"),
        ({"y": np.full(600, 10)}, "label 10 is out of range"),
        ({"X": np.zeros(600)}, "X: expected two dimensions"),
        ({"X": np.zeros((0, 64)), "y": []}, "X: expected at least one example"),
        ({"X": [["a"] * 64] * 600}, "X: expected"),
    ],
)
def test_wrong_use_is_refused(arguments, message):
    X, y, *_ = digits()
    given = {"model": ready(), "X": X, "y": y} | arguments
    with pytest.raises(ArgumentError, match=message):
        diagnose(given.pop("model"), given.pop("X"), given.pop("y"), **given)


def test_callbacks_behind_the_doctor_are_still_asked_for_their_keys():
    X, y, *_ = digits()
    with pytest.raises(ArgumentError, match="monitor"):
        ready().fit(X, y, callbacks=[Diagnose(), EarlyStopping(monitor="val_loss")])


def test_the_callback_needs_both_x_and_y_or_neither():
    with pytest.raises(ArgumentError, match="both X and y"):
        Diagnose(np.zeros((3, 2)))


def test_validation_data_that_are_no_numbers_are_not_overlooked():
    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) % 3
    model = Model([Dense(3), Softmax()], seed=0)
    found = diagnose(model, X, y, validation_data=(X * np.nan, y))
    assert not found.ok


def test_targets_that_are_all_alike_leave_nothing_to_learn():
    X = np.random.default_rng(0).standard_normal((60, 3))
    model = Model([Dense(3), Softmax()], n_features=3, seed=0)
    assert "nothing to learn" in str(diagnose(model, X, np.zeros(60, int), trained=True))


def test_a_training_that_an_error_has_stopped_has_a_report():
    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) % 3
    model = Model([Dense(8), ReLU(), Dense(3), Softmax()], seed=0)
    doctor = Diagnose(X, y)
    with pytest.raises(ArithmeticError, match="diverged"):
        model.fit(X, y, optimizer=SGD(1e30), epochs=5, callbacks=[doctor])
    assert doctor.report["end of the training"].verdict == "problem"
    assert "inputs" in str(doctor.report)
    model.fit(X, y, optimizer=SGD(0.1), epochs=2, callbacks=[doctor])
    assert "end of the training" not in [finding.check for finding in doctor.report]


def test_there_is_no_report_while_the_training_runs():
    class Asking(Callback):
        def on_epoch_end(self, epoch, logs):
            assert doctor.report is None

    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) % 3
    doctor = Diagnose()
    assert doctor.report is None
    Model([Dense(3), Softmax()], seed=0).fit(X, y, epochs=2, callbacks=[doctor, Asking()])
    assert doctor.report is not None


def test_classes_of_validation_are_counted_among_those_of_the_training():
    X = np.random.default_rng(0).standard_normal((60, 3))
    model = Model([Dense(3), Softmax()], seed=0)
    found = diagnose(model, X, np.arange(60) % 2, validation_data=(X[:30] + 1, np.arange(30) % 3))
    assert "of 2 of 2 classes" in str(found)


def test_a_network_that_cannot_learn_is_not_asked_to():
    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) % 3
    model = Model([Dense(3, trainable=False), Softmax()], n_features=3, seed=0)
    found = diagnose(model, X, y)
    assert "a handful by heart" in found.skipped


def test_the_score_of_one_validation_example_is_none():
    X = np.random.default_rng(0).standard_normal((60, 3))
    model = Model([Dense(1), Identity()], seed=0)
    model.fit(X, X[:, 0], epochs=5)
    found = diagnose(model, X, X[:, 0], validation_data=(X[:1] + 1, X[:1, 0]), trained=True)
    assert "nan on validation" not in str(found)
