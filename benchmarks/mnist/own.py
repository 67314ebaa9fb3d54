"""MNIST to 97 % with nnlite: a callback that looks at the test set every 100 steps."""

from __future__ import annotations

from collections.abc import Mapping

import nnlite as nn
from benchmarks.mnist.common import BATCH, EVERY, MOST_STEPS, RATE, arguments, done


class Watch(nn.callbacks.Callback):
    """Ends the training at 97 % on the test set."""

    steps = 0

    def on_batch_end(self, batch: int, logs: Mapping[str, float]) -> None:
        """Look every 100 steps."""
        self.steps += 1
        if self.steps % EVERY == 0:
            accuracy = (self.model.predict(data.X_test) == data.y_test).mean()
            self.model.stop_training = done(accuracy, self.steps)


directory, seed = arguments()
data = nn.load_mnist(directory)
# Glorot's initial weights, which JAX and Keras have here, too; nnlite's default starts with smaller ones before the
# output, so that J is near ln C, and takes a quarter more steps to get here
layers = [nn.Dense(256, nn.GlorotUniform()), nn.ReLU(), nn.Dense(10, nn.GlorotUniform()), nn.Softmax()]
model = nn.Model(layers, seed=seed)
model.fit(
    data.X_train,
    data.y_train,
    optimizer=nn.Adam(RATE),
    epochs=MOST_STEPS * BATCH // len(data.X_train) + 1,
    batch_size=BATCH,
    callbacks=[Watch()],
)
