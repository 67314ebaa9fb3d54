"""Facts about the backward pass of each layer: it is the derivative by its input and by its parameters."""

import inspect

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import (
    AlphaDropout,
    BatchNorm,
    Dropout,
    Exponential,
    Flatten,
    GaussianNoise,
    LayerNorm,
    Reshape,
    Residual,
)

from ..derivatives import (
    KINK,
    assert_gradients_are_derivatives,
    derivatives,
    draw_parameters,
    draw_targets,
    relative_error,
)
from ..support import for_each, training_cache
from .common import network_of

ELEMENTWISE = [
    nn.ReLU,
    nn.Tanh,
    nn.LeakyReLU,
    nn.ELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.HardSwish,
    nn.Softplus,
    nn.Softmax,
    nn.Sigmoid,
    nn.Identity,
    nn.Exponential,
]  # activations, of any number of units
OUTPUTS = [nn.Softmax, nn.Sigmoid, nn.Identity, nn.Exponential]

# layers that draw, keep a state, contain layers or change the shape: the shape of an example, and the layers
CHAINS = {
    "batch norm": ((4,), lambda: [BatchNorm()]),
    "batch norm of images": ((3, 2), lambda: [BatchNorm(momentum=0.5, epsilon=0.1)]),
    "layer norm": ((4,), lambda: [LayerNorm()]),
    "layer norm of images": ((3, 2), lambda: [LayerNorm(epsilon=0.1)]),
    "residual": ((4,), lambda: [Residual([nn.Dense(3), nn.Tanh(), nn.Dense(4)])]),
    "residual of batch norm": ((4,), lambda: [Residual([BatchNorm()])]),
    "residual of activations": ((4,), lambda: [Residual([nn.Tanh(), nn.Sigmoid()])]),
    "residual of shapes": ((2, 2), lambda: [Residual([Flatten(), nn.Dense(4), nn.Tanh(), Reshape((2, 2))])]),
    "residuals": (
        (4,),
        lambda: [Residual([nn.Dense(4), Residual([BatchNorm(), nn.Tanh(), Residual([nn.Dense(4), LayerNorm()])])])],
    ),
    "dropout": ((4,), lambda: [nn.Dense(5), Dropout(0.4), nn.Dense(3)]),
    "alpha dropout": ((4,), lambda: [nn.Dense(5), AlphaDropout(0.4), nn.Dense(3)]),
    "noise": ((4,), lambda: [nn.Dense(5), GaussianNoise(0.4), nn.Tanh(), nn.Dense(3)]),
    "residual with dropout": ((4,), lambda: [Residual([nn.Dense(5), Dropout(0.4), BatchNorm(), nn.Dense(4)])]),
    "convolutions": (
        (5, 6, 2),
        lambda: [
            *(nn.Conv2D(4, 3, padding="same", strides=(2, 1)), BatchNorm(), nn.Tanh(), nn.Dropout2D(0.4)),
            *(nn.MaxPool2D((1, 2)), nn.Conv2D(4, 2, groups=2, dilation=(1, 2)), nn.GlobalAveragePool2D()),
        ],
    ),
    "pooling and padding": (
        (3, 4, 2),
        lambda: [nn.ZeroPadding2D((1, 0)), nn.AveragePool2D((2, 3), 1, "same"), nn.MaxPool2D(2, padding="same")],
    ),
    "convolutions of sequences": (
        (7, 2),
        lambda: [
            *(nn.ZeroPadding1D((2, 0)), nn.Conv1D(3, 3), nn.Dropout1D(0.4), nn.AveragePool1D(2), BatchNorm()),
            *(nn.Conv1D(4, 2, padding="same"), nn.Tanh(), nn.MaxPool1D(2), nn.GlobalAveragePool1D()),
        ],
    ),
    "residual with a projection": (
        (4, 4, 2),
        lambda: [
            Residual(
                [BatchNorm(), nn.Conv2D(3, 3, strides=2, padding="same"), nn.Tanh(), nn.Conv2D(3, 3, padding="same")],
                shortcut=[BatchNorm(), nn.Conv2D(3, 1, strides=2)],
            )
        ],
    ),
    "exponential": ((4,), lambda: [nn.Dense(3), Exponential()]),
    "a network": (
        (2, 2),
        lambda: [Flatten(), nn.Dense(4), BatchNorm(), nn.Tanh(), Residual([LayerNorm(), nn.Dense(4)]), Dropout(0.2)],
    ),
}


def test_every_layer_of_the_library_is_in_this_file():
    public = [value for name, value in vars(nn.layers).items() if name in nn.layers.__all__]
    layers = {c for c in public if inspect.isclass(c) and issubclass(c, nn.Layer) and c.forward is not nn.Layer.forward}
    in_chains = {type(layer) for shape, make in CHAINS.values() for layer in network_of(make(), shape).all_layers()}
    assert layers == {*ELEMENTWISE, *in_chains}
    assert {c for c in layers if issubclass(c, nn.Output)} == set(OUTPUTS)


# ---- activations and Dense ------------------------------------------------------------------------------------


