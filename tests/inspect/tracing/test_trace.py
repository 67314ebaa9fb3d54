"""Facts about the trace: its equations hold for its numbers, the numbers are those of a step, and nothing changes."""

import inspect
import re

import numpy as np
import pytest

import nnlite as nn
from nnlite.inspect.tracing import equations

from ...support import Square, everything, for_each, network, refuse
from ..networks import ALL_HIDDEN, HIDDEN, OUTPUTS, RNG, M, Scale, X, deep, y


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def written(trace):
    return {step.name: (step.equation, step.note) for step in trace}


# ---- the equations hold --------------------------------------------------------------------------------------


def test_every_number_of_a_two_layer_network_is_what_its_equation_says():
    t = nn.trace(deep(nn.ReLU()), X, y)
    assert np.array_equal(t["a[0]"], X)
    close(t["z[1]"], t["a[0]"] @ t["W[1]"] + t["b[1]"])
    close(t["a[1]"], np.maximum(0, t["z[1]"]))
    close(t["z[2]"], t["a[1]"] @ t["W[2]"] + t["b[2]"])
    close(t["a[2]"], nn.softmax(t["z[2]"]))
    assert np.array_equal(t["y"], nn.one_hot(y, 4))
    close(t["L"], -(t["y"] * np.log(t["a[2]"])).sum(axis=1))
    close(t["J"], t["L"].mean())
    assert np.array_equal(t["dz[2]"], t["a[2]"] - t["y"])
    close(t["dW[2]"], t["a[1]"].T @ t["dz[2]"] / M)
    close(t["db[2]"], t["dz[2]"].sum(axis=0) / M)
    close(t["da[1]"], t["dz[2]"] @ t["W[2]"].T)
    close(t["dz[1]"], t["da[1]"] * (t["z[1]"] > 0))
    close(t["dW[1]"], t["a[0]"].T @ t["dz[1]"] / M)
    close(t["db[1]"], t["dz[1]"].sum(axis=0) / M)
    for name in ("W[1]", "b[1]", "W[2]", "b[2]"):
        close(t[f"{name} after"], t[name] - 0.1 * t[f"d{name}"])
    assert t["J"] == t.J
    assert t.J_after == t["J after"] < t.J


def test_the_steps_come_in_the_order_of_the_course():
    assert [step.name for step in nn.trace(deep(nn.ReLU()), X, y)] == [
        "a[0]", "W[1]", "b[1]", "z[1]", "a[1]", "W[2]", "b[2]", "z[2]", "a[2]", "y", "L", "J",
        "dz[2]", "dW[2]", "db[2]", "da[1]", "dz[1]", "dW[1]", "db[1]",
        "W[1] after", "b[1] after", "W[2] after", "b[2] after", "J after",
    ]  # fmt: skip


def test_the_equations_are_the_courses():
    steps = {step.name: (step.equation, step.latex) for step in nn.trace(deep(nn.ReLU()), X, y)}
    assert steps["z[1]"] == ("z[1] = a[0] W[1] + b[1]", "z^{[1]} = a^{[0]} W^{[1]} + b^{[1]}")
    assert steps["a[2]"][0] == "y_hat = a[2] = e^z[2] / sum e^z[2]"
    assert steps["dz[2]"] == ("dz[2] = y_hat - y", r"d z^{[2]} = \hat{y} - y")
    assert steps["dW[1]"] == (
        "dW[1] = 1/M a[0]^T dz[1]",
        r"d W^{[1]} = \tfrac{1}{M} a^{[0]\top} d z^{[1]}",
    )
    assert steps["W[1] after"][0] == "W[1] := W[1] - 0.1 dW[1]"


def test_normalization_over_the_batch_is_written_out():
    t = nn.trace(deep(nn.BatchNorm(), nn.Tanh()), X, y)
    scale = t["gamma[1]"] / np.sqrt(t["sigma[1]^2"] + 1e-5)
    close(t["mu[1]"], t["z[1]"].mean(axis=0))
    close(t["sigma[1]^2"], t["z[1]"].var(axis=0))
    close(t["z_hat[1]"], (t["z[1]"] - t["mu[1]"]) / np.sqrt(t["sigma[1]^2"] + 1e-5))
    close(t["z'[1]"], t["gamma[1]"] * t["z_hat[1]"] + t["beta[1]"])
    close(t["dgamma[1]"], (t["dz'[1]"] * t["z_hat[1]"]).sum(axis=0) / M)
    close(t["dbeta[1]"], t["dz'[1]"].sum(axis=0) / M)
    close(t["dz[1]"], scale * (t["dz'[1]"] - t["dbeta[1]"] - t["z_hat[1]"] * t["dgamma[1]"]))


