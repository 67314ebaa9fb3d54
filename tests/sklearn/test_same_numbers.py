"""The same random_state gives the same numbers as in scikit-learn, to rounding."""

import inspect
import re
import warnings

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning

import nnlite.sklearn

from ..support import table
from .common import cancer, counts, diabetes, digits, labels, linnerud

ATTRIBUTES = (
    "n_iter_ t_ loss_ loss_curve_ best_loss_ validation_scores_ best_validation_score_ n_layers_ n_outputs_ "
    "out_activation_ n_features_in_ classes_ _no_improvement_count"
).split()


def both(
    name,
    X,
    y,
    *,
    fit=lambda estimator, X, y, **options: estimator.fit(X, y, **options),
    sample_weight=None,
    **arguments,
):
    """The estimators of scikit-learn and of nnlite, trained in the same way, and what they warned of."""
    found = []
    arguments = {"hidden_layer_sizes": (12,), "max_iter": 12, "random_state": 3} | arguments
    options = {} if sample_weight is None else {"sample_weight": sample_weight}
    for home in (neural_network, nnlite.sklearn):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            estimator = fit(getattr(home, name)(**arguments), X, y, **options)
        found.append((estimator, [(w.category, str(w.message)) for w in caught]))
    return found


def assert_same(found, X, rtol=1e-7):
    """Check attributes, warnings and predictions."""
    (theirs, their_warnings), (ours, our_warnings) = found
    assert our_warnings == their_warnings
    for name in ATTRIBUTES:
        assert hasattr(ours, name) == hasattr(theirs, name), name
        expected, got = getattr(theirs, name, None), getattr(ours, name, None)
        if expected is None or isinstance(expected, str):
            assert got == expected, name
        else:
            assert type(got) is type(expected) or np.isscalar(expected), name
            np.testing.assert_allclose(got, expected, rtol=rtol, err_msg=name)
    for name in ("coefs_", "intercepts_"):
        for expected, got in zip(getattr(theirs, name), getattr(ours, name), strict=True):
            assert got.dtype == expected.dtype
            np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol, err_msg=name)
    for method in ("predict_proba", "predict_log_proba", "predict"):
        assert hasattr(ours, method) == hasattr(theirs, method)
        if hasattr(theirs, method):
            expected, got = getattr(theirs, method)(X), getattr(ours, method)(X)
            assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
            np.testing.assert_allclose(got, expected, rtol=10 * rtol, atol=10 * rtol)


DATA = table(
    [
        ("ten classes", "MLPClassifier", digits),
        ("two classes", "MLPClassifier", cancer),
        ("several labels", "MLPClassifier", labels),
        ("a value", "MLPRegressor", diabetes),
        ("several values", "MLPRegressor", linnerud),
    ]
)
SETTINGS = table(
    [
        ("defaults", {}),
        ("small batches", {"batch_size": 32, "alpha": 0.1}),
        ("a large penalty", {"batch_size": 40, "alpha": 5.0, "learning_rate_init": 0.01}),
        ("adam's numbers", {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3, "batch_size": 50}),
        ("sgd", {"solver": "sgd", "learning_rate_init": 0.05, "batch_size": 30}),
        ("momentum", {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.02}),
        ("neither", {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.1, "batch_size": 30}),
        ("momentum 1", {"solver": "sgd", "momentum": 1.0, "learning_rate_init": 1e-4}),
        ("invscaling", {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5, "batch_size": 30}),
        ("adaptive", {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.3, "n_iter_no_change": 1, "max_iter": 40}),
        ("tanh", {"activation": "tanh", "hidden_layer_sizes": (7, 5)}),
        ("logistic", {"activation": "logistic", "hidden_layer_sizes": [6, 5, 4]}),
        ("identity", {"activation": "identity", "hidden_layer_sizes": 8}),
        ("no shuffling", {"shuffle": False, "batch_size": 30}),
        ("early stopping", {"early_stopping": True, "max_iter": 30, "n_iter_no_change": 3, "learning_rate_init": 0.02}),
        ("stops by itself", {"tol": 0.05, "n_iter_no_change": 2, "max_iter": 100}),
        ("batches too large", {"batch_size": 1000}),
        ("a generator", {"random_state": 7, "batch_size": 64}),
    ]
)


@pytest.mark.parametrize(("name", "data"), DATA)
@pytest.mark.parametrize("arguments", SETTINGS)
def test_the_same_training(name, data, arguments, engine):
    X, y = data()
    assert_same(both(name, X, y, **arguments), X)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "data"), DATA)
@pytest.mark.parametrize("arguments", [{}, {"early_stopping": True, "max_iter": 30}, {"solver": "sgd", "alpha": 1.0}])
def test_the_same_training_with_weights(name, data, arguments, engine):
    X, y = data()
    weights = np.random.default_rng(0).uniform(0, 3, len(X))
    assert_same(both(name, X, y, sample_weight=weights, batch_size=8, **arguments), X)


@pytest.mark.parametrize("arguments", [{}, {"solver": "sgd", "batch_size": 30}, {"early_stopping": True}])
def test_the_same_poisson_regression(arguments, engine):
    X, y = counts()
    assert_same(both("MLPRegressor", X, y, loss="poisson", **arguments), X)


