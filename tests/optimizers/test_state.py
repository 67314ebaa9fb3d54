"""Facts about what an optimizer remembers: parts of theta, frozen layers, several models, and saved states."""

import math
from typing import ClassVar

import numpy as np
import pytest

import nnlite as nn
from nnlite.engine import memory
from nnlite.layers import Residual
from nnlite.optimizers import Adagrad, Adam, OptimizerState, Part

from ..support import for_each, refuse
from .common import EVERY, RULES, classifier, indices, make, slope, train


def three_layers(frozen=(), dtype="float64"):
    """A network with the layers 1, 2 and 3, of which some are frozen."""
    layers = [nn.Dense(5), nn.Tanh(), nn.Dense(5), nn.Tanh(), nn.Dense(3), nn.Softmax()]
    model = nn.Model(layers, n_features=4, seed=0, dtype=dtype)
    for l in frozen:
        layers[2 * l - 2].trainable = False
    return model


def arranged(model, names=(), initial=()):
    """The state of a model before its first step."""
    state = OptimizerState()
    state.arrange(model, names, dict(initial))
    return state


# ---- parts of theta -------------------------------------------------------------------------------------------


def test_a_part_has_views_of_theta_and_grad_and_the_vectors_by_name():
    model = classifier()
    state = arranged(model, ("m", "v"))
    model.grad[:] = 2
    for part in state.parts:
        part.theta[:], part.m[:] = 1, 3
        np.testing.assert_array_equal(part.grad, 2)
    np.testing.assert_array_equal(model.theta, 1)
    np.testing.assert_array_equal(state.vectors["m"], 3)
    np.testing.assert_array_equal(state.vectors["v"], 0)
    assert [(part.t, part.decayed) for part in state.parts] == [(1, True), (1, False)]


def test_a_vector_that_is_not_in_state_names_is_missed_with_a_hint():
    part = Part(np.zeros(2), np.zeros(2), False, 0, {"m": np.zeros(2)})
    with pytest.raises(AttributeError, match=r"^part.v: name the vectors that the rule remembers in state_names"):
        _ = part.v


def test_weights_and_biases_are_separate_parts():
    model = three_layers()
    n_biases = model.n_parameters - model.n_weights
    parts = arranged(model).parts
    assert [(part.theta.size, part.decayed) for part in parts] == [(model.n_weights, True), (n_biases, False)]


@pytest.mark.parametrize(
    ("frozen", "sizes"), [((), [60, 13]), ((1,), [40, 8]), ((2,), [20, 15, 5, 3]), ((3,), [45, 10]), ((1, 2, 3), [])]
)
def test_the_parts_are_the_runs_of_theta_that_learn(frozen, sizes):
    """theta is W1 (20 numbers), W2 (25), W3 (15), b1 (5), b2 (5), b3 (3)."""
    assert [part.theta.size for part in arranged(three_layers(frozen)).parts] == sizes