def test_frozen_normalization_uses_its_running_averages():
    model = deep(nn.BatchNorm(trainable=False), nn.Tanh())
    model.state[...] = RNG.random(12)
    t = nn.trace(model, X, y)
    close(t["mu[1]"], model.layers[1].running_mean)
    close(t["sigma[1]^2"], model.layers[1].running_variance)
    close(t["dz[1]"], t["gamma[1]"] / np.sqrt(t["sigma[1]^2"] + 1e-5) * t["dz'[1]"])
    assert "dgamma[1]" not in written(t)


def test_normalization_over_the_units_is_written_out():
    t = nn.trace(deep(nn.LayerNorm(), nn.Tanh()), X, y)
    mean = lambda values: values.mean(axis=1, keepdims=True)  # noqa: E731
    close(t["mu[1]"], mean(t["z[1]"]))
    close(t["sigma[1]^2"], t["z[1]"].var(axis=1, keepdims=True))
    close(t["z'[1]"], t["gamma[1]"] * t["z_hat[1]"] + t["beta[1]"])
    u, z_hat = t["u[1]"], t["z_hat[1]"]
    close(u, t["dz'[1]"] * t["gamma[1]"])
    close(t["dz[1]"], (u - mean(u) - z_hat * mean(u * z_hat)) / np.sqrt(t["sigma[1]^2"] + 1e-5))


def test_a_residual_layer_shows_its_inner_layers_and_adds_their_output():
    t = nn.trace(deep(nn.ReLU(), nn.Residual([nn.Dense(4), nn.Tanh()])), X, y)
    close(t["z[2]"], t["a[1]"] @ t["W[2]"] + t["b[2]"])
    close(t["a'[2]"], t["a[1]"] + t["a[2]"])
    assert np.array_equal(t["da[2]"], t["da'[2]"])
    close(t["dz[2]"], t["da[2]"] * (1 - t["a[2]"] ** 2))
    close(t["d_F a[1]"], t["dz[2]"] @ t["W[2]"].T)
    close(t["da[1]"], t["da'[2]"] + t["d_F a[1]"])
    assert written(t)["a'[2]"][0] == "a'[2] = a[1] + a[2]"
    assert written(t)["da[1]"][0] == "da[1] = da'[2] + d_F a[1]"


def test_dropout_shows_what_it_drops():
    t = nn.trace(deep(nn.ReLU(), nn.Dropout(0.5)), X, y)
    kept = t["a'[1]"] != 0
    close(t["a'[1]"][kept], 2 * t["a[1]"][kept])
    close(t["da[1]"][kept], 2 * t["da'[1]"][kept])
    assert not t["da[1]"][~kept & (t["a[1]"] != 0)].any()
    step = next(step for step in t if step.name == "a'[1]")
    assert step.statistics["zeros"] == np.mean(~kept)
    assert step.note == "d is 0 with probability 0.5, else 1"


def test_a_users_layer_is_shown_by_its_name_its_docstring_and_its_numbers():
    t = nn.trace(deep(Scale(), Square()), X, y)
    assert written(t)["z'[1]"] == ("z'[1] = Scale(z[1]; s[1])", "a = s * a_prev.")
    assert written(t)["z''[1]"] == ("z''[1] = Square(z'[1])", "A user's own activation, a = z^2.")
    assert written(t)["ds[1]"][0] == "ds[1] = Scale.backward(dz'[1])"
    close(t["dz'[1]"], 2 * t["dz''[1]"] * t["z'[1]"])
    close(t["ds[1]"], (t["dz'[1]"] * t["z[1]"]).sum(axis=0) / M)


def test_a_users_output_layer_is_shown_by_the_names_of_its_methods():
    class Absolute(nn.Identity):
        def losses(self, Y, cache):
            return np.abs(cache.a - Y).sum(axis=-1)

        def start_backward(self, Y, cache):
            return np.sign(cache.a - Y)

    Y = RNG.normal(size=(M, 4))
    t = nn.trace(deep(output=Absolute()), X, Y)
    assert written(t)["L"][0] == "L = Absolute.losses(y)"
    assert written(t)["dz[2]"][0] == "dz[2] = Absolute.start_backward(y)"
    close(t["dz[2]"], np.sign(t["a[2]"] - Y))


