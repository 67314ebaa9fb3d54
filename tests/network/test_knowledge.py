"""Facts about what a network knows of its data: columns by name, names of classes, the scale of the target."""

import pickle

import numpy as np
import pytest

import nnlite as nn
from nnlite.network.knowledge import TargetScale

from ..support import refuse

RNG = np.random.default_rng(0)
N = 80
SIZE = RNG.normal(30, 10, N)
PETS = {"size": SIZE, "coat": RNG.choice(["long", "short"], N)}
KINDS = np.where(SIZE > 30, "dog", "cat")
PRICE = 1e5 * SIZE + RNG.normal(0, 1e4, N) + 3e6


def classifier(units=2, seed=0):
    return nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(units), nn.Softmax()], seed=seed)


@pytest.fixture(scope="module")
def trained():
    model = classifier()
    model.fit(nn.Table(PETS | {"kind": KINDS}, "kind"), epochs=30, progress=False)
    return model


@pytest.fixture(scope="module")
def priced():
    model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(1), nn.Identity()], seed=0)
    model.fit(PETS, PRICE, epochs=60, progress=False)
    return model


# ---- columns ---------------------------------------------------------------------------------------------------------


def test_predictions_do_not_depend_on_the_order_of_columns(trained):
    other = {"coat": PETS["coat"], "size": PETS["size"]}
    np.testing.assert_array_equal(trained.predict_proba(other), trained.predict_proba(PETS))
    np.testing.assert_array_equal(trained.predict_proba(nn.Table(other)), trained.predict_proba(PETS))


@pytest.mark.parametrize("call", ["predict", "predict_proba", "evaluate", "input_gradient"])
def test_a_missing_or_unknown_column_is_named(trained, call):
    rest = [KINDS] if call in ("evaluate", "input_gradient") else []
    refuse(lambda: getattr(trained, call)({"size": SIZE}, *rest), "X: there is no column 'coat'")
    refuse(lambda: getattr(trained, call)(PETS | {"age": SIZE}, *rest), "X: unknown column 'age'")
    refuse(lambda: getattr(trained, call)(np.ones((N, 3)), *rest), "X: expected a table with the columns 'size'")


def test_one_s_own_loop_takes_what_the_encoding_makes(trained):
    X = trained.encoding.transform(PETS)
    np.testing.assert_array_equal(trained.forward(X, training=False), trained.predict_proba(PETS))
    np.testing.assert_array_equal(trained.forward(PETS, training=False), trained.predict_proba(PETS))
    assert trained.cost(KINDS) == pytest.approx(trained.evaluate(PETS, KINDS)["loss"], rel=1e-5)


def test_a_network_of_arrays_takes_the_numbers_of_a_table():
    model = classifier()
    X = np.column_stack([SIZE, SIZE**2])
    model.fit(X, KINDS, epochs=1, progress=False)
    table = nn.Table({"a": SIZE, "b": SIZE**2})
    np.testing.assert_array_equal(model.predict_proba(table), model.predict_proba(table.X))
    refuse(lambda: model.predict(nn.Table({"a": ["x", "y"], "b": [1, 2]})), "X: column 'a' of table holds text")


def test_copies_and_pickles_know_the_same(trained, priced):
    for model in (trained, priced):
        for other in (model.copy(), pickle.loads(pickle.dumps(model))):
            assert other.encoding == model.encoding
            np.testing.assert_array_equal(other.predict(PETS), model.predict(PETS))


# ---- names of classes ------------------------------------------------------------------------------------------------


def test_names_are_given_back(trained):
    assert trained.class_names == ("cat", "dog")
    names = trained.predict(PETS, names=True)
    assert names.tolist() == [trained.class_names[k] for k in trained.predict(PETS)]
    assert (names == KINDS).mean() > 0.9
    refuse(lambda: trained.predict(PETS, names="yes"), "names: expected True or False")


