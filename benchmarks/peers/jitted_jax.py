"""JAX: a jitted step with donated buffers, and optax."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.networks import MOMENTUM, Array, Network, Weights


def logits(weights: Any, X: Any) -> Any:
    """z[L] of the network."""
    a = X
    for W, b in weights[:-1]:
        a = jax.nn.relu(a @ W + b)
    W, b = weights[-1]
    return a @ W + b


def mean_loss(weights: Any, X: Any, y: Any) -> Any:
    """J of a batch, as optax has it."""
    return optax.softmax_cross_entropy_with_integer_labels(logits(weights, X), y).mean()


def training_step(optimizer: optax.GradientTransformation) -> Callable[..., Any]:
    """One jitted step that takes what it changes as donated buffers, and gathers its batch itself.

    X and y are arguments, not constants: XLA would copy constants into the program.
    """

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(weights: Any, state: Any, total: Any, X: Any, y: Any, rows: Any) -> Any:
        loss, gradients = jax.value_and_grad(mean_loss)(weights, X[rows], y[rows])
        updates, state = optimizer.update(gradients, state, weights)
        return optax.apply_updates(weights, updates), state, total + loss

    return step


class Training:
    """A loop over a jitted step.

    - Weights, optimizer state and the sum of the losses are donated: XLA writes the new into the memory of the old.
    - Data is on the device, the step gathers its rows from it; rows go in as a NumPy slice. Cutting the rows out of an
      order on the device, or handing in batches that NumPy has gathered, was no faster.
    - The sum of the losses is read once an epoch: until then, steps are under way while Python prepares the next.
    - One flat vector of parameters (``optax.flatten``) was slower on large networks and no faster on small ones.
    """

    def __init__(self, network: Network, weights: Weights, X: Array, y: Array) -> None:
        self.X, self.y = jnp.asarray(X), jnp.asarray(y)
        self.batch = network.batch
        self.parameters = [(jnp.array(W), jnp.array(b)) for W, b in weights]
        self.optimizer = {
            "SGD": lambda: optax.sgd(network.rate),
            "momentum": lambda: optax.sgd(network.rate, momentum=MOMENTUM),
            "Adam": lambda: optax.adam(network.rate),
        }[network.optimizer]()
        self.state = self.optimizer.init(self.parameters)
        self.step = training_step(self.optimizer)
        self.rng = np.random.default_rng(0)

    def train(self, epochs: int) -> float:
        """Train on; return the loss of the last epoch."""
        parameters, state, n = self.parameters, self.state, len(self.X)
        for _ in range(epochs):
            order = self.rng.permutation(n).astype(np.int32)
            total = jnp.zeros(())
            for start in range(0, n, self.batch):
                rows = order[start : start + self.batch]
                parameters, state, total = self.step(parameters, state, total, self.X, self.y, rows)
            mean = float(total) * self.batch / n
        self.parameters, self.state = jax.block_until_ready((parameters, state))
        return mean

    def weights(self) -> Weights:
        """What it has learned."""
        return [(np.asarray(W), np.asarray(b)) for W, b in self.parameters]


def predictor(weights: Weights) -> Callable[[Array], Array]:
    """A jitted function with the weights as constants, called with a NumPy array.

    ``np.from_dlpack`` takes the result over without a copy, in three quarters of the time of ``np.asarray`` at batch 1.
    """
    constants = [(jnp.array(W), jnp.array(b)) for W, b in weights]
    compiled = jax.jit(lambda X: jax.nn.softmax(logits(constants, X)))
    return lambda X: np.from_dlpack(compiled(X))
