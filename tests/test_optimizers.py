"""Facts about gradient descent, held against the papers' own formulas in float64."""

import copy
import gc
import pickle

import numpy as np
import pytest

import nnlite as nn
from nnlite import optimizers

STEPS = 50


def make_model(seed=0, dtype="float64", units=6):
    return nn.Model([nn.Dense(units), nn.Tanh(), nn.Dense(3), nn.Softmax()], n_features=4, seed=seed, dtype=dtype)


def slope(theta):
    """The gradient of a cost with valleys, hills and curvature of its own in each direction."""
    scale = np.linspace(0.5, 2, theta.size)
    return scale * theta + np.sin(3 * theta) + np.cos(np.arange(theta.size))


def train(model, optimizer, steps=STEPS):
    """Theta after each step."""
    path = []
    for _ in range(steps):
        model.grad[:] = slope(model.theta)
        optimizer.step(model)
        path.append(model.theta.copy())
    return np.array(path)


def decay_mask(model):
    """1 for the entries of theta that are weights, found through the names of the parameters, and 0 for biases."""
    theta = model.theta.copy()
    for name, value in model.parameters.items():
        value[...] = name[0] == "W"
    mask = model.theta.copy()
    model.theta[:] = theta
    return mask


# Each rule as its paper writes it, which is not as the library computes it.


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


@pytest.mark.parametrize("weight_decay", [0, 0.01, 0.5])
@pytest.mark.parametrize("learning_rate", [0.01, 0.2])
@pytest.mark.parametrize(
    ("rule", "options"),
    [
        pytest.param(cauchy, {}, id="plain"),
        pytest.param(polyak, {"momentum": 0.5}, id="momentum 0.5"),
        pytest.param(polyak, {"momentum": 0.99}, id="momentum 0.99"),
        pytest.param(nesterov, {"momentum": 0.5, "nesterov": True}, id="nesterov 0.5"),
        pytest.param(nesterov, {"momentum": 0.95, "nesterov": True}, id="nesterov 0.95"),
    ],
)
@pytest.mark.parametrize("block", [optimizers.BLOCK, 7])
def test_fifty_steps_are_those_of_the_paper(monkeypatch, block, rule, options, learning_rate, weight_decay):
    monkeypatch.setattr(optimizers, "BLOCK", block)
    model = make_model()
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
    """So that the test above can tell them apart."""
    rules = [
        nn.SGD(0.05),
        nn.SGD(0.05, momentum=0.9),
        nn.SGD(0.05, momentum=0.9, nesterov=True),
        nn.SGD(0.05, weight_decay=0.1),
    ]
    ends = [train(make_model(), rule)[-1] for rule in rules]
    for i, end in enumerate(ends):
        for other in ends[:i]:
            assert np.abs(end - other).max() > 1e-3


def test_the_first_step_of_momentum_is_a_plain_one():
    plain, heavy = train(make_model(), nn.SGD(0.1), 1), train(make_model(), nn.SGD(0.1, momentum=0.9), 1)
    np.testing.assert_array_equal(plain, heavy)


@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}], ids=["plain", "momentum", "nesterov"]
)
def test_weight_decay_acts_on_weights_and_not_on_biases(options):
    model = make_model()
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
    model, twin = make_model(), make_model()
    decay, step = 0.3, 1e-6
    model.grad[:] = slope(model.theta)
    nn.SGD(0.1, weight_decay=decay).step(model)
    penalty = [decay / 2 * np.square(twin.theta[: twin.n_weights] + h) for h in (-step, step)]
    twin.grad[:] = slope(twin.theta)
    twin.grad[: twin.n_weights] += (penalty[1] - penalty[0]) / (2 * step)
    nn.SGD(0.1).step(twin)
    np.testing.assert_allclose(model.theta, twin.theta, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("block", [1, 5, 48, 66, 67, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options",
    [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    ids=["plain", "momentum", "nesterov"],
)
def test_blocks_make_no_difference(monkeypatch, block, dtype, options):
    whole = train(make_model(dtype=dtype), nn.SGD(0.1, weight_decay=0.1, **options), 5)
    monkeypatch.setattr(optimizers, "BLOCK", block)
    blocks = train(make_model(dtype=dtype), nn.SGD(0.1, weight_decay=0.1, **options), 5)
    np.testing.assert_array_equal(whole, blocks)


def test_a_network_larger_than_a_block_is_updated_to_its_end():
    model = make_model(units=2 * optimizers.BLOCK // 7)
    assert model.n_parameters > 2 * optimizers.BLOCK
    start = model.theta.copy()
    model.grad[:] = slope(model.theta)
    nn.SGD(0.1).step(model)
    np.testing.assert_allclose(model.theta, start - 0.1 * model.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("options", [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}])
def test_one_optimizer_keeps_two_models_apart(options):
    shared = nn.SGD(0.05, **options)
    models = [make_model(seed=1), make_model(seed=2, units=9)]
    for _ in range(10):
        for model in models:
            train(model, shared, 1)
    for model, twin in zip(models, [make_model(seed=1), make_model(seed=2, units=9)], strict=True):
        np.testing.assert_array_equal(model.theta, train(twin, nn.SGD(0.05, **options), 10)[-1])


def test_a_model_that_is_gone_leaves_no_velocity_to_the_next():
    optimizer = nn.SGD(0.05, momentum=0.9)
    for _ in range(5):  # a new model may lie where the last one lay in memory
        end = train(make_model(), optimizer, 3)[-1]
        gc.collect()
        np.testing.assert_array_equal(end, train(make_model(), nn.SGD(0.05, momentum=0.9), 3)[-1])


def test_optimizers_do_not_share_velocity():
    model, twin = make_model(), make_model()
    train(model, nn.SGD(0.05, momentum=0.9), 3)
    train(model, nn.SGD(0.05, momentum=0.9), 3)
    train(twin, nn.SGD(0.05, momentum=0.9), 6)
    assert not np.array_equal(model.theta, twin.theta)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}], ids=["plain", "momentum", "nesterov"]
)
@pytest.mark.parametrize("weight_decay", [0, 0.1])
def test_a_step_leaves_the_gradient_as_it_is(dtype, options, weight_decay):
    model = make_model(dtype=dtype)
    optimizer = nn.SGD(0.1, weight_decay=weight_decay, **options)
    for _ in range(3):
        model.grad[:] = slope(model.theta)
        before = model.grad.copy()
        optimizer.step(model)
        np.testing.assert_array_equal(model.grad, before)
    assert model.theta.dtype == dtype


def test_float32_steps_are_those_of_float64_up_to_rounding():
    for options in ({}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"weight_decay": 0.1}):
        single, double = make_model(dtype="float32"), make_model()
        np.testing.assert_allclose(
            train(single, nn.SGD(0.05, **options)), train(double, nn.SGD(0.05, **options)), rtol=1e-4, atol=1e-5
        )