def test_names_that_a_network_does_not_have_are_refused(priced):
    refuse(lambda: priced.predict(PETS, names=True), "names: a network that ends in Identity() gives values")
    model = classifier()
    model.fit(np.ones((4, 2)), [0, 1, 0, 1], epochs=1, progress=False)
    refuse(lambda: model.predict(np.ones((4, 2)), names=True), "names: the network has no names of classes")
    refuse(
        lambda: model.evaluate(np.ones((2, 2)), ["a", "b"]),
        "y: expected numbers, the indices of classes, got the text 'a'",
    )
    model.class_names = ["yes", "no"]  # another order than that of the alphabet
    assert model.predict(np.ones((1, 2)), names=True)[0] in ("yes", "no")
    assert model.evaluate(np.ones((1, 2)), ["no"]) == model.evaluate(np.ones((1, 2)), [1])


@pytest.mark.parametrize(
    "form",
    [
        np.array,
        list,
        tuple,
        lambda y: y.astype(object),
        lambda y: y.astype("S"),
        lambda y: y.astype(np.dtypes.StringDType()),
    ],
)
def test_labels_are_text_in_any_form(trained, form):
    assert trained.evaluate(PETS, form(KINDS)) == trained.evaluate(PETS, (KINDS == "dog").astype(int))


def test_a_file_that_lacks_a_class_is_right_and_one_with_a_new_class_is_refused(trained):
    dogs = {name: column[KINDS == "dog"] for name, column in PETS.items()}
    n = len(dogs["size"])
    expected = trained.evaluate(dogs, np.ones(n, int))
    assert trained.evaluate(nn.Table(dogs | {"kind": ["dog"] * n}, "kind")) == expected
    assert trained.evaluate(nn.Table(dogs | {"kind": ["dog"] * n}, like=trained)) == expected
    assert nn.Table(dogs | {"kind": ["dog"] * n}, like=trained).y.tolist() == [1] * n
    assert trained.evaluate(dogs, ["dog"] * n) == expected
    refuse(lambda: trained.evaluate(dogs, ["cow"] * n), "y: the class 'cow' is not one of the network")
    refuse(
        lambda: nn.Table(dogs | {"kind": ["cow"] * n}, like=trained), "target: row 0: column 'kind': the class 'cow'"
    )
    refuse(lambda: trained.evaluate(PETS, [*KINDS[:-1], ""]), f"y: the label y[{N - 1}] is missing")


def test_whole_numbers_that_are_no_indices_are_never_taken_for_indices():
    grades = np.where(SIZE > 30, 2, 1)
    model = classifier()
    model.fit(nn.Table(PETS | {"grade": grades}, "grade"), epochs=30, progress=False)
    assert model.class_names == ("1", "2")
    expected = (model.predict(PETS, names=True) == grades.astype(str)).mean()
    assert model.evaluate(nn.Table(PETS | {"grade": grades}, "grade"))["accuracy"] == pytest.approx(expected)
    assert model.evaluate(PETS, grades.astype(str))["accuracy"] == pytest.approx(expected)
    refuse(lambda: model.evaluate(PETS, grades), "y: integers may be class indices or the names '1', '2'")


def test_metrics_and_pictures_take_names(trained):
    from matplotlib.figure import Figure

    from nnlite import metrics, plots

    predicted = trained.predict(PETS, names=True)
    assert metrics.accuracy(KINDS, predicted) == trained.evaluate(PETS, KINDS)["accuracy"]
    by_index = metrics.confusion_matrix((KINDS == "dog").astype(int), trained.predict(PETS))
    np.testing.assert_array_equal(metrics.confusion_matrix(KINDS, predicted), by_index)
    assert metrics.roc_auc(KINDS, trained.predict_proba(PETS)) > 0.9
    for data in ((trained, PETS, KINDS), (KINDS, predicted), (trained, nn.Table(PETS | {"kind": KINDS}, "kind"))):
        ax = plots.confusion_matrix(*data, ax=Figure().subplots())
        assert [label.get_text() for label in ax.get_xticklabels()] == ["cat", "dog"]
    refuse(lambda: metrics.accuracy(KINDS, trained.predict(PETS)), "Y_hat: expected names of classes, as in y")
    refuse(lambda: metrics.log_loss(["cat"] * 3, np.eye(3)), "y: has 1 different names, and Y_hat has 3 classes")


