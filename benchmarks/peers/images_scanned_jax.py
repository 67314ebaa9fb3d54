"""JAX on images with a whole epoch as one compiled program."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.images import Array, ImageNetwork, Weights
from benchmarks.peers import images_jitted_jax
from benchmarks.peers.scanned_jax import scanned

PADDED = images_jitted_jax.PADDED


class Training(images_jitted_jax.Training):
    """One call per epoch: no Python between two steps."""

    def __init__(self, network: ImageNetwork, weights: Weights, X: Array, y: Array) -> None:
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