def test_a_long_theta_is_cut_into_parts_that_cover_it():
    model = classifier(units=2 * memory.PIECE // 7)
    state = arranged(model, ("m",))
    assert len(state.parts) > 2
    for part in state.parts:
        part.theta[:] = 7
        part.m += 1
    np.testing.assert_array_equal(model.theta, 7)
    np.testing.assert_array_equal(state.vectors["m"], 1)


def test_a_network_of_several_parts_is_updated_to_its_end():
    model = classifier(units=2 * memory.PIECE // 7)
    start = model.theta.copy()
    model.grad[:] = slope(model.theta)
    nn.SGD(0.1).step(model)
    np.testing.assert_allclose(model.theta, start - 0.1 * model.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("call", EVERY)
def test_the_length_of_the_parts_makes_no_difference(monkeypatch, call, dtype):
    whole = train(classifier(dtype=dtype), make(call), 4)
    monkeypatch.setattr(memory, "PIECE", 7)
    pieces = train(classifier(dtype=dtype), make(call), 4)
    if "clip_norm" in call:  # the norm is summed in another order
        np.testing.assert_allclose(whole, pieces, rtol=1e-4 if dtype == "float32" else 1e-11, atol=1e-6)
    else:
        np.testing.assert_array_equal(whole, pieces)


def test_a_parameter_without_entries_is_no_part():
    class Empty(nn.Layer):
        def parameter_shapes(self, input_shape):
            return {"W": (0,)}

        def forward(self, a_prev, cache):
            return a_prev

        def backward(self, da, cache):
            return da

    model = nn.Model([Empty(), nn.Identity()], n_features=2)
    assert arranged(model).parts == []
    model.backward(model.forward(np.ones((3, 2))))
    nn.Adam().step(model)


# ---- vectors --------------------------------------------------------------------------------------------------


def test_vectors_are_as_long_as_theta_and_start_at_their_initial_value():
    model = three_layers(frozen=(2,), dtype="float32")
    state = arranged(model, ("low", "high"), {"high": 1.5})
    for name, value in (("low", 0), ("high", 1.5)):
        assert state.vectors[name].dtype == np.float32
        assert state.vectors[name].size == model.n_parameters
        np.testing.assert_array_equal(state.vectors[name], value)


def test_a_users_rule_says_where_its_vectors_start():
    class FromOne(nn.Optimizer):
        state_names = ("sum", "product")
        initial_values: ClassVar = {"product": 1.0}

        def update(self, part, g, learning_rate):
            part.sum += g
            part.product *= g

    model, optimizer = classifier(), FromOne(0.1)
    model.grad[:] = 3
    for _ in range(2):
        optimizer.step(model)
    vectors = optimizer.state(model).vectors
    np.testing.assert_array_equal(vectors["sum"], 6)
    np.testing.assert_array_equal(vectors["product"], 9)


def test_adagrad_starts_from_its_accumulator_and_other_rules_from_0():
    assert Adagrad(initial_accumulator_value=0.5).initial_values == {"accumulator": 0.5}
    assert Adam().initial_values == {}


def test_momentum_that_is_added_later_starts_from_0():
    model, optimizer = classifier(), nn.SGD(0.1)
    train(model, optimizer, 2)
    assert optimizer.state(model).vectors == {}
    optimizer.momentum = 0.9
    before = model.theta.copy()
    train(model, optimizer, 1)
    np.testing.assert_allclose(model.theta, before - 0.1 * slope(before), rtol=1e-12)
    assert optimizer.state(model).n_steps == 3


def test_decay_that_is_added_later_acts_on_weights_only():
    model, optimizer = classifier(), nn.SGD(0.1)
    train(model, optimizer, 1)
    optimizer.weight_decay = 0.5
    model.theta[:] = 1
    model.grad[:] = 0
    optimizer.step(model)
    np.testing.assert_allclose(model.theta[: model.n_weights], 0.95)
    np.testing.assert_array_equal(model.theta[model.n_weights :], 1)


# ---- several models -------------------------------------------------------------------------------------------


@for_each("call", RULES)
def test_one_optimizer_remembers_each_model_separately(call):
    shared, models = make(call), [classifier(seed=1), classifier(seed=2, units=9)]
    for _ in range(4):
        for model in models:
            train(model, shared, 1)
    for model, twin in zip(models, [classifier(seed=1), classifier(seed=2, units=9)], strict=True):
        np.testing.assert_array_equal(model.theta, train(twin, make(call), 4)[-1])


def test_a_model_that_is_deleted_leaves_no_velocity_to_the_next():
    optimizer = nn.SGD(0.05, momentum=0.9)
    expected = train(classifier(), nn.SGD(0.05, momentum=0.9), 3)[-1]
    for _ in range(3):  # a new model may take the place of the last one in memory
        np.testing.assert_array_equal(train(classifier(), optimizer, 3)[-1], expected)


def test_two_optimizers_do_not_share_their_velocity():
    model, twin = classifier(), classifier()
    train(model, nn.SGD(0.05, momentum=0.9), 3)
    train(model, nn.SGD(0.05, momentum=0.9), 3)
    train(twin, nn.SGD(0.05, momentum=0.9), 6)
    assert not np.array_equal(model.theta, twin.theta)


def test_the_state_counts_the_steps_and_has_the_latest_learning_rate():
    model, optimizer = classifier(), nn.SGD(lambda step: 0.1 / (1 + step))
    state = optimizer.state(model)
    assert state.n_steps == 0
    assert math.isnan(state.learning_rate)
    train(model, optimizer, 3)
    assert optimizer.state(model) is state
    assert (state.n_steps, state.learning_rate) == (3, 0.1 / 3)


def test_there_is_no_state_of_a_network_that_is_not_built():
    model = nn.Model([nn.Dense(3), nn.Softmax()])
    refuse(lambda: nn.SGD(0.1).state(model), "step: the network does not know its input size", error=nn.NotBuiltError)


# ---- frozen layers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [memory.PIECE, 4])
@pytest.mark.parametrize("frozen", [(1,), (2,), (3,), (1, 2), (1, 3), (1, 2, 3)])
@pytest.mark.parametrize("call", ["SGD(0.05, momentum=0.9)", "AdamW(0.05, l1=0.1, clip_value=1.0, max_norm=0.1)"])
def test_frozen_layers_keep_their_parameters_and_the_others_learn_as_before(monkeypatch, call, frozen, piece):
    free = three_layers()
    train(free, make(call), 20)
    monkeypatch.setattr(memory, "PIECE", piece)
    model = three_layers(frozen)
    start = model.copy()
    train(model, make(call), 20)
    for l in (1, 2, 3):
        expected = start if l in frozen else free
        for name in (f"W{l}", f"b{l}"):
            np.testing.assert_array_equal(model.parameters[name], expected.parameters[name])
            assert np.array_equal(model.parameters[name], start.parameters[name]) == (l in frozen)


def test_a_layer_that_is_frozen_for_a_while_keeps_its_velocity():
    model, optimizer = three_layers(), nn.SGD(0.05, momentum=0.9)
    train(model, optimizer, 3)
    velocity, start = optimizer.state(model).vectors["velocity"].copy(), model.theta.copy()
    second = np.isin(np.arange(model.theta.size), indices(model, "W2", "b2"))
    model.layers[2].trainable = False
    train(model, optimizer, 3)
    np.testing.assert_array_equal(model.theta[second], start[second])
    np.testing.assert_array_equal(optimizer.state(model).vectors["velocity"][second], velocity[second])
    assert np.all(model.theta[~second] != start[~second])
    model.layers[2].trainable = True
    train(model, optimizer, 1)
    expected = start[second] - 0.05 * (0.9 * velocity[second] + slope(start)[second])
    np.testing.assert_allclose(model.theta[second], expected, rtol=1e-13)


def alternately(model, optimizer, periods):
    """Freeze the first layer in the 1st, 3rd, 5th, ... period, and train in each for the steps given."""
    for i, steps in enumerate(periods):
        model.layers[0].trainable = i % 2 == 1
        train(model, optimizer, steps)


@pytest.mark.parametrize("periods", [(30, 20), (0, 5, 7, 20), (4, 3, 6, 2, 5, 20)], ids=["late", "pause", "on and off"])
@pytest.mark.parametrize("call", RULES)
def test_steps_during_which_a_layer_is_frozen_do_not_count_for_it(call, periods):
    """The correction of the averages for their start at 0 uses only the steps that the layer has made itself."""
    model, optimizer = three_layers(), make(call)
    alternately(model, optimizer, periods)
    first = indices(model, "W1", "b1")
    uninterrupted = train(three_layers(), make(call), sum(periods[1::2]))[-1]
    np.testing.assert_allclose(model.theta[first], uninterrupted[first], rtol=1e-11)
    rest = np.setdiff1d(np.arange(model.theta.size), first)
    everywhere = train(three_layers(), make(call), sum(periods))[-1]
    np.testing.assert_allclose(model.theta[rest], everywhere[rest], rtol=1e-11)


def test_missed_steps_are_counted_for_each_parameter():
    model, optimizer = three_layers(), Adam()
    alternately(model, optimizer, (4, 3, 6, 2))
    state = optimizer.state(model)
    assert state.n_steps == 15
    assert {name: missed for name, missed in state.n_missed.items() if missed} == {"W1": 10, "b1": 10}
    assert sorted({(part.t, part.n_missed) for part in state.parts}) == [(5, 10), (15, 0)]


def test_clip_norm_measures_only_the_gradient_of_the_layers_that_learn():
    model = three_layers(frozen=(1, 3))
    start = model.theta.copy()
    model.grad[:] = 3
    nn.SGD(1.0, clip_norm=0.5).step(model)
    moved = indices(model, "W2", "b2")
    np.testing.assert_allclose((start - model.theta)[moved], 0.5 / np.sqrt(moved.size), rtol=1e-13)


def test_clip_norm_with_all_layers_frozen_does_nothing():
    model = three_layers(frozen=(1, 2, 3))
    start = model.theta.copy()
    model.grad[:] = 3
    nn.SGD(1.0, clip_norm=0.5).step(model)
    np.testing.assert_array_equal(model.theta, start)


def test_max_norm_leaves_frozen_weights_as_they_are():
    model = three_layers(frozen=(2,))
    model.theta[:] = 10
    model.grad[:] = 0
    nn.SGD(1.0, max_norm=1.0).step(model)
    np.testing.assert_array_equal(model.parameters["W2"], 10)
    np.testing.assert_allclose(np.linalg.norm(model.parameters["W1"], axis=0), 1, rtol=1e-14)


def test_layers_frozen_inside_others_keep_their_parameters():
    inner = [nn.Dense(4), nn.Dense(4)]
    layers = [nn.Dense(4), Residual([nn.Tanh(), inner[0], Residual([inner[1]])]), nn.Dense(2), nn.Softmax()]
    model = nn.Model(layers, n_features=3, seed=0, dtype="float64")
    inner[1].trainable = False
    start = model.copy()
    train(model, Adam(0.05), 5)
    for name, value in model.parameters.items():
        assert np.array_equal(value, start.parameters[name]) == (name in ("W3", "b3")), name


# ---- saved states ---------------------------------------------------------------------------------------------


@for_each("periods", [(0, 5), (4, 3), (4, 3, 6)], ids=["free", "freed", "frozen"])
@for_each("call", RULES)
def test_a_restored_state_trains_as_the_saved_one_would_have(call, periods):
    model, optimizer = three_layers(), make(call)
    alternately(model, optimizer, periods)
    saved, twin, other = optimizer.get_state(model), model.copy(), make(call)
    other.set_state(twin, saved)
    for each, rule in ((model, optimizer), (twin, other)):
        train(each, rule, 3)
        each.layers[0].trainable = True
        train(each, rule, 3)
    np.testing.assert_array_equal(model.theta, twin.theta)
    assert optimizer.state(model).n_missed == other.state(twin).n_missed


@pytest.mark.parametrize("rule", [nn.Adam, nn.NAdam])
def test_two_optimizers_restored_from_one_state_do_not_share_it(rule):
    X, y = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32), np.arange(64) % 3
    model = nn.Model([nn.Dense(4), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=0)
    optimizer = rule()
    model.layers[0].trainable = False
    model.fit(X, y, optimizer=optimizer, epochs=2, batch_size=32)
    model.layers[0].trainable = True
    other, restored = model.copy(), rule()
    restored.set_state(other, optimizer.get_state(model))
    for each, own in ((model, optimizer), (other, restored)):
        each.fit(X, y, optimizer=own, epochs=2, batch_size=32)
    assert model.theta.tobytes() == other.theta.tobytes()


def test_a_saved_state_has_numbers_and_vectors_and_is_live():
    model, optimizer = classifier(), nn.SGD(0.1, momentum=0.9)
    train(model, optimizer, 2)
    saved = optimizer.get_state(model)
    assert (saved["n_steps"], saved["learning_rate"], saved["n_counted"]) == (2, 0.1, 0)
    assert saved["trainable"] == (True, True, True, True)
    assert saved["vectors"]["velocity"] is optimizer.state(model).vectors["velocity"]
    saved["n_missed"]["W1"] = 9
    assert "W1" not in optimizer.state(model).n_missed


def test_a_restored_state_has_new_arrays_in_the_dtype_of_the_network():
    model, optimizer = classifier(), nn.SGD(0.1, momentum=0.9)
    train(model, optimizer, 2)
    saved = optimizer.get_state(model)
    for dtype in ("float32", "float64"):
        restored = OptimizerState.restored(classifier(dtype=dtype), saved)
        assert restored.vectors["velocity"].dtype == dtype
        assert not np.shares_memory(restored.vectors["velocity"], saved["vectors"]["velocity"])
        assert restored.n_missed is not saved["n_missed"]


def test_setting_a_state_replaces_the_one_before():
    model, optimizer = classifier(), nn.SGD(0.1, momentum=0.9)
    fresh = nn.SGD(0.1, momentum=0.9).get_state(model)
    train(model, optimizer, 2)
    optimizer.set_state(model, fresh)
    assert optimizer.state(model).n_steps == 0
    start = model.copy()
    np.testing.assert_array_equal(train(model, optimizer, 2), train(start, nn.SGD(0.1, momentum=0.9), 2))


def test_an_assignment_to_a_part_copies_into_the_vectors():
    class Halving(nn.Optimizer):
        state_names = ("sum",)

        def update(self, part, g, learning_rate):
            part.sum = part.sum + g
            part.theta = part.theta / 2

    model, optimizer = classifier(), Halving(0.1)
    before = model.theta.copy()
    model.grad[:] = 3
    for _ in range(2):
        optimizer.step(model)
    np.testing.assert_array_equal(model.theta, before / 4)
    np.testing.assert_array_equal(optimizer.state(model).vectors["sum"], 6)


def test_a_rule_that_returns_theta_instead_of_changing_it_is_named():
    class Returning(nn.Optimizer):
        def update(self, part, g, learning_rate):
            return part.theta - learning_rate * g

    model = classifier()
    model.grad[:] = 3
    refuse(lambda: Returning(0.1).step(model), "optimizer: Returning.update must change part.theta in place", "ndarray")
    np.testing.assert_array_equal(model.theta, classifier().theta)


def test_a_rule_that_writes_into_the_gradient_is_named():
    class Careless(nn.Optimizer):
        def update(self, part, g, learning_rate):
            g *= learning_rate
            part.theta -= g

    model = classifier()
    model.grad[:] = 3
    with pytest.raises(nn.ArgumentError, match=r"^optimizer: Careless.update writes into a read-only array: g and"):
        Careless(0.1).step(model)
    np.testing.assert_array_equal(model.grad, 3)