def test_the_doctor_and_his_friends_take_tables(trained):
    table = nn.Table(PETS | {"kind": KINDS}, "kind")
    assert nn.find_learning_rate(classifier(), PETS, KINDS, n_steps=40).suggestion > 0
    for model in (trained, classifier()):
        assert len(nn.diagnose(model, table)) > 3
        assert np.isfinite(nn.find_learning_rate(model, PETS, KINDS, n_steps=40).losses).all()
        assert nn.gradient_check(model, table[:16]).ok
        assert "dz" in str(nn.trace(model, table[:2]))
    prices = nn.Table(PETS | {"price": PRICE}, "price", classification=False)
    fresh = nn.Model([nn.Dense(4), nn.ReLU(), nn.Dense(1), nn.Identity()], seed=0)
    assert len(nn.diagnose(fresh, prices)) > 3


# ---- the scale of the target -----------------------------------------------------------------------------------------


def test_a_target_is_standardized_inside_and_predicted_in_its_units(priced):
    np.testing.assert_allclose(priced.target_scale.mean, PRICE.mean())
    np.testing.assert_allclose(priced.target_scale.std, PRICE.std())
    scores = priced.evaluate(PETS, PRICE, metrics=["r2", "mae"])
    assert scores["r2"] > 0.9
    assert scores["rmse"] == pytest.approx(np.sqrt(np.mean((priced.predict(PETS) - PRICE) ** 2)), rel=1e-4)
    assert scores["loss"] == pytest.approx(0.5 * (scores["rmse"] / PRICE.std()) ** 2, rel=1e-4)
    assert nn.metrics.r2(PRICE, priced.predict(PETS)) == pytest.approx(scores["r2"], abs=1e-5)


def test_the_four_lines_see_the_target_as_the_network_does(priced):
    Y_hat = priced.forward(PETS, training=False)
    np.testing.assert_allclose(Y_hat[:, 0], (priced.predict(PETS) - PRICE.mean()) / PRICE.std(), atol=1e-4)
    assert priced.cost(PRICE) == pytest.approx(priced.evaluate(PETS, PRICE)["loss"], rel=1e-4)


def test_both_engines_report_the_same(priced):
    for engine in ("textbook", "auto"):
        model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(1), nn.Identity()], seed=0)
        history = model.fit(PETS, PRICE, epochs=5, validation_data=(PETS, PRICE), engine=engine, progress=False)
        assert list(history)[:4] == ["loss", "rmse", "val_loss", "val_rmse"]
        expected = 0.5 * (np.array(history["val_rmse"]) / PRICE.std()) ** 2
        np.testing.assert_allclose(history["val_loss"], expected, rtol=1e-3)
        np.testing.assert_allclose(history["val_rmse"][-1], model.evaluate(PETS, PRICE)["rmse"], rtol=1e-4)


def test_arrays_keep_their_scale_unless_asked():
    X = SIZE[:, None]
    plain, scaled = (nn.Model([nn.Dense(1), nn.Identity()], seed=0) for _ in range(2))
    history = plain.fit(X / 30, SIZE, epochs=1, progress=False)
    assert (plain.target_scale, list(history)[:2]) == (None, ["loss", "learning_rate"])
    scaled.fit((X - 30) / 10, PRICE, epochs=40, progress=False, standardize_target=True)
    assert nn.metrics.r2(PRICE, scaled.predict((X - 30) / 10)) > 0.9
    frame = nn.Model([nn.Dense(1), nn.Identity()], seed=0)
    frame.fit({"size": SIZE}, SIZE, epochs=1, progress=False, standardize_target=False)
    assert frame.target_scale is None


