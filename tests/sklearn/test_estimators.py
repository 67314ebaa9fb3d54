"""What goes in and comes out: labels, sparse matrices, weights that a user sets, pickles."""

import copy
import math
import pickle
import signal
import threading
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import nnlite as nn
from nnlite.sklearn import MLPClassifier, MLPRegressor

from ..support import for_each
from .common import cancer, counts, diabetes, digits, labels

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}


@pytest.mark.parametrize(
    "names", [np.array([*"abcdefghij"]), np.array(list("abcdefghij"), object), np.arange(10) * 3 - 5]
)
def test_labels_may_be_anything(names):
    X, y = digits()
    estimator = MLPClassifier(**QUICK).fit(X, names[y])
    assert estimator.classes_.tolist() == sorted(names.tolist())
    expected = MLPClassifier(**QUICK).fit(X, y).predict(X)
    assert estimator.predict(X).tolist() == names[expected].tolist()


def test_several_labels_have_probabilities_of_their_own():
    X, Y = labels()
    estimator = MLPClassifier(hidden_layer_sizes=(30,), solver="lbfgs", random_state=0).fit(X, Y)
    assert (estimator.predict(X) == Y).all()
    assert estimator.predict_proba(X).shape == Y.shape
    assert not np.allclose(estimator.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize(
    "arguments", [{}, {"early_stopping": True}, {"solver": "lbfgs"}, {"solver": "sgd", "batch_size": 30}]
)
def test_a_sparse_matrix_is_the_same_as_a_dense_one(container, arguments, engine):
    X, y = digits()
    weights = np.linspace(0.5, 2, len(X))
    dense = MLPClassifier(**QUICK | arguments).fit(X, y, weights)
    thin = MLPClassifier(**QUICK | arguments).fit(container(X), y, weights)
    np.testing.assert_allclose(thin.coefs_[0], dense.coefs_[0], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(thin.predict_proba(container(X)), dense.predict_proba(X), rtol=1e-6)
    if not arguments:
        np.testing.assert_allclose(thin.loss_curve_, dense.loss_curve_)
        np.testing.assert_allclose(
            thin.partial_fit(container(X), y).coefs_[0], dense.partial_fit(X, y).coefs_[0], rtol=0.05, atol=0.05
        )


@pytest.mark.slow
def test_a_wide_sparse_matrix_never_becomes_dense_as_a_whole(monkeypatch):
    X = sparse.random_array((400, 50_000), density=1e-4, random_state=np.random.default_rng(0), format="csr")
    most = []
    toarray = type(X).toarray
    monkeypatch.setattr(type(X), "toarray", lambda self: (most.append(math.prod(self.shape)), toarray(self))[1])
    estimator = MLPClassifier((2,), max_iter=1, random_state=0).fit(X, np.arange(400) % 2)
    estimator.predict(X)
    assert 1e6 < max(most) <= 2**24 < math.prod(X.shape)


def test_float32_stays_float32():
    X, y = diabetes()
    for solver in ("adam", "lbfgs"):
        estimator = MLPRegressor(**QUICK, solver=solver).fit(X.astype(np.float32), y)
        assert {array.dtype.name for array in [*estimator.coefs_, *estimator.intercepts_]} == {"float32"}
        assert estimator.predict(X.astype(np.float32)).dtype == np.float32


def test_names_of_features_are_kept_and_checked():
    X, y = cancer()
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    estimator = MLPClassifier(**QUICK, early_stopping=True).fit(frame, y)
    assert estimator.feature_names_in_.tolist() == frame.columns.tolist()
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame.rename(columns={"c0": "other"}))


def test_weights_that_the_user_sets_are_used():
    X, y = cancer()
    estimator = MLPClassifier(**QUICK).fit(X, y)
    before = estimator.predict_proba(X)
    estimator.coefs_[1] = np.zeros((8, 1))
    estimator.intercepts_ = [estimator.intercepts_[0], np.array([100.0])]
    assert (estimator.predict_proba(X)[:, 1] == 1).all()
    assert (estimator.model_.parameters["W2"] == 0).all()
    estimator.coefs_[0][...] = 5.0
    assert (estimator.model_.parameters["W1"] == 5).all()
    assert not np.allclose(before, estimator.predict_proba(X))


def test_a_second_fit_leaves_the_weights_of_the_first_alone():
    X, y = cancer()
    estimator = MLPClassifier(**QUICK).fit(X, y)
    first = estimator.coefs_[0]
    kept = first.copy()
    estimator.set_params(random_state=1).fit(X, y)
    assert (first == kept).all()
    assert not np.allclose(estimator.coefs_[0], kept)


@for_each("copied", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy, copy.copy])
@for_each("solver", ["adam", "sgd"])
def test_a_copy_trains_on_as_the_original_would(copied, solver):
    X, y = cancer()
    estimator = MLPClassifier(**QUICK | {"random_state": 1}, solver=solver).partial_fit(X, y, classes=[0, 1])
    other = copied(estimator)
    assert (other.predict_proba(X) == estimator.predict_proba(X)).all()
    if copied is copy.copy:
        return
    expected = estimator.partial_fit(X, y).partial_fit(X, y)
    got = other.partial_fit(X, y).partial_fit(X, y)
    assert got.coefs_[0] is not expected.coefs_[0]
    assert (got.coefs_[0] == expected.coefs_[0]).all()
    assert (got.model_.parameters["W1"] == got.coefs_[0]).all()
    assert got.coefs_[0].base is not None  # a view into the network


