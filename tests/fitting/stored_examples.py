"""Examples on the disk for tests: small ones, of which a training may keep even fewer in memory."""

import numpy as np

import nnlite as nn

N, WIDTH = 6000, 8
MEMORY = 3 * 2**14  # bytes: windows of 512 examples


def examples(n=N, classes=3):
    """Examples sorted by class, as files often are."""
    rng = np.random.default_rng(0)
    y = np.sort(rng.integers(0, classes, n))
    X = rng.standard_normal((n, WIDTH)).astype(np.float32)
    X[:, 0] += 4 * y
    return X, y


def stored(folder, X, y=None, memory=MEMORY, n_parts=4, **more):
    """Write the examples into some files, and open them."""
    for i, rows in enumerate(np.array_split(np.arange(len(X)), n_parts)):
        arrays = {"X": X[rows]} | ({} if y is None else {"y": y[rows]}) | {k: v[rows] for k, v in more.items()}
        np.savez(folder / f"part-{i}.npz", **arrays)
    return nn.open_data(folder, memory=memory)


def network(units=3, output=None, seed=0):
    return nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(units), output or nn.Softmax()], seed=seed)


def trained(*data, units=3, output=None, **options):
    """Return a network after a training, and its history without the seconds."""
    model = network(units, output)
    given = {"epochs": 2, "batch_size": 100, "progress": False, "optimizer": nn.Adam(0.01)} | options
    history = model.fit(*data, **given)
    history.pop("seconds")
    return model, history
