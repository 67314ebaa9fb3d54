"""Facts about weights of classes: they are weights of the examples of a class."""

import collections
import types

import numpy as np
import pytest

import nnlite as nn

from ..support import ENGINES, everything, for_each, refuse, without_seconds
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


@for_each("form", FORMS)
def test_a_class_weight_is_the_weight_of_its_examples(form):
    same_as_sample_weight("classes", CLASSES, FORMS[form], OF_CLASS[CLASSES])


@for_each(
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


class Series:
    """A Series of pandas, as far as `fit` looks at one: it has keys, and iterates over its values."""

    def __init__(self, values, index):
        self.values_, self.index = list(values), list(index)

    def keys(self):
        return self.index

    def items(self):
        return zip(self.index, self.values_, strict=True)

    def __iter__(self):
        return iter(self.values_)

    def __contains__(self, key):
        return key in self.index

    def __getitem__(self, key):
        return self.values_[self.index.index(key)]


NAMES = ["setosa", "versicolor", "virginica"]
MAPPINGS = {
    "Series": Series(OF_CLASS, [0, 1, 2]),
    "Series in another order": Series(OF_CLASS[::-1], np.array([2, 1, 0])),
    "NumPy integers": {np.int32(2): 3, np.uint8(0): 0.5, np.int64(1): 2},
    "floats": {0.0: 0.5, 1.0: 2, 2.0: 3},
    "names": dict(zip(NAMES, OF_CLASS, strict=True)),
    "NumPy names": dict(zip(np.array(NAMES)[::-1], OF_CLASS[::-1], strict=True)),
    "Series of names": Series(OF_CLASS, NAMES),
    "some of both": {"virginica": 3, 0: 0.5, "versicolor": 2},
    "proxy": types.MappingProxyType({0: 0.5, 1: 2, 2: 3}),
    "counter": collections.Counter({0: 0.5, 1: 2, 2: 3}),
}


@for_each("form", MAPPINGS)
def test_any_mapping_is_a_class_weight_and_classes_may_be_named(form):
    named, plain = model_for("classes"), model_for("classes")
    named.class_names = NAMES
    named.fit(X, CLASSES, class_weight=MAPPINGS[form], epochs=2)
    plain.fit(X, CLASSES, class_weight=OF_CLASS, epochs=2)
    np.testing.assert_array_equal(named.theta, plain.theta)


def test_a_series_of_pandas_is_a_class_weight():
    pandas = pytest.importorskip("pandas")
    same_as_sample_weight("classes", CLASSES, pandas.Series(OF_CLASS[::-1], [2, 1, 0]), OF_CLASS[CLASSES])


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"setosa": 1, "versicolor": 1, "virginia": 1}, "missing: 2; unknown: 'virginia'"),
        ({0: 1, "setosa": 2, 1: 1, 2: 1}, "class 'setosa' has two weights, 1 and 2"),
        ({0: 1, 1: 1}, "missing: 2"),
        (Series([1, 1, 1, 1], [0, 1, 2, 3]), "unknown: 3"),
        (Series([1, 1, 1], [0, 1, 1]), "a key occurs twice"),
    ],
)
def test_a_mapping_that_does_not_name_each_class_once_is_refused(weights, said):
    model = model_for("classes")
    model.class_names = NAMES
    refuse(lambda: model.fit(X, CLASSES, class_weight=weights), "class_weight: ", said)


def test_names_without_class_names_say_how_to_give_them():
    weights = dict.fromkeys(NAMES, 1)
    refuse(lambda: model_for("classes").fit(X, CLASSES, class_weight=weights), "class_weight: ", "model.class_names = ")


# ---- weights that are all 0 -----------------------------------------------------------------------------------


def all_zero():
    """Calls whose weights are 0 for all examples, although neither kind of weight is all 0."""
    of_two = (CLASSES == 2).astype(float)
    part = {"validation_split": 0.3, "sample_weight": np.r_[1, np.zeros(M - 1)]}
    return {
        "product": ("class_weight and sample_weight: the weights of all", CLASSES, {
            "class_weight": [1, 1, 0], "sample_weight": of_two}),
        "mapping": ("class_weight and sample_weight: the weights of all", CLASSES, {
            "class_weight": {0: 1, 1: 1, 2: 0}, "sample_weight": of_two}),
        "class without examples": ("class_weight: the weights of all", np.zeros(M, int), {"class_weight": [0, 1, 1]}),
        "split": ("sample_weight: the weights of all", CLASSES, part),
        "validation": ("validation_data sample_weight: expected weights", CLASSES, {
            "validation_data": (X, CLASSES, np.zeros(M))}),
        "too large": ("sample_weight: the sum of the weights is infinite", CLASSES, {
            "sample_weight": np.full(M, 1e308)}),
        "product too large": ("class_weight and sample_weight: the sum of the weights is infinite", CLASSES, {
            "class_weight": [1e200] * 3, "sample_weight": np.full(M, 1e200)}),
    }  # fmt: skip


@for_each("case", all_zero())
def test_weights_that_leave_nothing_to_learn_from_are_refused_before_the_training(case):
    said, y, options = all_zero()[case]
    model = model_for("classes")
    before = everything(model)
    refuse(lambda: model.fit(X, y, **options), said)
    assert everything(model) == before


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stream_whose_weights_are_all_0_is_refused_at_the_end_of_its_epoch(engine):
    weights = (CLASSES == 2).astype(float)
    source = nn.batches(X, CLASSES, batch_size=3, sample_weight=weights)
    refuse(
        lambda: model_for("classes").fit(source, class_weight=[1, 1, 0], engine=engine),
        f"sample_weight: the weights of all {M} examples of epoch 1 are 0 (times class_weight)",
    )
