"""What the two scripts with JAX share: initial weights and a jitted accuracy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.peers.jitted_jax import logits


def glorot_weights(seed: int) -> Any:
    """Return the initial weights of 784-256-10."""
    glorot, keys = jax.nn.initializers.glorot_uniform(), jax.random.split(jax.random.key(seed))
    return [(glorot(key, sizes), jnp.zeros(sizes[1])) for key, sizes in zip(keys, ((784, 256), (256, 10)), strict=True)]


@jax.jit
def share_right(weights: Any, X: jax.Array, y: jax.Array) -> jax.Array:
    """Return the accuracy."""
    return (logits(weights, X).argmax(1) == y).mean()
