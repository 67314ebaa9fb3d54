"""Facts about examples that count more or less than others, by sample or by class, and about what is reported."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlite as nn

M, N = 10, 4
RNG = np.random.default_rng(0)
X = RNG.standard_normal((M, N))
CLASSES = np.array([0, 1, 2, 0, 1, 0, 0, 2, 0, 0])
WEIGHT = np.array([2, 1, 0, 3, 1, 2, 1, 1, 0, 2])
SOFT = RNG.dirichlet(np.ones(3), M)

TARGETS = {
    "classes": (nn.Softmax, 3, CLASSES),
    "one-hot": (nn.Softmax, 3, nn.one_hot(CLASSES, 3)),
    "soft": (nn.Softmax, 3, SOFT),
    "smoothed": (lambda: nn.Softmax(label_smoothing=0.2), 3, CLASSES),
    "binary": (nn.Sigmoid, 1, CLASSES % 2),
    "labels": (nn.Sigmoid, 2, np.stack([CLASSES % 2, CLASSES // 2], axis=1)),
    "values": (nn.Identity, 2, RNG.standard_normal((M, 2))),
    "counts": (nn.Exponential, 1, RNG.poisson(2.0, M)),
}


def make_model(kind="classes", *, seed=0, dtype="float64"):
    output, units, _ = TARGETS[kind]
    return nn.Model([nn.Dense(5), nn.Tanh(), nn.Dense(units), output()], n_features=N, seed=seed, dtype=dtype)


def without_seconds(history):
    return {key: values for key, values in history.items() if key != "seconds"}


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)


def refuse(call, *fragments):
    with pytest.raises(nn.ArgumentError) as caught:
        call()
    message = str(caught.value)
    assert message.startswith(fragments[0]), message
    for fragment in fragments[1:]:
        assert fragment in message, message


# ---- weights of examples ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TARGETS)
def test_weight_two_is_the_example_twice_in_cost_and_gradient(kind):
    y = TARGETS[kind][2]
    weighted, repeated = make_model(kind), make_model(kind)
    weighted.forward(X)
    repeated.forward(np.repeat(X, WEIGHT, axis=0))
    close(weighted.cost(y, WEIGHT), repeated.cost(np.repeat(y, WEIGHT, axis=0)))
    weighted.backward(y, WEIGHT)
    repeated.backward(np.repeat(y, WEIGHT, axis=0))
    close(weighted.grad, repeated.grad)


@pytest.mark.parametrize("kind", TARGETS)
def test_weight_two_is_the_example_twice_in_training_and_evaluation(kind):
    y = TARGETS[kind][2]
    weighted, repeated = make_model(kind), make_model(kind)
    often, often_y = np.repeat(X, WEIGHT, axis=0), np.repeat(y, WEIGHT, axis=0)
    options = {"batch_size": None, "epochs": 20, "optimizer": nn.Adam(0.01)}
    history = weighted.fit(X, y, sample_weight=WEIGHT, validation_data=(X, y, WEIGHT), **options)
    expected = repeated.fit(often, often_y, validation_data=(often, often_y), **options)
    close(weighted.theta, repeated.theta)
    close(history["loss"], expected["loss"])
    close(history["val_loss"], expected["val_loss"])
    close(weighted.evaluate(X, y, WEIGHT)["loss"], repeated.evaluate(often, often_y)["loss"])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=M, max_size=M).filter(any), st.sampled_from(sorted(TARGETS)))
def test_whole_weights_are_so_many_examples(weights, kind):
    y = TARGETS[kind][2]
    weighted, repeated = make_model(kind), make_model(kind)
    weighted.forward(X)
    repeated.forward(np.repeat(X, weights, axis=0))
    weighted.backward(y, weights)
    repeated.backward(np.repeat(y, weights, axis=0))
    close(weighted.cost(y, weights), repeated.cost(np.repeat(y, weights, axis=0)))
    close(weighted.grad, repeated.grad)


@pytest.mark.parametrize("kind", TARGETS)
def test_the_gradient_is_that_of_the_weighted_cost(kind):
    y, model = TARGETS[kind][2], make_model(kind)
    weights = RNG.uniform(0, 2, M)
    model.forward(X)
    model.backward(y, weights)
    direction, theta, h = RNG.standard_normal(model.theta.size), model.theta.copy(), 1e-6
    costs = []
    for step in (h, -h):
        model.theta = theta + step * direction
        model.forward(X)
        costs.append(model.cost(y, weights))
    assert (costs[0] - costs[1]) / (2 * h) == pytest.approx(model.grad @ direction, rel=1e-7)


def test_only_the_ratios_of_weights_count():
    plain, ones, tens = (make_model() for _ in range(3))
    weights = [None, np.ones(M), np.full(M, 10, np.uint8)]
    for model, sample_weight in zip((plain, ones, tens), weights, strict=True):
        model.fit(X, CLASSES, sample_weight=sample_weight, epochs=5, batch_size=4)
    close(ones.theta, plain.theta)
    close(tens.theta, plain.theta)


def test_weights_go_with_their_examples_into_shuffled_batches():
    # a batch of one example: its weight cancels, but for 0, where there is no step
    model, optimizer = make_model(), nn.SGD(0.1)
    weights = np.zeros(M)
    weights[[3, 7]] = 1, 5
    thetas = [model.theta.copy()]
    note = nn.LambdaCallback(on_batch_end=lambda batch, logs: thetas.append(model.theta.copy()))
    model.fit(X, CLASSES, sample_weight=weights, batch_size=1, epochs=1, optimizer=optimizer, callbacks=[note])
    moved = [not np.array_equal(a, b) for a, b in itertools.pairwise(thetas)]
    assert sum(moved) == 2
    in_order = [make_model(), make_model()]
    for twin, order in zip(in_order, ([3, 7], [7, 3]), strict=True):
        twin.fit(X[order], CLASSES[order], batch_size=1, epochs=1, shuffle=False, optimizer=nn.SGD(0.1))
    assert any(np.allclose(model.theta, twin.theta, rtol=1e-12) for twin in in_order)


def test_weights_go_with_their_examples_into_a_validation_split():
    labels = CLASSES % 2
    given = []
    note = nn.LambdaCallback(on_train_begin=lambda logs: given.extend(np.concatenate([*look.training_inputs()])))
    weighted = make_model("binary")
    look = nn.callbacks.Callback()
    options = {"batch_size": None, "epochs": 1, "shuffle": False}
    history = weighted.fit(
        X,
        labels,
        sample_weight=WEIGHT,
        validation_split=0.3,
        callbacks=[look, note],
        optimizer=nn.SGD(1e-30),
        **options,
    )
    kept = np.isin(X[:, 0], np.array(given)[:, 0])
    assert kept.sum() == 7
    model = make_model("binary")
    for key, part in (("loss", kept), ("val_loss", ~kept)):
        close(history[key], [model.evaluate(X[part], labels[part], WEIGHT[part])["loss"]])


def test_what_has_no_weight_has_no_influence():
    model, twin, other = make_model(), make_model(), X.copy()
    other[WEIGHT == 0] = 1e6
    labels = np.where(WEIGHT == 0, (CLASSES + 1) % 3, CLASSES)
    model.fit(X, CLASSES, sample_weight=WEIGHT, batch_size=4, epochs=3)
    twin.fit(other, labels, sample_weight=WEIGHT, batch_size=4, epochs=3)
    np.testing.assert_array_equal(twin.theta, model.theta)


@pytest.mark.parametrize("kind", TARGETS)
def test_a_batch_without_any_weight_makes_no_step_and_no_loss(kind):
    y = TARGETS[kind][2]
    weights = np.where(np.arange(M) < 5, 0, WEIGHT)
    model, twin, losses = make_model(kind), make_model(kind), []
    note = nn.LambdaCallback(on_batch_end=lambda batch, logs: losses.append(logs["loss"]))
    options = {"shuffle": False, "batch_size": 5, "epochs": 1}
    history = model.fit(X, y, sample_weight=weights, callbacks=[note], **options)
    expected = twin.fit(X[5:], y[5:], sample_weight=weights[5:], **options)
    np.testing.assert_array_equal(model.theta, twin.theta)
    assert losses == [0, *expected["loss"]]
    assert history["loss"] == expected["loss"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_history_has_the_weighted_loss_and_the_plain_accuracy(dtype):
    model = make_model(dtype=dtype)
    options = {"sample_weight": WEIGHT, "batch_size": 3, "epochs": 2, "optimizer": nn.SGD(1e-30)}
    history = model.fit(X, CLASSES, validation_data=(X, CLASSES, WEIGHT), **options)
    Y_hat = model.predict_proba(X).astype(float)
    losses = -np.log(Y_hat[np.arange(M), CLASSES])
    expected = (WEIGHT * losses).sum() / WEIGHT.sum()
    assert history["loss"] == pytest.approx([expected] * 2, rel=1e-6)
    assert history["val_loss"] == pytest.approx([expected] * 2, rel=1e-6)
    accuracy = np.mean(Y_hat.argmax(axis=1) == CLASSES)
    assert history["accuracy"] == history["val_accuracy"] == [accuracy] * 2


def test_the_weighted_loss_of_many_blocks_is_one_mean():
    many, labels = RNG.standard_normal((2500, N)), RNG.integers(0, 3, 2500)
    weights = np.linspace(0, 3, 2500)
    model = make_model()
    losses = -np.log(model.predict_proba(many)[np.arange(2500), labels])
    close(model.evaluate(many, labels, weights)["loss"], (weights * losses).sum() / weights.sum())


@pytest.mark.parametrize("form", [list, tuple, np.array, np.float32, np.uint8, lambda w: np.array(w, ">f8")])
def test_weights_may_have_any_form(form):
    model, twin = make_model(), make_model()
    model.fit(X, CLASSES, sample_weight=form(WEIGHT), epochs=2)
    twin.fit(X, CLASSES, sample_weight=WEIGHT.astype(float), epochs=2)
    np.testing.assert_array_equal(model.theta, twin.theta)


WRONG_WEIGHTS = [
    ("too few", np.ones(M - 1), ["one weight for each of 10 examples", "(9,)"]),
    ("too many", np.ones(M + 1), ["one weight for each of 10 examples", "(11,)"]),
    ("column", np.ones((M, 1)), ["one weight for each of 10 examples", "(10, 1)"]),
    ("number", 2.0, ["one weight for each of 10 examples", "()"]),
    ("negative", -WEIGHT, ["at least 0", "-3"]),
    ("all 0", np.zeros(M), ["not all 0"]),
    ("nan", np.where(WEIGHT == 3, np.nan, 1), ["finite", "nan at {name}[3]"]),
    ("inf", np.where(WEIGHT == 3, np.inf, 1), ["finite", "inf at {name}[3]"]),
    ("words", ["1"] * M, ["expected numbers"]),
    ("mapping", {0: 1.0}, ["expected numbers"]),
]
CALLS = {
    "cost": lambda model, w: model.cost(CLASSES, w),
    "backward": lambda model, w: model.backward(CLASSES, w),
    "evaluate": lambda model, w: model.evaluate(X, CLASSES, w),
    "fit": lambda model, w: model.fit(X, CLASSES, sample_weight=w, epochs=1),
    "validation": lambda model, w: model.fit(X, CLASSES, validation_data=(X, CLASSES, w), epochs=1),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("wrong", "fragments"), [pytest.param(*row[1:], id=row[0]) for row in WRONG_WEIGHTS])
def test_wrong_weights_are_refused_and_change_nothing(call, wrong, fragments):
    model, twin = make_model(), make_model()
    model.forward(X)
    name = "validation_data sample_weight" if call == "validation" else "sample_weight"
    refuse(lambda: CALLS[call](model, wrong), f"{name}: ", *(fragment.format(name=name) for fragment in fragments))
    np.testing.assert_array_equal(model.theta, twin.theta)
    np.testing.assert_array_equal(model.grad, 0)
    assert model.rng.bit_generator.state == twin.rng.bit_generator.state


# ---- weights of classes -----------------------------------------------------------------------------------------

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
    by_class, by_sample = make_model(kind), make_model(kind)
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
def test_rows_and_probabilities_have_the_class_that_is_most_probable(kind, y, classes):
    n_classes = 2 if kind == "binary" else 3
    same_as_sample_weight(kind, y, OF_CLASS[:n_classes], OF_CLASS[classes])


@pytest.mark.parametrize("kind", ["classes", "one-hot", "binary"])
def test_balanced_is_scikit_learns_formula(kind):
    # n_samples / (n_classes * np.bincount(y)): for 6, 2 and 2 of 10 examples, or 8 and 2
    expected = {"binary": [10 / 16, 10 / 4]}.get(kind, [10 / 18, 10 / 6, 10 / 6])
    y = TARGETS[kind][2]
    classes = CLASSES % 2 if kind == "binary" else CLASSES
    same_as_sample_weight(kind, y, "balanced", np.array(expected)[classes])


def test_balanced_classes_count_the_same():
    many = RNG.integers(0, 100, 500) // 45  # 45, 45 and 10 of a hundred
    data = RNG.standard_normal((500, N))
    model = make_model()
    history = model.fit(data, many, class_weight="balanced", optimizer=nn.SGD(1e-30), epochs=1)
    means = [make_model().evaluate(data[many == c], many[many == c])["loss"] for c in range(3)]
    close(history["loss"], [np.mean(means)])


def test_balanced_counts_the_examples_that_are_trained_on():
    kept = []
    model, twin = make_model("binary"), make_model("binary")
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


def test_a_class_of_which_there_is_no_example_weighs_nothing_in_balanced():
    same_as_sample_weight("classes", CLASSES % 2, "balanced", np.array([10 / 24, 10 / 6])[CLASSES % 2])


@pytest.mark.parametrize("class_weight", [OF_CLASS, "balanced"])
def test_weights_of_classes_and_of_examples_multiply(class_weight):
    of_class = np.array([10 / 18, 10 / 6, 10 / 6]) if isinstance(class_weight, str) else OF_CLASS
    together, multiplied = make_model(), make_model()
    together.fit(X, CLASSES, class_weight=class_weight, sample_weight=WEIGHT, epochs=3, batch_size=4)
    multiplied.fit(X, CLASSES, sample_weight=of_class[CLASSES] * WEIGHT, epochs=3, batch_size=4)
    np.testing.assert_array_equal(together.theta, multiplied.theta)


def test_a_class_without_weight_is_not_trained_on():
    model, twin = make_model(), make_model()
    rest = CLASSES != 1
    model.fit(X, CLASSES, class_weight=[1, 0, 1], batch_size=None, epochs=5)
    twin.fit(X[rest], CLASSES[rest], batch_size=None, epochs=5)
    close(model.theta, twin.theta)


def test_validation_is_not_weighted_by_class():
    model = make_model()
    history = model.fit(X, CLASSES, class_weight=OF_CLASS, validation_data=(X, CLASSES), epochs=1)
    assert history["val_loss"] == [model.evaluate(X, CLASSES)["loss"]]


WRONG_CLASS_WEIGHTS = [
    ("misses one", "classes", {0: 1, 2: 1}, ["each of the classes 0..2", "missing: 1"]),
    ("misses two", "classes", {1: 1}, ["each of the classes 0..2", "missing: 0, 2"]),
    ("misses all", "classes", {}, ["missing: 0, 1, 2"]),
    ("has another", "classes", {0: 1, 1: 1, 2: 1, 3: 1}, ["each of the classes 0..2", "unknown: 3"]),
    ("has names", "classes", {"a": 1, "b": 1, "c": 1}, ["missing: 0, 1, 2", "unknown: 'a', 'b', 'c'"]),
    ("misses class 1", "binary", {0: 1}, ["each of the classes 0..1", "missing: 1"]),
    ("too few", "classes", [1, 2], ["3 finite numbers", "[1, 2]"]),
    ("too many", "classes", [1, 2, 3, 4], ["3 finite numbers"]),
    ("for units", "binary", [1], ["2 finite numbers"]),
    ("number", "classes", 2.0, ["3 finite numbers", "2.0"]),
    ("negative", "classes", [1, -1, 1], ["at least 0", "[1, -1, 1]"]),
    ("nan", "classes", {0: 1, 1: math.nan, 2: 1}, ["finite"]),
    ("all 0", "classes", [0, 0, 0], ["not all 0"]),
    ("words in a list", "classes", ["a", "b", "c"], ["expected numbers"]),
    ("None in a mapping", "classes", {0: 1, 1: None, 2: 1}, ["expected numbers"]),
    ("set", "classes", {1, 2, 3}, ["expected numbers"]),
    ("misspelt", "classes", "balance", ["or 'balanced'", "'balance'"]),
    ("regression", "values", [1, 1], ["Identity() does not choose between classes"]),
    ("balanced regression", "values", "balanced", ["Identity() does not choose between classes"]),
    ("counts", "counts", {0: 1}, ["Exponential() does not choose between classes"]),
    ("several labels", "labels", [1, 1], ["Sigmoid() does not choose between classes"]),
]


@pytest.mark.parametrize(
    ("kind", "wrong", "fragments"), [pytest.param(*row[1:], id=row[0]) for row in WRONG_CLASS_WEIGHTS]
)
def test_wrong_class_weights_are_refused_and_change_nothing(kind, wrong, fragments):
    output, units, y = TARGETS[kind]
    model = nn.Model([nn.Dense(units), output()], seed=0)
    state = model.rng.bit_generator.state
    refuse(lambda: model.fit(X, y, class_weight=wrong), "class_weight: ", *fragments)
    assert not model.built
    assert model.rng.bit_generator.state == state


# ---- what else is reported --------------------------------------------------------------------------------------


def mean_distance(y, Y_hat):
    return np.abs(y - Y_hat).mean()


def test_a_function_of_ones_own_is_reported_under_its_name():
    y, model = TARGETS["values"][2], make_model("values")
    options = {"optimizer": nn.SGD(1e-30), "epochs": 2, "batch_size": 4, "metrics": [mean_distance]}
    history = model.fit(X, y, validation_data=(X, y), **options)
    keys = ["loss", "mean_distance", "val_loss", "val_mean_distance", "learning_rate", "seconds"]
    assert list(history) == keys
    expected = np.abs(y - model.predict(X)).mean()
    close(history["mean_distance"], [expected] * 2)
    close(history["val_mean_distance"], [expected] * 2)
    assert model.evaluate(X, y, metrics=[mean_distance]) == {"loss": history["val_loss"][1], "mean_distance": expected}


@pytest.mark.parametrize("kind", TARGETS)
def test_a_function_sees_all_examples_in_the_order_they_had(kind):
    y, model, seen = TARGETS[kind][2], make_model(kind), []

    def look(y, Y_hat):
        seen.append((y, Y_hat))
        return 0

    options = {"optimizer": nn.SGD(1e-30), "shuffle": False, "epochs": 1, "batch_size": 4}
    model.fit(X, y, metrics=[look], sample_weight=WEIGHT, **options)
    model.evaluate(X, y, metrics=[look])
    units = TARGETS[kind][1]
    for truth, Y_hat in seen:
        np.testing.assert_array_equal(np.ravel(truth), np.ravel(y))
        assert Y_hat.shape == (M, units)
        close(model.output.predict(Y_hat), model.predict(X))


def test_names_and_functions_stand_side_by_side():
    metrics = ["accuracy", "f1", mean_distance]
    options = {"epochs": 1, "validation_data": (X, CLASSES % 2), "optimizer": nn.SGD(1e-30)}
    history = make_model("binary").fit(X, CLASSES % 2, metrics=metrics, **options)
    keys = ["loss", "accuracy", "f1", "mean_distance"]
    assert list(history) == [*keys, *(f"val_{key}" for key in keys), "learning_rate", "seconds"]
    close([history[key] for key in keys], [history[f"val_{key}"] for key in keys])


def test_metrics_do_not_change_training():
    plain, measured = make_model(), make_model()
    plain.fit(X, CLASSES, epochs=2, batch_size=4)
    measured.fit(X, CLASSES, epochs=2, batch_size=4, metrics=[lambda y, Y_hat: Y_hat.fill(0) or 0])
    np.testing.assert_array_equal(measured.theta, plain.theta)


@pytest.mark.parametrize("value", [1, 1.5, np.float32(1.5), np.array(1.5), math.nan, True])
def test_any_number_is_a_result(value):
    result = make_model().evaluate(X, CLASSES, metrics=[lambda y, Y_hat: value])
    np.testing.assert_array_equal([*result.values()][-1], float(value))


@pytest.mark.parametrize("value", [None, "0.5", [1.0], np.ones(1), np.ones(3), {"a": 1}, 1j])
def test_a_result_that_is_no_number_is_an_error_with_the_functions_name(value):
    def mine(y, Y_hat):
        return value

    refuse(lambda: make_model().evaluate(X, CLASSES, metrics=[mine]), "metrics: ", "mine", "must give a number")
    refuse(lambda: make_model().fit(X, CLASSES, metrics=[mine], epochs=1), "metrics: ", "mine", "must give a number")


@pytest.mark.parametrize("wrong", ["f1", mean_distance, 3, ["no such metric"], [3], [None]])
def test_what_is_no_metric_is_refused(wrong):
    model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
    refuse(lambda: model.fit(X, CLASSES, metrics=wrong), "metrics: ")
    assert not model.built
    refuse(lambda: make_model().evaluate(X, CLASSES, metrics=wrong), "metrics: ")
