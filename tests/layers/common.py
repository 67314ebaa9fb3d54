"""What the tests of layers share: PyTorch's values, networks around a layer, and the slope of an activation."""

import numpy as np

import nnlite as nn

from ..support import reference, training_cache

DTYPES = ["float32", "float64"]
EPS = np.finfo(float).eps
NOT_NUMBERS = [np.nan, np.inf, "0.1", None, True, [0.1], 1j]  # what no hyperparameter accepts as a number

_PYTORCH = reference("layers")


def of_pytorch(layer):
    """The inputs, outputs and gradients of a layer in PyTorch, by name."""
    return {name.split("/")[1]: array for name, array in _PYTORCH.items() if name.split("/")[0] == layer}


def network_of(layers, shape, seed=0, dtype="float64"):
    """A regression network of these layers, whose parameters are drawn; gamma lies between 0.5 and 2."""
    model = nn.Model([*layers, nn.Flatten(), nn.Identity()], n_features=shape, seed=seed, dtype=dtype)
    rng = np.random.default_rng(seed + 1)
    for name, value in model.parameters.items():
        value[...] = rng.uniform(0.5, 2, value.shape) if name.startswith("gamma") else rng.normal(0, 0.7, value.shape)
    return model


def value_and_slope(layer, z):
    """a = g(z), and g'(z): what `backward` makes of da = 1."""
    z, cache = np.atleast_1d(z), training_cache()
    a = layer.forward(z, cache)
    return a, layer.backward(np.ones_like(z), cache)