def test_a_learning_rate_that_is_changed_acts_from_the_next_step():
    model = make_model()
    optimizer = nn.SGD(0.1)
    train(model, optimizer, 1)
    before = model.theta.copy()
    optimizer.learning_rate = 0.01
    train(model, optimizer, 1)
    np.testing.assert_allclose(model.theta, before - 0.01 * model.grad, rtol=1e-12)


def test_a_step_reaches_what_parameters_and_layers_show():
    model = make_model()
    W1 = model.parameters["W1"]
    before = W1.copy()
    model.grad[:] = 1
    nn.SGD(0.5).step(model)
    np.testing.assert_allclose(W1, before - 0.5, rtol=1e-14)
    np.testing.assert_array_equal(model.layers[0].W, W1)


def test_theta_may_be_written_between_steps():
    model = make_model()
    optimizer = nn.SGD(0.1, momentum=0.9)
    train(model, optimizer, 2)
    model.theta[:] = 0
    model.grad[:] = 0
    optimizer.step(model)
    assert np.all(model.theta != 0)  # the velocity carries on
    assert np.abs(model.theta).max() < 1


def test_repr_is_the_call_that_makes_the_optimizer():
    for text in (
        "SGD(0.1)",
        "SGD(0.01, momentum=0.9)",
        "SGD(0.01, momentum=0.9, nesterov=True)",
        "SGD(0.5, weight_decay=0.0001)",
        "SGD(0.5, momentum=0.5, nesterov=True, weight_decay=0.0001)",
    ):
        assert repr(eval(text, {"SGD": nn.SGD})) == text


def test_a_rule_of_ones_own_is_a_method():
    class SignDescent(nn.Optimizer):
        """theta <- theta - learning_rate / t sign(grad), in step t; it remembers the sum of all gradients."""

        state_names = ("total",)

        def update(self, block, learning_rate, n_steps):
            block.state["total"] += block.grad
            block.theta -= learning_rate / (n_steps + 1) * np.sign(block.grad)

    model = make_model()
    start = model.theta.copy()
    optimizer = SignDescent(0.1)
    model.grad[:] = -2
    for _ in range(3):
        optimizer.step(model)
    np.testing.assert_allclose(model.theta, start + 0.1 * (1 + 1 / 2 + 1 / 3), rtol=1e-12)
    np.testing.assert_array_equal(optimizer.state(model).vectors["total"], -6)


@pytest.mark.parametrize(
    "make_copy", [copy.copy, copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))]
)
def test_a_copy_of_an_optimizer_has_its_settings_and_remembers_nothing(make_copy):
    optimizer = nn.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.1)
    model = make_model()
    train(model, optimizer, 3)
    twin = make_copy(optimizer)
    assert repr(twin) == repr(optimizer)
    start = model.copy()
    np.testing.assert_array_equal(
        train(model, twin, 3), train(start, nn.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.1), 3)
    )


def test_an_optimizer_without_a_rule_says_so():
    with pytest.raises(NotImplementedError, match="Optimizer has no update rule"):
        nn.Optimizer(0.1).step(make_model())
