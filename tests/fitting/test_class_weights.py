"""Facts about weights of classes: they are weights of the examples of a class."""

import numpy as np
import pytest

import nnlite as nn

from ..support import without_seconds
from .targets import CLASSES, RNG, SOFT, TARGETS, WEIGHT, M, N, X, close, model_for

OF_CLASS = np.array([0.5, 2.0, 3.0])
FORMS = {
    "mapping": dict(enumerate(OF_CLASS)),
    "mapping of NumPy numbers": {np.int64(c): np.float32(w) for c, w in enumerate(OF_CLASS)},
    "in another order": {2: 3, 0: 0.5, 1: 2},
    "list": OF_CLASS.tolist(),
    "tuple": tuple(OF_CLASS),
    "array": OF_CLASS,
}


def same_as_sample_weight(kind, y, class_weight, sample_weight, **options):
    by_class, by_sample = model_for(kind), model_for(kind)
    options = {"batch_size": 4, "epochs": 3} | options
    history = by_class.fit(X, y, class_weight=class_weight, **options)
    expected = by_sample.fit(X, y, sample_weight=sample_weight, **options)
    np.testing.assert_array_equal(by_class.theta, by_sample.theta)
    assert without_seconds(history) == without_seconds(expected)


@pytest.mark.parametrize("form", FORMS)
def test_a_class_weight_is_the_weight_of_its_examples(form):
    same_as_sample_weight("classes", CLASSES, FORMS[form], OF_CLASS[CLASSES])


@pytest.mark.parametrize(
    ("kind", "y", "classes"),
    [
        ("one-hot", nn.one_hot(CLASSES, 3), CLASSES),
        ("soft", SOFT, SOFT.argmax(axis=1)),
        ("binary", CLASSES % 2, CLASSES % 2),
        ("binary", (CLASSES % 2)[:, None], CLASSES % 2),
        ("binary", np.linspace(0, 1, M), (np.linspace(0, 1, M) > 0.5).astype(int)),
        ("binary", np.resize([0.5, 1, 0.4], M), np.resize([0, 1, 0], M)),
    ],
)
def test_the_class_of_rows_and_probabilities_is_the_most_probable_one(kind, y, classes):
    n_classes = 2 if kind == "binary" else 3
    same_as_sample_weight(kind, y, OF_CLASS[:n_classes], OF_CLASS[classes])


@pytest.mark.parametrize("kind", ["classes", "one-hot", "binary"])
def test_balanced_is_the_formula_of_scikit_learn(kind):
    # n_samples / (n_classes * np.bincount(y)): for 6, 2 and 2 of 10 examples, or 8 and 2
    expected = {"binary": [10 / 16, 10 / 4]}.get(kind, [10 / 18, 10 / 6, 10 / 6])
    y = TARGETS[kind][2]
    classes = CLASSES % 2 if kind == "binary" else CLASSES
    same_as_sample_weight(kind, y, "balanced", np.array(expected)[classes])


def test_balanced_classes_count_the_same():
    many = RNG.integers(0, 100, 500) // 45  # 45, 45 and 10 of a hundred
    data = RNG.standard_normal((500, N))
    model = model_for()
    history = model.fit(data, many, class_weight="balanced", optimizer=nn.SGD(1e-30), epochs=1)
    means = [model_for().evaluate(data[many == c], many[many == c])["loss"] for c in range(3)]
    close(history["loss"], [np.mean(means)])


def test_balanced_counts_only_the_training_examples():
    kept = []
    model, twin = model_for("binary"), model_for("binary")
    y = CLASSES % 2
    look = nn.callbacks.Callback()
    note = nn.LambdaCallback(on_train_end=lambda logs: kept.extend(np.concatenate([*look.training_inputs()])[:, 0]))
    options = {"validation_split": 0.4, "epochs": 2, "batch_size": 3}
    model.fit(X, y, class_weight="balanced", callbacks=[look, note], **options)
    counts = np.bincount(y[np.isin(X[:, 0], kept)])
    assert counts.sum() == 6
    assert counts[0] / counts[1] != 8 / 2
    twin.fit(X, y, class_weight=6 / (2 * counts), **options)
    np.testing.assert_array_equal(model.theta, twin.theta)


def test_balanced_ignores_a_class_without_examples():
    same_as_sample_weight("classes", CLASSES % 2, "balanced", np.array([10 / 24, 10 / 6])[CLASSES % 2])


@pytest.mark.parametrize("class_weight", [OF_CLASS, "balanced"])
def test_weights_of_classes_and_of_examples_multiply(class_weight):
    of_class = np.array([10 / 18, 10 / 6, 10 / 6]) if isinstance(class_weight, str) else OF_CLASS
    together, multiplied = model_for(), model_for()
    together.fit(X, CLASSES, class_weight=class_weight, sample_weight=WEIGHT, epochs=3, batch_size=4)
    multiplied.fit(X, CLASSES, sample_weight=of_class[CLASSES] * WEIGHT, epochs=3, batch_size=4)
    np.testing.assert_array_equal(together.theta, multiplied.theta)


def test_a_class_without_weight_is_not_trained_on():
    model, twin = model_for(), model_for()
    rest = CLASSES != 1
    model.fit(X, CLASSES, class_weight=[1, 0, 1], batch_size=None, epochs=5)
    twin.fit(X[rest], CLASSES[rest], batch_size=None, epochs=5)
    close(model.theta, twin.theta)


def test_validation_is_not_weighted_by_class():
    model = model_for()
    history = model.fit(X, CLASSES, class_weight=OF_CLASS, validation_data=(X, CLASSES), epochs=1)
    assert history["val_loss"] == [model.evaluate(X, CLASSES)["loss"]]
