"""JAX: a jitted step with donated buffers, and optax."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import networks
from benchmarks.networks import Array, Network, Weights, folded


class Variables(NamedTuple):
    """All that a step changes.

    Attributes
    ----------
    weights : list of (W, b)
    scales : list of (gamma, beta)
        Of the batch normalizations; empty without them, as the next two.
    averages : list of (mean, variance)
    key : JAX key or None
        For dropout.
    state : Any
        Of the optimizer.
    """

    weights: Any
    scales: Any
    averages: Any
    key: Any
    state: Any


def logits(weights: Any, X: Any) -> Any:
    """Return z[L] of a plain network."""
    a = X
    for W, b in weights[:-1]:
        a = jax.nn.relu(a @ W + b)
    W, b = weights[-1]
    return a @ W + b


def regularized_logits(learned: Any, averages: Any, key: Any, X: Any, dropout: float) -> tuple[Any, Any]:
    """Return z[L] of a network with BatchNorm and Dropout, in training, and the new running averages."""
    weights, scales = learned
    a, moved = X, []
    layers = zip(weights[:-1], scales, averages, jax.random.split(key, len(scales)), strict=True)
    for (W, b), (gamma, beta), (mean, variance), key_of_layer in layers:
        z = a @ W + b
        of_batch = z.mean(axis=0), z.var(axis=0)
        a = jax.nn.relu(gamma * (z - of_batch[0]) * jax.lax.rsqrt(of_batch[1] + networks.EPSILON) + beta)
        kept = jax.random.bernoulli(key_of_layer, 1 - dropout, a.shape)
        a = jnp.where(kept, a / (1 - dropout), 0.0)
        unbiased = of_batch[1] * (len(z) / (len(z) - 1))
        moved.append(
            (mean + networks.NEWEST * (of_batch[0] - mean), variance + networks.NEWEST * (unbiased - variance))
        )
    W, b = weights[-1]
    return a @ W + b, moved


def optimizer_of(network: Network) -> optax.GradientTransformation:
    """Return the optimizer that a network is trained with."""
    if network.optimizer == "SGD":
        return optax.sgd(network.rate)
    if network.optimizer == "momentum":
        return optax.sgd(network.rate, momentum=networks.MOMENTUM)
    if network.optimizer == "Adam":
        return optax.adam(network.rate)
    schedule = optax.cosine_onecycle_schedule(
        network.all_steps, network.rate, networks.RISE, networks.FIRST, networks.LAST
    )
    return optax.chain(
        optax.clip_by_global_norm(networks.CLIP_NORM), optax.adamw(schedule, weight_decay=networks.WEIGHT_DECAY)
    )


def step_of(optimizer: optax.GradientTransformation, dropout: float = 0.0) -> Callable[..., Any]:
    """Return a training step, not jitted: (variables, X, y, rows) -> (variables, loss). It gathers its batch itself.

    X and y are arguments, not constants: XLA would copy constants into the program.
    """

    def mean_loss(learned: Any, averages: Any, key: Any, X: Any, y: Any) -> tuple[Any, Any]:
        if dropout:
            z, averages = regularized_logits(learned, averages, key, X, dropout)
        else:
            z = logits(learned[0], X)
        return optax.softmax_cross_entropy_with_integer_labels(z, y).mean(), averages

    def step(variables: Variables, X: Any, y: Any, rows: Any) -> tuple[Variables, Any]:
        learned, key, next_key = (variables.weights, variables.scales), None, None
        if dropout:
            key, next_key = jax.random.split(variables.key)
        gradient = jax.value_and_grad(mean_loss, has_aux=True)
        (loss, averages), gradients = gradient(learned, variables.averages, key, X[rows], y[rows])
        updates, state = optimizer.update(gradients, variables.state, learned)
        weights, scales = optax.apply_updates(learned, updates)
        return Variables(weights, scales, averages, next_key, state), loss

    return step


def training_step(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return the jitted step that takes all that it changes, the sum of the losses too, as donated buffers."""

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def jitted(variables: Variables, total: Any, X: Any, y: Any, rows: Any) -> tuple[Variables, Any]:
        variables, loss = step(variables, X, y, rows)
        return variables, total + loss

    return jitted


def variables_of(weights: Weights, optimizer: optax.GradientTransformation, dropout: float = 0.0) -> Variables:
    """Return the variables of a training that starts from these weights."""
    arrays = [(jnp.array(W), jnp.array(b)) for W, b in weights]
    widths = [len(b) for _, b in weights[:-1]] if dropout else []
    scales = [(jnp.ones(n), jnp.zeros(n)) for n in widths]
    averages = [(jnp.zeros(n), jnp.ones(n)) for n in widths]
    key = jax.random.key(0) if dropout else None
    return Variables(arrays, scales, averages, key, optimizer.init((arrays, scales)))


class Training:
    """A loop over a jitted step.

    - All variables and the sum of the losses are donated: XLA writes the new into the memory of the old.
    - Data is on the device, the step gathers its rows from it; rows go in as a NumPy slice. Cutting the rows out of an
      order on the device, or handing in batches that NumPy has gathered, was no faster.
    - The sum of the losses is read once an epoch: until then, steps are under way while Python prepares the next.
    - Dropout draws with JAX's default generator, which XLA fuses with what follows; "rbg" was slower.
    - One flat vector of parameters (``optax.flatten``) was slower on large networks and no faster on small ones.
    """

    def __init__(self, network: Network, weights: Weights, X: Array, y: Array) -> None:
        self.X, self.y = jnp.asarray(X), jnp.asarray(y)
        self.batch = network.batch
        optimizer = optimizer_of(network)
        self.variables = variables_of(weights, optimizer, network.dropout)
        self.step = step_of(optimizer, network.dropout)
        self.jitted = training_step(self.step)
        self.rng = np.random.default_rng(0)

    def train(self, epochs: int) -> float:
        """Train for ``epochs`` more epochs; return the loss of the last one."""
        variables, n = self.variables, len(self.X)
        for _ in range(epochs):
            order = self.rng.permutation(n).astype(np.int32)
            total = jnp.zeros(())
            for start in range(0, n, self.batch):
                variables, total = self.jitted(variables, total, self.X, self.y, order[start : start + self.batch])
            mean = float(total) * self.batch / n
        self.variables = jax.block_until_ready(variables)
        return mean

    def weights(self) -> Weights:
        """Return the weights so far; those of a batch normalization are folded into the layer before it."""
        v = self.variables
        learned = [(np.asarray(W), np.asarray(b)) for W, b in v.weights]
        normalized = [
            folded(dense, *(np.asarray(array) for array in (*scale, *average)))
            for dense, scale, average in zip(learned, v.scales, v.averages, strict=False)
        ]
        return normalized + learned[len(normalized) :]


def predictor(weights: Weights) -> Callable[[Array], Array]:
    """Return a jitted function with the weights as constants, called with a NumPy array.

    ``np.from_dlpack`` takes the result over without a copy, in three quarters of the time of ``np.asarray`` at batch 1.
    """
    constants = [(jnp.array(W), jnp.array(b)) for W, b in weights]
    compiled = jax.jit(lambda X: jax.nn.softmax(logits(constants, X)))
    return lambda X: np.from_dlpack(compiled(X))