def test_several_outputs_have_a_scale_each():
    Y = np.column_stack([PRICE, SIZE])
    model = nn.Model([nn.Dense(2), nn.Identity()], seed=0)
    model.fit(PETS, Y, epochs=40, progress=False)
    np.testing.assert_allclose(model.target_scale.std, Y.std(axis=0))
    assert nn.metrics.r2(Y, model.predict(PETS)) > 0.9


def test_a_constant_target_is_predicted():
    scale = TargetScale.learn(np.full((4, 1), 7e6))
    assert (scale.mean.tolist(), scale.std.tolist()) == ([7e6], [1])
    model = nn.Model([nn.Dense(1), nn.Identity()], seed=0)
    model.fit({"x": [1.0, 2, 3, 5]}, np.full(4, 7e6), epochs=60, progress=False)
    np.testing.assert_allclose(model.predict({"x": [1.0, 2]}), 7e6, rtol=1e-4)


def test_only_values_have_a_scale():
    refuse(lambda: classifier().fit(PETS, KINDS, standardize_target=True), "standardize_target: is for values")
    refuse(lambda: classifier().fit(PETS, KINDS, standardize_target="yes"), "standardize_target: expected True")
    counts = nn.Model([nn.Dense(1), nn.Exponential()], seed=0)
    counts.fit(PETS, np.arange(N) % 5, epochs=1, progress=False)
    assert counts.target_scale is None
    batches = nn.batches(SIZE[:, None], SIZE)
    model = nn.Model([nn.Dense(1), nn.Identity()])
    refuse(lambda: model.fit(batches, standardize_target=True), "standardize_target: needs all targets at once")


def test_the_y_of_a_second_file_is_never_taken_for_the_first_ones_indices(tmp_path):
    """Both files are read on their own, and only arrays are handed on."""
    (tmp_path / "train.csv").write_text("a,k\n" + "".join(f"{i}.5,{'cat' if i < 20 else 'dog'}\n" for i in range(40)))
    (tmp_path / "test.csv").write_text("a,k\n" + "".join(f"{i}.5,dog\n" for i in range(25, 40)))
    (tmp_path / "cows.csv").write_text("a,k\n30.5,cow\n")
    train, test, cows = (nn.load_csv(tmp_path / f"{name}.csv") for name in ("train", "test", "cows"))
    assert test.y.tolist() == [0] * 15
    model = nn.Model([nn.BatchNorm(), nn.Dense(2), nn.Softmax()], seed=0)
    model.fit(train.X, train.y, epochs=60, optimizer=nn.Adam(0.05), progress=False)
    assert model.class_names == ("cat", "dog")
    assert model.evaluate(test.X, test.y)["accuracy"] == 1
    assert model.evaluate(test.X, test.y[:5].tolist() + [0] * 10)["accuracy"] == 0  # plain indices stay indices
    refuse(lambda: model.evaluate(cows.X, cows.y), "y: the class 'cow' is not one of the network")
    model.class_names = ("Katze", "Hund")  # the same classes by other names
    assert model.evaluate(train.X, train.y)["accuracy"] > 0.9


def test_indices_of_a_table_are_an_array_like_any_other():
    y = nn.Table({"a": [1, 2, 3], "k": ["x", "y", "x"]}, "k").y
    assert repr(y) == "array([0, 1, 0])"
    assert y[1:].names == ("x", "y")
    assert type(y + 1) is np.ndarray
    assert (type(y == 0), (y == 0).tolist()) == (np.ndarray, [True, False, True])
    assert y.sum() == 1
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(y)), y)
    assert nn.metrics.accuracy(y, np.array([0, 1, 1])) == pytest.approx(2 / 3)
    assert np.bincount(y).tolist() == [2, 1]
    assert nn.one_hot(y, 2).shape == (3, 2)
