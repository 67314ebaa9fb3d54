"""What the tests of trainings in stretches share: a network, examples, and steps with the compiled kernels alone."""

import numpy as np

import nnlite as nn
from nnlite.engine.trainer import Batch, Trainer, choose_threads


def mixed(units=40, dtype="float64", seed=0, n_features=20):
    """A network with layers that draw random numbers, and running averages."""
    layers = [
        *(nn.Dense(units), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.3), nn.Residual([nn.Dense(units), nn.LayerNorm()])),
        *(nn.GELU(), nn.GaussianNoise(0.1), nn.Dense(3), nn.Softmax(0.1)),
    ]
    return nn.Model(layers, n_features=n_features, seed=seed, dtype=dtype)


def rule():
    """An optimizer with options that need all threads, and a schedule."""
    return nn.AdamW(nn.schedules.CosineDecay(0.01, 500), weight_decay=0.1, clip_norm=0.5)


def batch(model, M=50, seed=0, weights=True, epochs=1):
    """Examples for some epochs, each in an order of its own."""
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(M) for _ in range(epochs)])
    X = rng.standard_normal((M, *model.input_shape)).astype(np.float32)
    return Batch(X, rng.integers(0, 3, M), rng.random(M) if weights else None, order)


def trainer(model, optimizer, batch_size, n_steps):
    """A trainer for examples of `batch`."""
    options = {"batch_size": batch_size, "n_steps": n_steps, "labels": True, "variant": "float32"}
    return Trainer(model, optimizer, n_threads=choose_threads(model, batch_size), **options)


def steps(model, optimizer, examples, n_steps, batch_size=10, watch=lambda n: False, **options):
    """Make steps, and return the stretch."""
    return trainer(model, optimizer, batch_size, n_steps).run(examples, n_steps, watch, **options)