@for_each("output", OUTPUTS)
@for_each("layer", [nn.Dense, *ELEMENTWISE])
def test_gradients_through_a_layer_in_the_middle_are_derivatives(layer, output):
    rng = np.random.default_rng(3)
    middle = nn.Dense(4) if layer is nn.Dense else layer()
    model = nn.Model([nn.Dense(5), middle, nn.Dense(3), output()], n_features=4, dtype="float64")
    draw_parameters(model, rng)
    W, b = model.parameters["W1"], model.parameters["b1"]
    X = rng.normal(size=(40, 4))
    X = X[np.abs(X @ W + b).min(1) > KINK][:6]
    assert len(X) == 6
    assert_gradients_are_derivatives(model, X, draw_targets(output, rng, len(X), 3))


@for_each("layer", ELEMENTWISE)
@for_each("shape", [(6, 5), (1, 5), (6, 1)])
def test_backward_of_an_activation_is_the_derivative_by_its_input(layer, shape):
    rng = np.random.default_rng(0)
    g, z, da = layer(), rng.normal(size=shape), rng.normal(size=shape)
    z += np.where(z < 0, -0.1, 0.1)  # away from the kink at 0
    cache = training_cache()

    def J():
        return np.sum(da * g.forward(z, cache))  # dJ/da is da

    n = derivatives(J, z)
    J()
    assert relative_error(g.backward(da.copy(), cache), n) < 1e-7


@for_each("layer", [layer for layer in ELEMENTWISE if layer is not nn.Identity])
def test_a_backward_pass_needs_a_forward_pass_before_it(layer):
    with pytest.raises(AttributeError, match="forward must set it, with this cache, before"):
        layer().backward(np.ones((1, 2)), training_cache())


# ---- outputs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_backward_pass_of_an_output_starts_with_the_derivative_of_its_loss_by_z(output):
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


def test_the_gradients_of_softmax_by_its_input_sum_to_0():
    rng = np.random.default_rng(0)
    layer, cache = nn.Softmax(), training_cache()
    layer.forward(rng.normal(size=(6, 4)), cache)
    dz = layer.backward(rng.normal(size=(6, 4)), cache)
    np.testing.assert_allclose(dz.sum(1), 0, atol=1e-15)


# ---- chains of other layers -----------------------------------------------------------------------------------


@for_each("what", CHAINS)
def test_gradients_of_a_chain_are_derivatives(what):
    check_a_chain(what, 3, "training")


@pytest.mark.slow
@for_each("mode", ["training", "prediction", "frozen norms"])
@for_each("M", [6, 3])
@for_each("what", CHAINS)
def test_gradients_of_a_chain_are_derivatives_in_each_mode(what, M, mode):
    check_a_chain(what, M, mode)


def check_a_chain(what, M, mode):
    """Compare the gradients by X and by every parameter; each value of the cost draws the same noise."""
    shape, make = CHAINS[what]
    model = network_of(make(), shape)
    rng = np.random.default_rng(5)
    for _ in range(3):  # let the running averages differ from their start
        model.forward(rng.normal(1, 2, (20, *shape)))
    for layer in model.all_layers():
        if isinstance(layer, BatchNorm) and mode == "frozen norms":
            layer.trainable = False
    X = rng.normal(size=(M, *shape))
    da = rng.normal(size=model.forward(X).shape)
    drawn = model.rng.bit_generator.state
    caches = [nn.Cache(training=mode != "prediction", rng=model.rng) for _ in model.layers]

    def J():
        model.rng.bit_generator.state = drawn
        a = X
        for layer, cache in zip(model.layers, caches, strict=True):
            a = layer.forward(a, cache)
        return np.sum(da * a)

    J()
    model.grad[...] = np.nan  # backward must write each gradient, not add to it
    gradient = da.copy()
    for layer, cache in zip(model.layers[::-1], caches[::-1], strict=True):
        gradient = layer.backward(gradient, cache)
    assert relative_error(gradient, derivatives(J, X)) < 1e-7
    gradients = {name: g.copy() for name, g in model.gradients.items()}
    for name, theta in model.parameters.items():
        assert relative_error(gradients[f"d{name}"], derivatives(J, theta)) < 1e-7, name


@pytest.mark.parametrize("M", [5, 1, 8])
def test_gradients_do_not_depend_on_the_batch_before(M):
    rng = np.random.default_rng(0)
    layers = lambda: [Residual([nn.Dense(4), LayerNorm(), nn.Tanh()]), LayerNorm(), BatchNorm()]  # noqa: E731
    model, fresh = network_of(layers(), 4), network_of(layers(), 4)
    model.forward(rng.normal(size=(6, 4)))
    X, Y = rng.normal(size=(2, M, 4))
    np.testing.assert_array_equal(model.forward(X), fresh.forward(X))
    for network in (model, fresh):
        network.backward(Y)
    np.testing.assert_array_equal(model.grad, fresh.grad)


def test_float32_stays_float32_through_every_layer():
    layers = [Reshape((2, 2)), LayerNorm(), Flatten(), BatchNorm(), GaussianNoise(0.1), Residual([nn.Dense(4),
              AlphaDropout(0.1)]), Dropout(0.1), nn.Dense(1), Exponential()]  # fmt: skip
    model = nn.Model(layers, n_features=4, seed=0)
    X = np.random.default_rng(0).normal(size=(20, 4))
    assert model.forward(X).dtype == np.float32
    model.backward(np.ones(20))
    assert model.grad.dtype == model.state.dtype == model.predict(X).dtype == np.float32
    assert np.isfinite(model.grad).all()
