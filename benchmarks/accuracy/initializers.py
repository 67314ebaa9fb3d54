"""How the default weights decide what a network reaches.

    python -m benchmarks.accuracy.initializers --seeds 20 > table.md
    python -m benchmarks.accuracy.initializers --activation SELU --candidates "Glorot, Glorot" "LeCun, Glorot"
    python -m benchmarks.accuracy.initializers --data digits --layers 20 --epochs 15

NNLITE_MNIST and NNLITE_FASHION name folders with images, if they are to be among the data sets. The network has
hidden layers of 64 units, by default with ReLU; the rule is Adam(0.001) or SGD(0.1) with batches of 32. It writes the
scores on test examples (accuracy, or R^2) and the training loss after a quarter of the epochs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

import nnlite as nn
from benchmarks.accuracy.data import Data, data_sets

Pair = tuple[nn.Initializer, nn.Initializer]


class PyTorch(nn.Initializer):
    """``U(-r, r)`` with ``r = 1 / sqrt(n_in)``, PyTorch's default of Linear."""

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        """Draw weights."""
        r = shape[0] ** -0.5
        return rng.uniform(-r, r, shape)


CANDIDATES: dict[str, Callable[[], Pair]] = {
    "He, Glorot / 10": lambda: (nn.HeNormal(), nn.GlorotUniform(0.1)),
    "He, Glorot / 2": lambda: (nn.HeNormal(), nn.GlorotUniform(0.5)),
    "He, Glorot": lambda: (nn.HeNormal(), nn.GlorotUniform()),
    "Glorot √2, Glorot": lambda: (nn.GlorotUniform(2**0.5), nn.GlorotUniform()),
    "Glorot √2, Glorot / 10": lambda: (nn.GlorotUniform(2**0.5), nn.GlorotUniform(0.1)),
    "Glorot, Glorot": lambda: (nn.GlorotUniform(), nn.GlorotUniform()),
    "Glorot, Glorot / 10": lambda: (nn.GlorotUniform(), nn.GlorotUniform(0.1)),
    "PyTorch's": lambda: (PyTorch(), PyTorch()),
    "LeCun, Glorot": lambda: (nn.LeCunNormal(), nn.GlorotUniform()),
}


def train(
    data: Data,
    pair: Pair,
    optimizer: nn.Optimizer,
    n_layers: int,
    epochs: int,
    seed: int,
    activation: Callable[[], nn.Layer] = nn.ReLU,
) -> tuple[float, float]:
    """Return the score on the test examples, and the training loss after a quarter of the epochs."""
    X, X_test, y, y_test = data.split(seed)
    units = int(y.max()) + 1 if data.classifies else y.shape[1]
    output = nn.Softmax() if data.classifies else nn.Identity()
    hidden = [layer for _ in range(n_layers) for layer in (nn.Dense(64, pair[0]), activation())]
    model = nn.Model([*hidden, nn.Dense(units, pair[1]), output], seed=seed)
    history = model.fit(X, y, optimizer=optimizer, epochs=epochs, progress=False)
    early = history["loss"][epochs // 4 - 1]
    if data.classifies:
        return model.evaluate(X_test, y_test)["accuracy"], early
    error = ((model.predict(X_test).reshape(y_test.shape) - y_test) ** 2).sum(axis=0)
    return float(np.mean(1 - error / ((y_test - y_test.mean(axis=0)) ** 2).sum(axis=0))), early


def main() -> None:
    """Print two tables: a row for each data set, a column for each candidate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--optimizer", choices=("adam", "sgd"), default="adam")
    parser.add_argument("--activation", default="ReLU", help="class of the hidden layers' activation, such as SELU")
    parser.add_argument("--candidates", nargs="+", choices=CANDIDATES, default=list(CANDIDATES), metavar="NAME")
    parser.add_argument("--data", nargs="+", metavar="NAME", help="some of the data sets, such as digits")
    options = parser.parse_args()
    sets = [data for data in data_sets() if not options.data or data.name in options.data]
    summarize(options.candidates, [scores_of(data, options) for data in sets])


def scores_of(data: Data, options: argparse.Namespace) -> list[Any]:
    """Train all candidates on a data set, print its two rows, and return a column (seeds, 2) for each candidate."""
    rule: Callable[[], nn.Optimizer] = nn.Adam if options.optimizer == "adam" else lambda: nn.SGD(0.1)
    activation = getattr(nn, options.activation)
    columns = []
    for name in options.candidates:
        runs = [
            train(data, CANDIDATES[name](), rule(), options.layers, options.epochs, seed, activation)
            for seed in range(options.seeds)
        ]
        columns.append(np.array(runs))
    row = [f"{100 * c[:, 0].mean():.2f} ± {100 * c[:, 0].std() / len(c) ** 0.5:.2f}" for c in columns]
    losses = [f"{c[:, 1].mean():.4f}" for c in columns]
    print(f"| {data.name} | {' | '.join(row)} |\n|  loss | {' | '.join(losses)} |", flush=True)
    return columns


def summarize(candidates: list[str], rows: list[list[Any]]) -> None:
    """Print the means over the data sets, and the loss relative to that of the first candidate."""
    means = [np.mean([columns[k][:, 0].mean() for columns in rows]) for k in range(len(candidates))]
    losses = [
        np.exp(np.mean([np.log(columns[k][:, 1].mean() / columns[0][:, 1].mean()) for columns in rows]))
        for k in range(len(candidates))
    ]
    print(f"|  | {' | '.join(candidates)} |")
    print(f"| mean | {' | '.join(f'{100 * mean:.2f}' for mean in means)} |")
    print(f"| loss, relative | {' | '.join(f'{loss:.3f}' for loss in losses)} |")


if __name__ == "__main__":
    main()