@pytest.mark.parametrize(("name", "data"), DATA[:4])
@pytest.mark.parametrize("arguments", [{}, {"alpha": 1.0, "activation": "tanh"}, {"max_fun": 5}])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_steps_of_lbfgs(name, data, arguments, weighted):
    X, y = data()
    weights = np.random.default_rng(0).uniform(0, 3, len(X)) if weighted else None
    assert_same(both(name, X, y, solver="lbfgs", sample_weight=weights, **{"max_iter": 6} | arguments), X, rtol=1e-5)


def test_lbfgs_finds_a_better_fit_of_several_values():
    """scikit-learn's cost is the mean over the values, its gradient that of their sum, and the search ends early."""
    X, y = linnerud()
    (theirs, _), (ours, _) = both("MLPRegressor", X, y, solver="lbfgs", max_iter=500)
    assert ours.loss_ <= theirs.loss_
    assert ours.score(X, y) >= theirs.score(X, y)
    _, (adam, _) = both("MLPRegressor", X, y, max_iter=1)
    assert np.isclose(((adam.predict(X) - y) ** 2).mean() / 2, adam.loss_, rtol=0.1)  # loss_ is in the same unit


def epoch_by_epoch(estimator, X, y, **options):
    classes = {"classes": np.unique(y)} if hasattr(estimator, "predict_proba") else {}
    for _ in range(5):
        estimator.partial_fit(X, y, **classes, **options)
    return estimator


@pytest.mark.parametrize(("name", "data"), [DATA[0], DATA[1], DATA[3]])
@pytest.mark.parametrize("arguments", [{}, {"solver": "sgd", "learning_rate": "invscaling", "batch_size": 30}])
def test_the_same_partial_fits(name, data, arguments, engine):
    X, y = data()
    assert_same(both(name, X, y, fit=epoch_by_epoch, **arguments), X)


def twice(estimator, X, y):
    return estimator.fit(X, y).set_params(max_iter=9).fit(X, y)


@pytest.mark.parametrize("arguments", [{"warm_start": True}, {"warm_start": False}, {"early_stopping": True}])
def test_the_same_second_fit(arguments, engine):
    X, y = digits()
    assert_same(both("MLPClassifier", X, y, fit=twice, **arguments), X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_best_weights_survive_a_second_fit_that_finds_none_better():
    """In scikit-learn the second training overwrites them, since ``coefs_`` are the best weights themselves."""
    X, y = digits()
    options = {"early_stopping": True, "max_iter": 40, "learning_rate_init": 0.05, "n_iter_no_change": 3}
    estimator = nnlite.sklearn.MLPClassifier((12,), warm_start=True, random_state=0, **options).fit(X, y)
    best, score = estimator.coefs_[0].copy(), estimator.best_validation_score_
    assert score > 0.8
    estimator.set_params(learning_rate_init=1e-9, max_iter=2)
    estimator.fit(X, y)
    assert estimator.best_validation_score_ == score
    assert (estimator.coefs_[0] == best).all()


def test_a_generator_is_left_in_the_same_state():
    X, y = digits()
    generators = [np.random.RandomState(5) for _ in range(2)]
    for home, generator in zip((neural_network, nnlite.sklearn), generators, strict=True):
        with pytest.warns(ConvergenceWarning):
            home.MLPClassifier((5,), max_iter=2, early_stopping=True, random_state=generator).fit(X, y)
    assert generators[0].randint(2**31) == generators[1].randint(2**31)


def test_float32_is_kept_and_near(engine):
    X, y = digits()
    assert_same(both("MLPClassifier", X.astype(np.float32), y, max_iter=5), X.astype(np.float32), rtol=1e-3)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_constructors_have_the_same_arguments_and_defaults(name):
    theirs, ours = (inspect.signature(getattr(home, name)).parameters for home in (neural_network, nnlite.sklearn))
    assert [*ours][: len(theirs)] == [*theirs]
    for argument, parameter in theirs.items():
        assert (ours[argument].default, ours[argument].kind) == (parameter.default, parameter.kind)
    for argument in [*ours][len(theirs) :]:
        assert ours[argument].kind is inspect.Parameter.KEYWORD_ONLY
        assert not ours[argument].default  # off


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"alpha": -1},
        {"solver": "newton"},
        {"activation": "gelu"},
        {"batch_size": 0},
        {"learning_rate_init": 0},
        {"momentum": 1.1},
        {"hidden_layer_sizes": -1},
        {"hidden_layer_sizes": (5, 0)},
        {"max_iter": 0},
        {"validation_fraction": 1},
        {"n_iter_no_change": 0},
    ],
)
def test_wrong_arguments_are_answered_in_the_same_words(name, arguments):
    X, y = diabetes() if name == "MLPRegressor" else cancer()
    messages = []
    for home in (neural_network, nnlite.sklearn):
        with pytest.raises(ValueError, match=r"\w") as caught:
            getattr(home, name)(**arguments).fit(X, y)
        messages.append(sorted(re.split(r"[\s,{}]+", str(caught.value))))  # a set of words has no order
    assert messages[0] == messages[1]
