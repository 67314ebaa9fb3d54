"""JAX with a whole epoch as one compiled program."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.networks import Array, Network, Weights
from benchmarks.peers import jitted_jax
from benchmarks.peers.jitted_jax import Variables


def scanned(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``lax.scan`` of a training step over the rows of many batches, and the mean of their losses."""

    @functools.partial(jax.jit, donate_argnums=0)
    def steps(variables: Variables, X: Any, y: Any, batches: Any) -> tuple[Variables, Any]:
        variables, losses = jax.lax.scan(lambda variables, rows: step(variables, X, y, rows), variables, batches)
        return variables, losses.mean()

    return steps


class Training(jitted_jax.Training):
    """One call per epoch: no Python between two steps. It is the fair counterpart of nnlite's compiled engine.

    The price is that nothing can be seen or stopped before the epoch ends.
    """

    def __init__(self, network: Network, weights: Weights, X: Array, y: Array) -> None:
        super().__init__(network, weights, X, y)
        self.epoch = scanned(self.step)

    def train(self, epochs: int) -> float:
        """Train for ``epochs`` more epochs; return the loss of the last one."""
        variables = self.variables
        for _ in range(epochs):
            batches = self.rng.permutation(len(self.X)).astype(np.int32).reshape(-1, self.batch)
            variables, mean = self.epoch(variables, self.X, self.y, jnp.asarray(batches))
            loss = float(mean)
        self.variables = jax.block_until_ready(variables)
        return loss