def test_the_equations_of_a_convolution_and_of_channels_hold():
    layers = [nn.Conv2D(2, 2, strides=(2, 1)), nn.BatchNorm(), nn.Tanh(), nn.MaxPool2D(), nn.Flatten(), nn.Dense(3)]
    model = nn.Model([*layers, nn.Softmax()], n_features=(5, 4, 1), seed=0, dtype="float64")
    images = RNG.normal(size=(M, 5, 4, 1))
    t = nn.trace(model, images, [0, 1, 2, 0, 1, 2])
    known = written(t)
    assert known["z[1]"] == (
        "z[1] = windows(a[0]) W[1] + b[1]",
        "z[i,j,f] = sum_pqc a[2 i + p, j + q, c] W[p,q,c,f] + b[f]; x are the places (i,j)",
    )
    assert known["dW[1]"][0] == "dW[1] = 1/M windows(a[0])^T dz[1]"
    windows = np.stack([images[:, p : p + 3 : 2, q : q + 3, 0] for p in (0, 1) for q in (0, 1)], axis=-1)
    close(t["z[1]"], windows @ t["W[1]"].reshape(4, 2) + t["b[1]"])
    close(t["dW[1]"].reshape(4, 2), np.einsum("mijk,mijf->kf", windows, t["dz[1]"]) / M)
    close(t["db[1]"], t["dz[1]"].sum(axis=(0, 1, 2)) / M)
    assert known["mu[1]"][0] == "mu[1] = mean_ix z[1]"
    close(t["mu[1]"], t["z[1]"].mean(axis=(0, 1, 2)))
    assert "dbeta[1] / n" in known["dz[1]"][0]
    n, sigma, dz = 2 * 3, np.sqrt(t["sigma[1]^2"] + 1e-5), t["dz'[1]"]
    close(t["dz[1]"], t["gamma[1]"] / sigma * (dz - t["dbeta[1]"] / n - t["z_hat[1]"] * t["dgamma[1]"] / n))


def test_every_layer_of_the_library_has_equations():
    public = [getattr(nn.layers, name) for name in nn.layers.__all__]
    layers = {c for c in public if inspect.isclass(c) and issubclass(c, nn.Layer) and c.forward is not nn.Layer.forward}
    assert layers <= ALL_HIDDEN
    for method, known in (("forward", equations.FORWARD), ("backward", equations.BACKWARD)):
        assert {next(c for c in layer.__mro__ if method in vars(c)) for layer in layers} == set(known)


# ---- the numbers are those of a training step ----------------------------------------------------------------


@for_each("dtype", ["float32", "float64"])
@for_each("layer", HIDDEN, ids=repr)
def test_gradients_and_update_are_those_of_a_step_with_the_next_random_numbers(layer, dtype):
    model = deep(layer, dtype=dtype)
    t = nn.trace(model, X, y)
    before = model.parameters["W1"].copy()
    Y_hat = model.forward(X)
    assert np.array_equal(t.steps[[step.name for step in t].index("y") - 1].values, Y_hat)
    assert model.cost(y) == t.J
    model.backward(y)
    nn.SGD(0.1).step(model)
    assert np.array_equal(t["W[1]"], before)
    for step in t:
        if match := re.fullmatch(r"(d?\w+)\[(\d+)\]( after)?", step.name):
            kept = model.parameters if match[3] else model.gradients
            if match[3] or match[1] + match[2] in kept:
                np.testing.assert_array_equal(step.values, kept[match[1] + match[2]], err_msg=step.name)


@pytest.mark.parametrize(("output", "targets"), OUTPUTS, ids=lambda value: repr(value)[:25])
def test_every_output_starts_the_backward_pass_with_the_same_line(output, targets):
    model = deep(nn.Tanh(), output=output)
    t = nn.trace(model, X, targets)
    assert written(t)["dz[2]"][0] == "dz[2] = y_hat - y"
    close(t["dz[2]"], t["a[2]"] - t["y"])
    model.forward(X)
    assert model.cost(targets) == t.J


@pytest.mark.parametrize(
    "optimizer", [nn.SGD(0.1, momentum=0.9), nn.Adam(nn.ExponentialDecay(0.01, 1, 0.5)), nn.AdamW(weight_decay=0.1)]
)
def test_what_the_optimizer_remembers_of_the_model_counts_and_stays(optimizer):
    model = deep(nn.Tanh(), dtype="float32")
    for _ in range(3):
        model.forward(X)
        model.backward(y)
        optimizer.step(model)
    before = everything(model, optimizer)
    t = nn.trace(model, X, y, optimizer=optimizer)
    assert everything(model, optimizer) == before
    model.forward(X)
    model.backward(y)
    optimizer.step(model)
    for name, theta in model.parameters.items():
        assert np.array_equal(t[f"{name[0]}[{name[1:]}] after"], theta), name


