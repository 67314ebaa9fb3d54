"""What the scripts share: the data, the rhythm, and the last word. NumPy is all that it imports."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.peak import peak_MiB

Array = np.ndarray[Any, Any]

BATCH = 128
RATE = 1e-3
EVERY = 100  # steps between two looks at the test set
MOST_STEPS = 5000


def arguments() -> tuple[str, int]:
    """The data's directory and the seed."""
    return sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0


def read_mnist(directory: str) -> tuple[Array, Array, Array, Array]:
    """X_train, y_train, X_test, y_test; X (M, 784) float32 in [0, 1], y (M,) int64."""

    def read(name: str, header: int) -> Array:
        with gzip.open(os.path.join(directory, f"{name}-ubyte.gz")) as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)

    def pixels(part: str) -> Array:
        return np.divide(read(f"{part}-images-idx3", 16).reshape(-1, 784), np.float32(255), dtype=np.float32)

    def labels(part: str) -> Array:
        return read(f"{part}-labels-idx1", 8).astype(np.int64)

    return pixels("train"), labels("train"), pixels("t10k"), labels("t10k")


def next_rows(n: int, seed: int) -> Iterator[Array]:
    """Yield the rows of 100 batches, again and again through all examples in random order."""
    rng = np.random.default_rng(seed)
    order = np.arange(0)
    while True:
        if len(order) < EVERY * BATCH:
            order = np.concatenate([order, rng.permutation(n)])
        rows, order = np.split(order, [EVERY * BATCH])
        yield rows


def done(accuracy: float, steps: int) -> bool:
    """Whether it is time to stop; then say how far it came, after how many steps, and with how much memory."""
    if accuracy < 0.97 and steps < MOST_STEPS:
        return False
    print(json.dumps({"accuracy": float(accuracy), "steps": steps, "MiB": peak_MiB()}), flush=True)
    return True
