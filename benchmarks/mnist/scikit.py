"""MNIST to 97 % with scikit-learn: ``partial_fit`` on 100 batches at a time, since ``fit`` cannot be watched."""

from __future__ import annotations

import itertools

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.mnist.common import BATCH, EVERY, RATE, arguments, done, next_rows, read_mnist

directory, seed = arguments()
X, y, X_test, y_test = read_mnist(directory)
network = MLPClassifier((256,), alpha=0.0, batch_size=BATCH, learning_rate_init=RATE, random_state=seed)
for steps, rows in zip(itertools.count(EVERY, EVERY), next_rows(len(X), seed), strict=False):
    network.partial_fit(X[rows], y[rows], classes=np.arange(10))
    if done(network.score(X_test, y_test), steps):
        break
