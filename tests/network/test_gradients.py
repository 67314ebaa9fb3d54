"""Facts about the backward pass: every gradient is the derivative of the cost.

Two witnesses: difference quotients of the network's own cost, and autograd, which differentiates the equations in
`oracle` by itself.
"""

import inspect
import itertools

import numpy as np
import pytest

import nnlite as nn
from nnlite import layers as nn_layers

from .. import oracle
from ..support import training_cache

H = 5e-4  # step of the difference quotients: their error is rounding, 1e-16 / H, and H^4
KINK = 0.02  # examples that bring a unit nearer to a kink of its activation are left out of difference quotients
SMALL = 1e-4  # gradients below this norm are held against difference quotients by their absolute error


def derivatives(J, theta):
    """dJ/dtheta entry by entry, from four values of J around theta; the error is of order H^4."""
    n = np.empty(theta.shape)
    for i in np.ndindex(*theta.shape):
        at = theta[i]
        values = []
        for step in (2 * H, H, -H, -2 * H):
            theta[i] = at + step
            values.append(J())
        theta[i] = at
        n[i] = (-values[0] + 8 * values[1] - 8 * values[2] + values[3]) / (12 * H)
    return n


def relative_error(g, n, small=SMALL):
    norm = np.linalg.norm
    return norm(g - n) / max(norm(g) + norm(n), small)


def assert_gradients_are_derivatives(model, X, Y):
    """Of the cost, by each parameter."""

    def J():
        model.forward(X)
        return model.cost(Y)

    J()
    model.backward(Y)
    gradients = {name: g.copy() for name, g in model.gradients.items()}
    for name, theta in model.parameters.items():
        g = gradients[f"d{name}"]
        assert g.shape == theta.shape
        assert relative_error(g, derivatives(J, theta)) < 1e-7, name


