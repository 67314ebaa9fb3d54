"""Facts about gradient descent, plain and with momentum, held against the papers' own formulas in float64."""

import itertools

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each, refuse
from .common import STEPS, classifier, decay_mask, slope, train

OF_EACH = pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}], ids=["plain", "momentum", "nesterov"]
)

# Each rule as its paper writes it; the library computes it in another form.


def cauchy(theta, learning_rate, gradient):
    """Cauchy 1847: x <- x - theta grad."""
    path = []
    for _ in range(STEPS):
        theta = theta - learning_rate * gradient(theta)
        path.append(theta)
    return np.array(path)


def polyak(theta, learning_rate, momentum, gradient):
    """Polyak 1964, the heavy ball: x_k+1 = x_k - alpha grad(x_k) + beta (x_k - x_k-1)."""
    path, before = [], theta
    for _ in range(STEPS):
        theta, before = theta - learning_rate * gradient(theta) + momentum * (theta - before), theta
        path.append(theta)
    return np.array(path)


def nesterov(theta, learning_rate, momentum, gradient):
    """Sutskever 2013, eq. 3 and 4: v <- mu v - eps grad(theta + mu v), theta <- theta + v; seen at theta + mu v."""
    path, v = [], np.zeros_like(theta)
    for _ in range(STEPS):
        v = momentum * v - learning_rate * gradient(theta + momentum * v)
        theta = theta + v
        path.append(theta + momentum * v)
    return np.array(path)


@for_each("weight_decay", [0, 0.01, 0.5])
@for_each("learning_rate", [0.01, 0.2])
@for_each(
    ("rule", "options"),
    [
        pytest.param(cauchy, {}, id="plain"),
        pytest.param(polyak, {"momentum": 0.5}, id="momentum 0.5"),
        pytest.param(polyak, {"momentum": 0.99}, id="momentum 0.99"),
        pytest.param(nesterov, {"momentum": 0.5, "nesterov": True}, id="nesterov 0.5"),
        pytest.param(nesterov, {"momentum": 0.95, "nesterov": True}, id="nesterov 0.95"),
    ],
)
def test_fifty_steps_are_those_of_the_paper(rule, options, learning_rate, weight_decay):
    model = classifier()
    mask = decay_mask(model)
    momentum = [options["momentum"]] if options else []
    expected = rule(
        model.theta.copy(), learning_rate, *momentum, lambda theta: slope(theta) + weight_decay * mask * theta
    )
    path = train(model, nn.SGD(learning_rate, weight_decay=weight_decay, **options))
    size = np.abs(expected).max()
    assert np.isfinite(size)
    np.testing.assert_allclose(path, expected, rtol=1e-12, atol=1e-12 * size)


def test_the_rules_differ():
    """So the test above can tell them apart."""
    rules = [
        nn.SGD(0.05),
        nn.SGD(0.05, momentum=0.9),
        nn.SGD(0.05, momentum=0.9, nesterov=True),
        nn.SGD(0.05, weight_decay=0.1),
    ]
    ends = [train(classifier(), rule)[-1] for rule in rules]
    for one, other in itertools.combinations(ends, 2):
        assert np.abs(one - other).max() > 1e-3


def test_the_first_step_of_momentum_is_a_plain_one():
    plain, heavy = train(classifier(), nn.SGD(0.1), 1), train(classifier(), nn.SGD(0.1, momentum=0.9), 1)
    np.testing.assert_array_equal(plain, heavy)


@OF_EACH
def test_weight_decay_acts_on_weights_and_not_on_biases(options):
    model = classifier()
    for value in model.parameters.values():
        value[...] = 1
    model.grad[:] = 0
    nn.SGD(0.1, weight_decay=0.5, **options).step(model)
    for name, value in model.parameters.items():
        if name[0] == "b":
            np.testing.assert_array_equal(value, 1)
        else:
            shrunk = 1 - 0.1 * 0.5 * (1 + options["momentum"] if "nesterov" in options else 1)
            np.testing.assert_allclose(value, shrunk, rtol=1e-14)


def test_weight_decay_is_the_gradient_of_half_its_square():
    """One step with decay lambda is one step on J + lambda/2 |W|^2."""
    model, twin = classifier(), classifier()
    decay, step = 0.3, 1e-6
    model.grad[:] = slope(model.theta)
    nn.SGD(0.1, weight_decay=decay).step(model)
    penalty = [decay / 2 * np.square(twin.theta[: twin.n_weights] + h) for h in (-step, step)]
    twin.grad[:] = slope(twin.theta)
    twin.grad[: twin.n_weights] += (penalty[1] - penalty[0]) / (2 * step)
    nn.SGD(0.1).step(twin)
    np.testing.assert_allclose(model.theta, twin.theta, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"weight_decay": 0.1}], ids=repr
)
def test_float32_steps_are_those_of_float64_up_to_rounding(options):
    single, double = classifier(dtype="float32"), classifier()
    np.testing.assert_allclose(
        train(single, nn.SGD(0.05, **options)), train(double, nn.SGD(0.05, **options)), rtol=1e-4, atol=1e-5
    )


def test_the_velocity_continues_when_the_user_writes_into_theta():
    model = classifier()
    optimizer = nn.SGD(0.1, momentum=0.9)
    train(model, optimizer, 2)
    velocity = optimizer.state(model).vectors["velocity"].copy()
    model.theta[:] = 0
    model.grad[:] = 0
    optimizer.step(model)
    np.testing.assert_allclose(model.theta, -0.1 * 0.9 * velocity, rtol=1e-13)


@pytest.mark.parametrize("momentum", [0, 0.0])
def test_nesterov_needs_momentum(momentum):
    refuse(lambda: nn.SGD(0.1, momentum=momentum, nesterov=True), "nesterov: looks ahead along the momentum")


@pytest.mark.parametrize(
    "text",
    [
        "SGD(0.1)",
        "SGD(0.01, momentum=0.9)",
        "SGD(0.01, momentum=0.9, nesterov=True)",
        "SGD(0.5, weight_decay=0.0001)",
        "SGD(0.5, momentum=0.5, nesterov=True, weight_decay=0.0001)",
    ],
)
def test_repr_is_the_call_that_makes_the_optimizer(text):
    assert repr(eval(text, {"SGD": nn.SGD})) == text