@for_each(
    ("optimizer", "update", "meaning"),
    [
        (nn.SGD(0.1), "W[1] - 0.1 dW[1]", ""),
        (nn.SGD(0.1, momentum=0.9), "W[1] - 0.1 v", "v = 0.9 v + dW[1]; "),
        (nn.Adagrad(0.1), "W[1] - 0.1 dW[1] / (sqrt(s) + 1e-10)", "s = s + dW[1]^2; "),
        (nn.RMSProp(0.1, rho=0.9), "W[1] - 0.1 dW[1] / (sqrt(s) + 1e-08)", "s = 0.9 s + (1 - 0.9) dW[1]^2; "),
        (
            nn.Adam(0.1),
            "W[1] - 0.1 m_hat / (sqrt(v_hat) + 1e-08)",
            "m = 0.9 m + (1 - 0.9) dW[1], v = 0.999 v + (1 - 0.999) dW[1]^2; in step t "
            "m_hat = m / (1 - 0.9^t), v_hat = v / (1 - 0.999^t); ",
        ),
        (nn.Adam(0.1, amsgrad=True), "Adam(W[1], dW[1])", ""),
        (nn.RMSProp(0.1, momentum=0.5), "RMSProp(W[1], dW[1])", ""),
        (nn.SGD(0.1, weight_decay=0.1), "SGD(W[1], dW[1])", ""),
        (nn.Lion(0.1), "Lion(W[1], dW[1])", ""),
    ],
    ids=repr,
)
def test_the_update_is_the_equation_of_the_rule(optimizer, update, meaning):
    equation, note = written(nn.trace(deep(nn.Tanh()), X, y, optimizer=optimizer))["W[1] after"]
    assert equation == f"W[1] := {update}"
    assert note.startswith(f"{meaning}|change| / |W[1]| = ")


@pytest.mark.parametrize("n_features", [None, 3])
def test_an_optimizer_that_has_not_seen_the_model_remembers_nothing_of_it_afterwards(n_features):
    optimizer = nn.Adam()
    model = network(n_features=n_features)
    nn.trace(model, X, [0] * M, optimizer=optimizer)
    model.forward(X)
    assert optimizer.state(model).n_steps == 0
    assert not optimizer.state(model).vectors


def test_the_cost_after_the_step_has_the_same_random_draws():
    model = deep(nn.ReLU(), nn.Dropout(0.5), nn.BatchNorm())
    t = nn.trace(model, X, y)
    rng, state = model.rng.bit_generator.state, model.state.copy()
    model.forward(X)
    model.backward(y)
    nn.SGD(0.1).step(model)
    model.rng.bit_generator.state, model.state = rng, state
    model.forward(X)
    assert t.J_after == model.cost(y)


def test_the_backward_pass_ends_at_the_first_layer_that_learns():
    model = deep(nn.Tanh(), nn.Dense(4), nn.Tanh())
    model.layers[0].trainable = False
    names = list(written(nn.trace(model, X, y)))
    assert names[names.index("J") + 1 :] == [
        "dz[3]", "dW[3]", "db[3]", "da[2]", "dz[2]", "dW[2]", "db[2]",
        "W[2] after", "b[2] after", "W[3] after", "b[3] after", "J after",
    ]  # fmt: skip


def test_nobody_asks_the_first_layer_for_the_gradient_of_its_input():
    model = nn.Model([nn.LayerNorm(), nn.Dense(4), nn.Softmax()], n_features=3)
    names = list(written(nn.trace(model, X, y)))
    assert names[names.index("J") + 1 : names.index("gamma[1] after")] == [
        "dz[1]", "dW[1]", "db[1]", "da'[0]", "dgamma[1]", "dbeta[1]",
    ]  # fmt: skip


def test_a_frozen_network_has_no_update():
    model = deep(nn.Tanh())
    for layer in model.layers:
        layer.trainable = False
    t = nn.trace(model, X, y, example=0)
    assert [step.name for step in t][-1] == "dz[2]"
    assert t.J_after == t.J
    assert "fter" not in t.story + str(t)


