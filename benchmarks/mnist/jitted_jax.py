"""MNIST to 97 % with JAX: the jitted step of the training row, and a jitted accuracy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.mnist.common import BATCH, EVERY, RATE, arguments, done, read_mnist
from benchmarks.peers.jitted_jax import logits, training_step


@jax.jit
def share_right(weights: object, X: jax.Array, y: jax.Array) -> jax.Array:
    """Accuracy."""
    return (logits(weights, X).argmax(1) == y).mean()


directory, seed = arguments()
X, y, X_test, y_test = map(jnp.asarray, read_mnist(directory))
rng = np.random.default_rng(seed)
glorot, keys = jax.nn.initializers.glorot_uniform(), jax.random.split(jax.random.key(seed))
weights = [(glorot(key, sizes), jnp.zeros(sizes[1])) for key, sizes in zip(keys, ((784, 256), (256, 10)), strict=True)]
optimizer = optax.adam(RATE)
step, state, total = training_step(optimizer), optimizer.init(weights), jnp.zeros(())
steps, reached = 0, False
while not reached:
    order = rng.permutation(len(X)).astype(np.int32)
    for start in range(0, len(X) - BATCH + 1, BATCH):  # a smaller last batch would be compiled for on its own
        weights, state, total = step(weights, state, total, X, y, order[start : start + BATCH])
        steps += 1
        if steps % EVERY == 0 and (reached := done(float(share_right(weights, X_test, y_test)), steps)):
            break