class Network:
    """A network drawn from a seed, with a batch for it, for nnlite and for the oracle."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.activations = list(
            rng.choice([name for name in oracle.ACTIVATIONS if name != "Exponential"], rng.integers(0, 6))
        )
        self.activations.append(str(rng.choice(list(oracle.LOSSES))))
        sizes = rng.integers(1, 13, len(self.activations) + 1)
        if self.activations[-1] == "Softmax":
            sizes[-1] = max(sizes[-1], 2)
        self.parameters = [
            (rng.normal(0, 1.5 / np.sqrt(n_in), (n_in, n_out)), rng.normal(0, 0.5, n_out))
            for n_in, n_out in itertools.pairwise(sizes)
        ]
        self.parameters[-1][0][...] *= 0.3  # the oracle's log(1 - y_hat) loses its digits where y_hat is near 1
        self.M = int(rng.integers(1, 17))
        pool = rng.normal(size=(4000, sizes[0]))
        smooth = oracle.distance_to_kinks(self.parameters, self.activations, pool) > KINK
        self.X = pool[smooth][: self.M]
        assert len(self.X) == self.M
        self.Y, self.rows = self.draw_targets(rng, self.activations[-1], sizes[-1])

    def draw_targets(self, rng, output, C):
        """Y in a form that the output layer takes, and as rows (M, C)."""
        if output == "Identity":
            Y = rng.normal(size=(self.M, C))
            return (Y[:, 0] if C == 1 and rng.integers(2) else Y), Y
        if output == "Exponential":
            return (Y := rng.gamma(2.0, 1.0, (self.M, C))), Y
        if output == "Sigmoid":
            Y = rng.random((self.M, C)) if rng.integers(2) else rng.integers(0, 2, (self.M, C))
            return (Y[:, 0] if C == 1 and rng.integers(2) else Y), Y
        y = rng.integers(0, C, self.M)
        rows = (np.arange(C) == y[:, None]).astype(float)
        soft = rng.dirichlet(np.ones(C), self.M)
        return [(y, rows), (rows, rows), (soft, soft)][rng.integers(3)]

    def model(self, dtype="float64"):
        layers = []
        for (_, b), name in zip(self.parameters, self.activations, strict=True):
            layers.append(nn.Dense(len(b)))
            if name != "nothing":
                layers.append(getattr(nn_layers, name)())
        model = nn.Model(layers, n_features=self.X.shape[1], dtype=dtype)
        for l, (W, b) in enumerate(self.parameters, start=1):
            model.parameters[f"W{l}"][...] = W
            model.parameters[f"b{l}"][...] = b
        return model


SEEDS = range(80)


# ---- one layer at a time --------------------------------------------------------------------------------------

MIDDLE = {
    nn.Dense: lambda: nn.Dense(4),
    nn.ReLU: nn.ReLU,
    nn.Tanh: nn.Tanh,
    nn_layers.LeakyReLU: nn_layers.LeakyReLU,
    nn_layers.ELU: nn_layers.ELU,
    nn_layers.SELU: nn_layers.SELU,
    nn_layers.GELU: nn_layers.GELU,
    nn_layers.SiLU: nn_layers.SiLU,
    nn_layers.HardSwish: nn_layers.HardSwish,
    nn_layers.Softplus: nn_layers.Softplus,
    nn.Softmax: nn.Softmax,
    nn.Sigmoid: nn.Sigmoid,
    nn.Identity: nn.Identity,
    nn.Exponential: nn.Exponential,
}
OUTPUTS = [nn.Softmax, nn.Sigmoid, nn.Identity, nn.Exponential]
# those that draw, keep a state, hold others or change the shape: test_layers.py
ELSEWHERE = {
    nn.AlphaDropout,
    nn.BatchNorm,
    nn.Dropout,
    nn.Flatten,
    nn.GaussianNoise,
    nn.LayerNorm,
    nn.Reshape,
    nn.Residual,
}


def is_abstract(layer):
    return layer is nn.Layer or "forward" not in vars(layer)


def test_every_layer_of_the_library_is_here():
    public = [getattr(nn.layers, name) for name in nn.layers.__all__]
    layers = {c for c in public if inspect.isclass(c) and issubclass(c, nn.Layer) and not is_abstract(c)}
    assert layers == set(MIDDLE) | ELSEWHERE
    assert {c for c in layers if issubclass(c, nn.Output)} == set(OUTPUTS)


def draw_parameters(model, rng):
    model.theta[...] = rng.normal(0, 0.7, model.theta.size)


def draw_targets(output, rng, M, units):
    if output is nn.Softmax:
        return rng.dirichlet(np.ones(units), M)
    if output is nn.Exponential:
        return rng.gamma(2.0, 1.0, (M, units))
    return rng.random((M, units)) if output is nn.Sigmoid else rng.normal(size=(M, units))


def away_from_the_kink(z):
    return np.where(z < 0, z - 0.1, z + 0.1)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("layer", MIDDLE)
def test_gradients_through_a_layer_in_the_middle_are_derivatives(layer, output):
    rng = np.random.default_rng(3)
    middle = MIDDLE[layer]()
    model = nn.Model([nn.Dense(5), middle, nn.Dense(3), output()], n_features=4, dtype="float64")
    draw_parameters(model, rng)
    W, b = model.parameters["W1"], model.parameters["b1"]
    X = rng.normal(size=(40, 4))
    X = X[np.abs(X @ W + b).min(1) > KINK][:6]
    assert len(X) == 6
    assert_gradients_are_derivatives(model, X, draw_targets(output, rng, len(X), 3))


@pytest.mark.parametrize("units", [2, 3, 7])
@pytest.mark.parametrize("output", OUTPUTS)
def test_gradients_of_a_network_without_hidden_layer_are_derivatives(output, units):
    rng = np.random.default_rng(units)
    model = nn.Model([nn.Dense(units), output()], n_features=4, dtype="float64")
    draw_parameters(model, rng)
    assert_gradients_are_derivatives(model, rng.normal(size=(6, 4)), draw_targets(output, rng, 6, units))


@pytest.mark.parametrize("layer", [layer for layer in MIDDLE if layer is not nn.Dense])
@pytest.mark.parametrize("shape", [(6, 5), (1, 5), (6, 1)])
def test_backward_of_a_layer_is_the_derivative_by_its_input(layer, shape):
    rng = np.random.default_rng(0)
    g, X, da = layer(), away_from_the_kink(rng.normal(size=shape)), rng.normal(size=shape)
    cache = training_cache()

    def J():
        return np.sum(da * g.forward(X, cache))  # of which dJ/da is da

    n = derivatives(J, X)
    J()
    dX = g.backward(da.copy(), cache)
    assert relative_error(dX, n) < 1e-7


def dense_of_a_network(units, n_in, rng):
    dense = nn.Dense(units)
    model = nn.Model([dense, nn.Identity()], n_features=n_in, dtype="float64")
    model.theta[...] = rng.normal(size=model.theta.size)
    model.grad[...] = np.nan
    return dense


@pytest.mark.parametrize(("M", "n_in", "units"), [(6, 4, 5), (1, 4, 5), (6, 1, 1)])
def test_backward_of_dense_is_the_derivative_by_its_input_and_its_parameters(M, n_in, units):
    rng = np.random.default_rng(0)
    dense = dense_of_a_network(units, n_in, rng)
    X, dz = rng.normal(size=(M, n_in)), rng.normal(size=(M, units))
    cache = training_cache()

    def J():
        return np.sum(dz * dense.forward(X, cache))

    expected = {name: derivatives(J, theta) for name, theta in (("X", X), ("W", dense.W), ("b", dense.b))}
    J()
    dX = dense.backward(dz.copy(), cache)
    for name, g in (("X", dX), ("W", dense.dW), ("b", dense.db)):
        assert relative_error(g, expected[name]) < 1e-7, name


def test_dense_spares_the_gradient_of_its_input_where_nobody_asks_for_it():
    rng = np.random.default_rng(0)
    dense = dense_of_a_network(3, 4, rng)
    X, dz = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    cache = training_cache(input_gradient=False)
    dense.forward(X, cache)
    assert dense.backward(dz.copy(), cache) is None
    np.testing.assert_allclose(dense.dW, X.T @ dz, rtol=1e-13)
    np.testing.assert_allclose(dense.db, dz.sum(0), rtol=1e-13)


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_loss_of_an_output_starts_backward_with_its_derivative_by_z(output):
    rng = np.random.default_rng(0)
    layer, z, Y = output(), rng.normal(size=(6, 4)), draw_targets(output, rng, 6, 4)
    cache = training_cache()

    def sum_of_losses():
        layer.forward(z, cache)
        return np.sum(layer.losses(Y, cache))

    n = derivatives(sum_of_losses, z)
    Y_hat = layer.forward(z, cache).copy()
    dz = layer.start_backward(Y, cache)
    assert relative_error(dz, n) < 1e-7
    np.testing.assert_array_equal(dz, Y_hat - Y)


@pytest.mark.parametrize("seed", range(8))
def test_layers_chained_by_hand_give_the_derivative_by_X(seed):
    network = Network(seed)
    model = network.model()
    caches = [training_cache() for _ in model.layers]
    X, Y = network.X, network.rows.astype(float)

    def sum_of_losses():
        a = X
        for layer, cache in zip(model.layers, caches, strict=True):
            a = layer.forward(a, cache)
        return np.sum(model.output.losses(Y, caches[-1]))

    n = derivatives(sum_of_losses, X)
    sum_of_losses()
    da = model.output.start_backward(Y, caches[-1])
    for layer, cache in zip(model.layers[-2::-1], caches[-2::-1], strict=True):
        da = layer.backward(da, cache)
    assert relative_error(da, n, small=1e-3) < 1e-7  # a sum of losses has more rounding than their mean


# ---- whole networks -------------------------------------------------------------------------------------------


def test_the_random_networks_have_every_activation_output_and_depth():
    networks = [Network(seed) for seed in SEEDS]
    hidden = set(oracle.ACTIVATIONS) - {"Exponential"}  # of a chain of them, exp overflows
    assert {name for network in networks for name in network.activations[:-1]} == hidden
    assert {network.activations[-1] for network in networks} == set(oracle.LOSSES)
    assert {len(network.activations) - 1 for network in networks} == set(range(6))
    assert {network.M for network in networks} == set(range(1, 17))
    forms = {(network.activations[-1], network.Y.ndim, network.Y.dtype.kind) for network in networks}
    assert {("Softmax", 1, "i"), ("Softmax", 2, "f"), ("Sigmoid", 2, "i"), ("Sigmoid", 2, "f")} < forms


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_of_any_network_are_derivatives(seed):
    network = Network(seed)
    assert_gradients_are_derivatives(network.model(), network.X, network.Y)


@pytest.mark.parametrize("seed", SEEDS)
def test_cost_and_gradients_are_those_of_autograd(seed):
    network = Network(seed)
    model = network.model()
    Y_hat = model.forward(network.X)
    passes = oracle.forward(network.parameters, network.activations, network.X)
    np.testing.assert_allclose(Y_hat, passes[-1][1], rtol=1e-11, atol=1e-13)
    arguments = network.parameters, network.activations, network.X, network.rows
    assert model.cost(network.Y) == pytest.approx(oracle.cost(*arguments), rel=1e-12)
    model.backward(network.Y)
    for l, (dW, db) in enumerate(oracle.gradients(*arguments), start=1):
        for name, expected in ((f"dW{l}", dW), (f"db{l}", db)):
            assert relative_error(model.gradients[name], expected, small=1e-5) < 1e-10, name


@pytest.mark.parametrize("seed", SEEDS[:20])
def test_gradients_in_float32_are_those_in_float64_rounded(seed):
    network = Network(seed)
    exact, rounded = network.model("float64"), network.model("float32")
    for model in (exact, rounded):
        model.forward(network.X)
        model.backward(network.Y)
    for name, g in rounded.gradients.items():
        assert g.dtype == np.float32
        assert relative_error(g, exact.gradients[name], small=1e-2) < 1e-4, name


# ---- facts about the backward pass ----------------------------------------------------------------------------


def two_layers(output, seed=0):
    rng = np.random.default_rng(seed)
    model = nn.Model([nn.Dense(6), nn.Tanh(), nn.Dense(4), output()], n_features=5, dtype="float64")
    draw_parameters(model, rng)
    return model, rng.normal(size=(7, 5)), draw_targets(output, rng, 7, 4)


def gradients_of(model, X, Y):
    model.forward(X)
    model.backward(Y)
    return {name: g.copy() for name, g in model.gradients.items()}


@pytest.mark.parametrize("output", OUTPUTS)
def test_backward_starts_with_dz_equal_to_y_hat_minus_y(output):
    model, X, Y = two_layers(output)
    Y_hat = model.forward(X)
    model.backward(Y)
    np.testing.assert_allclose(model.gradients["db2"], (Y_hat - Y).mean(0), rtol=1e-13)


@pytest.mark.parametrize("output", OUTPUTS)
def test_dW_is_the_mean_of_the_outer_products_of_a_prev_and_dz(output):
    model, X, Y = two_layers(output)
    Y_hat = model.forward(X)
    model.backward(Y)
    a1 = np.tanh(X @ model.parameters["W1"] + model.parameters["b1"])
    dz2 = Y_hat - Y
    dz1 = dz2 @ model.parameters["W2"].T * (1 - a1**2)
    for l, a_prev, dz in ((2, a1, dz2), (1, X, dz1)):
        outer = [np.outer(a, d) for a, d in zip(a_prev, dz, strict=True)]
        np.testing.assert_allclose(model.gradients[f"dW{l}"], np.mean(outer, 0), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(model.gradients[f"db{l}"], dz.mean(0), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("seed", SEEDS[:20])
def test_backward_twice_is_backward_once(seed):
    network = Network(seed)
    model = network.model()
    once = gradients_of(model, network.X, network.Y)
    model.backward(network.Y)
    for name, g in model.gradients.items():
        np.testing.assert_array_equal(g, once[name])


@pytest.mark.parametrize("seed", SEEDS[:20])
def test_cost_and_predict_between_forward_and_backward_change_no_gradient(seed):
    network = Network(seed)
    model = network.model()
    once = gradients_of(model, network.X, network.Y)
    model.forward(network.X)
    model.predict(network.X[::-1])
    model.cost(network.Y)
    model.evaluate(network.X[:1], network.Y[:1])
    model.backward(network.Y)
    for name, g in model.gradients.items():
        np.testing.assert_array_equal(g, once[name])


@pytest.mark.parametrize("seed", SEEDS[:20])
def test_gradient_of_a_batch_is_the_mean_of_the_gradients_of_its_examples(seed):
    network = Network(seed)
    model = network.model()
    of_batch = gradients_of(model, network.X, network.Y)
    of_each = [gradients_of(model, network.X[[i]], network.Y[[i]]) for i in range(network.M)]
    for name, g in of_batch.items():
        np.testing.assert_allclose(g, np.mean([each[name] for each in of_each], 0), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("seed", SEEDS[:20])
def test_batches_of_other_sizes_before_leave_no_trace(seed):
    network = Network(seed)
    model, fresh = network.model(), network.model()
    for M in (network.M, 1, network.M):
        again = gradients_of(model, network.X[:M], network.Y[:M])
    for name, g in gradients_of(fresh, network.X, network.Y).items():
        np.testing.assert_array_equal(again[name], g)


def test_one_hot_rows_and_class_indices_give_the_same_gradients():
    model, X, _ = two_layers(nn.Softmax)
    y = np.array([0, 3, 1, 1, 2, 0, 3])
    for_indices = gradients_of(model, X, y)
    for name, g in gradients_of(model, X, nn.one_hot(y, 4)).items():
        np.testing.assert_array_equal(g, for_indices[name])


def test_gradient_is_zero_where_the_prediction_is_the_truth():
    for output in OUTPUTS:
        model, X, _ = two_layers(output)
        Y_hat = model.forward(X)
        for g in gradients_of(model, X, Y_hat).values():
            np.testing.assert_allclose(g, 0, atol=1e-15)


def test_gradients_by_the_input_of_softmax_sum_to_0():
    rng = np.random.default_rng(0)
    layer, cache = nn.Softmax(), training_cache()
    layer.forward(rng.normal(size=(6, 4)), cache)
    dz = layer.backward(rng.normal(size=(6, 4)), cache)
    np.testing.assert_allclose(dz.sum(1), 0, atol=1e-15)


def test_relu_passes_no_gradient_at_0_and_below():
    layer, cache = nn.ReLU(), training_cache()
    layer.forward(np.array([[-2.0, -0.0, 0.0, 3.0]]), cache)
    np.testing.assert_array_equal(layer.backward(np.full((1, 4), 5.0), cache), [[0, 0, 0, 5]])


@pytest.mark.parametrize("layer", list(MIDDLE))
def test_a_backward_pass_needs_a_forward_pass_before_it(layer):
    if layer is nn.Identity:
        return  # dz = da, whatever went forward
    cache = training_cache()
    g = dense_of_a_network(2, 2, np.random.default_rng(0)) if layer is nn.Dense else layer()
    with pytest.raises(AttributeError, match="call forward with this cache before"):
        g.backward(np.ones((1, 2)), cache)
