"""Facts about calls that come too early, or that this output layer does not answer: the error says what to do."""

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each, refuse
from .cases.examples import X, model_for, y
from .unchanged import portrait

CALLS_THAT_NEED_PARAMETERS = {
    "predict": lambda model: model.predict(X),
    "predict_proba": lambda model: model.predict_proba(X),
    "evaluate": lambda model: model.evaluate(X, y),
    "input_gradient": lambda model: model.input_gradient(X, y),
    "state_dict": lambda model: model.state_dict(),
    "load_state_dict": lambda model: model.load_state_dict({}),
    "summary": lambda model: model.summary(),
    "theta": lambda model: model.theta,
    "grad": lambda model: model.grad,
    "state": lambda model: model.state,
    "n_parameters": lambda model: model.n_parameters,
    "n_weights": lambda model: model.n_weights,
    "parameters": lambda model: model.parameters,
    "gradients": lambda model: model.gradients,
    "step": lambda model: nn.SGD(0.1).step(model),
}


def refused_unchanged(model, call, *fragments, error=nn.ArgumentError):
    before = portrait(model)
    refuse(call, *fragments, error=error)
    assert portrait(model) == before


@for_each("call", CALLS_THAT_NEED_PARAMETERS)
def test_what_needs_parameters_says_how_to_get_them(call):
    model = model_for("unbuilt softmax")
    fragments = (f"{call}: ", "input size", "fit or forward", "n_features")
    refused_unchanged(model, lambda: CALLS_THAT_NEED_PARAMETERS[call](model), *fragments, error=nn.NotBuiltError)


def test_a_network_without_parameters_has_no_theta():
    assert not hasattr(model_for("unbuilt softmax"), "theta")


@pytest.mark.parametrize("n_features", [3, None])
@pytest.mark.parametrize("call", ["cost", "backward"])
def test_cost_and_backward_need_a_forward_pass(call, n_features):
    model = nn.Model([nn.Dense(4), nn.Softmax()], n_features=n_features, seed=0)
    for _ in range(2):
        call_it = lambda: getattr(model, call)(y)  # noqa: E731
        refused_unchanged(model, call_it, f"{call}: ", "forward(X) first", error=nn.NotBuiltError)
        if model.built:
            model.predict(X)  # a prediction is no forward pass of a training step


@pytest.mark.parametrize("on", ["identity", "counts"])
def test_values_have_no_probabilities(on):
    model = model_for(on)
    refused_unchanged(model, lambda: model.predict_proba(X), "predict_proba: ", f"{model.output}", "use predict")


@pytest.mark.parametrize("call", ["forward", "predict", "predict_proba", "evaluate", "fit"])
def test_only_what_the_dtype_of_the_network_cannot_hold_is_too_large(call):
    model = model_for(dtype="float64")
    arguments = {"evaluate": (y,), "fit": (y,)}.get(call, ())
    data = X.astype(float)
    data[3, 0] = 1e39  # too large for float32
    getattr(model, call)(data, *arguments)
    if np.finfo(np.longdouble).max > np.finfo(float).max:
        data = data.astype(np.longdouble)
        data[3, 0] = np.longdouble("1e400")
        call_it = lambda: getattr(model, call)(data, *arguments)  # noqa: E731
        refused_unchanged(model, call_it, "X: ", "at X[3, 0]", "too large for float64")


def test_one_wrong_number_among_many_is_found():
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    many = np.zeros((3000, 3), np.float32)
    many[2999, 2] = np.nan
    refused_unchanged(model, lambda: model.fit(many, np.zeros(3000, int)), "X: ", "nan at X[2999, 2]")


def test_a_length_that_does_not_fit_names_both_arguments():
    model = model_for()
    refuse(lambda: model.cost(y[:-1]), "Y: ", "8 labels", "the last forward", "got 7")
    refuse(lambda: model.evaluate(X, y[:-1]), "y: ", "8 labels", "of X", "got 7")


def test_a_refused_fit_leaves_the_optimizer_as_it_was():
    model, twin = model_for(), model_for()
    optimizer, fresh = nn.SGD(0.1, momentum=0.9), nn.SGD(0.1, momentum=0.9)
    model.fit(X, y, optimizer=optimizer, epochs=2)
    twin.fit(X, y, optimizer=fresh, epochs=2)
    for wrong in ({"epochs": 0}, {"validation_split": 2}, {"sample_weight": -y}):
        with pytest.raises(nn.ArgumentError):
            model.fit(X, y, optimizer=optimizer, **wrong)
    model.fit(X, y, optimizer=optimizer, epochs=2)
    twin.fit(X, y, optimizer=fresh, epochs=2)
    np.testing.assert_array_equal(model.theta, twin.theta)


def test_wrong_arguments_are_value_errors_and_type_errors():
    assert issubclass(nn.ArgumentError, ValueError)
    assert issubclass(nn.ArgumentError, TypeError)
    assert issubclass(nn.NotBuiltError, AttributeError)
