"""The tools of scikit-learn and joblib take the estimators as they take scikit-learn's own."""

import joblib
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.stats import loguniform
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.inspection import PartialDependenceDisplay, partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    LearningCurveDisplay,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import nnlite as nn
from nnlite.sklearn import MLPClassifier, MLPRegressor

from .common import cancer, diabetes, digits

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
mpl.use("Agg")


def classifier(**arguments):
    return MLPClassifier(
        **{"hidden_layer_sizes": (8,), "max_iter": 30, "learning_rate_init": 0.01, "random_state": 0} | arguments
    )


def regressor(**arguments):
    return MLPRegressor(
        **{"hidden_layer_sizes": (8,), "max_iter": 50, "learning_rate_init": 0.01, "random_state": 0} | arguments
    )


def test_grid_search_over_arguments_old_and_new():
    grid = {"alpha": [1e-4, 10.0], "dropout": [0.0, 0.2], "layers": [None, [nn.Dense(4), nn.GELU()]]}
    search = GridSearchCV(classifier(max_iter=10), grid, cv=2).fit(*cancer())
    assert len(search.cv_results_["params"]) == 8
    assert search.best_score_ > 0.8


def test_randomized_and_halving_search():
    X, y = cancer()
    RandomizedSearchCV(classifier(max_iter=5), {"alpha": loguniform(1e-5, 1)}, n_iter=3, cv=2, random_state=0).fit(X, y)
    search = HalvingGridSearchCV(
        classifier(),
        {"alpha": [1e-4, 1e-2, 1.0]},
        resource="max_iter",
        max_resources=18,
        min_resources="exhaust",
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert search.n_resources_[-1] == 18


def test_pipelines_of_columns():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(50, 20, 200), "color": rng.choice(["red", "green", "blue"], 200)})
    y = np.where((frame["color"] == "red") & (frame["size"] > 50), "yes", "no")
    columns = ColumnTransformer([("number", StandardScaler(), ["size"]), ("word", OneHotEncoder(), ["color"])])
    pipeline = make_pipeline(columns, classifier(max_iter=100)).fit(frame, y)
    assert pipeline.score(frame, y) > 0.95
    assert set(pipeline.predict(frame)) == {"yes", "no"}


def test_text_as_a_sparse_matrix():
    texts = ["good film", "bad film", "very good", "very bad", "so good", "so bad"] * 10
    y = [text.split()[-1] if "film" not in text else text.split()[0] for text in texts]
    assert make_pipeline(TfidfVectorizer(), classifier()).fit(texts, y).score(texts, y) == 1


def test_cross_validation():
    assert cross_val_score(classifier(), *cancer(), cv=3).mean() > 0.9
    assert cross_val_predict(classifier(), *digits(), cv=2, method="predict_proba").shape == (200, 10)
    found = cross_validate(
        regressor(), *diabetes(), cv=2, return_estimator=True, scoring=["r2", "neg_mean_squared_error"]
    )
    assert len(found["estimator"]) == 2


def test_calibration():
    X, y = cancer()
    calibrated = CalibratedClassifierCV(classifier(), cv=2).fit(X, y)
    assert np.allclose(calibrated.predict_proba(X).sum(axis=1), 1)


def test_ensembles():
    X, y = cancer()
    members = [("net", classifier()), ("line", LogisticRegression())]
    assert VotingClassifier(members, voting="soft").fit(X, y).score(X, y) > 0.9
    assert StackingClassifier(members, cv=2).fit(X, y).score(X, y) > 0.9
    assert OneVsRestClassifier(classifier()).fit(*digits()).predict(digits()[0]).shape == (200,)
    BaggingRegressor(regressor(max_iter=5), n_estimators=2, random_state=0).fit(*diabetes())
    TransformedTargetRegressor(regressor(max_iter=5), transformer=StandardScaler()).fit(*diabetes())


def test_inspection():
    X, _ = diabetes()
    y = X[:, 2] ** 2
    estimator = regressor(max_iter=200).fit(X, y)
    importances = permutation_importance(estimator, X, y, n_repeats=2, random_state=0).importances_mean
    assert importances.argmax() == 2
    assert partial_dependence(estimator, X, [2])["average"].shape[0] == 1
    assert PartialDependenceDisplay.from_estimator(estimator, X, [2]).axes_.size == 1


def test_learning_curves():
    display = LearningCurveDisplay.from_estimator(classifier(max_iter=5), *cancer(), cv=2, train_sizes=[0.5, 1.0])
    assert display.train_scores.shape == (2, 2)


def test_metadata_is_routed():
    X, y = cancer()
    weights = np.where(y == 0, 5.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = classifier(max_iter=5).set_fit_request(sample_weight=True, validation_data=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), estimator)
        pipeline.fit(X, y, sample_weight=weights, validation_data=(X[:20], y[:20]))
        assert len(pipeline[-1].validation_loss_curve_) == 5
        search = GridSearchCV(
            classifier(max_iter=5).set_fit_request(sample_weight=True).set_score_request(sample_weight=False),
            {"alpha": [0.1]},
            cv=2,
        )
        search.fit(X, y, sample_weight=weights)
    expected = classifier(max_iter=5, alpha=0.1).fit(X, y, weights)
    assert np.allclose(search.best_estimator_.coefs_[0], expected.coefs_[0])


def test_set_output_keeps_the_names_on_the_way_to_the_network():
    X, y = cancer()
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    pipeline = make_pipeline(StandardScaler(), classifier(max_iter=5)).set_output(transform="pandas").fit(frame, y)
    assert pipeline[-1].feature_names_in_.tolist() == frame.columns.tolist()


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_many_trainings_at_once_give_the_same(backend, engine):
    grid, X, y = {"alpha": [1e-4, 0.1]}, *cancer()
    alone = GridSearchCV(classifier(max_iter=5), grid, cv=2).fit(X, y)
    with joblib.parallel_backend(backend, n_jobs=2):
        together = GridSearchCV(classifier(max_iter=5), grid, cv=2).fit(X, y)
    np.testing.assert_allclose(together.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
