"""What scikit-learn's users have asked for, and nnlite has."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import recall_score
from sklearn.utils.class_weight import compute_sample_weight

import nnlite as nn
from nnlite.sklearn import MLPClassifier, MLPRegressor

from ..support import for_each
from .common import cancer, diabetes, digits, labels

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}


def same(one, other):
    """Whether two estimators have the same weights."""
    return all(np.array_equal(a, b) for a, b in zip(one.coefs_, other.coefs_, strict=True))


@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 1: 0.5}])
def test_class_weight_multiplies_the_weights_of_examples(class_weight, engine):
    X, y = cancer()
    weights = np.linspace(1, 2, len(X))
    expected = MLPClassifier(**QUICK).fit(X, y, weights * compute_sample_weight(class_weight, y))
    assert same(MLPClassifier(**QUICK, class_weight=class_weight).fit(X, y, weights), expected)


def test_class_weight_takes_the_users_labels_and_several_labels():
    X, y = cancer()
    named = np.array(["bad", "good"])[y]
    expected = MLPClassifier(**QUICK, class_weight={0: 5, 1: 1}).fit(X, y)
    assert same(MLPClassifier(**QUICK, class_weight={"bad": 5, "good": 1}).fit(X, named), expected)
    X, Y = labels()
    MLPClassifier(**QUICK, class_weight=[{0: 1, 1: 2}] * Y.shape[1]).fit(X, Y)


def test_balanced_weights_find_more_of_a_rare_class():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (380, 2)), rng.normal(1.5, 1, (20, 2))])
    y = np.repeat([0, 1], [380, 20])
    plain, balanced = (
        MLPClassifier((8,), max_iter=60, learning_rate_init=0.01, random_state=0, class_weight=weight).fit(X, y)
        for weight in (None, "balanced")
    )
    assert recall_score(y, balanced.predict(X)) > recall_score(y, plain.predict(X)) + 0.2


def test_class_weight_goes_with_warm_start_and_validation_data():
    X, y = cancer()
    weight = {0: 5.0, 1: 1.0}
    options = QUICK | {"warm_start": True, "early_stopping": True}
    given, expected = MLPClassifier(**options, class_weight=weight), MLPClassifier(**options)
    for _ in range(2):
        given.fit(X, y, validation_data=(X[:50], y[:50]))
        expected.fit(X, y, compute_sample_weight(weight, y), validation_data=(X[:50], y[:50]))
    assert same(given, expected)
    assert given.validation_loss_curve_ == expected.validation_loss_curve_  # the weights are for training
    assert len(given.validation_loss_curve_) == 10
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
        given.fit(X, y + 1)


def test_balanced_weights_are_not_for_partial_fit():
    X, y = cancer()
    with pytest.raises(ValueError, match="class_weight: 'balanced' needs all labels"):
        MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1])
    MLPClassifier(**QUICK, class_weight={0: 1, 1: 2}).partial_fit(X, y, classes=[0, 1])


def test_dropout_and_batch_norm_are_layers_of_the_network():
    estimator = MLPClassifier(**QUICK | {"hidden_layer_sizes": (8, 6)}, dropout=0.25, batch_norm=True).fit(*digits())
    assert repr(estimator.model_) == (
        "Model([Dense(8), BatchNorm(), ReLU(), Dropout(0.25), Dense(6), BatchNorm(), ReLU(), Dropout(0.25), "
        "Dense(10), Softmax()])"
    )
    assert [W.shape for W in estimator.coefs_] == [(64, 8), (8, 6), (6, 10)]


def test_dropout_gives_the_same_for_the_same_random_state(engine):
    first, second, other = (
        MLPClassifier(**QUICK | {"random_state": state}, dropout=0.5).fit(*digits()) for state in (0, 0, 1)
    )
    assert same(first, second)
    assert not same(first, other)
    assert not same(first, MLPClassifier(**QUICK).fit(*digits()))


@pytest.mark.parametrize("engine_of", ["textbook", pytest.param("auto", marks=pytest.mark.slow)])
def test_layers_are_an_architecture_of_ones_own(engine_of, monkeypatch):
    monkeypatch.setenv("NNLITE_ENGINE", engine_of)
    X, y = digits()
    hidden = [nn.Dense(32), nn.LayerNorm(), nn.GELU(), nn.Residual([nn.Dense(32), nn.SiLU()])]
    estimator = MLPClassifier(layers=hidden, max_iter=40, learning_rate_init=0.01, random_state=0).fit(X, y)
    assert repr(estimator.model_.layers[-2:]) == "(Dense(10), Softmax())"
    assert estimator.score(X, y) > 0.9
    assert [W.shape for W in estimator.coefs_] == [(64, 32), (32, 32), (32, 10)]
    nn.Model([*hidden, nn.Dense(2), nn.Softmax()], n_features=3)  # the layers of the user belong to no model yet


def test_rows_may_become_images():
    X, y = digits()
    hidden = [nn.Reshape((8, 8, 1)), nn.Conv2D(6, 3), nn.ReLU(), nn.MaxPool2D(), nn.Flatten()]
    estimator = MLPClassifier(layers=hidden, max_iter=15, learning_rate_init=0.01, random_state=0).fit(X, y)
    assert estimator.score(X, y) > 0.8
    assert estimator.model_.shapes[-3] == (54,)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(estimator)).predict(X), estimator.predict(X))


def test_layers_may_end_with_the_output():
    X, y = digits()
    estimator = MLPClassifier(layers=[nn.Dense(10), nn.Softmax(0.1)], max_iter=3).fit(X, y)
    assert repr(estimator.model_) == "Model([Dense(10), Softmax(label_smoothing=0.1)])"
    assert estimator.n_layers_ == 2
    with pytest.raises(nn.ArgumentError, match=r"layers: these targets need Dense\(10\), Softmax\(\) at the end"):
        MLPClassifier(layers=[nn.Dense(7), nn.Softmax()]).fit(X, y)
    regressor = MLPRegressor(layers=[], max_iter=3).fit(*diabetes())  # a linear model
    assert repr(regressor.model_) == "Model([Dense(1), Identity()])"


def test_a_layer_of_the_user_trains():
    class Square(nn.Layer):
        def forward(self, z, cache):
            cache.z = z
            return np.square(z)

        def backward(self, da, cache):
            return da * 2 * cache.z

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = MLPClassifier(
            layers=[nn.Dense(8), Square()], max_iter=60, learning_rate_init=0.01, random_state=0
        ).fit(*cancer())
    assert estimator.score(*cancer()) > 0.8


@pytest.mark.parametrize(
    "optimizer",
    ["rmsprop", nn.RMSProp(0.01), nn.AdamW(0.01), nn.SGD(nn.schedules.CosineDecay(0.5, 80)), nn.NAdam(0.01)],
)
def test_any_optimizer_trains(optimizer, engine):
    X, y = cancer()
    estimator = MLPClassifier((8,), optimizer=optimizer, max_iter=60, random_state=0)
    assert estimator.fit(X, y).score(X, y) > 0.9
    first = estimator.coefs_[0].copy()
    assert (estimator.fit(X, y).coefs_[0] == first).all()  # nothing is remembered from one fit to the next


def test_an_own_optimizer_has_its_own_weight_decay_and_no_alpha():
    X, y = cancer()
    fits = [MLPClassifier(**QUICK, optimizer=nn.SGD(0.1), alpha=alpha).fit(X, y) for alpha in (0, 100)]
    assert same(*fits)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_learning_rate_may_be_a_schedule(solver, engine):
    X, y = cancer()
    constant = MLPClassifier(**QUICK, solver=solver, learning_rate_init=0.01).fit(X, y)
    assert same(MLPClassifier(**QUICK, solver=solver, learning_rate=lambda step: 0.01).fit(X, y), constant)
    halved = MLPClassifier(**QUICK, solver=solver, learning_rate=nn.schedules.StepDecay(0.01, 2, 0.5)).fit(X, y)
    assert not same(halved, constant)


def test_callbacks_are_called_and_may_stop():
    X, y = cancer()
    losses = []
    spy = nn.LambdaCallback(on_epoch_end=lambda epoch, logs: losses.append(logs["loss"]))
    stop = nn.EarlyStopping("val_loss", patience=1)
    estimator = MLPClassifier((8,), max_iter=500, learning_rate_init=0.05, callbacks=[spy, stop], random_state=0)
    estimator.fit(X[:100], y[:100], validation_data=(X[100:], y[100:]))
    assert losses == estimator.loss_curve_
    assert stop.stopped_epoch == estimator.n_iter_ - 1 < 499


def test_validation_data_is_evaluated_after_each_epoch():
    X, y = digits()
    X_val, y_val = X[150:], y[150:]
    estimator = MLPClassifier(**QUICK).fit(X[:150], y[:150], validation_data=(X_val, y_val))
    assert same(estimator, MLPClassifier(**QUICK).fit(X[:150], y[:150]))  # nothing is learned from it
    assert len(estimator.validation_loss_curve_) == len(estimator.validation_scores_) == 5
    assert np.isclose(estimator.validation_scores_[-1], estimator.score(X_val, y_val))
    proba = estimator.predict_proba(X_val)[np.arange(50), y_val]
    assert np.isclose(estimator.validation_loss_curve_[-1], -np.log(proba).mean())


def test_early_stopping_on_given_validation_data():
    X, y = digits()
    estimator = MLPClassifier((8,), max_iter=400, early_stopping=True, learning_rate_init=0.02, random_state=0)
    estimator.fit(X[:120], y[:120], validation_data=(X[120:], y[120:], np.ones(80)))
    assert estimator.t_ == 120 * estimator.n_iter_  # none of X is held out
    assert estimator.n_iter_ < 400
    assert np.isclose(estimator.score(X[120:], y[120:]), estimator.best_validation_score_)


def test_the_validation_loss_is_there_with_early_stopping_and_not_without():
    X, y = diabetes()
    stopped = MLPRegressor(**QUICK, early_stopping=True).fit(X, y)
    assert len(stopped.validation_loss_curve_) == stopped.n_iter_
    assert MLPRegressor(**QUICK).fit(X, y).validation_loss_curve_ is None


def test_progress_is_shown_if_it_is_asked_for(capsys):
    X, y = cancer()
    MLPClassifier(**QUICK).fit(X, y)
    assert capsys.readouterr() == ("", "")
    MLPClassifier(**QUICK, progress=True).fit(X, y)
    assert "epoch 5/5" in capsys.readouterr().err


@for_each(
    ("arguments", "options", "message"),
    [
        ({"dropout": 1.0}, {}, "The 'dropout' parameter of MLPClassifier must be a float in the range"),
        ({"layers": "Dense"}, {}, "The 'layers' parameter of MLPClassifier must be an instance of 'list'"),
        ({"optimizer": "adamm"}, {}, "optimizer: expected an Optimizer such as .* did you mean 'adam'?"),
        ({"optimizer": nn.AdamW}, {}, r"optimizer: expected an Optimizer such as .* write nn.AdamW\(\)"),
        ({"callbacks": [3]}, {}, "callbacks: expected objects of subclasses of Callback, got 3"),
        (
            {"solver": "lbfgs", "dropout": 0.5},
            {},
            "dropout: needs solver='adam' or solver='sgd', which train batch by batch",
        ),
        ({"solver": "lbfgs", "optimizer": nn.SGD()}, {}, "optimizer: needs solver='adam'"),
        ({"solver": "lbfgs", "layers": [nn.Dropout(0.5)]}, {}, r"layers: Dropout\(0.5\) needs solver='adam'"),
        ({"solver": "lbfgs", "layers": [nn.Residual([nn.BatchNorm()])]}, {}, r"layers: BatchNorm\(\) needs solver="),
        ({"solver": "lbfgs"}, {"validation_data": cancer()}, "validation_data: needs solver='adam' or solver='sgd'"),
        ({}, {"validation_data": np.ones((3, 2))}, r"validation_data: expected \(X, y\) or \(X, y, sample_weight\)"),
        ({"callbacks": [nn.EarlyStopping("val_loss")]}, {}, "monitor: 'val_loss' is not in the logs"),
        ({"layers": [3]}, {}, "layers: entry 0 is not a layer, got 3"),
        ({"class_weight": "balance"}, {}, "The 'class_weight' parameter of MLPClassifier must be"),
    ],
)
def test_wrong_use_is_a_value_error(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**arguments).fit(*cancer(), **options)


def test_a_refused_fit_leaves_the_estimator_as_it_was():
    X, y = cancer()
    estimator = MLPClassifier(**QUICK).fit(X, y)
    before = estimator.predict_proba(X)
    estimator.set_params(callbacks=[nn.EarlyStopping("val_loss")])
    with pytest.raises(ValueError, match="monitor"):
        estimator.fit(X, y)
    estimator.set_params(callbacks=None)
    assert (estimator.predict_proba(X) == before).all()


@pytest.mark.slow
@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
def test_only_what_scikit_learn_warns_of_is_a_warning(container):
    """`Model.fit` would warn that nothing was learned: the labels have nothing to do with X."""
    X = np.random.default_rng(0).standard_normal((400, 2))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        MLPClassifier((4,), max_iter=150, batch_size=50, learning_rate_init=1e-5, tol=0, random_state=0).fit(
            container(X), np.arange(400) % 2
        )
    assert {warning.category for warning in caught} == {ConvergenceWarning}


def test_warnings_of_scikit_learn_can_be_turned_off():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        MLPClassifier(**QUICK).fit(*cancer())
