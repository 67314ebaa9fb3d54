"""Keras on JAX, its fastest backend for such networks on a CPU."""

from __future__ import annotations

import os
from collections.abc import Callable

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

from benchmarks.networks import MOMENTUM, Array, Network, Weights

STEPS_PER_EXECUTION = 32


def model_of(weights: Weights) -> keras.Sequential:
    """A network that starts from these weights; it ends in logits, which its loss takes."""
    model = keras.Sequential([keras.Input((len(weights[0][0]),))])
    for W, _ in weights[:-1]:
        model.add(keras.layers.Dense(W.shape[1], activation="relu"))
    model.add(keras.layers.Dense(weights[-1][0].shape[1]))
    model.set_weights([array for pair in weights for array in pair])
    return model


class Training:
    """``fit``, compiled by XLA (``jit_compile``), on Keras's fastest settings.

    - Callbacks are called every 32 steps (``steps_per_execution``) instead of after each: a third of the time on the
      smallest network, no difference on the large ones.
    - Labels are int32, as JAX wants them: with int64, each batch is converted.
    - No progress bar (``verbose=0``): Keras's costs it time.
    - ``fit`` on NumPy arrays: arrays of JAX's were no faster, ``train_on_batch`` took three times as long.
    """

    def __init__(self, network: Network, weights: Weights, X: Array, y: Array) -> None:
        keras.utils.set_random_seed(0)
        self.X, self.y, self.batch = X, y.astype(np.int32), network.batch
        optimizer = {
            "SGD": lambda: keras.optimizers.SGD(network.rate),
            "momentum": lambda: keras.optimizers.SGD(network.rate, momentum=MOMENTUM),
            "Adam": lambda: keras.optimizers.Adam(network.rate),
        }[network.optimizer]()
        self.model = model_of(weights)
        self.model.compile(
            optimizer,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=True,
            steps_per_execution=min(STEPS_PER_EXECUTION, network.steps),
        )

    def train(self, epochs: int) -> float:
        """Train on; return the loss of the last epoch."""
        history = self.model.fit(self.X, self.y, batch_size=self.batch, epochs=epochs, verbose=0)
        return float(history.history["loss"][-1])

    def weights(self) -> Weights:
        """What it has learned."""
        arrays = [np.asarray(array) for array in self.model.get_weights()]
        return list(zip(arrays[::2], arrays[1::2], strict=True))


def predictor(weights: Weights) -> Callable[[Array], Array]:
    """The model's ``stateless_call`` under ``jax.jit``, as Keras's guide for JAX has it.

    It takes half the time of ``predict_on_batch`` at batch 1, and a twentieth of that of calling the model. ``predict``
    is made for many batches.
    """
    model = keras.Sequential([model_of(weights), keras.layers.Softmax()])
    variables = [variable.value for variable in model.trainable_variables]
    compiled = jax.jit(lambda X: model.stateless_call(variables, [], X, training=False)[0])
    return lambda X: np.from_dlpack(compiled(X))
