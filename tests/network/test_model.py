"""Facts about a network: its parameters, what its calls return, and its copies."""

import copy
import pickle

import numpy as np
import pytest

import nnlite as nn

from ..support import Square

RNG = np.random.default_rng(0)
X = RNG.standard_normal((24, 5)).astype(np.float32)
y = RNG.integers(0, 3, 24)


class Scale(nn.Layer):
    """``a = scale a_prev + shift``: a layer with parameters under names of its own."""

    def __init__(self, start=1.0):
        self.start = start

    def parameter_shapes(self, input_shape):
        return {"shift": input_shape, "scale": input_shape}

    def initialize(self, rng, initializer):
        self.scale[...] = self.start

    def forward(self, a_prev, cache):
        cache.a_prev = a_prev
        return a_prev * self.scale + self.shift

    def backward(self, da, cache):
        self.dscale[...] = (da * cache.a_prev).sum(axis=0)
        self.dshift[...] = da.sum(axis=0)
        return da * self.scale


class Pairs(nn.Layer):
    """``a_j = z_2j + z_2j+1``: a layer whose output has another shape than its input."""

    def output_shape(self, input_shape):
        return (input_shape[0] // 2,)

    def forward(self, a_prev, cache):
        return a_prev[:, ::2] + a_prev[:, 1::2]

    def backward(self, da, cache):
        return np.repeat(da, 2, axis=1)


class Standardize(nn.Layer):
    """``a = (x - mean) / deviation``: a layer whose arguments are arrays."""

    def __init__(self, mean, deviation=None):
        self.mean = mean
        self.deviation = deviation

    def forward(self, a_prev, cache):
        return ((a_prev - self.mean) / self.deviation).astype(a_prev.dtype)

    def backward(self, da, cache):
        return da / self.deviation


class Flatten(nn.Layer):
    """An image into a row."""

    def output_shape(self, input_shape):
        return (int(np.prod(input_shape)),)

    def forward(self, a_prev, cache):
        cache.shape = a_prev.shape
        return a_prev.reshape(len(a_prev), -1)

    def backward(self, da, cache):
        return da.reshape(cache.shape)


HEADS = {
    "softmax": (3, nn.Softmax, y),
    "sigmoid": (1, nn.Sigmoid, y % 2),
    "labels": (2, nn.Sigmoid, np.stack([y % 2, y // 2], axis=1)),
    "identity": (1, nn.Identity, X[:, 0]),
    "values": (2, nn.Identity, X[:, :2]),
}


def make_model(kind="softmax", hidden=nn.ReLU, *, seed=0, dtype="float32", n_features=5):
    units, output, _ = HEADS[kind]
    return nn.Model(
        [nn.Dense(7), hidden(), nn.Dense(6), nn.Tanh(), nn.Dense(units), output()],
        n_features=n_features,
        seed=seed,
        dtype=dtype,
    )


def train_step(model, X, Y, optimizer):
    model.forward(X)
    model.backward(Y)
    optimizer.step(model)


def numeric_gradient(model, X, Y, step=1e-6):
    """dJ/dtheta by central differences."""
    gradient = np.empty_like(model.theta)
    for i, value in enumerate(model.theta.copy()):
        costs = []
        for shifted in (value + step, value - step):
            model.theta[i] = shifted
            model.forward(X)
            costs.append(model.cost(Y))
        model.theta[i] = value
        gradient[i] = (costs[0] - costs[1]) / (2 * step)
    return gradient


# ---- parameters -------------------------------------------------------------------------------------------------


def test_parameters_and_gradients_have_the_names_and_shapes_of_the_course():
    model = make_model()
    shapes = {"W1": (5, 7), "b1": (7,), "W2": (7, 6), "b2": (6,), "W3": (6, 3), "b3": (3,)}
    assert {name: value.shape for name, value in model.parameters.items()} == shapes
    assert list(model.parameters) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert {name: value.shape for name, value in model.gradients.items()} == {f"d{k}": v for k, v in shapes.items()}
    assert model.n_parameters == model.theta.size == model.grad.size == sum(map(np.prod, shapes.values()))


def test_weights_lie_before_biases_in_theta_and_grad():
    model = make_model()
    order = ["W1", "W2", "W3", "b1", "b2", "b3"]
    model.forward(X)
    model.backward(y)
    np.testing.assert_array_equal(model.theta, np.concatenate([model.parameters[name].ravel() for name in order]))
    np.testing.assert_array_equal(model.grad, np.concatenate([model.gradients[f"d{name}"].ravel() for name in order]))
    assert np.any(model.grad != 0)
    assert model.n_weights == 5 * 7 + 7 * 6 + 6 * 3


@pytest.mark.parametrize(("vector", "mapping", "prefix"), [("theta", "parameters", ""), ("grad", "gradients", "d")])
def test_parameters_and_gradients_are_views(vector, mapping, prefix):
    model = make_model()
    whole, views = getattr(model, vector), getattr(model, mapping)
    assert whole.ndim == 1
    assert whole.flags.c_contiguous
    whole[:] = np.arange(whole.size)
    assert views[f"{prefix}W1"][0, 1] == 1
    assert views[f"{prefix}b3"][-1] == whole.size - 1
    views[f"{prefix}W2"][...] = -5
    assert np.count_nonzero(whole == -5) == 7 * 6
    for name, layer, attribute in (("W1", 0, "W"), ("b2", 2, "b"), ("W3", 4, "W")):
        assert np.shares_memory(getattr(model.layers[layer], prefix + attribute), views[prefix + name])
        assert np.shares_memory(views[prefix + name], whole)
    assert getattr(model, vector) is whole  # the vector itself is never replaced


def test_views_stay_live_through_training():
    model = make_model()
    theta, W1, dW1 = model.theta, model.parameters["W1"], model.gradients["dW1"]
    before = W1.copy()
    model.fit(X, y, epochs=2)
    assert model.theta is theta
    assert not np.array_equal(W1, before)
    np.testing.assert_array_equal(W1, model.parameters["W1"])
    np.testing.assert_array_equal(dW1, model.layers[0].dW)


def test_parameters_and_gradients_are_read_only_mappings():
    model = make_model()
    for mapping in (model.parameters, model.gradients):
        name = next(iter(mapping))
        with pytest.raises(TypeError):
            mapping[name] = np.zeros(3)
        with pytest.raises(TypeError):
            del mapping[name]


def test_what_is_written_into_parameters_is_what_the_network_computes():
    model = nn.Model([nn.Dense(2), nn.Identity()], n_features=5, seed=0)
    model.parameters["W1"][...] = np.arange(10).reshape(5, 2)
    model.parameters["b1"][...] = [100, 200]
    expected = X @ np.arange(10, dtype=np.float32).reshape(5, 2) + np.float32([100, 200])
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)


def test_biases_start_at_zero_and_weights_do_not():
    model = make_model()
    for name, value in model.parameters.items():
        assert np.all(value == 0) if name[0] == "b" else np.all(value != 0)


def test_an_untrained_classifier_favours_no_class():
    model = nn.Model([nn.Dense(256), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=50, seed=0)
    data = RNG.standard_normal((500, 50))
    assert model.evaluate(data, np.arange(500) % 10)["loss"] == pytest.approx(np.log(10), rel=0.02)


def test_the_initializer_suits_the_activation_that_follows():
    layers = [nn.Dense(400), nn.ReLU(), nn.Dense(400), nn.Tanh(), nn.Dense(400), nn.Softmax()]
    layers.insert(4, nn.Dense(400, nn.Zeros()))
    model = nn.Model(layers, n_features=400, seed=0)
    he, glorot, given, output = (model.parameters[f"W{l}"] for l in (1, 2, 3, 4))
    assert he.std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert glorot.std() == pytest.approx(np.sqrt(2 / 800), rel=0.02)
    assert np.abs(glorot).max() <= np.sqrt(6 / 800)
    assert not given.any()
    assert output.std() == pytest.approx(0.1 * np.sqrt(2 / 800), rel=0.02)


# ---- the size of the input --------------------------------------------------------------------------------------


def test_the_input_size_is_given_or_taken_from_the_first_data():
    given, by_tuple = make_model(), make_model(n_features=(5,))
    by_forward, by_fit = make_model(n_features=None), make_model(n_features=None)
    assert given.built
    assert given.input_shape == by_tuple.input_shape == (5,)
    assert not by_forward.built
    assert by_forward.input_shape is None
    by_forward.forward(X)
    assert by_forward.built
    for model in (by_forward, by_tuple):
        np.testing.assert_array_equal(model.theta, given.theta)
    by_fit.fit(X, y, epochs=2, batch_size=5)
    given.fit(X, y, epochs=2, batch_size=5)
    np.testing.assert_array_equal(by_fit.theta, given.theta)


def test_an_example_may_have_a_shape():
    images = RNG.standard_normal((10, 4, 3))
    model = nn.Model([Flatten(), nn.Dense(3), nn.Softmax()], seed=0)
    model.fit(images, y[:10], epochs=1)
    assert model.input_shape == (4, 3)
    assert model.predict(images).shape == (10,)
    assert "(M, 4, 3)" in model.summary()
    flat = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
    flat.fit(images.reshape(10, -1), y[:10], epochs=1)
    np.testing.assert_array_equal(model.theta, flat.theta)


# ---- what calls return ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("m", [1, 24, 1500])
def test_no_returned_array_is_overwritten_by_a_later_call(kind, m):
    data, targets = np.resize(X, (m, 5)), np.resize(HEADS[kind][2], (m, *HEADS[kind][2].shape[1:]))
    model = make_model(kind)
    held = [model.forward(data), model.predict(data), model.forward(data)]
    if kind not in ("identity", "values"):
        held.append(model.predict_proba(data))
    before = [array.copy() for array in held]
    other = data[::-1] * 3 + 1
    for _ in range(2):
        model.forward(other)
        model.cost(targets)
        model.backward(targets)
        model.predict(other)
        model.evaluate(other, targets)
        model.predict(other[:1])
        if kind not in ("identity", "values"):
            model.predict_proba(other)
        model.fit(other, targets, epochs=1, batch_size=10)
    for array, expected in zip(held, before, strict=True):
        np.testing.assert_array_equal(array, expected)
    for array in held:  # and what a user writes into them does not reach the network
        assert array.flags.writeable
        assert not np.shares_memory(array, data)


@pytest.mark.parametrize("kind", HEADS)
def test_writing_into_what_was_returned_changes_nothing_in_the_network(kind):
    model, twin = make_model(kind), make_model(kind)
    targets = HEADS[kind][2]
    Y_hat = model.forward(X)
    twin.forward(X)
    Y_hat[...] = 7
    model.predict(X)[...] = 7
    assert model.cost(targets) == twin.cost(targets)
    model.backward(targets)
    twin.backward(targets)
    np.testing.assert_array_equal(model.grad, twin.grad)


def test_a_network_of_identities_returns_arrays_of_its_own():
    model = nn.Model([nn.Identity()], n_features=5)
    for array in (model.forward(X), model.predict(X)):
        np.testing.assert_array_equal(array, X)
        assert not np.shares_memory(array, X)


def test_a_prediction_does_not_disturb_a_training_step():
    model, twin = make_model(), make_model()
    model.forward(X)
    twin.forward(X)
    other = X[:7] * 2
    model.predict(other)
    model.predict_proba(other)
    model.evaluate(other, y[:7])
    assert model.cost(y) == twin.cost(y)
    model.backward(y)
    twin.backward(y)
    np.testing.assert_array_equal(model.grad, twin.grad)


def test_a_second_backward_gives_the_same_gradient():
    for hidden in (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softmax, nn.Identity):
        model = make_model(hidden=hidden)
        model.forward(X)
        cost = model.cost(y)
        model.backward(y)
        first = model.grad.copy()
        model.backward(y)
        np.testing.assert_array_equal(model.grad, first)
        assert model.cost(y) == cost


def test_probabilities_of_classes_sum_to_1():
    for kind, C in (("softmax", 3), ("sigmoid", 2)):
        model = make_model(kind)
        probabilities = model.predict_proba(X * 10)
        assert probabilities.shape == (24, C)
        assert probabilities.dtype == np.float32
        assert np.all((probabilities >= 0) & (probabilities <= 1))
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_a_single_sigmoid_unit_gives_the_probability_of_either_class():
    model = make_model("sigmoid")
    Y_hat = model.forward(X)
    np.testing.assert_allclose(model.predict_proba(X), np.hstack([1 - Y_hat, Y_hat]), rtol=1e-6)


def test_the_probabilities_of_several_labels_are_the_outputs():
    model = make_model("labels")
    np.testing.assert_allclose(model.predict_proba(X), model.forward(X), rtol=1e-6)


def test_a_prediction_is_a_class_a_label_or_a_value():
    model = make_model("softmax")
    classes = model.predict(X)
    assert classes.shape == (24,)
    assert classes.dtype.kind == "i"
    np.testing.assert_array_equal(classes, model.predict_proba(X).argmax(axis=1))
    assert len(set(classes)) > 1

    model = make_model("sigmoid")
    model.parameters["W3"][...] *= 100
    classes = model.predict(X)
    assert classes.shape == (24,)
    assert classes.dtype.kind == "i"
    np.testing.assert_array_equal(classes, model.predict_proba(X)[:, 1] > 0.5)
    assert set(classes) == {0, 1}

    model = make_model("labels")
    labels = model.predict(X)
    assert labels.shape == (24, 2)
    np.testing.assert_array_equal(labels, model.predict_proba(X) > 0.5)

    model = make_model("identity")
    assert model.predict(X).shape == (24,)
    np.testing.assert_allclose(model.predict(X), model.forward(X)[:, 0], rtol=1e-6)

    model = make_model("values")
    assert model.predict(X).shape == (24, 2)
    np.testing.assert_allclose(model.predict(X), model.forward(X), rtol=1e-6)


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("m", [1, 24, 1023, 1024, 1025, 2500])
def test_evaluate_is_forward_and_cost_however_many_examples(kind, m):
    data = np.random.default_rng(m).standard_normal((m, 5))
    targets = np.resize(HEADS[kind][2], (m, *HEADS[kind][2].shape[1:]))
    model = make_model(kind, dtype="float64")
    result = model.evaluate(data, targets)
    Y_hat = model.forward(data)
    assert result["loss"] == pytest.approx(model.cost(targets), rel=1e-12)
    if kind in ("identity", "values"):
        assert set(result) == {"loss"}
    else:
        right = Y_hat.argmax(axis=1) == targets if kind == "softmax" else (Y_hat > 0.5) == targets.reshape(m, -1)
        assert result["accuracy"] == pytest.approx(np.mean(right), rel=1e-12)


def test_predictions_do_not_depend_on_how_many_are_asked_for():
    model = make_model(dtype="float64")
    data = RNG.standard_normal((2500, 5))
    whole = model.predict_proba(data)
    in_parts = np.concatenate([model.predict_proba(data[start : start + 700]) for start in range(0, 2500, 700)])
    np.testing.assert_allclose(whole, in_parts, rtol=1e-12)
    np.testing.assert_allclose(whole, model.forward(data), rtol=1e-12)


def test_the_cost_is_the_mean_of_the_textbooks_losses():
    model = make_model(dtype="float64")
    Y_hat = model.forward(X)
    assert model.cost(y) == pytest.approx(-np.log(Y_hat[np.arange(24), y]).mean(), rel=1e-12)
    model = make_model("labels", dtype="float64")
    Y_hat, Y = model.forward(X), HEADS["labels"][2]
    losses = -(Y * np.log(Y_hat) + (1 - Y) * np.log(1 - Y_hat)).sum(axis=1)
    assert model.cost(Y) == pytest.approx(losses.mean(), rel=1e-12)
    model = make_model("values", dtype="float64")
    Y_hat, Y = model.forward(X), HEADS["values"][2]
    assert model.cost(Y) == pytest.approx(0.5 * np.square(Y_hat - Y).sum(axis=1).mean(), rel=1e-12)
    assert isinstance(model.cost(Y), float)


# ---- how it looks -----------------------------------------------------------------------------------------------


def test_the_summary_tells_layers_shapes_and_numbers_of_parameters():
    model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=784)
    rows = [line.split() for line in model.summary().splitlines() if not line.startswith("-")]
    assert rows == [
        ["layer", "output", "parameters"],
        ["X", "(M,", "784)"],
        ["Dense(64)", "(M,", "64)", "50,240"],
        ["ReLU()", "(M,", "64)"],
        ["Dense(10)", "(M,", "10)", "650"],
        ["Softmax()", "(M,", "10)"],
        ["total", "float32", "50,890"],
    ]


def test_the_summary_of_a_network_without_parameters_says_so():
    model = nn.Model([nn.ReLU(), nn.Softmax()], n_features=3)
    assert model.summary().splitlines()[-1].split() == ["total", "float32", "0"]


def test_repr_is_the_call_that_makes_the_network():
    model = nn.Model([nn.Dense(8, nn.GlorotUniform(gain=0.5)), nn.Tanh(), nn.Dense(2), nn.Softmax()])
    text = "Model([Dense(8, initializer=GlorotUniform(gain=0.5)), Tanh(), Dense(2), Softmax()])"
    assert repr(model) == text
    assert repr(eval(text, vars(nn) | {name: getattr(nn, name) for name in nn.__all__})) == text
    assert repr(nn.Model([Square(), Scale(), Scale(2.0), nn.Identity()])) == (
        "Model([Square(), Scale(), Scale(start=2.0), Identity()])"
    )


# ---- copies -----------------------------------------------------------------------------------------------------

COPIES = {
    "copy": lambda model: model.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "pickle, oldest protocol": lambda model: pickle.loads(pickle.dumps(model, protocol=2)),
}


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_copy_is_equal_and_goes_on_training_the_same(make_copy, dtype):
    model = make_model(dtype=dtype)
    model.fit(X, y, epochs=2, batch_size=5, validation_split=0.25)
    model.forward(X)
    model.backward(y)
    twin = make_copy(model)
    assert repr(twin) == repr(model)
    assert twin.summary() == model.summary()
    assert (twin.seed, twin.dtype, twin.input_shape) == (model.seed, model.dtype, model.input_shape)
    assert twin.theta.dtype == dtype
    np.testing.assert_array_equal(twin.theta, model.theta)
    np.testing.assert_array_equal(twin.grad, model.grad)
    np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
    options = {"epochs": 2, "batch_size": 5, "validation_split": 0.25}
    history = model.fit(X, y, optimizer=nn.SGD(0.1, momentum=0.9), **options)
    twin_history = twin.fit(X, y, optimizer=nn.SGD(0.1, momentum=0.9), **options)
    np.testing.assert_array_equal(twin.theta, model.theta)
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert twin_history[key] == history[key]


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_a_copy_is_independent(make_copy):
    model = make_model()
    model.fit(X, y, epochs=1)
    twin = make_copy(model)
    theta, grad, rng = model.theta.copy(), model.grad.copy(), model.rng.bit_generator.state
    twin.fit(X, y, epochs=2, batch_size=7)
    assert not np.array_equal(twin.theta, model.theta)
    np.testing.assert_array_equal(model.theta, theta)
    np.testing.assert_array_equal(model.grad, grad)
    assert model.rng.bit_generator.state == rng
    assert not np.shares_memory(twin.theta, model.theta)
    assert not {*map(id, twin.layers)} & {*map(id, model.layers)}


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_the_parameters_of_a_copy_are_views_too(make_copy):
    model = make_model()
    twin = make_copy(model)
    twin.theta[:] = 3
    assert np.all(twin.parameters["W2"] == 3)
    assert np.all(twin.layers[0].W == 3)
    twin.layers[0].dW[...] = 2
    assert np.count_nonzero(twin.grad == 2) == 35
    assert not np.any(model.theta == 3)
    assert twin.n_weights == model.n_weights


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_network_that_is_not_built_builds_the_same(make_copy):
    model = make_model(n_features=None)
    twin = make_copy(model)
    assert not twin.built
    model.fit(X, y, epochs=1, batch_size=5)
    assert not twin.built
    twin.fit(X, y, epochs=1, batch_size=5)
    np.testing.assert_array_equal(twin.theta, model.theta)


def test_a_copy_takes_no_more_memory_than_it_keeps():
    import tracemalloc

    model = nn.Model([nn.Dense(500), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=1000, seed=0)
    tracemalloc.start()
    model.copy()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.2 * model.theta.nbytes  # theta and grad


def test_a_copy_in_the_middle_of_a_step_has_no_batch():
    model = make_model()
    model.forward(X)
    with pytest.raises(nn.NotBuiltError, match=r"forward\(X\) first"):
        model.copy().cost(y)


def test_a_pickle_holds_no_batches():
    model = make_model()
    fresh = len(pickle.dumps(model))
    model.fit(np.resize(X, (5000, 5)), np.resize(y, 5000), epochs=1, batch_size=2000)
    model.predict(np.resize(X, (5000, 5)))
    assert len(pickle.dumps(model)) < fresh + 100


def test_layers_of_a_users_own_are_copied_with_the_network():
    model = nn.Model([nn.Dense(6), Scale(2.0), Square(), Pairs(), nn.Identity()], n_features=5, seed=0)
    twin = model.copy()
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    twin.layers[1].scale[...] = 0
    assert np.all(model.layers[1].scale == 2)


# ---- layers of a user's own -------------------------------------------------------------------------------------


def test_a_layer_of_ones_own_has_parameters_under_its_own_names():
    model = nn.Model([nn.Dense(4), Scale(), nn.Tanh(), nn.Dense(3), Scale(2.0), nn.Softmax()], n_features=5, seed=0)
    assert sorted(model.parameters) == ["W1", "W2", "b1", "b2", "scale1", "scale2", "shift1", "shift2"]
    assert sorted(model.gradients) == sorted(f"d{name}" for name in model.parameters)
    assert model.parameters["scale2"].tolist() == [2, 2, 2]
    assert model.layers[1].scale is not model.layers[4].scale
    assert model.n_weights == 5 * 4 + 4 * 3  # scale and shift are not decayed
    assert "14" not in model.summary().splitlines()[3]
    assert model.summary().splitlines()[4].split()[-1] == "8"


def test_weight_decay_acts_on_the_parameters_that_a_layer_names():
    class DecayedScale(Scale):
        decayed = frozenset({"scale"})

    model = nn.Model([DecayedScale(), nn.Dense(3), nn.Softmax()], n_features=5, seed=0)
    assert model.n_weights == 5 + 15
    model.parameters["shift1"][...] = 1
    nn.SGD(0.1, weight_decay=0.5).step(model)  # the gradient is 0
    np.testing.assert_allclose(model.parameters["scale1"], 0.95, rtol=1e-6)
    np.testing.assert_array_equal(model.parameters["shift1"], 1)


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param(lambda: [Scale(0.7), nn.Dense(3)], id="parameters, first"),
        pytest.param(lambda: [nn.Dense(4), Scale(), nn.Tanh(), nn.Dense(3)], id="parameters, hidden"),
        pytest.param(lambda: [nn.Dense(3), Scale(1.5)], id="parameters, before the output"),
        pytest.param(lambda: [nn.Dense(3), Square()], id="no parameters"),
        pytest.param(lambda: [Square(), nn.Dense(3)], id="no parameters, first"),
        pytest.param(lambda: [nn.Dense(6), Pairs()], id="another shape"),
        pytest.param(lambda: [Scale(), Scale(0.5), nn.Dense(3), Square(), Scale()], id="several"),
    ],
)
def test_the_gradient_goes_through_layers_of_a_users_own(layers):
    model = nn.Model([*layers(), nn.Softmax()], n_features=5, seed=0, dtype="float64")
    model.theta[:] += RNG.standard_normal(model.n_parameters) * 0.3
    expected = numeric_gradient(model, X, y)
    model.forward(X)
    model.backward(y)
    np.testing.assert_allclose(model.grad, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("hidden", [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softmax, nn.Identity])
@pytest.mark.parametrize("kind", HEADS)
def test_the_gradient_is_the_slope_of_the_cost(kind, hidden):
    model = make_model(kind, hidden, dtype="float64")
    targets = HEADS[kind][2]
    expected = numeric_gradient(model, X, targets)
    model.forward(X)
    model.backward(targets)
    np.testing.assert_allclose(model.grad, expected, rtol=1e-5, atol=1e-8)


def test_a_layer_whose_arguments_are_arrays_can_be_shown():
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    model = nn.Model([Standardize(mean, deviation), nn.Dense(3), nn.Softmax()], n_features=5, seed=0)
    np.testing.assert_allclose(model.forward(X).sum(axis=1), 1, rtol=1e-6)
    assert repr(model).startswith("Model([Standardize(")
    assert "Standardize(" in model.summary()
    assert "Standardize(" in repr(model.copy())


def test_a_layer_without_equations_says_so():
    with pytest.raises(NotImplementedError, match="Layer has no forward pass"):
        nn.Model([nn.Layer(), nn.Dense(3), nn.Softmax()], n_features=5).forward(X)


# ---- four lines -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_four_lines_are_one_step_of_fit(kind, dtype):
    by_hand, by_fit = make_model(kind, dtype=dtype), make_model(kind, dtype=dtype)
    targets = HEADS[kind][2]
    optimizer = nn.SGD(0.2, momentum=0.9, weight_decay=0.01)
    costs = []
    for _ in range(3):
        by_hand.forward(X)
        costs.append(by_hand.cost(targets))
        by_hand.backward(targets)
        optimizer.step(by_hand)
    history = by_fit.fit(X, targets, optimizer=nn.SGD(0.2, momentum=0.9, weight_decay=0.01), epochs=3, batch_size=None)
    np.testing.assert_array_equal(by_hand.theta, by_fit.theta)
    np.testing.assert_array_equal(by_hand.grad, by_fit.grad)
    assert history["loss"] == pytest.approx(costs, rel=1e-6)


def test_float64_is_more_exact_than_float32():
    results = {}
    for dtype in ("float32", "float64"):
        model = make_model(dtype=dtype)
        assert model.theta.dtype == model.grad.dtype == model.forward(X).dtype == dtype
        assert model.predict_proba(X).dtype == dtype
        assert model.layers[0].W.dtype == dtype
        model.fit(X, y, epochs=3)
        results[dtype] = model.predict_proba(X)
    np.testing.assert_allclose(results["float32"], results["float64"], rtol=1e-4)
    assert not np.array_equal(results["float32"], results["float64"])


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_users_arrays_are_read_and_never_written(kind, dtype):
    data, targets = X.astype(dtype), HEADS[kind][2].copy()
    if targets.dtype.kind == "f":
        targets = targets.astype(dtype)
    rows = nn.one_hot(y, 3, dtype) if kind == "softmax" else targets
    before = [array.copy() for array in (data, targets, rows)]
    for array in (data, targets, rows):
        array.flags.writeable = False  # an attempt to write would raise
    model = make_model(kind, hidden=nn.Identity, dtype=dtype)
    for Y in (targets, rows):
        train_step(model, data, Y, nn.SGD(0.1))
        model.cost(Y)
        model.predict(data)
        model.evaluate(data, Y)
        for shuffle in (True, False):
            model.fit(data, Y, epochs=1, batch_size=7, shuffle=shuffle, validation_data=(data, Y))
        model.fit(data, Y, epochs=1, batch_size=None, validation_split=0.25)
    for array, expected in zip((data, targets, rows), before, strict=True):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("layers", [[nn.ReLU], [nn.Tanh], [nn.Sigmoid], [nn.Softmax], [nn.Identity], [Square]])
def test_a_first_layer_without_weights_leaves_x_alone(layers):
    model = nn.Model([*(layer() for layer in layers), nn.Dense(3), nn.Softmax()], n_features=5, seed=0)
    data = X.copy()
    data.flags.writeable = False
    for _ in range(2):
        train_step(model, data, y, nn.SGD(0.1))
    model.fit(data, y, epochs=1, batch_size=None)
    np.testing.assert_array_equal(data, X)


def test_a_network_without_parameters_runs():
    model = nn.Model([nn.Tanh(), nn.Softmax()], n_features=3, seed=0)
    assert model.n_parameters == 0
    history = model.fit(X[:, :3], y, epochs=2)
    assert history["loss"][0] == pytest.approx(history["loss"][1])
    assert dict(model.parameters) == {}


def test_the_gradient_belongs_to_the_batch_as_forward_saw_it():
    model, twin = make_model(), make_model()
    data = X.copy()
    model.forward(data)
    twin.forward(X)
    data[...] = 0  # the user fills the array with the next batch
    model.backward(y)
    twin.backward(y)
    np.testing.assert_array_equal(model.grad, twin.grad)


def test_a_model_is_freed_with_its_last_name():
    import gc
    import weakref

    optimizer = nn.SGD(0.1, momentum=0.9)
    model = make_model()
    model.fit(X, y, optimizer=optimizer, epochs=1)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
