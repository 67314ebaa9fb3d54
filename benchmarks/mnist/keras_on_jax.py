"""MNIST to 97 % with Keras on JAX: ``fit`` with a callback that evaluates every 100 steps."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import keras

from benchmarks.mnist.common import BATCH, EVERY, MOST_STEPS, RATE, arguments, done, read_mnist


class Watch(keras.callbacks.Callback):
    """Ends the training at 97 % on the test set."""

    steps = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Look every 100 steps."""
        self.steps += 1
        if self.steps % EVERY == 0:
            self.model.jax_state_sync()  # fit keeps the weights to itself until an epoch ends
            accuracy = self.model.evaluate(X_test, y_test, batch_size=1000, verbose=0, return_dict=True)["accuracy"]
            self.model.stop_training = done(accuracy, self.steps)


directory, seed = arguments()
keras.utils.set_random_seed(seed)
X, y, X_test, y_test = read_mnist(directory)
whole = len(X) // BATCH * BATCH  # a smaller last batch would be compiled for on its own
model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(256, activation="relu"), keras.layers.Dense(10)])
model.compile(
    keras.optimizers.Adam(RATE),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
    jit_compile=True,
)
model.fit(
    X[:whole],
    y[:whole],
    batch_size=BATCH,
    epochs=MOST_STEPS * BATCH // whole + 1,
    callbacks=[Watch()],
    verbose=0,
)
