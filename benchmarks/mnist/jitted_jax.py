"""MNIST to 97 % with JAX: the jitted step of the training row, and a jitted accuracy."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.mnist.common import BATCH, EVERY, RATE, arguments, done, read_mnist
from benchmarks.mnist.jax_accuracy import glorot_weights, share_right
from benchmarks.peers.jitted_jax import step_of, training_step, variables_of

directory, seed = arguments()
X, y, X_test, y_test = map(jnp.asarray, read_mnist(directory))
rng = np.random.default_rng(seed)
optimizer = optax.adam(RATE)
variables, step, total = variables_of(glorot_weights(seed), optimizer), training_step(step_of(optimizer)), jnp.zeros(())
steps, reached = 0, False
while not reached:
    order = rng.permutation(len(X)).astype(np.int32)
    for start in range(0, len(X) - BATCH + 1, BATCH):  # a smaller last batch would be compiled for on its own
        variables, total = step(variables, total, X, y, order[start : start + BATCH])
        steps += 1
        if steps % EVERY == 0 and (reached := done(float(share_right(variables.weights, X_test, y_test)), steps)):
            break
