"""Facts about every rule: decay, clipping, max-norm, schedules, how it is shown and copied, and its arguments."""

import copy
import pickle

import numpy as np
import pytest

import nnlite as nn
from nnlite import optimizers
from nnlite.layers import BatchNorm, LayerNorm, Residual

from ..support import ENGINES_SLOWLY, everything, for_each, network, refuse
from .common import DECOUPLED, EVERY, RULES, STEPS, classifier, decay_mask, make, slope, train, with_option

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda optimizer: pickle.loads(pickle.dumps(optimizer)),
}


def test_every_rule_of_the_library_is_tested():
    rules = {value for value in vars(optimizers).values() if isinstance(value, type)}
    rules = {rule.__name__ for rule in rules if issubclass(rule, nn.Optimizer)} - {"Optimizer"}
    assert {call.split("(")[0] for call in RULES} == rules


# ---- weight decay and l1 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [rule for rule in RULES if rule.split("(")[0] not in DECOUPLED])
def test_coupled_decay_and_l1_are_added_to_the_gradient_of_the_weights(call):
    model, twin = classifier(), classifier()
    mask, plain = decay_mask(model), make(call)
    optimizer = make(with_option(call, "weight_decay=0.2, l1=0.1"))
    for _ in range(20):
        model.grad[:] = slope(model.theta)
        optimizer.step(model)
        twin.grad[:] = slope(twin.theta) + mask * (0.2 * twin.theta + 0.1 * np.sign(twin.theta))
        plain.step(twin)
        np.testing.assert_allclose(model.theta, twin.theta, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("rule", DECOUPLED)
def test_decoupled_decay_shrinks_the_weights_and_does_not_enter_the_averages(rule):
    model, twin = classifier(), classifier()
    mask = decay_mask(model)
    optimizer, plain = make(f"{rule}(0.05, weight_decay=0.2)"), make(f"{rule}(0.05, weight_decay=0.0)")
    for _ in range(20):
        model.grad[:] = twin.grad[:] = slope(model.theta)
        shrunk = model.theta * (1 - 0.05 * 0.2 * mask)
        before = twin.theta.copy()
        optimizer.step(model)
        plain.step(twin)
        np.testing.assert_allclose(model.theta - shrunk, twin.theta - before, rtol=1e-9, atol=1e-14)


@for_each("option", ["weight_decay=0.2", "l1=0.1"])
@for_each("call", RULES)
def test_no_rule_decays_biases_or_the_parameters_of_normalization(call, option):
    layers = [nn.Dense(3), BatchNorm(), nn.Tanh(), Residual([nn.Dense(3), LayerNorm()]), nn.Dense(2), nn.Identity()]
    model = nn.Model(layers, n_features=2, seed=0, dtype="float64")
    for value in model.parameters.values():
        value[...] = 1
    model.grad[:] = 0
    make(with_option(call, option)).step(model)
    for name, value in model.parameters.items():
        assert np.all(value < 1) if name[0] == "W" else np.all(value == 1), name
    assert {name.strip("123") for name in model.parameters} == {"W", "b", "gamma", "beta"}


@for_each("call", EVERY)
def test_a_gradient_of_zero_moves_no_bias(call):
    model = classifier()
    start = model.copy()
    for _ in range(3):
        model.grad[:] = 0
        make(call).step(model)
    for name in ("b1", "b2"):
        np.testing.assert_array_equal(model.parameters[name], start.parameters[name])


@for_each("call", EVERY)
def test_a_step_does_not_change_the_gradient(call):
    model, optimizer = classifier(), make(call)
    for _ in range(2):
        model.grad[:] = slope(model.theta)
        before = model.grad.copy()
        optimizer.step(model)
        np.testing.assert_array_equal(model.grad, before)


# ---- clipping -------------------------------------------------------------------------------------------------


@for_each("call", RULES)
@for_each(
    ("option", "clip"),
    [
        ("clip_value=0.3", lambda g: np.clip(g, -0.3, 0.3)),
        ("clip_norm=0.5", lambda g: g * min(1, 0.5 / np.linalg.norm(g))),
        ("clip_norm=0.5, clip_value=0.1", lambda g: np.clip(g * min(1, 0.5 / np.linalg.norm(g)), -0.1, 0.1)),
    ],
    ids=["value", "norm", "both"],
)
def test_the_gradient_is_clipped_before_the_rule(call, option, clip):
    model, twin, optimizer, plain = classifier(), classifier(), make(with_option(call, option)), make(call)
    for _ in range(5):
        model.grad[:] = slope(model.theta)
        optimizer.step(model)
        twin.grad[:] = clip(slope(twin.theta))
        plain.step(twin)
        np.testing.assert_allclose(model.theta, twin.theta, rtol=1e-11, atol=1e-13)


def test_a_gradient_within_the_bounds_is_not_clipped():
    model, twin = classifier(), classifier()
    model.grad[:] = twin.grad[:] = slope(model.theta)
    norm, largest = np.linalg.norm(model.grad), np.abs(model.grad).max()
    nn.SGD(0.1, clip_norm=norm * (1 + 1e-9), clip_value=largest).step(model)
    nn.SGD(0.1).step(twin)
    np.testing.assert_array_equal(model.theta, twin.theta)


def test_clip_norm_limits_the_norm_of_all_layers_together():
    model = classifier()
    start = model.theta.copy()
    model.grad[:] = 3
    nn.SGD(1.0, clip_norm=0.5).step(model)
    np.testing.assert_allclose(start - model.theta, 0.5 / np.sqrt(model.n_parameters), rtol=1e-13)


@pytest.mark.parametrize(("dtype", "huge"), [("float32", 1e25), ("float64", 1e200)])
def test_a_gradient_whose_square_overflows_is_clipped_to_the_norm(dtype, huge):
    model = classifier(dtype=dtype)
    start = model.theta.copy()
    model.grad[:] = huge
    nn.SGD(1.0, clip_norm=0.5).step(model)
    np.testing.assert_allclose(start - model.theta, 0.5 / np.sqrt(model.n_parameters), rtol=1e-4)


def test_clipping_a_gradient_of_zero_changes_nothing():
    model = classifier()
    start = model.theta.copy()
    model.grad[:] = 0
    nn.SGD(0.1, clip_norm=1, clip_value=1).step(model)
    np.testing.assert_array_equal(model.theta, start)


# ---- max-norm -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["SGD(0.05, momentum=0.9)", "Adam(0.05)", "Lion(0.02)"])
def test_max_norm_is_the_constraint_of_the_dropout_paper(call):
    """Srivastava 2014: whenever |w| > c, w is projected onto the ball of radius c; w are the weights into a unit."""
    model, twin = classifier(), classifier()
    c, constrained, free = 0.7, make(with_option(call, "max_norm=0.7")), make(call)
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


def test_max_norm_holds_for_each_filter_of_a_convolution():
    model = nn.Model([nn.Conv2D(3, 2), nn.Flatten(), nn.Dense(2), nn.Softmax()], n_features=(3, 3, 2), seed=0)
    before = model.parameters["W1"].copy()
    model.grad = 0
    nn.SGD(0.1, max_norm=0.5).step(model)
    norms = np.sqrt(np.square(before).sum(axis=(0, 1, 2)))
    assert norms.max() > 0.5
    np.testing.assert_allclose(model.parameters["W1"], before * np.minimum(1, 0.5 / norms), rtol=1e-6)


def test_max_norm_leaves_biases_and_normalization_as_they_are():
    model = nn.Model([nn.Dense(3), BatchNorm(), nn.Dense(2), nn.Identity()], n_features=2, dtype="float64")
    model.theta[:] = 100
    model.grad[:] = 0
    nn.SGD(0.1, max_norm=1.0).step(model)
    for name, value in model.parameters.items():
        if name[0] == "W":
            np.testing.assert_allclose(np.linalg.norm(value, axis=0), 1, rtol=1e-14)
        else:
            np.testing.assert_array_equal(value, 100)


def test_max_norm_acts_on_matrices_only():
    class Scaled(nn.Layer):
        """``a = w a_prev``, with a vector w on which weight decay acts."""

        decayed = frozenset({"w"})

        def parameter_shapes(self, input_shape):
            return {"w": input_shape}

        def forward(self, a_prev, cache):
            return a_prev * self.w

    model = nn.Model([Scaled(), nn.Dense(2), nn.Identity()], n_features=3)
    model.theta[:] = 100
    model.grad = 0
    nn.SGD(0.1, max_norm=1.0).step(model)
    np.testing.assert_array_equal(model.parameters["w1"], 100)
    np.testing.assert_allclose(np.linalg.norm(model.parameters["W1"], axis=0), 1, rtol=1e-6)


# ---- the gradient ---------------------------------------------------------------------------------------------


@for_each("call", RULES)
def test_a_step_without_a_backward_pass_is_refused_and_changes_nothing(call):
    model, optimizer = classifier(), make(call)
    before = everything(model, optimizer)
    model.forward(np.ones((2, 4)))
    refuse(lambda: optimizer.step(model), "model: its gradient is not set; call model.backward(Y)")
    assert everything(model, optimizer) == before


def test_gradients_of_several_batches_can_be_added_by_hand():
    model, whole = classifier(), classifier()
    X, y = np.random.default_rng(0).normal(size=(6, 4)), np.array([0, 1, 2, 0, 1, 2])
    total = np.zeros_like(model.grad)
    for rows in (slice(3), slice(3, 6)):
        model.forward(X[rows])
        model.backward(y[rows])
        total += model.grad / 2
    model.grad = total
    whole.forward(X)
    whole.backward(y)
    for each in (model, whole):
        nn.SGD(0.1).step(each)
    np.testing.assert_allclose(model.theta, whole.theta, rtol=1e-12)


def test_a_gradient_may_be_set_layer_by_layer_and_used_for_several_steps():
    model, optimizer = classifier(), nn.SGD(0.1)
    before = model.theta.copy()
    for layer in (model.layers[0], model.layers[2]):
        layer.dW, layer.db = np.ones(layer.W.shape), np.ones(layer.b.shape)
    optimizer.step(model)
    model.forward(np.ones((2, 4)))  # looks at the cost between the steps
    optimizer.step(model)
    np.testing.assert_allclose(model.theta, before - 0.2)


# ---- learning rates and schedules -----------------------------------------------------------------------------


def test_a_changed_learning_rate_acts_from_the_next_step():
    model = classifier()
    optimizer = nn.SGD(0.1)
    train(model, optimizer, 1)
    before = model.theta.copy()
    optimizer.learning_rate = 0.01
    train(model, optimizer, 1)
    np.testing.assert_allclose(model.theta, before - 0.01 * model.grad, rtol=1e-12)


@for_each("call", RULES)
def test_a_schedule_gives_the_rate_of_each_step(call):
    rule = make(call)
    rates = [0.05, 0.0, 0.02, 0.0, 0.1]
    model, twin = classifier(), classifier()
    by_hand = copy.copy(rule)
    rule.learning_rate = lambda step: rates[step]
    for step, rate in enumerate(rates):
        before = model.theta.copy()
        train(model, rule, 1)
        assert rule.state(model).learning_rate == rate
        if rate == 0:
            np.testing.assert_array_equal(model.theta, before)
        by_hand.learning_rate = rate or 1e-300  # only a schedule may give 0
        train(twin, by_hand, 1)
        np.testing.assert_allclose(model.theta, twin.theta, rtol=1e-15, err_msg=str(step))


@for_each(
    "wrong",
    [np.nan, np.inf, -np.inf, -1e-9, "0.1", None, True, 1j, [0.1], np.array([0.1]), np.float32("nan")],
    ids=repr,
)
def test_a_schedule_that_gives_no_rate_is_refused_and_nothing_has_changed(wrong):
    def schedule(step):
        return wrong if step == 2 else 0.1

    model, optimizer = classifier(), optimizers.Adam(schedule)
    train(model, optimizer, 2)
    state, before = optimizer.state(model), model.theta.copy()
    vectors = {name: vector.copy() for name, vector in state.vectors.items()}
    refuse(lambda: optimizer.step(model), "learning_rate: expected the schedule", f"got {wrong!r} for step 2")
    np.testing.assert_array_equal(model.theta, before)
    for name, vector in vectors.items():
        np.testing.assert_array_equal(state.vectors[name], vector)
    assert (state.n_steps, state.learning_rate) == (2, 0.1)
    optimizer.learning_rate = 0.1
    train(model, optimizer, 1)
    np.testing.assert_array_equal(model.theta, train(classifier(), optimizers.Adam(0.1), 3)[-1])


@for_each("call", EVERY)
def test_float32_stays_float32_if_the_schedule_gives_float64(call):
    model, twin = classifier(dtype="float32"), classifier(dtype="float32")
    scheduled, plain = make(call), make(call)
    rate = plain.learning_rate
    scheduled.learning_rate = lambda step: np.float64(rate)
    path = train(model, scheduled, 3)
    assert path.dtype == model.theta.dtype == np.float32
    assert all(vector.dtype == np.float32 for vector in scheduled.state(model).vectors.values())
    np.testing.assert_array_equal(path, train(twin, plain, 3))


@pytest.mark.parametrize("rate", [1, np.float32(0.5), np.int64(1), np.array(0.25)])
def test_a_schedule_may_give_any_kind_of_number(rate):
    scheduled, plain = nn.SGD(lambda step: rate), nn.SGD(float(rate))
    np.testing.assert_array_equal(train(classifier(), scheduled, 2), train(classifier(), plain, 2))


# ---- how it is shown and copied -------------------------------------------------------------------------------


def settings(optimizer):
    """Everything that the optimizer was given."""
    return {name: value for name, value in vars(optimizer).items() if name[0] != "_"} | {
        "learning_rate": optimizer.learning_rate
    }


@for_each("call", EVERY)
def test_repr_is_the_call_that_makes_the_optimizer(call):
    optimizer = make(call)
    twin = make(repr(optimizer))
    assert settings(twin) == settings(optimizer)
    assert repr(twin) == repr(optimizer)


@for_each("make_copy", COPIES.values(), ids=COPIES)
@for_each("call", [*RULES, "Adam(schedules.CosineDecay(0.1, decay_steps=50), weight_decay=0.1, l1=0.1)"])
def test_a_copy_has_the_same_settings_and_remembers_nothing(call, make_copy):
    optimizer = make(call)
    model = classifier(seed=1)
    train(model, optimizer, 2)
    twin = make_copy(optimizer)
    assert settings(twin).keys() == settings(optimizer).keys()
    assert repr(twin) == repr(optimizer)
    start = model.copy()
    np.testing.assert_array_equal(train(model, twin, 3), train(start, make(call), 3))


# ---- arguments ------------------------------------------------------------------------------------------------

NUMBERS = [np.nan, np.inf, -1, "0.1", True, None, [0.1], 1j]
EACH_RULE = ("SGD", "Adagrad", "RMSProp", "Adam", "AdamW", "NAdam", "Lion")
WRONG = [
    *((rule, "learning_rate", [*NUMBERS, 0, 0.0, int, float]) for rule in EACH_RULE),
    *((rule, "weight_decay", NUMBERS) for rule in EACH_RULE),
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


@for_each(("rule", "name", "values"), WRONG)
def test_a_wrong_value_is_named_and_shown(rule, name, values):
    for value in values:
        arguments = {"learning_rate": 0.1} | {name: value}
        refuse(lambda: getattr(optimizers, rule)(**arguments), f"{name}: expected ", f"got {value!r}")  # noqa: B023


@pytest.mark.parametrize("name", ["amsgrad", "l2", "lr"])
def test_an_argument_that_the_rule_does_not_have_is_refused(name):
    refuse(lambda: optimizers.NAdam(0.1, **{name: True}), f"{name}: NAdam has no such argument; ")


def test_the_arguments_of_another_library_are_answered_with_those_of_the_rule():
    refuse(lambda: nn.Adam(lr=0.001), "lr: Adam has no such argument; write learning_rate=")
    takes = "learning_rate, beta_1, beta_2, epsilon, weight_decay, amsgrad, l1, clip_value, clip_norm, max_norm"
    refuse(lambda: nn.Adam(decay=0.1), f"decay: Adam has no such argument; it takes {takes}")


def test_a_wrong_learning_rate_set_later_is_refused_and_the_old_one_stays():
    optimizer = optimizers.Adam(0.1)
    for wrong in (0, -1, np.nan, "0.1", None, float):
        refuse(lambda: setattr(optimizer, "learning_rate", wrong), "learning_rate: ")  # noqa: B023
        assert optimizer.learning_rate == 0.1


@for_each("wrong", [None, 3, "model", [], {}, np.zeros(3), nn.Model])
def test_only_a_model_can_be_stepped(wrong):
    refuse(lambda: optimizers.Adam().step(wrong), "model: expected a Model")


# ---- the present learning rate ----------------------------------------------------------------------------------


def test_the_current_learning_rate_is_that_of_the_latest_step():
    model, other = network(), network()
    optimizer = nn.SGD(lambda step: 1 / (step + 1))
    assert optimizer.current_learning_rate == 1
    for step in range(3):
        model.forward(np.ones((2, 4)))
        model.backward([0, 1])
        optimizer.step(model)
        assert optimizer.current_learning_rate == 1 / (step + 1)
    other.forward(np.ones((2, 4)))
    other.backward([0, 1])
    optimizer.step(other)
    assert optimizer.current_learning_rate == 1
    assert copy.deepcopy(optimizer).current_learning_rate == 1
    assert nn.Adam(0.25).current_learning_rate == 0.25
    assert (optimizer.n_steps(model), optimizer.n_steps(other), optimizer.n_steps(network())) == (3, 1, 0)


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
def test_the_current_learning_rate_after_fit_is_the_last_of_the_history(engine):
    optimizer = nn.SGD(nn.ExponentialDecay(0.1, 10, 0.5))
    history = network().fit(np.ones((64, 4)), np.arange(64) % 3, optimizer=optimizer, epochs=2, engine=engine)
    assert optimizer.current_learning_rate == history["learning_rate"][-1]
