"""Keras on JAX, its fastest backend for such networks on a CPU."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

from benchmarks import networks
from benchmarks.networks import Array, Network, Weights, folded

STEPS_PER_EXECUTION = 32


def model_of(weights: Weights, dropout: float = 0.0) -> keras.Sequential:
    """Return a network that starts from these weights; it ends in logits, which its loss takes."""
    model = keras.Sequential([keras.Input((len(weights[0][0]),))])
    for W, _ in weights[:-1]:
        model.add(keras.layers.Dense(W.shape[1], activation=None if dropout else "relu"))
        if dropout:
            model.add(keras.layers.BatchNormalization(momentum=1 - networks.NEWEST, epsilon=networks.EPSILON))
            model.add(keras.layers.ReLU())
            model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(weights[-1][0].shape[1]))
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for layer, pair in zip(dense, weights, strict=True):
        layer.set_weights(pair)
    return model


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """PyTorch's OneCycleLR, which Keras does not have: half a cosine up, then half a cosine down."""

    def __init__(self, largest: float, steps: int) -> None:
        self.largest, self.steps = largest, steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step."""
        step = keras.ops.cast(step, "float32")
        first, top, end = self.largest / networks.FIRST, networks.RISE * self.steps - 1, self.steps - 1
        up = self._between(first, self.largest, step / top)
        down = self._between(self.largest, first / networks.LAST, (step - top) / (end - top))
        return keras.ops.where(step < top, up, down)

    def _between(self, start: float, end: float, share: Any) -> Any:
        return end + (start - end) * (1 + keras.ops.cos(np.pi * share)) / 2

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"largest": self.largest, "steps": self.steps}


def optimizer_of(network: Network) -> keras.optimizers.Optimizer:
    """Return the optimizer that a network is trained with."""
    if network.optimizer == "SGD":
        return keras.optimizers.SGD(network.rate)
    if network.optimizer == "momentum":
        return keras.optimizers.SGD(network.rate, momentum=networks.MOMENTUM)
    if network.optimizer == "Adam":
        return keras.optimizers.Adam(network.rate)
    schedule = OneCycle(network.rate, network.all_steps)
    return keras.optimizers.AdamW(schedule, weight_decay=networks.WEIGHT_DECAY, global_clipnorm=networks.CLIP_NORM)


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
        self.model = model_of(weights, network.dropout)
        self.model.compile(
            optimizer_of(network),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=True,
            steps_per_execution=min(STEPS_PER_EXECUTION, network.steps),
        )

    def train(self, epochs: int) -> float:
        """Train for ``epochs`` more epochs; return the loss of the last one."""
        history = self.model.fit(self.X, self.y, batch_size=self.batch, epochs=epochs, verbose=0)
        return float(history.history["loss"][-1])

    def weights(self) -> Weights:
        """Return the weights so far; those of a BatchNorm are folded into its Dense layer."""
        learned: Weights = []
        for layer in self.model.layers:
            values = [np.asarray(array) for array in layer.get_weights()]
            if isinstance(layer, keras.layers.Dense):
                learned.append((values[0], values[1]))
            elif isinstance(layer, keras.layers.BatchNormalization):
                learned[-1] = folded(learned[-1], *values)
        return learned


def predictor(weights: Weights) -> Callable[[Array], Array]:
    """The model's ``stateless_call`` under ``jax.jit``, as Keras's guide for JAX has it.

    It takes half the time of ``predict_on_batch`` at batch 1, and a twentieth of that of calling the model. ``predict``
    is made for many batches.
    """
    model = keras.Sequential([model_of(weights), keras.layers.Softmax()])
    variables = [variable.value for variable in model.trainable_variables]
    compiled = jax.jit(lambda X: model.stateless_call(variables, [], X, training=False)[0])
    return lambda X: np.from_dlpack(compiled(X))
