"""Data frames with text, dates and missing values go into the estimators as they are."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline

import nnlite as nn
from nnlite.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
M = 160
RNG = np.random.default_rng(0)
COLOR, SIZE = RNG.choice(["red", "green", "blue"], M), RNG.normal(1e4, 2e3, M)
y = np.where((COLOR == "red") ^ (SIZE > 1e4), "yes", "no")
COLUMNS = {
    "color": [None if i % 20 == 0 else str(color) for i, color in enumerate(COLOR)],
    "size": [None if i % 13 == 0 else float(size) for i, size in enumerate(SIZE)],
    "noise": [float(value) for value in RNG.normal(size=M)],
    "day": list(
        np.datetime64("2024-01-01", "us").astype("O").date() + np.arange(M).astype("timedelta64[D]").astype("O")
    ),
    "good": [bool(i % 2) for i in range(M)],
}
FRAMES = {"pandas": pd.DataFrame(COLUMNS).astype({"day": "datetime64[ns]"}), "polars": pl.DataFrame(COLUMNS)}


def classifier(**arguments):
    return MLPClassifier((16,), max_iter=60, learning_rate_init=0.02, random_state=0, **arguments)


def rows(frame, n):
    return frame[:n]


@pytest.fixture(scope="module", params=FRAMES)
def frame(request):
    return FRAMES[request.param]


@pytest.fixture(scope="module")
def fitted(frame):
    return classifier().fit(frame, y)


def test_text_missing_values_dates_and_booleans_are_learned_from(frame, fitted):
    assert fitted.score(frame, y) > 0.85
    assert fitted.feature_names_in_.tolist() == [*COLUMNS]
    assert fitted.n_features_in_ == 5
    assert fitted.classes_.tolist() == ["no", "yes"]
    assert fitted.encoding_.kinds["color"].name == "category"
    assert len(fitted.coefs_[0]) == len(fitted.encoding_.feature_names) > 8


def test_a_table_is_what_the_network_of_nnlite_makes_of_it(frame, fitted):
    encoding = nn.Model([nn.Dense(1), nn.Sigmoid()], seed=0)
    encoding.fit(nn.Table(frame), y, epochs=1, progress=False)
    assert encoding.encoding == fitted.encoding_


def test_columns_are_known_by_name(frame, fitted):
    P = fitted.predict_proba(frame)
    turned = frame[[*COLUMNS][::-1]]
    assert (fitted.predict_proba(turned) == P).all()
    with pytest.raises(ValueError, match="there is no column 'size'"):
        fitted.predict(frame[["color", "noise", "day", "good"]])
    with pytest.raises(ValueError, match="unknown column 'extra'"):
        fitted.predict({**{name: frame[name] for name in COLUMNS}, "extra": SIZE})
    with pytest.raises(ValueError, match=r"column 'size'.*'large'"):
        fitted.predict({**{name: frame[name] for name in COLUMNS}, "size": ["large"] * M})


def test_arrays_of_objects_have_the_columns_in_order(frame, fitted):
    with pytest.warns(UserWarning, match="X does not have valid feature names, but MLPClassifier was fitted with"):
        P = fitted.predict_proba(frame.to_numpy())
    assert np.allclose(P, fitted.predict_proba(frame))
    for wrong in (np.ones((3, 4)), sparse.csr_array(np.ones((3, 5))), [1.0, 2.0]):
        with pytest.raises(ValueError, match="expected a data frame with the columns 'color', 'size'"):
            fitted.predict(wrong)


def test_the_network_takes_the_table_too(frame, fitted, tmp_path):
    fitted.model_.save(tmp_path / "model.npz")
    again = nn.load(tmp_path / "model.npz")
    assert again.predict(frame, names=True).tolist() == fitted.predict(frame).tolist()


def test_it_is_pickled_cloned_and_fitted_again(frame, fitted):
    again = pickle.loads(pickle.dumps(fitted))
    assert (again.predict_proba(frame) == fitted.predict_proba(frame)).all()
    fresh = clone(again)
    assert not hasattr(fresh, "encoding_")
    assert (fresh.fit(frame, y).predict_proba(frame) == fitted.predict_proba(frame)).all()
    numbers = RNG.normal(size=(30, 2))
    fresh.set_params(max_iter=2).fit(numbers, numbers[:, 0] > 0)  # columns of the frame are forgotten
    assert fresh.encoding_ is None
    assert not hasattr(fresh, "feature_names_in_")
    assert fresh.model_.encoding is None


def test_a_refused_fit_keeps_the_columns(frame, fitted):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted.fit(frame, y[:-1])
    with pytest.raises(ValueError, match="every column of X is left out"):
        fitted.fit(pd.DataFrame({"a": ["x"] * M}), y)
    assert fitted.predict(frame).shape == (M,)


@pytest.mark.parametrize("arguments", [{"solver": "lbfgs"}, {"batch_norm": True, "dropout": 0.1}])
def test_any_training_takes_tables(frame, arguments):
    assert classifier(**arguments).fit(frame, y, np.linspace(1, 2, M)).score(frame, y) > 0.8


def test_what_is_held_out_teaches_nothing(frame):
    """A category that only the held out rows have is unknown."""
    estimator = classifier(early_stopping=True, validation_fraction=0.25).fit(frame, y)
    (size,) = (encoder for encoder in estimator.encoding_.columns if encoder.name == "size")
    whole = nn.Encoding.learn(nn.Table(frame))
    assert size.center not in [encoder.center for encoder in whole.columns if encoder.name == "size"]
    assert len(estimator.validation_scores_) == estimator.n_iter_


def test_validation_data_is_encoded_as_in_the_training(frame):
    train, test = rows(frame, 120), frame[120:]
    estimator = classifier(early_stopping=True).fit(train, y[:120], validation_data=(test, y[120:]))
    assert estimator.encoding_ == nn.Encoding.learn(nn.Table(train))
    assert estimator.best_validation_score_ == pytest.approx(estimator.score(test, y[120:]))


def test_partial_fit_and_warm_start_keep_the_first_encoding(frame):
    estimator = MLPClassifier((4,), random_state=0)
    for start in (0, 80):
        estimator.partial_fit(frame[start : start + 80], y[start : start + 80], classes=["no", "yes"])
    assert estimator.encoding_ == nn.Encoding.learn(nn.Table(rows(frame, 80)))
    warm = MLPClassifier((4,), max_iter=2, warm_start=True, random_state=0).fit(rows(frame, 80), y[:80])
    first = warm.encoding_
    assert warm.fit(frame, y).encoding_ is first


def test_values_are_learned_from_a_table(frame):
    target = np.where(COLOR == "red", 3.0, -1.0)
    regressor = MLPRegressor(hidden_layer_sizes=(16,), solver="lbfgs", max_iter=15, random_state=0).fit(frame, target)
    assert regressor.score(frame, target) > 0.8
    two = MLPRegressor(hidden_layer_sizes=(4,), max_iter=3).fit(frame, np.stack([target, -target], axis=1))
    assert two.predict(frame).shape == (M, 2)


def test_a_table_of_nnlite_says_what_its_columns_are(fitted):
    frame = FRAMES["pandas"]
    table = nn.Table(frame, kinds={"noise": "ignore", "good": "category"}, scaling="robust")
    estimator = classifier().fit(table, y)
    assert estimator.encoding_.left_out == {"noise": "as you said"}
    assert (estimator.predict(frame) == estimator.predict(table)).all()
    assert classifier().fit(nn.Table(COLUMNS), y).encoding_ == fitted.encoding_


def test_the_target_of_a_table_keeps_its_names():
    table = nn.Table({**COLUMNS, "bought": y.tolist()}, target="bought")
    for target in (table.y, table["bought"], y):
        estimator = MLPClassifier((4,), max_iter=2, random_state=0).fit(table, target)
        assert estimator.classes_.tolist() == ["no", "yes"]
        assert estimator.model_.class_names == ("no", "yes")


@pytest.mark.slow
def test_a_column_that_may_mean_two_things_is_refused_with_the_way_out():
    frame = pd.DataFrame({"size": ["unknown" if i % 30 == 0 else f"{i}.5" for i in range(M)]})
    with pytest.raises(
        ValueError, match=r"not 'unknown'.*pass missing=.*arguments of nnlite.Table\(X\), which fit takes"
    ):
        MLPClassifier().fit(frame, y)
    MLPClassifier((4,), max_iter=2).fit(nn.Table(frame, missing=["unknown"]), y)


# ---- frames of numbers ---------------------------------------------------------------------------------------------

NUMBERS = pd.DataFrame(RNG.normal(5, 2, (M, 3)), columns=["a", "b", "c"])


@pytest.mark.parametrize(
    "frame",
    [
        NUMBERS,
        NUMBERS.astype("float32"),
        NUMBERS.assign(a=NUMBERS["a"] > 5, b=NUMBERS["b"].round().astype(int)),
        NUMBERS.astype(object),
        NUMBERS.astype("Float64"),
        NUMBERS.astype(pd.SparseDtype("float64", 0.0)),
        pl.DataFrame(NUMBERS.to_dict("list")),
    ],
    ids=["float64", "float32", "mixed", "object", "nullable", "sparse", "polars"],
)
def test_complete_numbers_stay_as_they_are(frame):
    estimator = MLPClassifier((4,), max_iter=3, random_state=0).fit(frame, y)
    expected = MLPClassifier((4,), max_iter=3, random_state=0).fit(np.asarray(frame, np.float64), y)
    assert estimator.encoding_ is None
    assert np.allclose(estimator.coefs_[0], expected.coefs_[0], atol=1e-4)
    assert estimator.feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match=r"feature names should match|same order"):
        estimator.predict(frame[["b", "a", "c"]])


def test_a_sparse_column_may_stand_beside_text():
    thin = pd.DataFrame({"s": pd.arrays.SparseArray(np.where(SIZE > 1e4, SIZE, 0.0)), "color": COLOR})
    full = thin.assign(s=np.asarray(thin["s"]))
    first, second = (MLPClassifier((4,), max_iter=2, random_state=0).fit(frame, y) for frame in (thin, full))
    assert first.encoding_ == second.encoding_


@pytest.mark.parametrize("kind", ["NaN", "nullable", "polars"])
def test_missing_numbers_are_filled(kind):
    frame = NUMBERS.mask(NUMBERS > 8)
    frame = {"NaN": frame, "nullable": frame.astype("Float64"), "polars": pl.from_pandas(frame)}[kind]
    estimator = MLPClassifier((4,), max_iter=3, random_state=0).fit(frame, y)
    assert "a is missing" in estimator.encoding_.feature_names
    assert set(estimator.predict(frame)) <= {"no", "yes"}
    complete = MLPClassifier((4,), max_iter=3, random_state=0).fit(NUMBERS, y)
    with pytest.raises(
        ValueError, match=r"(?s)Input X contains NaN.*the data frame of the training had no missing values"
    ):
        complete.predict(frame)


def test_what_scikit_learn_refuses_stays_refused():
    for wrong, message in [
        (NUMBERS.assign(a=np.inf), "infinity"),
        (NUMBERS.to_numpy() * np.nan, "NaN"),
        (np.array([["a", "b"]] * M, object), r"could not convert string to float: 'a'\ntext needs a data frame"),
        (NUMBERS["a"], "Expected 2D|expected 2D|Expected a 2"),
        (NUMBERS[:0], "0 sample"),
        (pd.concat([FRAMES["pandas"]] * 2, axis=1), "X: two columns are called 'color'"),
    ]:
        with pytest.raises(ValueError, match=message):
            MLPClassifier().fit(wrong, y[: len(wrong)])


def test_text_as_the_target_of_a_regressor_is_named():
    for X in NUMBERS, NUMBERS.to_numpy(), FRAMES["pandas"]:
        for text in ["1,5"] * M, np.array(["1,5"] * M, object), pd.Series(["1,5"] * M):
            with pytest.raises(ValueError, match=r"y: could not convert string to float: '1,5'; a regressor needs"):
                MLPRegressor().fit(X, text)


# ---- scikit-learn's tools ------------------------------------------------------------------------------------------


def test_tools_of_scikit_learn_pass_tables_on():
    frame = FRAMES["pandas"]
    quick = MLPClassifier((8,), max_iter=8, learning_rate_init=0.1, random_state=0)
    for either in FRAMES.values():
        assert cross_val_score(quick, either, y, cv=2).mean() > 0.52  # a failure would be NaN
    pipeline = make_pipeline("passthrough", quick)
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2).fit(frame, y)
    assert search.best_estimator_[-1].encoding_ is not None
    assert cross_val_predict(quick, frame, y, cv=2, method="predict_proba").shape == (M, 2)


@pytest.mark.slow
def test_ensembles_of_scikit_learn_pass_tables_on():
    quick, frame = MLPClassifier((8,), max_iter=8, learning_rate_init=0.1, random_state=0), FRAMES["pandas"]
    assert CalibratedClassifierCV(quick, cv=2).fit(frame, y).predict(frame).shape == (M,)
    members = [("net", quick), ("other", MLPClassifier((4,), max_iter=5, random_state=1))]
    assert VotingClassifier(members, voting="soft").fit(frame, y).predict(frame).shape == (M,)
    assert StackingClassifier(members, LogisticRegression(), cv=2).fit(frame, y).predict(frame).shape == (M,)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_importance_and_dependence_of_columns(frame, fitted):
    found = permutation_importance(fitted, frame, y, n_repeats=2, random_state=0).importances_mean
    assert sorted(np.argsort(found)[-2:]) == [0, 1]  # color and size
    if isinstance(frame, pd.DataFrame):
        some = frame.dropna()
        curve = partial_dependence(fitted, some, ["size"], grid_resolution=5)
        assert curve["average"].shape == (1, 5)
        words = partial_dependence(fitted, some, ["color"], categorical_features=["color"])
        assert words["average"].shape == (1, 3)


def test_columns_of_text_may_come_out_of_a_column_transformer():
    columns = ColumnTransformer(
        [("kept", "passthrough", ["color", "size"])], verbose_feature_names_out=False
    ).set_output(transform="pandas")
    pipeline = make_pipeline(columns, classifier()).fit(FRAMES["pandas"], y)
    assert pipeline[-1].feature_names_in_.tolist() == ["color", "size"]
    assert pipeline.score(FRAMES["pandas"], y) > 0.8
