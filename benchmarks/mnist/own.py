"""MNIST to 97 % with nnlite: ``fit`` on 100 batches at a time, then a look at the test set.

A callback after each batch could look too, but then the compiled engine makes one step at a time.
"""

from __future__ import annotations

import itertools

import numpy as np

import nnlite as nn
from benchmarks.mnist.common import BATCH, EVERY, RATE, arguments, done

directory, seed = arguments()
data = nn.load_mnist(directory)
model = nn.Model([nn.Dense(256), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=seed)
optimizer = nn.Adam(RATE)
n = min(EVERY * BATCH, len(data.X_train))
starts = np.linspace(0, len(data.X_train) - n, -(-len(data.X_train) // n), dtype=int)  # the last parts overlap
for steps, start in zip(itertools.count(EVERY, EVERY), itertools.cycle(starts), strict=False):
    part = slice(start, start + n)
    model.fit(data.X_train[part], data.y_train[part], optimizer=optimizer, epochs=1, batch_size=BATCH, progress=True)
    if done((model.predict(data.X_test) == data.y_test).mean(), steps):
        break
