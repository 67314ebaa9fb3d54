"""Facts about gradient descent, held against the papers' own formulas and against PyTorch, in float64."""

import copy
import gc
import itertools
import pathlib
import pickle

import numpy as np
import pytest

import nnlite as nn
from nnlite import optimizers, schedules
from nnlite.engine import memory
from nnlite.layers.normalization import BatchNorm, LayerNorm
from nnlite.layers.residual import Residual

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
@pytest.mark.parametrize("piece", [memory.PIECE, 7])
def test_fifty_steps_are_those_of_the_paper(monkeypatch, piece, rule, options, learning_rate, weight_decay):
    monkeypatch.setattr(memory, "PIECE", piece)
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


@pytest.mark.parametrize("piece", [1, 5, 48, 66, 67, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options",
    [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    ids=["plain", "momentum", "nesterov"],
)
def test_pieces_make_no_difference(monkeypatch, piece, dtype, options):
    whole = train(make_model(dtype=dtype), nn.SGD(0.1, weight_decay=0.1, **options), 5)
    monkeypatch.setattr(memory, "PIECE", piece)
    pieces = train(make_model(dtype=dtype), nn.SGD(0.1, weight_decay=0.1, **options), 5)
    np.testing.assert_array_equal(whole, pieces)


def test_a_network_larger_than_a_piece_is_updated_to_its_end():
    model = make_model(units=2 * memory.PIECE // 7)
    assert model.n_parameters > 2 * memory.PIECE
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

        def update(self, part, g, learning_rate):
            part.total += g
            part.theta -= learning_rate / part.t * np.sign(g)

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


# ---- every rule -----------------------------------------------------------------------------------------------

REFERENCE = dict(np.load(pathlib.Path(__file__).parents[1] / "reference" / "optimizers.npz"))

RULES = [
    "SGD(0.05)",
    "SGD(0.05, momentum=0.9)",
    "SGD(0.05, momentum=0.9, nesterov=True)",
    "Adagrad(0.1)",
    "Adagrad(0.1, initial_accumulator_value=0.5)",
    "RMSProp(0.02)",
    "RMSProp(0.02, momentum=0.8, centered=True)",
    "Adam(0.05)",
    "Adam(0.05, beta_2=0.8, amsgrad=True)",
    "AdamW(0.05)",
    "NAdam(0.05)",
    "Lion(0.01)",
]
OPTIONS = ["", "weight_decay=0.2", "l1=0.1", "clip_value=0.3", "clip_norm=0.5", "max_norm=0.4"]
EVERY = [*RULES, *(f"{rule[:-1]}, {option})" for rule, option in itertools.product(RULES, OPTIONS[1:]))]
DECOUPLED = ["AdamW", "Lion"]


def make(call):
    """The optimizer that a call makes."""
    return eval(call, vars(optimizers) | {"schedules": schedules})


def nine_parameters():
    """Six weights, then three biases."""
    return nn.Model([nn.Dense(3), nn.Identity()], n_features=2, seed=0, dtype="float64")


def test_every_rule_of_the_library_is_here():
    public = {name for name, value in vars(optimizers).items() if isinstance(value, type) and not name.startswith("_")}
    rules = {name for name in public if issubclass(getattr(optimizers, name), nn.Optimizer)} - {"Optimizer"}
    assert {call.split("(")[0] for call in RULES} == rules


@pytest.mark.parametrize("case", range(len(REFERENCE["calls"])), ids=REFERENCE["calls"].tolist())
def test_fifty_steps_are_those_of_pytorch(case):
    """To 1e-12 of the largest parameter, at ten of the fifty steps."""
    factor, scale, noise = REFERENCE["factors"][case], REFERENCE["scale"], REFERENCE["noise"]
    model, optimizer = nine_parameters(), make(REFERENCE["calls"][case])
    model.theta = REFERENCE["start"]
    path = []
    for t in range(50):
        theta = model.theta
        model.grad = factor * (scale * theta + 0.1 * theta * theta * theta + noise[t % 5])
        optimizer.step(model)
        path.append(model.theta.copy())
    expected = REFERENCE["paths"][case]
    size = np.abs(expected).max()
    np.testing.assert_allclose(np.array(path)[REFERENCE["after"] - 1], expected, rtol=0, atol=1e-12 * size)


def test_the_cases_of_pytorch_differ():
    """So that the test above can tell every option from its absence."""
    paths = dict(zip(REFERENCE["calls"].tolist(), REFERENCE["paths"], strict=True))
    del paths["AdamW(0.05, weight_decay=0.0)"]  # which is Adam
    for one, other in itertools.combinations(paths, 2):
        assert np.abs(paths[one] - paths[other]).max() > 1e-5, (one, other)
    rules = {call.split("(")[0] for call in paths}
    assert rules == {"SGD", "Adagrad", "RMSProp", "Adam", "AdamW", "NAdam"}


@pytest.mark.parametrize("weight_decay", [0, 0.5])
@pytest.mark.parametrize(("beta_1", "beta_2"), [(0.9, 0.99), (0.5, 0.3)])
def test_lion_is_the_program_of_its_paper(beta_1, beta_2, weight_decay):
    """Chen 2023, program 1: update = sign(interp(g, m, beta1)), m = interp(g, m, beta2), minus lr (update + wd w)."""
    model = make_model()
    w, m, mask, path = model.theta.copy(), np.zeros(model.theta.size), decay_mask(model), []
    for _ in range(STEPS):
        g = slope(w)
        update = np.sign((1 - beta_1) * g + beta_1 * m)
        m = (1 - beta_2) * g + beta_2 * m
        w = w - 0.02 * (update + weight_decay * mask * w)
        path.append(w)
    lion = optimizers.Lion(0.02, beta_1=beta_1, beta_2=beta_2, weight_decay=weight_decay)
    np.testing.assert_allclose(train(model, lion), path, rtol=0, atol=1e-12 * np.abs(path).max())


@pytest.mark.parametrize("call", [rule for rule in RULES if rule.split("(")[0] not in DECOUPLED])
def test_coupled_decay_and_l1_are_added_to_the_gradient_of_the_weights(call):
    model, twin = make_model(), make_model()
    mask, plain = decay_mask(model), make(call)
    optimizer = make(f"{call[:-1]}, weight_decay=0.2, l1=0.1)")
    for _ in range(20):
        model.grad[:] = slope(model.theta)
        optimizer.step(model)
        twin.grad[:] = slope(twin.theta) + mask * (0.2 * twin.theta + 0.1 * np.sign(twin.theta))
        plain.step(twin)
        np.testing.assert_allclose(model.theta, twin.theta, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("rule", DECOUPLED)
def test_decoupled_decay_shrinks_the_weights_and_never_enters_the_averages(rule):
    model, twin = make_model(), make_model()
    mask = decay_mask(model)
    optimizer, plain = make(f"{rule}(0.05, weight_decay=0.2)"), make(f"{rule}(0.05, weight_decay=0.0)")
    for _ in range(20):
        model.grad[:] = twin.grad[:] = slope(model.theta)
        shrunk = model.theta * (1 - 0.05 * 0.2 * mask)
        before = twin.theta.copy()
        optimizer.step(model)
        plain.step(twin)
        np.testing.assert_allclose(model.theta - shrunk, twin.theta - before, rtol=1e-9, atol=1e-14)


def test_adam_with_coupled_decay_is_not_adamw():
    ends = [train(make_model(), make(f"{rule}(0.05, weight_decay=0.2)"))[-1] for rule in ("Adam", "AdamW")]
    assert np.abs(ends[0] - ends[1]).max() > 1e-2


@pytest.mark.parametrize("option", OPTIONS[1:3])
@pytest.mark.parametrize("call", RULES)
def test_no_rule_decays_biases_or_the_parameters_of_normalization(call, option):
    layers = [nn.Dense(3), BatchNorm(), nn.Tanh(), Residual([nn.Dense(3), LayerNorm()]), nn.Dense(2), nn.Identity()]
    model = nn.Model(layers, n_features=2, seed=0, dtype="float64")
    for value in model.parameters.values():
        value[...] = 1
    model.grad[:] = 0
    make(f"{call[:-1]}, {option})").step(model)
    for name, value in model.parameters.items():
        assert np.all(value < 1) if name[0] == "W" else np.all(value == 1), name
    assert {name.strip("123") for name in model.parameters} == {"W", "b", "gamma", "beta"}


# ---- clipping and max-norm ------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", RULES)
def test_clipping_is_that_of_the_gradient_before_the_rule(call):
    for option, clip in (
        ("clip_value=0.3", lambda g: np.clip(g, -0.3, 0.3)),
        ("clip_norm=0.5", lambda g: g * min(1, 0.5 / np.linalg.norm(g))),
        ("clip_norm=0.5, clip_value=0.1", lambda g: np.clip(g * min(1, 0.5 / np.linalg.norm(g)), -0.1, 0.1)),
    ):
        model, twin, optimizer, plain = make_model(), make_model(), make(f"{call[:-1]}, {option})"), make(call)
        for _ in range(5):
            model.grad[:] = slope(model.theta)
            optimizer.step(model)
            twin.grad[:] = clip(slope(twin.theta))
            plain.step(twin)
            np.testing.assert_allclose(model.theta, twin.theta, rtol=1e-11, atol=1e-13)


def test_a_gradient_within_the_bounds_is_not_clipped():
    model, twin = make_model(), make_model()
    model.grad[:] = twin.grad[:] = slope(model.theta)
    norm, largest = np.linalg.norm(model.grad), np.abs(model.grad).max()
    nn.SGD(0.1, clip_norm=norm * (1 + 1e-9), clip_value=largest).step(model)
    nn.SGD(0.1).step(twin)
    np.testing.assert_array_equal(model.theta, twin.theta)


@pytest.mark.parametrize("piece", [memory.PIECE, 5])
def test_the_norm_that_is_clipped_is_that_of_all_layers_together(monkeypatch, piece):
    monkeypatch.setattr(memory, "PIECE", piece)
    model = make_model()
    start = model.theta.copy()
    model.grad[:] = 3
    nn.SGD(1.0, clip_norm=0.5).step(model)
    np.testing.assert_allclose(start - model.theta, 0.5 / np.sqrt(model.n_parameters), rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gradient_that_is_huge_but_finite_is_clipped_to_the_norm(dtype):
    model = make_model(dtype=dtype)
    start = model.theta.copy()
    model.grad[:] = 1e25 if dtype == "float32" else 1e200  # whose square no number of that type can hold
    nn.SGD(1.0, clip_norm=0.5).step(model)
    np.testing.assert_allclose(start - model.theta, 0.5 / np.sqrt(model.n_parameters), rtol=1e-4)


def test_a_gradient_of_zero_has_nothing_to_clip():
    model = make_model()
    start = model.theta.copy()
    model.grad[:] = 0
    nn.SGD(0.1, clip_norm=1, clip_value=1).step(model)
    np.testing.assert_array_equal(model.theta, start)


@pytest.mark.parametrize("call", ["SGD(0.05, momentum=0.9)", "Adam(0.05)", "Lion(0.02)"])
def test_max_norm_is_the_constraint_of_the_dropout_paper(call):
    """Srivastava 2014: whenever |w| > c, w is projected onto the ball of radius c; w are the weights into a unit."""
    model, twin = make_model(), make_model()
    c, constrained, free = 0.7, make(f"{call[:-1]}, max_norm=0.7)"), make(call)
    touched = 0
    for _ in range(STEPS):
        model.grad[:] = slope(model.theta)
        constrained.step(model)
        twin.grad[:] = slope(twin.theta)
        free.step(twin)
        for name in ("W1", "W2"):
            for w in twin.parameters[name].T:
                norm = np.sqrt(np.sum(w**2))
                if norm > c:
                    w[...] = w * (c / norm)
                    touched += 1
        np.testing.assert_allclose(model.theta, twin.theta, rtol=1e-12, atol=1e-13)
    assert 0 < touched < STEPS * 9


def test_max_norm_leaves_biases_and_normalization_alone():
    model = nn.Model([nn.Dense(3), BatchNorm(), nn.Dense(2), nn.Identity()], n_features=2, dtype="float64")
    model.theta[:] = 100
    model.grad[:] = 0
    nn.SGD(0.1, max_norm=1.0).step(model)
    for name, value in model.parameters.items():
        if name[0] == "W":
            np.testing.assert_allclose(np.linalg.norm(value, axis=0), 1, rtol=1e-14)
        else:
            np.testing.assert_array_equal(value, 100)


# ---- frozen layers --------------------------------------------------------------------------------------------


def three_layers(frozen=(), dtype="float64"):
    layers = [nn.Dense(5), nn.Tanh(), nn.Dense(5), nn.Tanh(), nn.Dense(3), nn.Softmax()]
    model = nn.Model(layers, n_features=4, seed=0, dtype=dtype)
    for l in frozen:
        layers[2 * l - 2].trainable = False
    return model


def parts(model, l):
    return [model.parameters[f"{name}{l}"] for name in "Wb"]


@pytest.mark.parametrize("piece", [memory.PIECE, 4])
@pytest.mark.parametrize("frozen", [(1,), (2,), (3,), (1, 2), (1, 3), (1, 2, 3)])
@pytest.mark.parametrize("call", ["SGD(0.05, momentum=0.9)", "AdamW(0.05, l1=0.1, clip_value=1.0, max_norm=0.1)"])
def test_frozen_layers_stay_bit_for_bit_and_the_others_learn_as_if_alone(monkeypatch, call, frozen, piece):
    free = train(three_layers(), make(call))[-1]
    monkeypatch.setattr(memory, "PIECE", piece)
    model = three_layers(frozen)
    start = model.copy()
    end = train(model, make(call))[-1]
    alone = model.copy()
    alone.theta = free
    np.testing.assert_array_equal(end, model.theta)
    for l in (1, 2, 3):
        expected = start if l in frozen else alone
        for value, of_expected, of_start in zip(parts(model, l), parts(expected, l), parts(start, l), strict=True):
            np.testing.assert_array_equal(value, of_expected)
            assert np.array_equal(value, of_start) == (l in frozen)


def test_a_layer_frozen_and_freed_during_training_keeps_its_velocity():
    model, optimizer = three_layers(), nn.SGD(0.05, momentum=0.9)
    train(model, optimizer, 3)
    velocity, start = optimizer.state(model).vectors["velocity"].copy(), model.theta.copy()
    second = np.isin(np.arange(model.theta.size), np.concatenate([flat_indices(model, name) for name in ("W2", "b2")]))
    model.layers[2].trainable = False
    train(model, optimizer, 3)
    np.testing.assert_array_equal(model.theta[second], start[second])
    np.testing.assert_array_equal(optimizer.state(model).vectors["velocity"][second], velocity[second])
    assert np.all(model.theta[~second] != start[~second])
    model.layers[2].trainable = True
    train(model, optimizer, 1)
    expected = start[second] - 0.05 * (0.9 * velocity[second] + slope(start)[second])
    np.testing.assert_allclose(model.theta[second], expected, rtol=1e-13)


def flat_indices(model, name):
    """Where a parameter lies in theta."""
    numbers = model.theta.copy()
    model.theta[:] = np.arange(numbers.size)
    indices = model.parameters[name].ravel().astype(int)
    model.theta[:] = numbers
    return indices


@pytest.mark.parametrize("periods", [(30,), (0, 5, 7), (4, 3, 6, 2, 5)], ids=["late", "a pause", "on and off"])
@pytest.mark.parametrize("call", RULES)
def test_steps_in_which_a_layer_is_frozen_are_none_to_it(call, periods):
    """Above all, averages are corrected for their start at 0 by the steps that the layer itself has made.

    Periods are the numbers of steps in which the first layer is frozen, free, frozen, ...; at last it is free.
    """
    model, optimizer = three_layers(), make(call)
    for i, steps in enumerate((*periods, 20)):
        model.layers[0].trainable = i % 2 == 1 or i == len(periods)
        train(model, optimizer, steps)
    n_free = sum(periods[1::2]) + 20
    first = np.concatenate([flat_indices(model, name) for name in ("W1", "b1")])
    uninterrupted = train(three_layers(), make(call), n_free)[-1]
    np.testing.assert_allclose(model.theta[first], uninterrupted[first], rtol=1e-11)
    rest = np.setdiff1d(np.arange(model.theta.size), first)
    everywhere = train(three_layers(), make(call), sum(periods) + 20)[-1]
    np.testing.assert_allclose(model.theta[rest], everywhere[rest], rtol=1e-11)


def test_the_norm_that_is_clipped_counts_only_what_is_learned():
    model = three_layers(frozen=(1, 3))
    start = model.theta.copy()
    model.grad[:] = 3
    nn.SGD(1.0, clip_norm=0.5).step(model)
    moved = np.concatenate([flat_indices(model, name) for name in ("W2", "b2")])
    np.testing.assert_allclose((start - model.theta)[moved], 0.5 / np.sqrt(moved.size), rtol=1e-13)


def test_max_norm_leaves_frozen_weights_alone():
    model = three_layers(frozen=(2,))
    model.theta[:] = 10
    model.grad[:] = 0
    nn.SGD(1.0, max_norm=1.0).step(model)
    np.testing.assert_array_equal(model.parameters["W2"], 10)
    np.testing.assert_allclose(np.linalg.norm(model.parameters["W1"], axis=0), 1, rtol=1e-14)


def test_layers_frozen_inside_others_stay_as_they_are():
    inner = [nn.Dense(4), nn.Dense(4)]
    layers = [nn.Dense(4), Residual([nn.Tanh(), inner[0], Residual([inner[1]])]), nn.Dense(2), nn.Softmax()]
    model = nn.Model(layers, n_features=3, seed=0, dtype="float64")
    inner[1].trainable = False
    start = model.copy()
    train(model, optimizers.Adam(0.05), 5)
    for name, value in model.parameters.items():
        assert np.array_equal(value, start.parameters[name]) == (name in ("W3", "b3")), name


# ---- schedules ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", RULES)
def test_a_schedule_gives_the_rate_of_each_step(call):
    rule = make(call)
    rates = [0.05, 0.0, 0.02, 0.0, 0.1]
    model, twin = make_model(), make_model()
    by_hand = copy.copy(rule)
    rule.learning_rate = lambda step: rates[step]
    for step, rate in enumerate(rates):
        before = model.theta.copy()
        train(model, rule, 1)
        assert rule.state(model).learning_rate == rate
        if rate == 0:
            np.testing.assert_array_equal(model.theta, before)
            by_hand.learning_rate = 1e-300  # no number, but what is left of one
        else:
            by_hand.learning_rate = rate
        train(twin, by_hand, 1)
        np.testing.assert_allclose(model.theta, twin.theta, rtol=1e-15, err_msg=str(step))


@pytest.mark.parametrize(
    "wrong",
    [np.nan, np.inf, -np.inf, -1e-9, "0.1", None, True, 1j, [0.1], np.array([0.1]), np.float32("nan")],
    ids=repr,
)
def test_a_schedule_that_gives_no_rate_is_refused_and_nothing_has_changed(wrong):
    def schedule(step):
        return wrong if step == 2 else 0.1

    model, optimizer = make_model(), optimizers.Adam(schedule)
    train(model, optimizer, 2)
    state, before = optimizer.state(model), model.theta.copy()
    vectors = {name: vector.copy() for name, vector in state.vectors.items()}
    with pytest.raises(nn.ArgumentError, match=r"learning_rate.*schedule.*step 2") as error:
        optimizer.step(model)
    assert repr(wrong) in str(error.value)
    np.testing.assert_array_equal(model.theta, before)
    for name, vector in vectors.items():
        np.testing.assert_array_equal(state.vectors[name], vector)
    assert (state.n_steps, state.learning_rate) == (2, 0.1)
    optimizer.learning_rate = 0.1
    train(model, optimizer, 1)
    np.testing.assert_array_equal(model.theta, train(make_model(), optimizers.Adam(0.1), 3)[-1])


@pytest.mark.parametrize("call", EVERY)
def test_float32_stays_float32_whatever_the_schedule_gives(call):
    model, twin = make_model(dtype="float32"), make_model(dtype="float32")
    scheduled, plain = make(call), make(call)
    rate = plain.learning_rate
    scheduled.learning_rate = lambda step: np.float64(rate)
    path = train(model, scheduled, 3)
    assert path.dtype == model.theta.dtype == np.float32
    assert all(vector.dtype == np.float32 for vector in scheduled.state(model).vectors.values())
    np.testing.assert_array_equal(path, train(twin, plain, 3))


@pytest.mark.parametrize("rate", [1, np.float32(0.5), np.int64(1), np.array(0.25)])
def test_a_rate_is_any_number(rate):
    model, twin = make_model(), make_model()
    np.testing.assert_array_equal(train(model, nn.SGD(lambda step: rate), 2), train(twin, nn.SGD(float(rate)), 2))


# ---- pieces, models and copies, for every rule and option -----------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("call", EVERY)
def test_pieces_of_any_size_make_no_difference(monkeypatch, call, dtype):
    whole = train(make_model(dtype=dtype), make(call), 4)
    monkeypatch.setattr(memory, "PIECE", 7)
    pieces = train(make_model(dtype=dtype), make(call), 4)
    if "clip_norm" in call:  # the norm is summed in another order
        np.testing.assert_allclose(whole, pieces, rtol=1e-4 if dtype == "float32" else 1e-11, atol=1e-6)
    else:
        np.testing.assert_array_equal(whole, pieces)


@pytest.mark.parametrize("call", EVERY)
def test_a_step_of_any_rule_reads_the_gradient_and_no_more(call):
    model, optimizer = make_model(), make(call)
    for _ in range(2):
        model.grad[:] = slope(model.theta)
        before = model.grad.copy()
        optimizer.step(model)
        np.testing.assert_array_equal(model.grad, before)


@pytest.mark.parametrize("call", RULES)
def test_any_rule_keeps_two_models_apart(call):
    shared, models = make(call), [make_model(seed=1), make_model(seed=2, units=9)]
    for _ in range(4):
        for model in models:
            train(model, shared, 1)
    for model, twin in zip(models, [make_model(seed=1), make_model(seed=2, units=9)], strict=True):
        np.testing.assert_array_equal(model.theta, train(twin, make(call), 4)[-1])


@pytest.mark.parametrize(
    "make_copy", [copy.copy, copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))]
)
@pytest.mark.parametrize("call", [*EVERY, "Adam(schedules.CosineDecay(0.1, decay_steps=50))"])
def test_a_copy_of_any_rule_starts_anew_with_its_settings(call, make_copy):
    optimizer = make(call)
    train(make_model(seed=1), optimizer, 2)
    twin = make_copy(optimizer)
    assert repr(twin) == repr(optimizer)
    np.testing.assert_array_equal(train(make_model(), twin, 3), train(make_model(), make(call), 3))


@pytest.mark.parametrize("call", EVERY)
def test_the_repr_of_any_rule_makes_it_again(call):
    optimizer = make(call)
    twin = make(repr(optimizer))
    assert settings(twin) == settings(optimizer)
    assert repr(twin) == repr(optimizer)


def settings(optimizer):
    """Everything that the optimizer was given."""
    return {name: value for name, value in vars(optimizer).items() if name[0] != "_"} | {
        "learning_rate": optimizer.learning_rate
    }


@pytest.mark.parametrize(
    "text",
    ["AdamW(0.001)", "AdamW(0.001, weight_decay=0.0)", "AdamW(0.001, beta_1=0.8, weight_decay=0.1, max_norm=3.0)",
     "Adam(0.001, amsgrad=True)", "NAdam(0.002, momentum_decay=0.1)", "RMSProp(0.01, rho=0.9, centered=True)",
     "Lion(0.0001, weight_decay=0.1, clip_norm=1.0)"],
)  # fmt: skip
def test_repr_shows_what_differs_from_the_rules_own_defaults(text):
    assert repr(make(text)) == text


# ---- numbers at the edge --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_centered_rmsprop_survives_a_gradient_that_never_changes(dtype, rho):
    """Its variance is then 0, which rounding must not make negative."""
    model = make_model(dtype=dtype)
    optimizer = optimizers.RMSProp(1e-12, rho=rho, centered=True)
    for _ in range(400):
        model.grad[:] = np.linspace(-3, 3, model.theta.size)
        optimizer.step(model)
    assert np.isfinite(model.theta).all()


@pytest.mark.parametrize("call", EVERY)
def test_a_gradient_of_zero_moves_no_bias(call):
    model = make_model()
    start = model.copy()
    for _ in range(3):
        model.grad[:] = 0
        make(call).step(model)
    for name in ("b1", "b2"):
        np.testing.assert_array_equal(model.parameters[name], start.parameters[name])


@pytest.mark.parametrize("rule", ["Adam", "NAdam"])
def test_the_first_step_of_adam_is_the_learning_rate_in_each_direction(rule):
    model = make_model()
    start = model.theta.copy()
    model.grad[:] = g = np.linspace(1, 1e6, model.theta.size)
    optimizer = make(f"{rule}(0.1, beta_1=0.5)")
    optimizer.step(model)
    mu = [0.5 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in (1, 2)]
    length = 1 if rule == "Adam" else 1 + 0.5 * mu[1] / (1 - mu[0] * mu[1])
    np.testing.assert_allclose(start - model.theta, 0.1 * length * np.sign(g), rtol=1e-7)


# ---- wrong use ------------------------------------------------------------------------------------------------

NUMBERS = [np.nan, np.inf, -1, "0.1", True, None, [0.1], 1j]
WRONG = [
    *((rule, "learning_rate", [*NUMBERS, 0, 0.0, int, float])
      for rule in ("SGD", "Adagrad", "RMSProp", "Adam", "AdamW", "NAdam", "Lion")),
    *((rule, "weight_decay", NUMBERS) for rule in ("SGD", "Adagrad", "RMSProp", "Adam", "AdamW", "NAdam", "Lion")),
    *((rule, name, [*NUMBERS, 1, 1.0]) for rule in ("Adam", "AdamW", "NAdam", "Lion") for name in ("beta_1", "beta_2")),
    *((rule, "epsilon", [*NUMBERS, 0]) for rule in ("Adagrad", "RMSProp", "Adam", "AdamW", "NAdam")),
    *((rule, "momentum", [*NUMBERS, 1]) for rule in ("SGD", "RMSProp")),
    *((rule, "amsgrad", ["no", 1, None]) for rule in ("Adam", "AdamW")),
    ("SGD", "nesterov", ["no", 1, None]),
    ("RMSProp", "centered", ["no", 1, None]),
    ("RMSProp", "rho", [*NUMBERS, 1]),
    ("Adagrad", "initial_accumulator_value", NUMBERS),
    ("NAdam", "momentum_decay", NUMBERS),
    *((rule, "l1", NUMBERS) for rule in ("SGD", "Adam", "Lion")),
    *((rule, name, [0, *(value for value in NUMBERS if value is not None)])
      for rule in ("SGD", "Adam", "Lion") for name in ("clip_value", "clip_norm", "max_norm")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "name", "values"), WRONG)
def test_a_wrong_value_is_named_and_shown(rule, name, values):
    for value in values:
        arguments = {"learning_rate": 0.1} | {name: value}
        with pytest.raises(nn.ArgumentError) as error:
            getattr(optimizers, rule)(**arguments)
        assert str(error.value).startswith(f"{name}: expected ")
        assert str(error.value).endswith(f"got {value!r}")


@pytest.mark.parametrize("name", ["amsgrad", "l2", "lr"])
def test_what_a_rule_does_not_have_is_refused(name):
    with pytest.raises(TypeError, match=name):
        optimizers.NAdam(0.1, **{name: True})


def test_a_name_of_another_library_is_answered_with_what_the_rule_takes():
    with pytest.raises(nn.ArgumentError) as error:
        nn.Adam(lr=0.001)
    takes = "learning_rate, beta_1, beta_2, epsilon, weight_decay, amsgrad, l1, clip_value, clip_norm, max_norm"
    assert str(error.value) == f"lr: Adam has no such argument; it takes {takes}"


def test_a_wrong_learning_rate_set_later_is_refused_and_the_old_one_stays():
    optimizer = optimizers.Adam(0.1)
    for wrong in (0, -1, np.nan, "0.1", None, float):
        with pytest.raises(nn.ArgumentError, match="learning_rate"):
            optimizer.learning_rate = wrong
        assert optimizer.learning_rate == 0.1


@pytest.mark.parametrize("wrong", [None, 3, "model", [], {}, np.zeros(3), nn.Model])
def test_only_a_model_is_stepped(wrong):
    with pytest.raises(nn.ArgumentError, match="model: expected a Model"):
        optimizers.Adam().step(wrong)


@pytest.mark.parametrize("rule", [nn.Adam, nn.NAdam])
def test_two_that_go_on_from_one_state_do_not_share_it(rule):
    X, y = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32), np.arange(64) % 3
    model = nn.Model([nn.Dense(4), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=0)
    optimizer = rule()
    model.layers[0].trainable = False
    model.fit(X, y, optimizer=optimizer, epochs=2, batch_size=32)
    model.layers[0].trainable = True
    other, its_own = model.copy(), rule()
    its_own.set_state(other, optimizer.get_state(model))
    for each, own in ((model, optimizer), (other, its_own)):
        each.fit(X, y, optimizer=own, epochs=2, batch_size=32)
    assert model.theta.tobytes() == other.theta.tobytes()


def test_a_parameter_of_no_numbers_is_no_trouble():
    class Nothing(nn.Layer):
        def parameter_shapes(self, input_shape):
            return {"W": (0,)}

        def forward(self, a_prev, cache):
            return a_prev

        def backward(self, da, cache):
            return da

    model = nn.Model([Nothing(), nn.Identity()], n_features=2)
    model.backward(model.forward(np.ones((3, 2))))
    nn.Adam().step(model)
