"""JAX with a whole epoch as one compiled program."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.networks import Array, Network, Weights
from benchmarks.peers import jitted_jax


def scanned_epoch(optimizer: optax.GradientTransformation) -> Any:
    """``lax.scan`` of the training step over the batches of an epoch, the mean of their losses at the end."""

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def epoch(weights: Any, state: Any, X: Any, y: Any, batches: Any) -> Any:
        def step(carried: Any, rows: Any) -> Any:
            weights, state = carried
            loss, gradients = jax.value_and_grad(jitted_jax.mean_loss)(weights, X[rows], y[rows])
            updates, state = optimizer.update(gradients, state, weights)
            return (optax.apply_updates(weights, updates), state), loss

        (weights, state), losses = jax.lax.scan(step, (weights, state), batches)
        return weights, state, losses.mean()

    return epoch


class Training(jitted_jax.Training):
    """One call an epoch: nothing of Python between two steps, and nothing to be seen or stopped within an epoch.

    No other framework here gives that up; it is measured apart, since who needs no look at the batches gains by it.
    """

    def __init__(self, network: Network, weights: Weights, X: Array, y: Array) -> None:
        super().__init__(network, weights, X, y)
        self.epoch = scanned_epoch(self.optimizer)

    def train(self, epochs: int) -> float:
        """Train on; return the loss of the last epoch."""
        parameters, state = self.parameters, self.state
        for _ in range(epochs):
            batches = self.rng.permutation(len(self.X)).astype(np.int32).reshape(-1, self.batch)
            parameters, state, mean = self.epoch(parameters, state, self.X, self.y, jnp.asarray(batches))
            loss = float(mean)
        self.parameters, self.state = jax.block_until_ready((parameters, state))
        return loss