def test_an_unbuilt_network_is_traced_in_its_first_step():
    model = nn.Model([nn.Flatten(), nn.Dense(4), nn.Tanh(), nn.Dense(4), nn.Softmax()], seed=3)
    t = nn.trace(model, X.reshape(M, 3, 1), y)
    assert not model.built
    model.forward(X.reshape(M, 3, 1))
    assert np.array_equal(t["W[1]"], model.parameters["W1"])


def test_nothing_changes():
    model = deep(nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.5), nn.Residual([nn.Dense(4)]), dtype="float32")
    undisturbed = model.copy()
    data = X.astype(np.float32)
    for one in (model, undisturbed):
        one.forward(X)
    t = nn.trace(model, data, y, example=1, optimizer=nn.Adam())
    shown = str(t)
    for one in (model, undisturbed):  # the step that was begun continues
        one.backward(y)
    assert everything(model) == everything(undisturbed)
    assert np.array_equal(data, X.astype(np.float32))
    assert str(t) == shown


def test_a_trace_of_one_example_has_its_rows_and_the_gradients_of_the_batch():
    model = deep(nn.BatchNorm(), nn.ReLU())
    one, whole = nn.trace(model, X, y, example=2), nn.trace(model, X, y)
    for step, its in zip(whole, one, strict=True):
        same = re.match(r"(d?[Wb]|d?gamma|d?beta|mu|sigma)\[|J", step.name)
        assert np.array_equal(its.values, step.values if same else step.values[2]), step.name
    assert whole.story is None


def test_the_steps_of_a_trace_are_data():
    t = nn.trace(deep(nn.ReLU()), X, y)
    assert isinstance(t, nn.Trace)
    assert len(t) == len(t.steps) == len(list(t))
    step = next(step for step in t if step.name == "a[1]")
    assert (step.part, step.layer, step.shape) == ("forward", "layers[1] ReLU()", (M, 4))
    a = t["a[1]"]
    assert step.statistics == pytest.approx(
        {"min": a.min(), "mean": a.mean(), "max": a.max(), "zeros": (a == 0).mean()}
    )
    dz = next(step for step in t if step.name == "dz[2]")
    assert dz.values.mean() != dz.statistics["mean"] == 0  # its rows sum to 0, up to their rounding
    assert {step.part for step in t} == {"forward", "cost", "backward", "update"}
    assert np.array_equal(t["dW1"], t["dW[1]"])
    assert np.array_equal(t["b2 after"], t["b[2] after"])
    with pytest.raises(KeyError, match=r"no step 'z\[9\]'; its steps are a\[0\], W\[1\]"):
        t["z[9]"]


# ---- wrong use ------------------------------------------------------------------------------------------------


@for_each(
    ("arguments", "message"),
    [
        ({"X": None}, "X: a trace sends examples through the network; pass some, such as X[:32]"),
        ({"y": None}, "y: a trace starts the backward pass from the labels; pass those of X, such as y[:32]"),
        (
            {"X": np.broadcast_to(0.0, (1_000_000, 3)), "y": np.zeros(1_000_000, int)},
            "X: a trace takes at most 1,024 examples, got 1,000,000; pass X[:32], y[:32]",
        ),
        ({"X": X[0]}, "X: expected two dimensions"),
        ({"X": X[:, :2]}, "X: expected 3 features"),
        ({"y": y[:3]}, "y: expected 6 labels"),
        ({"y": y + 1}, "y: label 4 is out of range"),
        ({"example": 6}, "example: expected the index of one of 6 examples (0..5), got 6"),
        ({"example": -7}, "example: expected an integer of at least -6, got -7"),
        ({"example": "first"}, "example: expected an integer"),
        ({"optimizer": "adan"}, "optimizer: expected an Optimizer such as nn.SGD(0.1), got 'adan'"),
        ({"class_names": ["cat"]}, "class_names: expected a list of 4 names, one for each of the classes"),
        ({"class_names": "abcd"}, "class_names: expected a list of 4 names"),
        ({"max_numbers": -1}, "max_numbers: expected an integer of at least 0"),
        ({"model": nn.Dense(3)}, "model: expected a Model, got Dense"),
    ],
)
def test_wrong_arguments_say_what_would_be_right(arguments, message):
    refuse(lambda: nn.trace(**{"model": deep(nn.ReLU()), "X": X, "y": y} | arguments), message)


def test_a_layer_that_breaks_the_rules_is_named():
    class Mute(Square):
        def backward(self, da, cache):
            pass

    refuse(lambda: nn.trace(deep(Mute()), X, y), "layers[1] Mute().backward must return an array", "got NoneType")