def test_joblib_writes_and_reads_it(tmp_path):
    X, y = cancer()
    estimator = MLPClassifier(**QUICK, early_stopping=True).fit(X, y)
    joblib.dump(estimator, tmp_path / "mlp.joblib")
    again = joblib.load(tmp_path / "mlp.joblib")
    assert (again.predict_proba(X) == estimator.predict_proba(X)).all()
    assert again.validation_scores_ == estimator.validation_scores_


def test_clone_takes_the_arguments_alone():
    estimator = MLPClassifier(**QUICK, layers=[nn.Dense(3), nn.GELU()], optimizer=nn.Lion(1e-3), dropout=0.0)
    estimator.fit(*cancer())
    other = clone(estimator)
    assert repr(other.layers) == repr(estimator.layers)
    assert not hasattr(other, "coefs_")
    with pytest.raises(NotFittedError, match="not fitted yet"):
        other.predict(cancer()[0])


def test_the_model_is_one_of_nnlite(tmp_path):
    X, y = digits()
    estimator = MLPClassifier(**QUICK).fit(X, y)
    estimator.model_.save(tmp_path / "digits.npz")
    assert (nn.load(tmp_path / "digits.npz").predict_proba(X) == estimator.predict_proba(X)).all()


def test_several_threads_predict_at_once():
    X, y = digits()
    estimator = MLPClassifier(**QUICK).fit(X, y)
    expected = estimator.predict_proba(X)
    found = joblib.Parallel(4, backend="threading")(joblib.delayed(estimator.predict_proba)(X) for _ in range(16))
    assert all(np.array_equal(got, expected) for got in found)


def test_partial_fit_learns_of_classes_that_come_later():
    estimator = MLPClassifier(**QUICK).partial_fit([[1.0], [2.0]], ["a", "b"], classes=["a", "b", "c"])
    assert estimator.partial_fit([[3.0]], ["c"]).predict_proba([[1.0]]).shape == (1, 3)
    with pytest.raises(ValueError, match="`y` has classes not in"):
        estimator.partial_fit([[3.0]], ["d"])


def test_a_zero_weight_is_the_same_as_no_example(engine):
    X, y = digits()
    weights = np.ones(len(X))
    weights[150:] = 0
    estimators = [MLPClassifier(**QUICK, shuffle=False, batch_size=50) for _ in range(2)]
    estimators[0].fit(X, y, weights)
    estimators[1].fit(X[:150], y[:150])
    # the last batch has no weight: Adam makes a step with the remembered gradients alone, and nothing becomes NaN
    assert np.isfinite(estimators[0].coefs_[0]).all()
    full = [MLPClassifier(**QUICK, solver="lbfgs") for _ in range(2)]
    np.testing.assert_allclose(
        full[0].fit(X, y, weights).coefs_[0], full[1].fit(X[:150], y[:150]).coefs_[0], rtol=1e-5, atol=1e-8
    )


def test_a_diverging_training_raises_scikit_learns_error(engine):
    X, y = diabetes()
    estimator = MLPRegressor(solver="sgd", learning_rate_init=1e6, random_state=0)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        estimator.fit(1e3 * X, y)
    assert np.isfinite(estimator.coefs_[0]).all()  # the best weights before it diverged


def test_early_stopping_survives_a_divergence(engine):
    X, y = diabetes()
    estimator = MLPRegressor(
        solver="sgd", activation="identity", learning_rate_init=10, early_stopping=True, max_iter=300, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(X, y)
    assert np.isnan(estimator.validation_scores_[-1])
    assert np.isfinite(estimator.coefs_[0]).all()
    assert len(estimator.validation_scores_) == estimator.n_iter_ == 300


def test_ctrl_c_ends_the_training_with_a_warning(engine, ctrl_c):
    X, y = digits()

    class PressesCtrlC(nn.Callback):
        def on_epoch_end(self, epoch, logs):
            if epoch == 2:
                signal.raise_signal(signal.SIGINT)

    assert threading.current_thread() is threading.main_thread()
    estimator = MLPClassifier(max_iter=200, callbacks=[PressesCtrlC()], random_state=0)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        estimator.fit(X, y)
    assert 3 <= estimator.n_iter_ <= 5
    assert estimator.predict(X).shape == y.shape


def test_verbose_prints_what_scikit_learn_prints(capsys):
    X, y = cancer()
    MLPClassifier(**QUICK | {"max_iter": 2}, verbose=True, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("=")[0] for line in lines] == ["Iteration 1, loss ", lines[1], "Iteration 2, loss ", lines[3]]
    assert lines[1].startswith("Validation score: 0.")


def test_poisson_regression_refuses_negative_values():
    X, y = counts()
    with pytest.raises(ValueError, match="y: expected values of at least 0 for loss='poisson', got -1"):
        MLPRegressor(loss="poisson").fit(X, y - 1 - y.min())


def test_too_few_epochs_are_a_convergence_warning():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(5\) reached"):
        MLPClassifier(**QUICK).fit(*cancer())
