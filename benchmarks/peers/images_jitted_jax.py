"""JAX on images: a jitted step with donated buffers, and optax."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from benchmarks.images import Array, ImageNetwork, Part, Weights
from benchmarks.networks import EPSILON, MOMENTUM, NEWEST
from benchmarks.peers import jitted_jax
from benchmarks.peers.jitted_jax import training_step

PADDED = False
LAST = ("NHWC", "HWIO", "NHWC")  # channels last
Moved = list[Any]  # running averages after a step


WITHOUT_WEIGHTS: dict[str, Callable[[Any], Any]] = {
    "relu": jax.nn.relu,
    "pool": lambda a: lax.reduce_window(a, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"),
    "mean": lambda a: a.mean(axis=(1, 2)),
    "flatten": lambda a: a.reshape(len(a), -1),
}


class Walk:
    """A pass through the network: it takes the learned weights and the averages one after another.

    Parameters
    ----------
    learned : list
        (W, b) or (gamma, beta) of each layer.
    averages : list
        (mean, variance) of each normalization.
    """

    def __init__(self, learned: Any, averages: Any) -> None:
        self._learned: Iterator[Any] = iter(learned)
        self._averages: Iterator[Any] = iter(averages)
        self.moved: Moved = []

    def part(self, part: Part, a: Any) -> Any:
        """Return the output of a part."""
        kind, *numbers = part
        if kind == "convolution":
            return self._convolution(a, 1, numbers[2].upper())
        if kind == "block":
            return self._block(a, numbers[1])
        if kind == "dense":
            W, b = next(self._learned)
            return a @ W + b
        if kind == "norm":
            return self._norm(a)
        return WITHOUT_WEIGHTS[kind](a)

    def _convolution(self, a: Any, stride: int, padding: str) -> Any:
        W, b = next(self._learned)
        return lax.conv_general_dilated(a, W, (stride, stride), padding, dimension_numbers=LAST) + b

    def _norm(self, z: Any) -> Any:
        (gamma, beta), (mean, variance) = next(self._learned), next(self._averages)
        of_batch = z.mean(axis=(0, 1, 2)), z.var(axis=(0, 1, 2))
        n = z.size // z.shape[-1]
        unbiased = of_batch[1] * (n / (n - 1))
        self.moved.append((mean + NEWEST * (of_batch[0] - mean), variance + NEWEST * (unbiased - variance)))
        return gamma * (z - of_batch[0]) * lax.rsqrt(of_batch[1] + EPSILON) + beta

    def _block(self, a: Any, stride: int) -> Any:
        inside = jax.nn.relu(self._norm(self._convolution(a, stride, "SAME")))
        inside = self._norm(self._convolution(inside, 1, "SAME"))
        around = self._convolution(a, stride, "SAME") if stride > 1 else a
        return jax.nn.relu(inside + around)


def step_of(network: ImageNetwork, optimizer: optax.GradientTransformation) -> Any:
    """Return a training step, not jitted: (variables, X, y, rows) -> (variables, loss)."""

    def mean_loss(learned: Any, averages: Any, X: Any, y: Any) -> tuple[Any, Any]:
        walk, a = Walk(learned, averages), X
        for part in network.parts:
            a = walk.part(part, a)
        return optax.softmax_cross_entropy_with_integer_labels(a, y).mean(), walk.moved

    def step(variables: Any, X: Any, y: Any, rows: Any) -> tuple[Any, Any]:
        learned, averages, state = variables
        gradient = jax.value_and_grad(mean_loss, has_aux=True)
        (loss, averages), gradients = gradient(learned, averages, X[rows], y[rows])
        updates, state = optimizer.update(gradients, state, learned)
        return (optax.apply_updates(learned, updates), averages, state), loss

    return step


class Training(jitted_jax.Training):
    """A loop over a jitted step; all variables are donated."""

    def __init__(self, network: ImageNetwork, weights: Weights, X: Array, y: Array) -> None:
        self.X, self.y = jnp.asarray(X), jnp.asarray(y)
        self.batch = network.batch
        optimizer = optax.sgd(network.rate, momentum=MOMENTUM)
        learned = [tuple(map(jnp.array, values[:2])) for values in weights]
        averages = [tuple(map(jnp.array, values[2:])) for values in weights if len(values) > 2]
        self.variables: Any = (learned, averages, optimizer.init(learned))
        self.step = step_of(network, optimizer)
        self.jitted = training_step(self.step)
        self.rng = np.random.default_rng(0)

    def weights(self) -> Weights:
        """Return the weights so far."""
        learned, averages, _ = self.variables
        of_norms = iter(averages)
        return [
            tuple(map(np.asarray, values if values[0].ndim > 1 else (*values, *next(of_norms)))) for values in learned
        ]
