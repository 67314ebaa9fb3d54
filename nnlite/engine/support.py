"""Which layers, outputs and rules have kernels, and what the kernels need to know of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import layers as all_layers
from nnlite.checks import Array
from nnlite.functional import SELU_ALPHA, SELU_LAMBDA
from nnlite.layers import Layer


class Elementwise(NamedTuple):
    """An activation: the names of its kernels, what the backward pass needs (z or a), and its numbers."""

    name: str
    needs: str
    numbers: Callable[[Any], Sequence[float]] = lambda layer: ()


ACTIVATIONS: dict[type[Layer], Elementwise] = {
    all_layers.ReLU: Elementwise("relu", "a"),
    all_layers.LeakyReLU: Elementwise("leaky_relu", "z", lambda layer: (layer.negative_slope,)),
    all_layers.ELU: Elementwise("elu", "z", lambda layer: (1.0, layer.alpha)),
    all_layers.SELU: Elementwise("elu", "z", lambda layer: (SELU_LAMBDA, SELU_ALPHA)),
    all_layers.Tanh: Elementwise("tanh", "a"),
    all_layers.Sigmoid: Elementwise("sigmoid", "a"),
    all_layers.Exponential: Elementwise("exponential", "a"),
    all_layers.GELU: Elementwise("gelu", "z"),
    all_layers.SiLU: Elementwise("silu", "z"),
    all_layers.HardSwish: Elementwise("hard_swish", "z"),
    all_layers.Softplus: Elementwise("softplus", "z"),
}
NOISE = (all_layers.Dropout, all_layers.AlphaDropout, all_layers.GaussianNoise)
SHAPES = (all_layers.Flatten, all_layers.Reshape)
OUTPUTS = {
    all_layers.Sigmoid: "sigmoid_targets",
    all_layers.Identity: "identity_targets",
    all_layers.Exponential: "exponential_targets",
}


def elementwise(layer: Layer) -> Elementwise | None:
    """Return the kernels of an activation, or None."""
    found = ACTIVATIONS.get(type(layer))
    if isinstance(layer, all_layers.GELU) and found and layer.approximate == "tanh":
        return found._replace(name="gelu_tanh")
    return found


def noise_level(layer: Any) -> float:
    """Return the rate or standard deviation of a layer that draws random numbers; 0 does nothing."""
    return float(layer.stddev if isinstance(layer, all_layers.GaussianNoise) else layer.rate)


def without_kernel(layers: Sequence[Layer], inside: bool = False) -> Layer | None:
    """Return the first layer that has no kernel, or None."""
    for i, layer in enumerate(layers):
        kind = type(layer)
        last = i == len(layers) - 1 and not inside
        if kind is all_layers.Residual:
            found = without_kernel(layer.inner_layers, inside=True)
            if found is not None:
                return found
        elif last:
            if kind not in OUTPUTS and kind is not all_layers.Softmax:
                return layer
        elif not (
            kind in ACTIVATIONS
            or kind in NOISE
            or kind in SHAPES
            or kind in (all_layers.Dense, all_layers.BatchNorm, all_layers.LayerNorm, all_layers.Softmax, all_layers.Identity)
        ):
            return layer
    return None


# ---- rules of optimizers -----------------------------------------------------------------------------------------


class Rule(NamedTuple):
    """How a rule is carried out.

    Attributes
    ----------
    steps : sequence of (kernel, names of the vectors that it takes, whether it takes theta, numbers)
        One after the other, on each piece of theta.
    per_step : callable
        ``per_step(t, rates)`` with the numbers t of the steps and their learning rates: (n_steps, k), what changes from
        step to step. The first column is the learning rate.
    """

    steps: Sequence[tuple[str, tuple[str, ...], bool, tuple[float, ...]]]
    per_step: Callable[[Array, Array], Array]


def _rates(t: Array, rates: Array) -> Array:
    return rates[:, None]


def _averages(rule: Any) -> tuple[float, ...]:
    """beta and 1 - beta of both averages: in float32, 1 - 0.999 would be wrong in the fifth digit."""
    return rule.beta_1, 1 - rule.beta_1, rule.beta_2, 1 - rule.beta_2


def _sgd(rule: Any) -> Rule:
    if not rule.momentum:
        return Rule([("sgd", (), True, ())], _rates)
    return Rule([("nesterov" if rule.nesterov else "momentum", ("velocity",), True, (rule.momentum,))], _rates)


def _adam(rule: Any) -> Rule:
    def per_step(t: Array, rates: Array) -> Array:
        return np.stack([rates, rates / (1 - rule.beta_1**t), 1 / np.sqrt(1 - rule.beta_2**t)], axis=1)

    vectors = rule.state_names
    return Rule([("amsgrad" if rule.amsgrad else "adam", vectors, True, (*_averages(rule), rule.epsilon))], per_step)


def _nadam(rule: Any) -> Rule:
    def per_step(t: Array, rates: Array) -> Array:
        mu, mu_next = (np.array([rule.mu(k) for k in (t + later).tolist()]) for later in (0, 1))
        return np.stack([rates, mu, mu_next, 1 / np.sqrt(1 - rule.beta_2**t)], axis=1)

    return Rule([("nadam", ("m", "v", "P"), True, (*_averages(rule), rule.epsilon))], per_step)


def _adagrad(rule: Any) -> Rule:
    return Rule([("adagrad", ("accumulator",), True, (rule.epsilon,))], _rates)


def _rmsprop(rule: Any) -> Rule:
    numbers = (rule.rho, 1 - rule.rho, rule.epsilon)
    if rule.centered:
        first = ("centered_mean_square", ("mean_square", "mean"), False, numbers)
    else:
        first = ("mean_square", ("mean_square",), False, numbers)
    if rule.momentum:
        return Rule([first, ("momentum", ("velocity",), True, (rule.momentum,))], _rates)
    return Rule([first, ("sgd", (), True, ())], _rates)


def _lion(rule: Any) -> Rule:
    return Rule([("lion", ("m",), True, _averages(rule))], _rates)


def rules() -> dict[type, Callable[[Any], Rule]]:
    """Return the rules that have kernels."""
    from nnlite import optimizers

    return {
        optimizers.SGD: _sgd,
        optimizers.Adam: _adam,
        optimizers.AdamW: _adam,
        optimizers.NAdam: _nadam,
        optimizers.Adagrad: _adagrad,
        optimizers.RMSProp: _rmsprop,
        optimizers.Lion: _lion,
    }
